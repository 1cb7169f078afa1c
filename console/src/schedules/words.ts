// SPDX-License-Identifier: Apache-2.0
//
// Schedules in words. Pure.
import type { Firing, Schedule } from "../api/types";
import { counted, duration, moment } from "../text/format";
import { visibleLine } from "../text/visible";

/** "cron 0 3 * * sun, Europe/Berlin", "once, …", "when a host boots". */
export function triggerText({ trigger, zone }: Pick<Schedule, "trigger" | "zone">): string {
  if (trigger.cron !== undefined) return `${visibleLine(trigger.cron, 256)}, ${visibleLine(zone, 64)}`;
  if (trigger.at !== undefined) return `once, ${moment(trigger.at)}`;
  return trigger.on === "boot" ? "when a host boots" : "when a host logs in";
}

/** When it is due next, or why it is not. */
export function nextText({ enabled, next, trigger }: Pick<Schedule, "enabled" | "next" | "trigger">): string {
  if (!enabled) return "disabled";
  const [due] = next;
  if (due !== undefined) return `next ${moment(due)}`;
  return trigger.on === undefined ? "not due any more" : "";
}

const kStates: Readonly<Record<Firing["state"], string>> = { ordering: "being ordered", ordered: "ran", failed: "failed", skipped: "skipped" };

/** How it went the last time; the reason stands beside it. */
export function lastText(last: Firing | undefined): string {
  return last === undefined ? "never fired" : kStates[last.state];
}

const kCauses: Readonly<Record<Firing["cause"], string>> = {
  time: "", missed: "made up for", hand: "by hand", login: "hosts logged in", boot: "hosts have booted",
};

/** Why it fired, and for how many; "" where it was simply due. */
export function causeText({ cause, stands_for }: Pick<Firing, "cause" | "stands_for">): string {
  const many = stands_for > 1 ? `stands for ${counted(stands_for, "firing")}` : "";
  return [kCauses[cause], many].filter((text) => text !== "").join(", ");
}

const kMissed: Readonly<Record<Schedule["missed"], string>> = { skip: "left out", once: "made up for by one", all: "each made up for" };

/** What holds and delays it, as names and words. */
export function termsOf(schedule: Pick<Schedule, "trigger" | "zone" | "jitter_ms" | "blackouts" | "in_blackout" | "missed">): [string, string][] {
  const terms: [string, string][] = [];
  const { trigger } = schedule;
  if (trigger.at !== undefined) terms.push(["Time zone", visibleLine(schedule.zone, 64)]);
  if (trigger.at_most_every_ms !== undefined && trigger.at_most_every_ms > 0) terms.push(["On one host", `once in ${duration(trigger.at_most_every_ms)} at most`]);
  if (schedule.jitter_ms > 0) terms.push(["Jitter", `up to ${duration(schedule.jitter_ms)} later`]);
  if (schedule.blackouts.length > 0) {
    const what = schedule.in_blackout === "skip" ? "left out" : "made at its end";
    terms.push(["Not in", `${schedule.blackouts.map((text) => visibleLine(text, 64)).join("; ")} (a firing in it is ${what})`]);
  }
  if (trigger.on === undefined) terms.push(["Missed firings", kMissed[schedule.missed]]);
  return terms;
}
