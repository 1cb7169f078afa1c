// SPDX-License-Identifier: Apache-2.0
//
// Schedules in words. Pure.
import type { Firing, Schedule } from "../api/types";
import { moment } from "../text/format";
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
