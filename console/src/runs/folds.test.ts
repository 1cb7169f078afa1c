// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "vitest";

import type { Fold } from "../api/types";
import { answers, commandLine, foldKey, foldView } from "./folds";
import { ending } from "./states";

const fold = (part: Partial<Fold>): Fold => ({
  state: "succeeded", count: 1, hosts: "web1", sample_endpoint: "0".repeat(26), stdout_bytes: 0, stderr_bytes: 0, ...part,
});

describe("answers", () => {
  it("leaves out targets that have not ended", () => {
    expect(answers([{ folds: [fold({ state: "running" }), fold({ id: "a" })] }])).toEqual([fold({ id: "a" })]);
  });
  it("shows a fold once, as the later page has it, the largest first", () => {
    const pages = [{ folds: [fold({ id: "a", count: 3 }), fold({ id: "b", count: 2 })] }, { folds: [fold({ id: "b", count: 7 })] }];
    expect(answers(pages).map((f) => [f.id, f.count])).toEqual([["b", 7], ["a", 3]]);
  });
});

describe("foldKey", () => {
  it("stays while the fold grows", () => {
    expect(foldKey(fold({ stdout: "x", count: 1, hosts: "web1" }))).toBe(foldKey(fold({ stdout: "x", count: 9, hosts: "web[1-9]" })));
    expect(foldKey(fold({ id: "a" }))).toBe("a");
  });
  it("tells answers apart", () => {
    expect(foldKey(fold({ stdout: "x" }))).not.toBe(foldKey(fold({ stderr: "x" })));
    expect(foldKey(fold({ exit_code: 1 }))).not.toBe(foldKey(fold({ signal: 1 })));
  });
});

describe("foldView", () => {
  it("counts what the server cut off, in bytes", () => {
    expect(foldView(fold({ stdout: "ää", stdout_bytes: 10 })).stdoutLeft).toBe(6);
    expect(foldView(fold({ stdout_base64: btoa("\xff\xfe"), stdout_bytes: 2 })).stdoutLeft).toBe(0);
    expect(foldView(fold({ stderr_bytes: 5 })).stderrLeft).toBe(5);
  });
  it("knows silence", () => {
    expect(foldView(fold({})).silent).toBe(true);
    expect(foldView(fold({ stderr: "x", stderr_bytes: 1 })).silent).toBe(false);
  });
});

describe("ending", () => {
  it("says how it ended unless the state says it all", () => {
    expect(ending({ state: "succeeded", exit_code: 0 })).toBe("");
    expect(ending({ state: "failed", exit_code: 3 })).toBe("exit code 3");
    expect(ending({ state: "failed", signal: 9 })).toBe("SIGKILL");
    expect(ending({ state: "failed", signal: 42 })).toBe("signal 42");
    expect(ending({ state: "unreachable" })).toBe("");
  });
});

describe("commandLine", () => {
  it("quotes where a shell would need it", () => {
    expect(commandLine({ argv: ["printf", "it's %s", "a=b"] })).toBe(`printf 'it'\\''s %s' a=b`);
    expect(commandLine({ argv: [""] })).toBe("''");
    expect(commandLine({ shell: "a | b" })).toBe("a | b");
    expect(commandLine(undefined)).toBe("ping");
  });
});
