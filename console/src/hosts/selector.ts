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

/** What is picked one by one travels as ids in an address (8 KiB, 29 an id); more is said by a selector. */
export const kPickedMax = 250;

/** The server's sentence without its own "column N: ", which counts bytes. */
export function faultText(message: string): string {
  return message.replace(/^column \d+: /, "");
}
