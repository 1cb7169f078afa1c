// SPDX-License-Identifier: Apache-2.0
//
// Numbers, sizes and times as people read them.

const kNumber = new Intl.NumberFormat("en-US");

export function count(n: number): string {
  return kNumber.format(n);
}

/** "1 host", "12 hosts". */
export function counted(n: number, one: string, many = `${one}s`): string {
  return `${count(n)} ${n === 1 ? one : many}`;
}

export function size(bytes: number): string {
  const units = ["bytes", "KiB", "MiB", "GiB", "TiB"];
  let value = bytes;
  let unit = 0;
  // What would be rounded up to 1024 is one of the next unit.
  while (value >= 1023.5 && (unit > 0 || value >= 1024) && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  if (unit === 0) return counted(bytes, "byte");
  return `${value >= 100 ? Math.round(value) : Number(value.toFixed(1))} ${units[unit] ?? ""}`;
}

/** "350 ms", "4.2 s", "5 min 10 s", "2 h 5 min". */
export function duration(ms: number): string {
  if (Math.round(ms) < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 9_950) return `${(ms / 1_000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1_000);
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return seconds % 60 === 0 ? `${minutes} min` : `${minutes} min ${seconds % 60} s`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return minutes % 60 === 0 ? `${hours} h` : `${hours} h ${minutes % 60} min`;
  return counted(Math.floor(hours / 24), "day");
}

/** "just now", "12 s ago", "3 h ago"; the clocks of two machines may differ by a little. */
export function ago(time: string, nowMs: number): string {
  const ms = nowMs - Date.parse(time);
  if (Number.isNaN(ms)) return "";
  if (ms < 5_000) return "just now";
  const steps: [number, string][] = [[86_400_000, "d"], [3_600_000, "h"], [60_000, "min"], [1_000, "s"]];
  for (const [unit, name] of steps) {
    if (ms >= unit) return `${count(Math.floor(ms / unit))} ${name} ago`;
  }
  return "just now";
}

/** The local date and time, for titles. */
export function moment(time: string): string {
  const date = new Date(time);
  return Number.isNaN(date.getTime()) ? time : date.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "medium" });
}
