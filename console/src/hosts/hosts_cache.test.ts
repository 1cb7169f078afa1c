// SPDX-License-Identifier: Apache-2.0
import { expect, it } from "vitest";

import { aHost } from "../testing/samples";
import { type HostPages, patchHosts } from "./hosts_cache";

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
