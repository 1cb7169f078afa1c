// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "vitest";

import type { RunRequest } from "../api/types";
import { confirmationFor, faultsOf, isFixed, kRunFormStart, methodRequestOf, requestOf, type RunForm, runFormOf, withRest } from "./run_form";
import { kRolloutStart, usualWaves } from "./rollout_form";

const form = (part: Partial<RunForm>): RunForm => ({ ...kRunFormStart, ...part });

describe("faults", () => {
  it.each([
    ["an empty command line", { shell: " \n" }, ["command"]],
    ["a command line", { shell: "uptime" }, []],
    ["no program", { mode: "argv", argv: "\n-l", shell: "uptime" }, ["command"]],
    ["a program", { mode: "argv", argv: "ls\n-l" }, []],
    ["no limit", { shell: "x", timeoutS: "" }, []],
    ["a limit of 0", { shell: "x", timeoutS: 0 }, ["timeoutS"]],
    ["a limit that is 0 when rounded", { shell: "x", timeoutS: 0.0001 }, ["timeoutS"]],
    ["a limit beyond 32 bits", { shell: "x", timeoutS: 4_294_968 }, ["timeoutS"]],
    ["the longest limit", { shell: "x", timeoutS: 4_294_967 }, []],
  ] as [string, Partial<RunForm>, string[]][])("%s", (_what, part, fields) => {
    expect(Object.keys(faultsOf(form(part)))).toEqual(fields);
  });
});

describe("the order", () => {
  it("has the shell line or the arguments, never both", () => {
    const both = { shell: "a | b", argv: "printf\n%s\n\n a b \n\n" };
    expect(requestOf(form({ ...both, mode: "shell" }), "os=linux").command).toEqual({ shell: "a | b" });
    expect(requestOf(form({ ...both, mode: "argv" }), "os=linux").command).toEqual({ argv: ["printf", "%s", "", " a b "] });
  });

  it("says only what was filled in", () => {
    expect(requestOf(form({ shell: "x", timeoutS: "" }), "")).toEqual({ selector: "", command: { shell: "x" } });
    expect(requestOf(form({ shell: "x", timeoutS: 1.5, user: " www ", directory: "/tmp", queueMs: 600_000, liveOutput: true, description: "why" }), "a=b")).toEqual({
      selector: "a=b", command: { shell: "x", user: "www", directory: "/tmp" }, limits: { timeout_ms: 1_500 },
      queue_for_ms: 600_000, live_output: true, description: "why",
    });
  });
});

describe("an order by arguments", () => {
  it("carries everything that was filled in", () => {
    const full = form({ mode: "argv", argv: "printf\na b\n\n", timeoutS: 1.5, user: " root ", directory: "/tmp", queueMs: 60_000, liveOutput: true, description: "why" });
    expect(requestOf(full, "")).toEqual({
      selector: "", command: { argv: ["printf", "a b"], user: "root", directory: "/tmp" },
      limits: { timeout_ms: 1_500 }, queue_for_ms: 60_000, live_output: true, description: "why",
    });
  });
});

describe("a second yes", () => {
  const check = (matched: number) => ({ matched, online: matched, unreachable_names: [] });
  it.each([
    ["100 hosts", form({}), "os=linux", 100, "operator", undefined],
    ["101 hosts", form({}), "os=linux", 101, "operator", /more than 100 hosts/],
    ["every host", form({}), " ", 2, "operator", /every host/],
    ["the only host", form({}), "", 1, "operator", undefined],
    ["root on some", form({ user: "root " }), "os=linux", 2, "operator", /root/],
    ["root on one", form({ user: "root" }), "os=linux", 1, "operator", undefined],
    ["an administrator on 11", form({}), "os=linux", 11, "admin", /administrator/],
    ["an administrator on 10", form({}), "os=linux", 10, "admin", undefined],
  ] as const)("for %s", (_what, filled, selector, matched, role, why) => {
    const text = confirmationFor(filled, selector, check(matched), role);
    if (why === undefined) expect(text).toBeUndefined();
    else expect(text).toMatch(why);
  });
});

describe("an order that was made before", () => {
  const orders: RunRequest[] = [
    { selector: "a=b", command: { shell: "a | b", user: "www", directory: "/tmp" }, limits: { timeout_ms: 1_500 }, queue_for_ms: 1_800_000, live_output: true, description: "schedule patch" },
    { selector: "", command: { argv: ["printf", "a b", "", "x"], environment: { LANG: "C" }, stdin_base64: "eA==" }, limits: { memory_bytes: 5 }, idempotent: true, rollout: { waves: [{ count: 1 }], failures_max: 0, on_failures: "stop" } },
  ] as RunRequest[];
  it.each(orders)("comes back from its form as it was: %j", (order) => {
    expect(isFixed(order)).toBe(false);
    expect(withRest(order, requestOf(runFormOf(order), order.selector))).toEqual(order);
  });

  it("comes back, too, where it is a method", () => {
    const order = { selector: "a=b", method: { name: "greet", arguments: { name: "Ada" }, noop: true, user: "www" }, limits: { output_bytes_max: 7 } } as unknown as RunRequest;
    expect(isFixed(order)).toBe(false);
    expect(withRest(order, methodRequestOf(runFormOf(order), "a=b", { name: "greet", arguments: { name: "Ada" } }))).toEqual(order);
  });

  it("loses the limit that was taken away, and nothing else", () => {
    const order = { selector: "", command: { shell: "x" }, limits: { timeout_ms: 5, memory_bytes: 7 } } as RunRequest;
    expect(withRest(order, requestOf({ ...runFormOf(order), timeoutS: "" }, "")).limits).toEqual({ memory_bytes: 7 });
  });

  it("keeps nothing of a command in a method", () => {
    const order = { selector: "", command: { shell: "x", environment: { A: "b" } }, idempotent: true } as RunRequest;
    expect(withRest(order, methodRequestOf(form({ kind: "method", timeoutS: "" }), "", { name: "greet", arguments: {} }))).toEqual({ selector: "", method: { name: "greet", arguments: {} } });
  });

  it.each([
    [{ ping: {} }, true], [{ method: { digest: "0".repeat(64) } }, true], [{ command: { argv: ["a", "two\nlines"] } }, true], [{ command: { argv: ["a", ""] } }, true],
    [{ command: { argv: ["a", "", "b"] } }, false], [{ method: { name: "greet" } }, false],
  ])("that the form cannot say is kept as it is: %j", (what, fixed) => {
    expect(isFixed(what as RunRequest)).toBe(fixed);
  });
});

it("sends the plan of a rollout with the order", () => {
  expect(requestOf(form({ shell: "x", timeoutS: "", rollout: { ...kRolloutStart, waves: usualWaves() } }), "").rollout).toEqual({
    waves: [{ count: 1 }, { percent: 10 }, { percent: 100 }], failures_max: 0, on_failures: "stop",
  });
});
