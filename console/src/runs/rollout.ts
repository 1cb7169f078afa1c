// SPDX-License-Identifier: Apache-2.0
//
// How far a rollout is, and what holds it, in sentences. Pure.
import type { Run } from "../api/types";
import { count, counted } from "../text/format";
import { visibleLine } from "../text/visible";

export interface Note {
  color: string;
  text: string;
}

function whoOf(by: string): string {
  return by === "rollout" ? "by its plan" : `by ${visibleLine(by, 64)}`;
}

function reasonOf(reason: string | undefined): string {
  return reason === undefined || reason === "" ? "" : `: ${visibleLine(reason, 400)}`;
}

/** What a person should know before anything else; the most important first. */
export function notesOf(run: Pick<Run, "paused" | "stopped" | "cancelled" | "state">): Note[] {
  const notes: Note[] = [];
  if (run.stopped !== undefined) notes.push({ color: "red", text: `Stopped ${whoOf(run.stopped.by)}${reasonOf(run.stopped.reason)}. What was not sent is cancelled.` });
  if (run.paused !== undefined && run.state === "running") {
    notes.push({ color: "orange", text: `Paused ${whoOf(run.paused.by)}${reasonOf(run.paused.reason)}. Nothing more is sent until somebody resumes it.` });
  }
  if (run.cancelled !== undefined) {
    const { by, reason, found } = run.cancelled;
    const parts = [
      [found.queued, "never sent"], [found.sent, "on the way"], [found.running, "running"], [found.finished, "finished"],
    ] as const;
    const told = parts.filter(([n]) => n > 0).map(([n, word]) => `${count(n)} ${word}`).join(", ");
    // The server's own words where nobody gave a reason.
    const why = reason === `cancelled by ${by}` ? "" : reasonOf(reason);
    notes.push({ color: "gray", text: `Cancelled ${whoOf(by)}${why}.${told === "" ? "" : ` It found ${told}.`}` });
  }
  return notes;
}

/** "Wave 2 of 3 (10%), 40 hosts, at most 5 at a time"; undefined without a rollout. */
export function waveLine(run: Pick<Run, "rollout">): string | undefined {
  const { rollout } = run;
  if (rollout === undefined) return undefined;
  const name = rollout.wave_name === "" ? "" : ` (${visibleLine(rollout.wave_name, 80)})`;
  const most = rollout.parallel_max === undefined ? "" : `, at most ${count(rollout.parallel_max)} at a time`;
  return `Wave ${count(rollout.wave)} of ${count(rollout.waves_total)}${name}, ${counted(rollout.wave_targets, "host")}${most}`;
}
