// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "vitest";

import type { RunRequest, Schedule } from "../api/types";
import { aSchedule } from "../testing/samples";
import { clockOf, clockText, scheduleFaults, type ScheduleForm, scheduleFormOf, scheduleRefusal, scheduleRequestOf, scheduleStart, zonesWith } from "./schedule_form";

const request = { selector: "role=web", command: { shell: "uptime" } } as RunRequest;
const form = (part: Partial<ScheduleForm> = {}): ScheduleForm => ({ ...scheduleStart("Europe/Berlin"), name: "patch", ...part });

describe("a new schedule", () => {
  it("says when, and everything that holds it", () => {
    expect(scheduleRequestOf(form({ cron: " 0 3 * * sun ", jitterMinutes: 10, blackouts: "\n 22:00-06:00 \n\nsat,sun\n", inBlackout: "wait", missed: "once", description: " why " }), request)).toEqual({
      name: "patch", description: "why", enabled: true, trigger: { cron: "0 3 * * sun" }, zone: "Europe/Berlin", jitter_ms: 600_000, blackouts: ["22:00-06:00", "sat,sun"],
      in_blackout: "wait", missed: "once", request,
    });
  });

  it.each([
    [{ trigger: "at", at: "2026-12-01T03:00" }, { at: "2026-12-01T03:00" }],
    [{ trigger: "login", quietMinutes: 0.5 }, { on: "login", at_most_every_ms: 30_000 }],
    [{ trigger: "boot", cron: "0 3 * * *" }, { on: "boot" }],
  ] as [Partial<ScheduleForm>, object][])("fires as chosen: %j", (part, trigger) => {
    expect(scheduleRequestOf(form(part), request).trigger).toEqual(trigger);
  });
});

describe("faults of a schedule", () => {
  it.each([
    ["nothing", {}, []],
    ["no name", { name: " " }, ["name"]],
    ["a name that is a path", { name: "../x" }, ["name"]],
    ["no expression", { cron: " " }, ["cron"]],
    ["no time", { trigger: "at" }, ["at"]],
    ["no time, where none is wanted", { trigger: "boot", cron: "", at: "" }, []],
    ["no pause between logins", { trigger: "login", quietMinutes: "" }, ["quiet"]],
    ["a jitter of two days", { jitterMinutes: 2_880 }, ["jitter"]],
    ["too many windows", { blackouts: "sat\n".repeat(33) }, ["blackouts"]],
  ] as [string, Partial<ScheduleForm>, string[]][])("%s", (_what, part, fields) => {
    expect(Object.keys(scheduleFaults(form(part)))).toEqual(fields);
  });
});

describe("a schedule that is changed", () => {
  it.each([
    aSchedule({ jitter_ms: 90_000, blackouts: ["sat,sun"], in_blackout: "wait", missed: "all", description: "why", enabled: false }),
    aSchedule({ trigger: { at: "2026-12-01T02:00:00.000Z" } as Schedule["trigger"], next: [] }),
    aSchedule({ trigger: { on: "login", at_most_every_ms: 90_500 } as Schedule["trigger"], zone: "UTC" }),
    aSchedule({ trigger: { on: "boot" } as Schedule["trigger"] }),
  ])("comes back from its form as it was: $trigger", (schedule) => {
    const { name, description, enabled, trigger, zone, jitter_ms, blackouts, in_blackout, missed } = schedule;
    expect(scheduleFaults(scheduleFormOf(schedule))).toEqual({});
    expect(scheduleRequestOf(scheduleFormOf(schedule), schedule.request, schedule)).toEqual({
      name, ...(description === undefined ? {} : { description }), enabled, trigger, zone, jitter_ms, blackouts, in_blackout, missed, request: schedule.request,
    });
  });

  // At 02:30 of this night Berlin's clocks have been shown twice; the second must not become the first.
  it("stays at its moment where the clock shows it twice, until it is changed", () => {
    const schedule = aSchedule({ trigger: { at: "2026-10-25T01:30:00.000Z" } as Schedule["trigger"] });
    const shown = scheduleFormOf(schedule);
    expect(shown.at).toBe("2026-10-25T02:30");
    expect(scheduleRequestOf(shown, request, schedule).trigger).toEqual({ at: "2026-10-25T01:30:00.000Z" });
    expect(scheduleRequestOf({ ...shown, zone: "UTC" }, request, schedule).trigger).toEqual({ at: "2026-10-25T02:30" });
  });
});

describe("clocks", () => {
  it("are those of the zone", () => {
    expect(clockOf("2026-12-01T02:00:00.000Z", "Europe/Berlin")).toBe("2026-12-01T03:00");
    expect(clockOf("2026-12-01T02:00:07.000Z", "UTC")).toBe("2026-12-01T02:00:07");
    expect(clockOf("2026-12-01T02:00:00.000Z", "Moon/Base")).toBe("");
    expect(clockOf("never", "UTC")).toBe("");
    expect(clockText("2026-12-01T03:00:00")).toContain("2026");
    expect(clockText("never")).toBe("never");
    expect(zonesWith("Moon/Base")).toContain("Moon/Base");
    expect(zonesWith("UTC").filter((zone) => zone === "UTC")).toHaveLength(1);
  });
});

describe("the server's words", () => {
  it.each([
    ["there is a schedule 'patch' already", "name"],
    ["cron: column 3: hour: 25 is not between 0 and 23", "cron"],
    ["at: 2020-01-01T00:00:00Z has passed already; the server's clock shows 2026-11-22T13:00:00Z", "at"],
    ["'soon' is no time; write 2026-12-01T03:00 (in the schedule's zone)", "at"],
    ["zone: the server knows no time zone 'Moon/Base'", "zone"],
    ["jitter: it must be shorter than the time between two firings, which is 1h", "jitter"],
    ["blackouts: '25:00' is no blackout window", "blackouts"],
    ["the member 'trigger.at_most_every_ms' must be a whole number from 0 to 5", "quiet"],
  ])("stand at their field: %s", (message, field) => {
    expect(Object.keys(scheduleRefusal(message) ?? {})).toEqual([field]);
  });

  it("about the run are not of the schedule", () => {
    expect(scheduleRefusal("request: greet: 'times': expected a number")).toBeUndefined();
  });
});
