// SPDX-License-Identifier: Apache-2.0
//
// Selectors on the screen: where an error points, and selectors made from picked hosts. The
// language itself is the server's; the console never parses it.

/** The selector cut at a column (in characters, from 1), so that the place can be marked. */
export function cutAtColumn(selector: string, column: number): { before: string; at: string; after: string } {
  const characters = Array.from(selector);
  const place = Math.min(Math.max(column - 1, 0), characters.length);
  return {
    before: characters.slice(0, place).join(""),
    at: characters[place] ?? "",
    after: characters.slice(place + 1).join(""),
  };
}

/** The hosts with these ids, and no other. */
export function selectorOfIds(ids: readonly string[]): string {
  if (ids.length === 1) return `id=${ids[0] ?? ""}`;
  return `id in (${ids.join(",")})`;
}

/** So many ids fit into a selector (65,536 characters, 27 an id) with room to spare. */
export const kPickedMax = 2_000;
