// SPDX-License-Identifier: Apache-2.0
//
// The states of a target: how they are called, coloured and ordered on the screen.
import type { Counts, Fold, Target, TargetState } from "../api/types";

export interface StateLook {
  label: string;
  /** A Mantine colour. */
  color: string;
  final: boolean;
  /** What it means, for a person who sees the word for the first time. */
  meaning: string;
}

export const kStates: Readonly<Record<TargetState, StateLook>> = {
  succeeded: { label: "succeeded", color: "teal", final: true, meaning: "ended with exit code 0" },
  failed: { label: "failed", color: "red", final: true, meaning: "ended with another exit code or by a signal, or did not start" },
  timed_out: { label: "timed out", color: "orange", final: true, meaning: "ran past its time limit and was killed" },
  refused: { label: "refused", color: "grape", final: true, meaning: "the host would not start it" },
  unreachable: { label: "unreachable", color: "gray", final: true, meaning: "the host was offline" },
  expired: { label: "expired", color: "yellow", final: true, meaning: "waited too long to start" },
  cancelled: { label: "cancelled", color: "pink", final: true, meaning: "stopped by a person" },
  unknown: { label: "unknown", color: "violet", final: true, meaning: "the host restarted in between: it may or may not have run" },
  running: { label: "running", color: "blue", final: false, meaning: "running on the host now" },
  sent: { label: "sent", color: "cyan", final: false, meaning: "on its way to the host" },
  queued: { label: "queued", color: "indigo", final: false, meaning: "waiting for the host" },
};

/** The order in which states stand in bars and legends. */
export const kStateOrder = Object.keys(kStates) as TargetState[];

export function isState(word: string): word is TargetState {
  return Object.hasOwn(kStates, word);
}

export interface Share {
  state: TargetState;
  count: number;
  /** Of the whole, 0 to 100. */
  percent: number;
}

/** The states that occur, in order, with their part of the whole. */
export function shares(counts: Counts): Share[] {
  const present = kStateOrder.filter((state) => counts[state] > 0);
  const total = present.reduce((sum, state) => sum + counts[state], 0);
  return present.map((state) => ({ state, count: counts[state], percent: (100 * counts[state]) / total }));
}

/** Targets that have reached a final state. */
export function answered(counts: Counts): number {
  return kStateOrder.reduce((sum, state) => sum + (kStates[state].final ? counts[state] : 0), 0);
}

/** "exit code 3", "SIGKILL": how it ended, in a few words; "" if the state says it all. */
export function ending(end: Pick<Fold | Target, "state" | "exit_code" | "signal" | "reason">): string {
  if (end.signal !== undefined) return signalName(end.signal);
  if (end.exit_code !== undefined && (end.exit_code !== 0 || end.state !== "succeeded")) return `exit code ${end.exit_code}`;
  return "";
}

const kSignals: Readonly<Record<number, string>> = {
  1: "SIGHUP", 2: "SIGINT", 3: "SIGQUIT", 4: "SIGILL", 6: "SIGABRT", 7: "SIGBUS", 8: "SIGFPE", 9: "SIGKILL",
  11: "SIGSEGV", 13: "SIGPIPE", 14: "SIGALRM", 15: "SIGTERM", 24: "SIGXCPU", 25: "SIGXFSZ",
};

export function signalName(signal: number): string {
  return kSignals[signal] ?? `signal ${signal}`;
}
