// SPDX-License-Identifier: Apache-2.0
import { expect, it } from "vitest";

import { aSchedule } from "../testing/samples";
import { moment } from "../text/format";
import { causeText, lastText, nextText, termsOf, triggerText } from "./words";

const due = "2026-12-01T03:00:00.000Z";

it("says when a schedule fires", () => {
  expect(triggerText({ trigger: { cron: "0 3 * * sun" }, zone: "Europe/Berlin" })).toBe("0 3 * * sun, Europe/Berlin");
  expect(triggerText({ trigger: { at: due }, zone: "UTC" })).toBe(`once, ${moment(due)}`);
  expect(triggerText({ trigger: { on: "boot" }, zone: "UTC" })).toBe("when a host boots");
  expect(triggerText({ trigger: { on: "login" }, zone: "UTC" })).toBe("when a host logs in");
});

it("says when it is due next, or why not", () => {
  expect(nextText({ enabled: true, next: [due], trigger: { cron: "@daily" } })).toBe(`next ${moment(due)}`);
  expect(nextText({ enabled: false, next: [], trigger: { cron: "@daily" } })).toBe("disabled");
  expect(nextText({ enabled: true, next: [], trigger: { at: due } })).toBe("not due any more");
  expect(nextText({ enabled: true, next: [], trigger: { on: "boot" } })).toBe("");
});

it("says how it went", () => {
  expect(lastText(undefined)).toBe("never fired");
  expect(lastText({ due, cause: "time", state: "failed", fired_at: due, stands_for: 1, reason: "no host" })).toBe("failed");
});

it("says what holds it, and why it fired", () => {
  expect(termsOf(aSchedule())).toEqual([["Missed firings", "left out"]]);
  expect(termsOf(aSchedule({ trigger: { on: "login", at_most_every_ms: 60_000 }, jitter_ms: 600_000, blackouts: ["sat\u202e", "22:00-06:00"], in_blackout: "wait" }))).toEqual([
    ["On one host", "once in 1 min at most"], ["Jitter", "up to 10 min later"], ["Not in", "sat<U+202E>; 22:00-06:00 (a firing in it is made at its end)"],
  ]);
  expect(causeText({ cause: "time", stands_for: 1 })).toBe("");
  expect(causeText({ cause: "missed", stands_for: 12 })).toBe("made up for, stands for 12 firings");
});
