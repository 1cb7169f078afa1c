// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { FakeSource } from "../testing/samples";
import { LiveStream, pauseMs } from "./live";

let states: string[] = [];
let events: [string, unknown][] = [];
let opens: boolean[] = [];

function stream(onEvent: (name: string, data: unknown) => boolean = () => true): LiveStream {
  return new LiveStream(
    "/v1/events", ["run", "end"],
    {
      onEvent: (name, data) => {
        events.push([name, data]);
        return onEvent(name, data);
      },
      onState: (state) => states.push(state),
      onOpen: (again) => opens.push(again),
    },
    "end",
    (url) => new FakeSource(url),
  );
}

beforeEach(() => {
  vi.useFakeTimers();
  FakeSource.all = [];
  states = [];
  events = [];
  opens = [];
});
afterEach(() => vi.useRealTimers());

describe("a live stream", () => {
  it("comes back by itself and says so", () => {
    stream();
    FakeSource.latest.send("open");
    FakeSource.latest.send("error");
    expect(states).toEqual(["open", "lost"]);
    expect(FakeSource.latest.closed).toBe(true);
    vi.advanceTimersByTime(1_250);
    expect(FakeSource.all).toHaveLength(2);
    FakeSource.latest.send("open");
    expect(states).toEqual(["open", "lost", "open"]);
    expect(opens).toEqual([false, true]);
  });

  it("waits longer after each failure until an event has come", () => {
    vi.spyOn(Math, "random").mockReturnValue(0.5);
    stream();
    const waits = (ms: number) => {
      const before = FakeSource.all.length;
      FakeSource.latest.send("open");
      FakeSource.latest.send("error");
      vi.advanceTimersByTime(ms - 1);
      expect(FakeSource.all).toHaveLength(before);
      vi.advanceTimersByTime(1);
      expect(FakeSource.all).toHaveLength(before + 1);
    };
    waits(1_000);
    waits(2_000);
    waits(4_000);
    FakeSource.latest.send("run");
    waits(1_000);
  });

  it("bounds the pause", () => {
    expect([pauseMs(1, 0), pauseMs(1, 1), pauseMs(40, 0.5)]).toEqual([750, 1_250, 15_000]);
  });

  it.each(["{\"id\":", "", "undefined"])("counts as lost when data is %j, which is not JSON", (text) => {
    stream();
    FakeSource.latest.send("open");
    FakeSource.latest.sendText("run", text);
    expect(events).toEqual([]);
    expect(states).toEqual(["open", "lost"]);
    vi.advanceTimersByTime(1_250);
    expect(FakeSource.all).toHaveLength(2);
  });

  it("counts as lost when an event has another shape, even the last one", () => {
    stream(() => false);
    FakeSource.latest.send("open");
    FakeSource.latest.send("end", null);
    expect(states).toEqual(["open", "lost"]);
  });

  it("is over with its last event", () => {
    stream();
    const source = FakeSource.latest;
    source.send("end", { id: "1" });
    source.send("run", { id: "late" });
    source.send("error");
    vi.advanceTimersByTime(60_000);
    expect(events).toEqual([["end", { id: "1" }]]);
    expect(states).toEqual(["ended"]);
    expect(FakeSource.all).toHaveLength(1);
  });

  it("hears nothing from a connection that it let go", () => {
    stream();
    const old = FakeSource.latest;
    old.send("error");
    vi.advanceTimersByTime(1_250);
    old.send("run", { id: "old" });
    old.send("error");
    expect(events).toEqual([]);
    expect(states).toEqual(["lost"]);
  });

  it("pauses and goes on, but not after it was closed", () => {
    const live = stream();
    live.pause();
    expect(FakeSource.latest.closed).toBe(true);
    live.resume();
    live.resume();
    expect(FakeSource.all).toHaveLength(2);
    live.close();
    live.resume();
    vi.advanceTimersByTime(60_000);
    expect(FakeSource.all).toHaveLength(2);
  });
});

describe("the pause", () => {
  it("grows, and is not the same for all", () => {
    expect([1, 2, 3, 9].map((n) => pauseMs(n, 0.5))).toEqual([1_000, 2_000, 4_000, 15_000]);
    expect(pauseMs(1, 0)).toBeLessThan(pauseMs(1, 1));
  });
});
