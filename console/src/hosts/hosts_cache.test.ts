// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "vitest";

import type { Host, Run } from "../api/types";
import { patchRuns } from "../runs/runs_cache";
import { patchHosts } from "./hosts_cache";
import { isPicked, kNothingPicked, reduceSelection, selectorOf } from "./selection";

const host = (id: string, online = true): Host => ({
  id, name: id, online, state: "active", labels: {}, facts: {}, enrolled_at: "2026-11-22T03:10:00.000Z",
});
const pages = (...lists: Host[][]) => ({ pages: lists.map((hosts) => ({ hosts, next: null, total: 9, online: 9 })), pageParams: [null] });

describe("patchHosts", () => {
  it("replaces a host where it stands and leaves other pages untouched", () => {
    const before = pages([host("a"), host("b")], [host("c")]);
    const { pages: after, foreign, turned } = patchHosts(before, [host("b", false)]);
    expect(after.pages[0]?.hosts.map((h) => h.online)).toEqual([true, false]);
    expect(after.pages[1]).toBe(before.pages[1]);
    expect([foreign, turned]).toEqual([false, true]);
  });
  it("says when a host is not among the loaded ones", () => {
    expect(patchHosts(pages([host("a")]), [host("z")]).foreign).toBe(true);
  });
});

describe("patchRuns", () => {
  const run = (id: string, state: Run["state"] = "running") => ({ id, state }) as Run;
  const list = (...runs: Run[]) => ({ pages: [{ runs, next: null }], pageParams: [null] });
  it("puts a new run on top, replaces a known one, and keeps finished ones finished", () => {
    expect(patchRuns(list(run("2")), run("3")).pages[0]?.runs.map((r) => r.id)).toEqual(["3", "2"]);
    expect(patchRuns(list(run("2")), run("2", "finished")).pages[0]?.runs).toEqual([run("2", "finished")]);
    expect(patchRuns(list(run("2", "finished")), run("2")).pages[0]?.runs).toEqual([run("2", "finished")]);
  });
  it("does not put an old run on top that merely is not loaded", () => {
    expect(patchRuns(list(run("2")), run("1")).pages[0]?.runs.map((r) => r.id)).toEqual(["2"]);
  });
});

describe("selection", () => {
  it("is toggled by box, and becomes everything that matches", () => {
    const some = reduceSelection(kNothingPicked, { type: "toggle", host: host("a") });
    expect(selectorOf(some)).toBe("id=a");
    expect(reduceSelection(some, { type: "toggle", host: host("a") })).toEqual({ mode: "some", hosts: new Map() });
    const all = reduceSelection(some, { type: "matching", selector: "role=web" });
    expect([selectorOf(all), isPicked(all, "never seen")]).toEqual(["role=web", true]);
  });
});
