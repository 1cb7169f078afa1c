// SPDX-License-Identifier: Apache-2.0
//
// Methods by their modules, narrowed by what is searched for. Pure.
import type { MethodListed } from "../api/types";

export interface Group {
  module: string;
  methods: MethodListed[];
}

export function moduleOf(name: string): string {
  return name.split("::", 1)[0] ?? name;
}

/** Every word of `search` stands in the name or in the description. */
export function fits(method: Pick<MethodListed, "name" | "description">, search: string): boolean {
  const text = `${method.name} ${method.description ?? ""}`.toLowerCase();
  return search.toLowerCase().split(/\s+/).every((word) => text.includes(word));
}

/** In the order of the list, which is that of the names; each method once. */
export function groupsOf(pages: readonly { methods: MethodListed[] }[], search: string): Group[] {
  const groups = new Map<string, Map<string, MethodListed>>();
  for (const method of pages.flatMap((page) => page.methods)) {
    if (!fits(method, search)) continue;
    const module = moduleOf(method.name);
    const group = groups.get(module) ?? new Map<string, MethodListed>();
    groups.set(module, group.set(method.name, method));
  }
  return [...groups].map(([module, methods]) => ({ module, methods: [...methods.values()] }));
}
