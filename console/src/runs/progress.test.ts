// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { kTargetsMax, kTextCharsMax, ProgressBoard, saidOf } from "./progress";

const event = (endpoint: string, percent?: number, text?: string) => ({
  endpoint, name: `name of ${endpoint}`, ...(percent === undefined ? {} : { percent }), ...(text === undefined ? {} : { text }),
});

describe("what a target said", () => {
  it.each([
    [{ percent: 40, text: "copying" }, { percent: 40, text: "copying" }],
    [{ percent: 99.9 }, { percent: 99, text: "" }],
    [{ percent: 1e300 }, { percent: 100, text: "" }],
    [{ percent: -5 }, { percent: 0, text: "" }],
    [{ percent: Number.NaN, text: "x" }, { percent: undefined, text: "x" }],
    [{ text: "x" }, { percent: undefined, text: "x" }],
  ])("%j", (progress, said) => {
    expect(saidOf("web1", progress)).toEqual({ name: "web1", ...said });
  });

  it("is nothing where it says nothing", () => {
    expect(saidOf("web1", undefined)).toBeUndefined();
    expect(saidOf("web1", {})).toBeUndefined();
    expect(saidOf("web1", { text: "" })).toBeUndefined();
  });

  it("is cut", () => {
    expect(saidOf("web1", { text: "x".repeat(1_000_000) })?.text).toHaveLength(kTextCharsMax + 1);
  });
});

describe("the board", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it("keeps the newest of each target until it ends, in the order in which they began to speak", () => {
    const board = new ProgressBoard();
    board.take(event("b", 1));
    board.take(event("a", 2));
    board.take(event("b", 3, "on"));
    expect(board.first(5).map(([endpoint, said]) => [endpoint, said.percent, said.text])).toEqual([["b", 3, "on"], ["a", 2, ""]]);
    expect(board.first(1)).toHaveLength(1);
    board.forget("b");
    expect([board.of("b"), board.size]).toEqual([undefined, 1]);
    board.take(event("a"));
    expect(board.size).toBe(0);
  });

  it("is bounded, and tells those that it knows even when it is full", () => {
    const board = new ProgressBoard();
    for (let at = 0; at < kTargetsMax + 10; at++) board.take(event(`h${at}`, 1));
    board.take(event("h0", 50));
    expect([board.size, board.of(`h${kTargetsMax}`), board.of("h0")?.percent]).toEqual([kTargetsMax, undefined, 50]);
    board.clear();
    expect(board.size).toBe(0);
  });

  it("tells a storm of events once, and nobody who has left", () => {
    const board = new ProgressBoard();
    const told = vi.fn();
    const gone = vi.fn();
    board.subscribe(told);
    board.subscribe(gone)();
    for (let at = 0; at < 5_000; at++) board.take(event("h1", at % 100));
    expect(told).not.toHaveBeenCalled();
    vi.runAllTimers();
    expect(told).toHaveBeenCalledTimes(1);
    expect(gone).not.toHaveBeenCalled();
    board.forget("nobody");
    vi.runAllTimers();
    expect(told).toHaveBeenCalledTimes(1);
    board.take(event("h1", 1));
    board.close();
    vi.runAllTimers();
    expect(told).toHaveBeenCalledTimes(1);
  });
});
