// SPDX-License-Identifier: Apache-2.0
import { expect, it } from "vitest";

import { aRun } from "../testing/samples";
import { notesOf, waveLine } from "./rollout";

const at = "2026-01-01T00:00:00.000Z";

it("says what holds a run, and what a cancel found", () => {
  expect(notesOf(aRun())).toEqual([]);
  expect(notesOf(aRun({ paused: { by: "ada", at, reason: "look\u202efirst" } }))[0]?.text).toBe(
    "Paused by ada: look<U+202E>first. Nothing more is sent until somebody resumes it.");
  expect(notesOf(aRun({ stopped: { by: "rollout", at, reason: "3 failed" } }))[0]?.text).toBe("Stopped by its plan: 3 failed. What was not sent is cancelled.");
  const cancelled = { by: "ada", reason: "cancelled by ada", at, found: { queued: 1_200, sent: 0, running: 3, finished: 0 } };
  expect(notesOf(aRun({ cancelled }))[0]?.text).toBe("Cancelled by ada. It found 1,200 never sent, 3 running.");
  expect(notesOf(aRun({ state: "finished", paused: { by: "ada", at } }))).toEqual([]);
});

it("says how far the waves are", () => {
  expect(waveLine(aRun())).toBeUndefined();
  expect(waveLine(aRun({ rollout: { wave: 2, waves_total: 3, wave_name: "10%", wave_targets: 40, parallel_max: 5 } }))).toBe(
    "Wave 2 of 3 (10%), 40 hosts, at most 5 at a time");
  expect(waveLine(aRun({ rollout: { wave: 1, waves_total: 1, wave_name: "", wave_targets: 1 } }))).toBe("Wave 1 of 1, 1 host");
});
