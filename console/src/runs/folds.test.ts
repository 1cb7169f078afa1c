// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "vitest";

import { aFold, kNoCounts } from "../testing/samples";
import { answers, commandLine, foldKey, foldView } from "./folds";
import { answered, ending, shares } from "./states";

describe("answers", () => {
  it("stand by frequency, without targets that are still open and without repetitions", () => {
    const many = aFold({ id: "a", count: 5 });
    const few = aFold({ id: "b", count: 1, state: "failed", exit_code: 1 });
    const open = aFold({ id: "c", count: 9, state: "running" });
    const grown = aFold({ id: "b", count: 7, state: "failed", exit_code: 1 });
    expect(answers([{ folds: [open, many, few] }, { folds: [grown] }]).map((fold) => [fold.id, fold.count])).toEqual([["b", 7], ["a", 5]]);
  });

  it("keep their key while they grow, and differ by what was said", () => {
    const fold = aFold({ stdout: "up\n", stdout_bytes: 3 });
    expect(foldKey({ ...fold, count: 9, hosts: "web[1-9]" })).toBe(foldKey(fold));
    for (const other of [{ stdout: "UP\n" }, { exit_code: 1 }, { stderr: "x", stderr_bytes: 1 }, { reason: "no" }, { state: "failed" as const }]) {
      expect(foldKey({ ...fold, ...other })).not.toBe(foldKey(fold));
    }
  });
});

describe("foldView", () => {
  it("knows how many bytes are not here", () => {
    expect(foldView(aFold({ stdout: "äb", stdout_bytes: 10 }))).toMatchObject({ stdout: "äb", stdoutLeft: 7, silent: false });
    expect(foldView(aFold({ stderr_base64: btoa("\xff\xfe"), stderr_bytes: 5 }))).toMatchObject({ stderr: "\\xff\\xfe", stderrLeft: 3 });
    expect(foldView(aFold({ stdout_bytes: 4 }))).toMatchObject({ stdout: undefined, stdoutLeft: 4 });
  });

  it("knows silence", () => {
    expect(foldView(aFold({ stdout: "" }))).toMatchObject({ stdout: undefined, stderr: undefined, silent: true, stdoutLeft: 0 });
  });
});

describe("foldKey", () => {
  it("is the fold's id where it has one, and tells an exit code from a signal", () => {
    expect(foldKey(aFold({ id: "a" }))).toBe("a");
    expect(foldKey(aFold({ state: "failed", exit_code: 1 }))).not.toBe(foldKey(aFold({ state: "failed", signal: 1 })));
  });
});

describe("ending", () => {
  it.each([
    [{ state: "succeeded", exit_code: 0 }, ""],
    [{ state: "failed", exit_code: 3 }, "exit code 3"],
    [{ state: "failed", exit_code: 0 }, "exit code 0"],
    [{ state: "failed", signal: 9 }, "SIGKILL"],
    [{ state: "timed_out", signal: 64 }, "signal 64"],
    [{ state: "unreachable" }, ""],
  ] as const)("%j", (end, text) => {
    expect(ending(end)).toBe(text);
  });
});

describe("commandLine", () => {
  it("quotes so that it could be typed", () => {
    expect(commandLine({ argv: ["ls", "-l", "a b", "", "it's", "$HOME"] })).toBe(`ls -l 'a b' '' 'it'\\''s' '$HOME'`);
    expect(commandLine({ shell: "a | b" })).toBe("a | b");
    expect(commandLine(undefined)).toBe("ping");
  });
});

it("counts answers and shares", () => {
  const counts = { ...kNoCounts, succeeded: 3, failed: 1, running: 4 };
  expect(answered(counts)).toBe(4);
  expect(shares(counts).map(({ state, percent }) => [state, percent])).toEqual([["succeeded", 37.5], ["failed", 12.5], ["running", 50]]);
  expect(shares(kNoCounts)).toEqual([]);
});
