// SPDX-License-Identifier: Apache-2.0
//
// How far the running targets of one run say that they are. What they say comes from hosts and
// comes often: it is kept outside the state of the page, and told a few times a second to what
// is on the screen and to nothing else.
//
// Invariants: at most kTargetsMax targets are kept, as the server does; what a target said goes
// with the target's end; texts are cut when they come and made harmless where they are shown.
import type { ProgressEvent } from "../api/types";

export const kTargetsMax = 1_000;
export const kTextCharsMax = 200;
/** What is on the screen changes at most so often. */
const kTellMs = 200;

export interface Said {
  name: string;
  /** 0 to 100; undefined: it does not say. */
  percent: number | undefined;
  text: string;
}

/** A number that is a percentage, whatever it was. */
function percentOf(percent: number | undefined): number | undefined {
  return percent === undefined || !Number.isFinite(percent) ? undefined : Math.floor(Math.min(100, Math.max(0, percent)));
}

/** What stands in a target or an event, cut to what is shown; undefined where it says nothing. */
export function saidOf(name: string, progress: { percent?: number | undefined; text?: string | undefined } | undefined): Said | undefined {
  if (progress === undefined) return undefined;
  const percent = percentOf(progress.percent);
  const whole = progress.text ?? "";
  const text = whole.length > kTextCharsMax ? `${whole.slice(0, kTextCharsMax)}…` : whole;
  return percent === undefined && text === "" ? undefined : { name, percent, text };
}

export class ProgressBoard {
  private said = new Map<string, Said>();
  private listeners = new Set<() => void>();
  private timer: ReturnType<typeof setTimeout> | undefined;

  /** Since when nothing has changed: views read again when it grew. */
  version = 0;

  /** For useSyncExternalStore; the order of calls is the order of targets on the screen. */
  subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  take(event: ProgressEvent): void {
    const said = saidOf(event.name, event);
    if (said === undefined) this.forget(event.endpoint);
    else if (this.said.has(event.endpoint) || this.said.size < kTargetsMax) {
      this.said.set(event.endpoint, said);
      this.changed();
    }
  }

  /** A target has ended. */
  forget(endpoint: string): void {
    if (this.said.delete(endpoint)) this.changed();
  }

  /** The run has ended, or all will be told again. */
  clear(): void {
    if (this.said.size === 0) return;
    this.said.clear();
    this.changed();
  }

  of(endpoint: string): Said | undefined {
    return this.said.get(endpoint);
  }

  get size(): number {
    return this.said.size;
  }

  /** The first `most` of them, in the order in which they began to speak: lines do not jump about. */
  first(most: number): [string, Said][] {
    const found: [string, Said][] = [];
    for (const entry of this.said) {
      if (found.length === most) break;
      found.push(entry);
    }
    return found;
  }

  close(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
  }

  private changed(): void {
    this.version += 1;
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      for (const listener of this.listeners) listener();
    }, kTellMs);
  }
}
