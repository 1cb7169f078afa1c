// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "vitest";

import { ago, counted, duration, moment, size } from "./format";

describe("counted", () => {
  it("says one and many", () => {
    expect([counted(1, "host"), counted(0, "host"), counted(12_345, "host"), counted(2, "host is", "hosts are")])
      .toEqual(["1 host", "0 hosts", "12,345 hosts", "2 hosts are"]);
  });
});

describe("size", () => {
  it.each([
    [0, "0 bytes"], [1, "1 byte"], [1_023, "1,023 bytes"], [1_024, "1 KiB"], [1_536, "1.5 KiB"], [204_800, "200 KiB"], [200 * 1024 ** 2, "200 MiB"],
    [1_048_575, "1 MiB"], [1_048_576, "1 MiB"], [5 * 1024 ** 3, "5 GiB"], [3_000 * 1024 ** 4, "3000 TiB"],
  ])("%i", (bytes, text) => {
    expect(size(bytes)).toBe(text);
  });
});

describe("duration", () => {
  it.each([
    [0, "0 ms"], [12, "12 ms"], [350.4, "350 ms"], [999.7, "1.0 s"], [4_200, "4.2 s"], [9_960, "10 s"], [59_400, "59 s"], [59_700, "1 min"], [60_000, "1 min"],
    [310_000, "5 min 10 s"], [3_599_700, "1 h"], [7_500_000, "2 h 5 min"], [86_400_000, "1 day"], [172_800_000, "2 days"], [200_000_000, "2 days"],
  ])("%d ms", (ms, text) => {
    expect(duration(ms)).toBe(text);
  });
});

describe("ago", () => {
  const now = Date.parse("2026-05-05T12:00:00Z");
  it.each([
    ["2026-05-05T11:59:57Z", "just now"], ["2026-05-05T11:59:48Z", "12 s ago"], ["2026-05-05T11:58:01Z", "1 min ago"],
    ["2026-05-05T09:00:00Z", "3 h ago"], ["2026-05-03T12:00:00Z", "2 d ago"], ["2026-05-05T12:00:30Z", "just now"], ["2026-04-25T12:00:00Z", "10 d ago"], ["never", ""],
  ])("%s", (time, text) => {
    expect(ago(time, now)).toBe(text);
  });
});

it("shows a time that is none as it came", () => {
  expect(moment("soon")).toBe("soon");
  expect(moment("2026-05-05T12:00:00Z")).toContain("2026");
});
