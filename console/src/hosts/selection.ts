// SPDX-License-Identifier: Apache-2.0
//
// Which hosts are picked: some by their boxes, or everything that the selector matches,
// loaded or not. Pure.
import type { Host } from "../api/types";
import { kPickedMax, selectorOfIds } from "./selector";

export type Picked = Pick<Host, "id" | "name" | "online">;

export type Selection =
  | { mode: "some"; hosts: ReadonlyMap<string, Picked> }
  | { mode: "matching"; selector: string };

export const kNothingPicked: Selection = { mode: "some", hosts: new Map() };

export type SelectionAction =
  | { type: "toggle"; host: Picked }
  | { type: "add"; hosts: readonly Picked[] }
  | { type: "matching"; selector: string }
  | { type: "clear" };

export function reduceSelection(state: Selection, action: SelectionAction): Selection {
  switch (action.type) {
    case "clear":
      return kNothingPicked;
    case "matching":
      return { mode: "matching", selector: action.selector };
    case "add":
      return { mode: "some", hosts: new Map(action.hosts.slice(0, kPickedMax).map((host) => [host.id, host])) };
    case "toggle": {
      const hosts = new Map(state.mode === "some" ? state.hosts : []);
      if (!hosts.delete(action.host.id) && hosts.size < kPickedMax) hosts.set(action.host.id, action.host);
      return { mode: "some", hosts };
    }
  }
}

export function isPicked(selection: Selection, id: string): boolean {
  return selection.mode === "matching" || selection.hosts.has(id);
}

export function isEmpty(selection: Selection): boolean {
  return selection.mode === "some" && selection.hosts.size === 0;
}

/** REQUIRES: not empty. */
export function selectorOf(selection: Selection): string {
  return selection.mode === "matching" ? selection.selector : selectorOfIds([...selection.hosts.keys()]);
}
