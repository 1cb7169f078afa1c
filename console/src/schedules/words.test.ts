// SPDX-License-Identifier: Apache-2.0
import { expect, it } from "vitest";

import { moment } from "../text/format";
import { lastText, nextText, triggerText } from "./words";

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
