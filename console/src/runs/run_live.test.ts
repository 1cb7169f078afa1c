// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "vitest";

import type { Counts, OutputEvent, Run } from "../api/types";
import { kOutputLinesMax, kRunLiveStart, reduceRun, runEventOf } from "./run_live";

const kNone: Counts = {
  queued: 0, sent: 0, running: 0, succeeded: 0, failed: 0, refused: 0, timed_out: 0, unreachable: 0, expired: 0, cancelled: 0, unknown: 0,
};
const run = (counts: Partial<Counts>, state: Run["state"] = "running"): Run => ({
  id: "0dp7c3k8r6qaz", kind: "ping", selector: "", created_at: "2026-11-22T03:10:00.000Z", created_by: "admin",
  state, counts: { ...kNone, ...counts }, targets: 3,
});
const output = (text: string): OutputEvent => ({ endpoint: "e", name: "web1", stream: "stdout", text });

describe("the events of a run", () => {
  it("are told apart by name; unknown ones are left alone", () => {
    expect(runEventOf("end", run({}))).toEqual({ type: "end", run: run({}) });
    expect(runEventOf("target", { state: "failed" })?.type).toBe("target");
    expect(runEventOf("something-newer", {})).toBeUndefined();
  });
  it("make lists stale when answers came, not when targets only moved on", () => {
    const first = reduceRun(kRunLiveStart, { type: "run", run: run({ sent: 3 }) });
    const moved = reduceRun(first, { type: "run", run: run({ running: 3 }) });
    expect(moved.version).toBe(first.version);
    const answered = reduceRun(moved, { type: "run", run: run({ running: 2, failed: 1 }) });
    expect(answered.version).toBe(first.version + 1);
  });
  it("cannot make a finished run run again", () => {
    const ended = reduceRun(kRunLiveStart, { type: "end", run: run({ succeeded: 3 }, "finished") });
    const late = reduceRun(ended, { type: "run", run: run({ running: 3 }) });
    expect(late).toBe(ended);
    expect(late.run?.state).toBe("finished");
  });
  it("always make lists stale at the end", () => {
    const before = reduceRun(kRunLiveStart, { type: "run", run: run({ succeeded: 3 }) });
    expect(reduceRun(before, { type: "end", run: run({ succeeded: 3 }, "finished") }).version).toBe(before.version + 1);
  });
});

describe("live output", () => {
  it("is split into lines with the host's name", () => {
    const state = reduceRun(kRunLiveStart, { type: "output", output: output("a\nb\n") });
    expect(state.lines.map((line) => [line.name, line.text])).toEqual([["web1", "a"], ["web1", "b"]]);
  });
  it("is bounded, says how much went, and never gives a key twice", () => {
    let state = kRunLiveStart;
    for (let i = 0; i < 60; i += 1) state = reduceRun(state, { type: "output", output: output("x\n".repeat(10)) });
    expect(state.lines).toHaveLength(kOutputLinesMax);
    expect(state.dropped).toBe(600 - kOutputLinesMax);
    expect(new Set(state.lines.map((line) => line.key)).size).toBe(kOutputLinesMax);
    expect(state.lines.at(-1)?.key).toBe(599);
  });
  it("reads bytes that are not text", () => {
    const state = reduceRun(kRunLiveStart, { type: "output", output: { endpoint: "e", name: "n", stream: "stderr", base64: btoa("\xff") } });
    expect(state.lines[0]?.text).toBe("\\xff");
  });
});
