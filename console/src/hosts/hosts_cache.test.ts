// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "vitest";

import { aHost } from "../testing/samples";
import { type HostPages, patchHosts } from "./hosts_cache";
import { isPicked, kNothingPicked, reduceSelection, selectorOf } from "./selection";

const pages: HostPages = {
  pages: [
    { hosts: [aHost({ id: "a", name: "a" }), aHost({ id: "b", name: "b" })], next: "2", total: 3, online: 3 },
    { hosts: [aHost({ id: "c", name: "c" })], next: null, total: 3, online: 3 },
  ],
  pageParams: [null, "2"],
};
const names = (of: HostPages) => of.pages.flatMap((page) => page.hosts.map((host) => host.name));

it("replaces a host where it stands", () => {
  const { pages: next, foreign, turned } = patchHosts(pages, [aHost({ id: "b", name: "B" })]);
  expect(names(next)).toEqual(["a", "B", "c"]);
  expect([foreign, turned]).toEqual([false, false]);
  expect(names(pages)).toEqual(["a", "b", "c"]);
});

it("tells of hosts that turned and of hosts that are not loaded", () => {
  expect(patchHosts(pages, [aHost({ id: "c", online: false })]).turned).toBe(true);
  const other = patchHosts(pages, [aHost({ id: "z" })]);
  expect(other.foreign).toBe(true);
  expect(names(other.pages)).toEqual(["a", "b", "c"]);
});

it("leaves pages untouched that hold no host that changed", () => {
  const { pages: next } = patchHosts(pages, [aHost({ id: "b", online: false })]);
  expect(next.pages[0]?.hosts.map((host) => host.online)).toEqual([true, false]);
  expect(next.pages[1]).toBe(pages.pages[1]);
});

describe("selection", () => {
  it("is toggled by box, and becomes everything that matches", () => {
    const some = reduceSelection(kNothingPicked, { type: "toggle", host: aHost({ id: "a" }) });
    expect(selectorOf(some)).toBe("id=a");
    expect(reduceSelection(some, { type: "toggle", host: aHost({ id: "a" }) })).toEqual({ mode: "some", hosts: new Map() });
    const all = reduceSelection(some, { type: "matching", selector: "role=web" });
    expect([selectorOf(all), isPicked(all, "never seen")]).toEqual(["role=web", true]);
  });
});
