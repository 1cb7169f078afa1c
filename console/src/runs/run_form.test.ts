// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "vitest";

import { confirmationFor, faultsOf, kRunFormStart, requestOf } from "./run_form";

const form = { ...kRunFormStart, shell: "uptime" };
const check = (matched: number) => ({ matched, online: matched, unreachable_names: [] });

describe("the order", () => {
  it("needs a command and a sane time limit", () => {
    expect(faultsOf(kRunFormStart).command).toBeDefined();
    expect(faultsOf({ ...form, mode: "argv", argv: "\n-a" }).command).toBeDefined();
    expect(faultsOf({ ...form, timeoutS: 0 }).timeoutS).toBeDefined();
    expect(faultsOf({ ...form, timeoutS: 5_000_000 }).timeoutS).toBeDefined();
    expect(faultsOf({ ...form, timeoutS: "" })).toEqual({});
  });
  it("says only what was filled in", () => {
    expect(requestOf({ ...form, timeoutS: "" }, "role=web")).toEqual({ selector: "role=web", command: { shell: "uptime" } });
  });
  it("carries everything that was filled in", () => {
    const full = { ...form, mode: "argv" as const, argv: "printf\na b\n\n", timeoutS: 1.5, user: " root ", directory: "/tmp", queueMs: 60_000, liveOutput: true, description: "why" };
    expect(requestOf(full, "")).toEqual({
      selector: "", command: { argv: ["printf", "a b"], user: "root", directory: "/tmp" },
      limits: { timeout_ms: 1500 }, queue_for_ms: 60_000, live_output: true, description: "why",
    });
  });
});

describe("a second yes", () => {
  it("is asked for many hosts, the whole fleet, root, and an administrator", () => {
    expect(confirmationFor(form, "role=web", check(100), "operator")).toBeUndefined();
    expect(confirmationFor(form, "role=web", check(101), "operator")).toContain("more than 100");
    expect(confirmationFor(form, " ", check(2), "operator")).toContain("every host");
    expect(confirmationFor({ ...form, user: "root" }, "role=web", check(2), "operator")).toContain("root");
    expect(confirmationFor(form, "role=web", check(11), "admin")).toContain("administrator");
  });
  it("is not asked for one host", () => {
    expect(confirmationFor({ ...form, user: "root" }, "", check(1), "admin")).toBeUndefined();
  });
});
