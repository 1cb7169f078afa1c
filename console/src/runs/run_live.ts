// SPDX-License-Identifier: Apache-2.0
//
// What the events of one run add up to. Pure: events in, state out.
//
// Invariant: a run that has ended stays ended, whatever comes late. Live output is best
// effort and bounded; the whole answer is read from the lists.
import { isOutputEvent, isProgressEvent, isRun, isTargetEvent } from "../api/shapes";
import type { OutputEvent, ProgressEvent, Run, TargetEvent } from "../api/types";
import { outputText } from "../text/visible";
import { answered } from "./states";

export const kOutputLinesMax = 500;
const kOutputLineCharsMax = 2_000;

export interface OutputLine {
  key: number;
  name: string;
  endpoint: string;
  stream: "stdout" | "stderr";
  text: string;
}

export interface RunLive {
  run?: Run;
  ended: boolean;
  /** Grows when answers came: lists that show answers are stale. */
  version: number;
  lines: OutputLine[];
  /** Lines that no longer stand in `lines`. */
  dropped: number;
}

export type RunEvent =
  | { type: "run"; run: Run }
  | { type: "end"; run: Run }
  | { type: "target"; target: TargetEvent }
  | { type: "output"; output: OutputEvent }
  /** Kept on a board of its own (progress.ts): it comes too often for the state of a page. */
  | { type: "progress"; progress: ProgressEvent };

export const kRunLiveStart: RunLive = { ended: false, version: 0, lines: [], dropped: 0 };

/** The event that an SSE message stands for; undefined if the name or the shape of the data is not known. */
export function runEventOf(name: string, data: unknown): RunEvent | undefined {
  switch (name) {
    case "run":
    case "end":
      return isRun(data) ? { type: name, run: data } : undefined;
    case "target":
      return isTargetEvent(data) ? { type: "target", target: data } : undefined;
    case "output":
      return isOutputEvent(data) ? { type: "output", output: data } : undefined;
    case "progress":
      return isProgressEvent(data) ? { type: "progress", progress: data } : undefined;
    default:
      return undefined;
  }
}

export function reduceRun(state: RunLive, event: RunEvent): RunLive {
  switch (event.type) {
    case "run":
    case "end":
      return withRun(state, event.run, event.type === "end");
    case "target":
      return state.ended ? state : { ...state, version: state.version + 1 };
    case "output":
      return withOutput(state, event.output);
    case "progress":
      return state;
  }
}

function withRun(state: RunLive, run: Run, end: boolean): RunLive {
  if (state.ended && !end) return state;
  const before = state.run === undefined ? -1 : answered(state.run.counts);
  const news = end || answered(run.counts) !== before;
  return { ...state, run, ended: end || run.state === "finished", version: state.version + (news ? 1 : 0) };
}

function withOutput(state: RunLive, output: OutputEvent): RunLive {
  const text = outputText(output.text, output.base64) ?? "";
  let key = (state.lines.at(-1)?.key ?? state.dropped - 1) + 1;
  const written = text.replace(/\n$/, "").split("\n");
  const kept = written.slice(-kOutputLinesMax);
  key += written.length - kept.length;
  const added = kept.map((line) => ({
    key: key++,
    name: output.name,
    endpoint: output.endpoint,
    stream: output.stream,
    text: line.length > kOutputLineCharsMax ? `${line.slice(0, kOutputLineCharsMax)}…` : line,
  }));
  const all = [...state.lines, ...added];
  const excess = Math.max(0, all.length - kOutputLinesMax);
  return { ...state, lines: all.slice(excess), dropped: state.dropped + (written.length - kept.length) + excess };
}
