// SPDX-License-Identifier: Apache-2.0
//
// Whether what an event carried is what its name promises: the parts that the console counts
// with. An event that is not would otherwise break the page it is shown on.
import type { Counts, Host, HostsEvent, OutputEvent, ProgressEvent, Run, RunsEvent, TargetEvent } from "./types";

type Fields = Record<string, unknown>;

function isObject(data: unknown): data is Fields {
  return typeof data === "object" && data !== null && !Array.isArray(data);
}

const kCounts: Readonly<Record<keyof Counts, true>> = {
  queued: true, sent: true, running: true, succeeded: true, failed: true, refused: true, timed_out: true,
  unreachable: true, expired: true, cancelled: true, unknown: true,
};

function isCounts(data: unknown): data is Counts {
  return isObject(data) && Object.keys(kCounts).every((state) => typeof data[state] === "number");
}

export function isRun(data: unknown): data is Run {
  return (
    isObject(data) && typeof data.id === "string" && (data.state === "running" || data.state === "finished") &&
    typeof data.selector === "string" && typeof data.created_by === "string" && typeof data.targets === "number" && isCounts(data.counts)
  );
}

export function isTargetEvent(data: unknown): data is TargetEvent {
  return isObject(data) && typeof data.endpoint === "string" && typeof data.state === "string" && Object.hasOwn(kCounts, data.state);
}

export function isOutputEvent(data: unknown): data is OutputEvent {
  return (
    isObject(data) && typeof data.endpoint === "string" && typeof data.name === "string" &&
    (data.stream === "stdout" || data.stream === "stderr") && (typeof data.text === "string" || typeof data.base64 === "string")
  );
}

export function isProgressEvent(data: unknown): data is ProgressEvent {
  return (
    isObject(data) && typeof data.endpoint === "string" && typeof data.name === "string" &&
    (data.percent === undefined || typeof data.percent === "number") && (data.text === undefined || typeof data.text === "string")
  );
}

function isHost(data: unknown): data is Host {
  return (
    isObject(data) && typeof data.id === "string" && typeof data.name === "string" && typeof data.online === "boolean" &&
    isObject(data.labels) && isObject(data.facts)
  );
}

export function isHostsEvent(data: unknown): data is HostsEvent {
  return (
    isObject(data) && typeof data.total === "number" && typeof data.online === "number" &&
    (data.changed === undefined || (Array.isArray(data.changed) && data.changed.every(isHost)))
  );
}

export function isRunsEvent(data: unknown): data is RunsEvent {
  return isObject(data) && isRun(data.run);
}
