// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "vitest";

import type { RunPages } from "./runs_cache";
import { patchRuns } from "./runs_cache";
import { aRun, kNoCounts } from "../testing/samples";
import { kOutputLinesMax, kRunLiveStart, reduceRun, runEventOf, type RunLive } from "./run_live";

function after(events: [string, unknown][], start: RunLive = kRunLiveStart): RunLive {
  return events.reduce((state, [name, data]) => {
    const event = runEventOf(name, data);
    return event === undefined ? state : reduceRun(state, event);
  }, start);
}
const output = (text: string) => ["output", { endpoint: "h1", name: "web1", stream: "stdout", text }] as [string, unknown];
const done = aRun({ state: "finished", counts: { ...kNoCounts, succeeded: 2 } });

describe("events of a run", () => {
  it("make lists stale when answers came, not when nothing did", () => {
    const first = after([["run", aRun()]]);
    expect(after([["run", aRun()]], first).version).toBe(first.version);
    expect(after([["run", aRun({ counts: { ...kNoCounts, running: 1, failed: 1 } })]], first).version).toBe(first.version + 1);
    expect(after([["target", { endpoint: "h1", name: "web1", state: "failed" }]], first).version).toBe(first.version + 1);
  });

  it("end it for good, whatever comes late", () => {
    const ended = after([["run", aRun()], ["end", done]]);
    expect(ended).toMatchObject({ ended: true, run: done });
    expect(after([["run", aRun()], ["target", { endpoint: "h1", name: "web1", state: "running" }]], ended)).toEqual(ended);
  });

  it("end it even when the end is all that came", () => {
    expect(after([["end", done]])).toMatchObject({ ended: true, run: done, version: 1 });
  });

  it.each([
    ["run", null], ["run", []], ["run", "text"], ["run", {}], ["run", { ...aRun(), counts: null }], ["run", { ...aRun(), counts: { running: 1 } }],
    ["run", { ...aRun(), state: "paused" }], ["end", 7], ["target", null], ["target", { endpoint: "h1", state: "toString" }],
    ["output", null], ["output", { endpoint: "h1", name: "web1", stream: "stdin", text: "x" }], ["output", { endpoint: "h1", name: "web1", stream: "stdout" }],
    ["output", { endpoint: "h1", name: {}, stream: "stdout", text: "x" }], ["surprise", aRun()],
    ["progress", null], ["progress", { endpoint: "h1", percent: 4 }], ["progress", { endpoint: "h1", name: "web1", percent: "40" }],
    ["progress", { endpoint: "h1", name: "web1", text: {} }],
  ])("of another shape are none: %s %j", (name, data) => {
    expect(runEventOf(name, data)).toBeUndefined();
  });
});

it("keeps progress out of the page's state, which changes for each", () => {
  const before = after([["run", aRun()]]);
  const event = ["progress", { endpoint: "h1", name: "web1", percent: 40, text: "copying" }] as [string, unknown];
  expect(runEventOf(...event)).toMatchObject({ type: "progress" });
  expect(after([event], before)).toBe(before);
});

describe("live output", () => {
  it("comes line by line, bytes spelt out", () => {
    const state = after([output("a\nb\n"), ["output", { endpoint: "h2", name: "web2", stream: "stderr", base64: btoa("\xff") }]]);
    expect(state.lines.map(({ name, stream, text }) => [name, stream, text])).toEqual([
      ["web1", "stdout", "a"], ["web1", "stdout", "b"], ["web2", "stderr", "\\xff"],
    ]);
  });

  it("is bounded, and every line that is gone is counted", () => {
    const lines = (n: number, word: string) => Array.from({ length: n }, (_, at) => `${word}${at}`).join("\n");
    const state = after([output(lines(10, "a")), output(lines(kOutputLinesMax + 100, "b")), output("last")]);
    expect(state.lines).toHaveLength(kOutputLinesMax);
    expect(state.dropped).toBe(111);
    expect(state.lines.at(-1)?.text).toBe("last");
    expect(new Set(state.lines.map((line) => line.key)).size).toBe(kOutputLinesMax);
  });

  it("shows that a long line was cut", () => {
    const text = after([output("x".repeat(1_000_000))]).lines[0]?.text ?? "";
    expect(text.length).toBeLessThan(3_000);
    expect(text.endsWith("…")).toBe(true);
  });
});

describe("the list of runs", () => {
  const pages = (...ids: string[]): RunPages => ({ pages: [{ runs: ids.map((id) => aRun({ id })), next: null }], pageParams: [null] });
  const ids = (of: RunPages) => of.pages.flatMap((page) => page.runs.map((run) => run.id));

  it("takes new runs at the top, and no older ones", () => {
    expect(ids(patchRuns(pages("5", "3"), aRun({ id: "7" })))).toEqual(["7", "5", "3"]);
    expect(ids(patchRuns(pages("5", "3"), aRun({ id: "4" })))).toEqual(["5", "3"]);
    expect(ids(patchRuns(pages(), aRun({ id: "4" })))).toEqual(["4"]);
  });

  it("does not start a finished run again", () => {
    const finished = patchRuns(pages("5"), { ...done, id: "5" });
    expect(finished.pages[0]?.runs[0]?.state).toBe("finished");
    expect(patchRuns(finished, aRun({ id: "5" })).pages[0]?.runs[0]?.state).toBe("finished");
  });
});

describe("lists of answers", () => {
  it("are not stale when targets only moved on, and always at the end", () => {
    const counts = { ...kNoCounts, succeeded: 2 };
    const sent = after([["run", aRun({ counts: { ...kNoCounts, sent: 2 } })]]);
    expect(after([["run", aRun()]], sent).version).toBe(sent.version);
    const answered = after([["run", aRun({ counts })]]);
    expect(after([["end", aRun({ counts, state: "finished" })]], answered).version).toBe(answered.version + 1);
  });

  it("leave a run that has ended as it is", () => {
    const ended = after([["end", done]]);
    expect(after([["run", aRun()]], ended)).toBe(ended);
  });
});

describe("keys of lines", () => {
  it("are counted on while lines go", () => {
    const state = after(Array.from({ length: 60 }, () => output("x\n".repeat(10))));
    expect(state.dropped).toBe(600 - kOutputLinesMax);
    expect(state.lines.at(-1)?.key).toBe(599);
  });
});
