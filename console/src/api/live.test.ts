// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { LiveStream, type LiveState, pauseMs, type Source } from "./live";

class FakeSource implements Source {
  closed = false;
  private readonly listeners = new Map<string, (event: { data?: unknown }) => void>();
  addEventListener(name: string, listener: (event: { data?: unknown }) => void) {
    this.listeners.set(name, listener);
  }
  close() {
    this.closed = true;
  }
  fire(name: string, data?: unknown) {
    this.listeners.get(name)?.({ data });
  }
}

function start() {
  const sources: FakeSource[] = [];
  const states: LiveState[] = [];
  const events: unknown[] = [];
  const opened: boolean[] = [];
  const stream = new LiveStream(
    "/v1/events", ["run", "end"],
    { onEvent: (name, data) => events.push([name, data]), onState: (s) => states.push(s), onOpen: (again) => opened.push(again) },
    "end",
    () => {
      sources.push(new FakeSource());
      return sources.at(-1)!;
    },
  );
  return { stream, sources, states, events, opened };
}

describe("LiveStream", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it("says that it lost the connection, comes back, and says that it was away", () => {
    const { sources, states, opened } = start();
    sources[0]!.fire("open");
    sources[0]!.fire("error");
    expect([states, sources[0]!.closed]).toEqual([["open", "lost"], true]);
    vi.advanceTimersByTime(2_000);
    sources[1]!.fire("open");
    expect([states, opened]).toEqual([["open", "lost", "open"], [false, true]]);
  });
  it("ends for good at the last event", () => {
    const { sources, states, events } = start();
    sources[0]!.fire("end", '{"id":"x"}');
    expect([events, states.at(-1), sources[0]!.closed]).toEqual([[["end", { id: "x" }]], "ended", true]);
    sources[0]!.fire("error");
    vi.advanceTimersByTime(60_000);
    expect(sources).toHaveLength(1);
  });
  it("leaves half a line alone and ignores sources that it closed", () => {
    const { stream, sources, events } = start();
    sources[0]!.fire("run", '{"id":');
    stream.close();
    sources[0]!.fire("run", "{}");
    expect(events).toEqual([]);
  });
  it("lets go when paused and connects again at once when resumed", () => {
    const { stream, sources } = start();
    stream.pause();
    vi.advanceTimersByTime(60_000);
    expect([sources.length, sources[0]!.closed]).toEqual([1, true]);
    stream.resume();
    stream.resume();
    expect(sources).toHaveLength(2);
  });
  it("waits longer and longer, never too long, never all at once", () => {
    expect([1, 2, 3, 9].map((n) => pauseMs(n, 0.5))).toEqual([1_000, 2_000, 4_000, 15_000]);
    expect(pauseMs(1, 0)).toBeLessThan(pauseMs(1, 1));
  });
});
