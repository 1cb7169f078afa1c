// SPDX-License-Identifier: Apache-2.0
//
// From what a person filled in to the schedule that is sent, and back; the server's refusals by
// field. Pure. What can be known without the server is checked here; the rest it says itself.
import type { RunRequest, Schedule, ScheduleRequest } from "../api/types";

export type TriggerKind = "cron" | "at" | "login" | "boot";

export interface ScheduleForm {
  name: string;
  description: string;
  enabled: boolean;
  trigger: TriggerKind;
  cron: string;
  /** On the clocks of the zone: 2026-12-01T03:00. */
  at: string;
  zone: string;
  /** On a host that logs in: once in so long. */
  quietMinutes: number | "";
  jitterMinutes: number | "";
  /** One window a line. */
  blackouts: string;
  inBlackout: "skip" | "wait";
  missed: "skip" | "once" | "all";
}

export type ScheduleFaults = Partial<Record<"name" | "cron" | "at" | "zone" | "quiet" | "jitter" | "blackouts", string>>;

const kMinuteMs = 60_000;
const kJitterMinutesMax = 24 * 60;
const kQuietMinutesMax = 30 * 24 * 60;
const kWindowsMax = 32;

export function scheduleStart(zone: string): ScheduleForm {
  return {
    name: "", description: "", enabled: true, trigger: "cron", cron: "0 3 * * *", at: "", zone, quietMinutes: 1, jitterMinutes: 0, blackouts: "", inBlackout: "skip", missed: "skip",
  };
}

/** The moment `time` on the clocks of `zone`, as a field of date and time has it; "" where the browser does not know the zone. */
export function clockOf(time: string, zone: string): string {
  const date = new Date(time);
  if (Number.isNaN(date.getTime())) return "";
  try {
    const format = new Intl.DateTimeFormat("en-GB", {
      timeZone: zone, year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23",
    });
    const part = Object.fromEntries(format.formatToParts(date).map(({ type, value }) => [type, value]));
    const seconds = part.second === "00" ? "" : `:${part.second ?? ""}`;
    return `${part.year ?? ""}-${part.month ?? ""}-${part.day ?? ""}T${part.hour ?? ""}:${part.minute ?? ""}${seconds}`;
  } catch {
    return "";
  }
}

export function scheduleFormOf(schedule: Schedule): ScheduleForm {
  const { trigger, zone } = schedule;
  return {
    name: schedule.name,
    description: schedule.description ?? "",
    enabled: schedule.enabled,
    trigger: trigger.cron !== undefined ? "cron" : trigger.at !== undefined ? "at" : trigger.on === "boot" ? "boot" : "login",
    cron: trigger.cron ?? "",
    at: trigger.at === undefined ? "" : clockOf(trigger.at, zone),
    zone,
    quietMinutes: (trigger.at_most_every_ms ?? kMinuteMs) / kMinuteMs,
    jitterMinutes: schedule.jitter_ms / kMinuteMs,
    blackouts: schedule.blackouts.join("\n"),
    inBlackout: schedule.in_blackout,
    missed: schedule.missed,
  };
}

export function windowsOf(text: string): string[] {
  return text.split("\n").map((line) => line.trim()).filter((line) => line !== "");
}

export function scheduleFaults(form: ScheduleForm): ScheduleFaults {
  const faults: ScheduleFaults = {};
  if (!/^[A-Za-z0-9_][A-Za-z0-9._-]{0,63}$/.test(form.name.trim())) {
    faults.name = form.name.trim() === "" ? "What is it called?" : "Letters, digits, '.', '_' and '-', at most 64; not '.' or '-' first";
  }
  if (form.trigger === "cron" && form.cron.trim() === "") faults.cron = "When? Such as 0 3 * * sun";
  if (form.trigger === "at" && form.at === "") faults.at = "On which day, and when?";
  if (form.trigger === "login" && !(Number(form.quietMinutes) >= 0 && form.quietMinutes !== "" && form.quietMinutes <= kQuietMinutesMax)) faults.quiet = "From 0 minutes to 43,200, which are 30 days";
  if (form.jitterMinutes !== "" && !(form.jitterMinutes >= 0 && form.jitterMinutes <= kJitterMinutesMax)) faults.jitter = "At most 1,440 minutes, which is a day";
  if (windowsOf(form.blackouts).length > kWindowsMax) faults.blackouts = `At most ${kWindowsMax} windows`;
  return faults;
}

function triggerOf(form: ScheduleForm, before: Schedule | undefined): ScheduleRequest["trigger"] {
  switch (form.trigger) {
    case "cron":
      return { cron: form.cron.trim() } as ScheduleRequest["trigger"];
    case "at": {
      // A clock may show a time twice: what was not changed stays the moment that it was.
      const known = before?.trigger.at;
      const same = known !== undefined && before?.zone === form.zone && clockOf(known, form.zone) === form.at;
      return { at: same ? known : form.at } as ScheduleRequest["trigger"];
    }
    case "login":
      return { on: "login", at_most_every_ms: Math.round(Number(form.quietMinutes) * kMinuteMs) } as ScheduleRequest["trigger"];
    case "boot":
      return { on: "boot" } as ScheduleRequest["trigger"];
  }
}

/** What belongs to schedules by the clock. */
export function isTimed(form: Pick<ScheduleForm, "trigger">): boolean {
  return form.trigger === "cron" || form.trigger === "at";
}

/** REQUIRES: scheduleFaults(form) is empty. */
export function scheduleRequestOf(form: ScheduleForm, request: RunRequest, before?: Schedule): ScheduleRequest {
  const blackouts = windowsOf(form.blackouts);
  return {
    name: form.name.trim(),
    ...(form.description.trim() === "" ? {} : { description: form.description.trim() }),
    enabled: form.enabled,
    trigger: triggerOf(form, before),
    zone: form.zone,
    jitter_ms: Math.round(Number(form.jitterMinutes) * kMinuteMs),
    blackouts,
    in_blackout: form.inBlackout,
    missed: form.missed,
    request,
  } as ScheduleRequest;
}

const kFieldOf: readonly (readonly [RegExp, keyof ScheduleFaults])[] = [
  [/^there is a schedule '|^the member 'name'/, "name"],
  [/^cron: |^the member 'trigger\.cron'/, "cron"],
  [/^at: |^'[^']*' is no time;|^the member 'trigger\.at'/, "at"],
  [/^(zone: )?the server knows no time zone|^the member 'zone'/, "zone"],
  [/^jitter: |^the member 'jitter_ms'/, "jitter"],
  [/^blackouts: |^the member 'blackouts'/, "blackouts"],
  [/^the member 'trigger\.at_most_every_ms'/, "quiet"],
];

/** The server's words at the field that they are about; undefined: they are about the run, or about nothing here. */
export function scheduleRefusal(message: string): ScheduleFaults | undefined {
  const field = kFieldOf.find(([pattern]) => pattern.test(message))?.[1];
  return field === undefined ? undefined : { [field]: message.replace(/^(cron|at|zone|jitter|blackouts): /, "") };
}

/** "2026-12-01T03:00:00", a time on the clocks of some zone, as people read it. */
export function clockText(local: string): string {
  const date = new Date(`${local}Z`);
  if (Number.isNaN(date.getTime())) return local;
  return date.toLocaleString(undefined, { timeZone: "UTC", weekday: "short", day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit" });
}

/** The zone that this browser lives in. */
export function ownZone(): string {
  const { timeZone } = Intl.DateTimeFormat().resolvedOptions() as { timeZone?: string };
  return timeZone === undefined || timeZone === "" ? "UTC" : timeZone;
}

/** All that the browser knows, UTC first. */
export function zonesWith(zone: string): string[] {
  const known = typeof Intl.supportedValuesOf === "function" ? Intl.supportedValuesOf("timeZone") : [];
  return [...new Set(["UTC", ownZone(), zone, ...known])];
}
