// SPDX-License-Identifier: Apache-2.0
import { expect, it } from "vitest";

import { ago, counted, duration, size } from "./format";

it("counts in words", () => {
  expect(counted(1, "host")).toBe("1 host");
  expect(counted(4312, "host matches", "hosts match")).toBe("4,312 hosts match");
});

it("says sizes in units that fit", () => {
  expect([size(1), size(1023), size(1536), size(200 * 1024 * 1024)]).toEqual(["1 byte", "1,023 bytes", "1.5 KiB", "200 MiB"]);
});

it("says durations as people do", () => {
  expect([12, 4_200, 59_000, 60_000, 310_000, 7_500_000, 172_800_000].map(duration))
    .toEqual(["12 ms", "4.2 s", "59 s", "1 min", "5 min 10 s", "2 h 5 min", "2 days"]);
});

it("is patient with clocks that differ", () => {
  const now = Date.parse("2026-11-22T03:00:00.000Z");
  expect(ago("2026-11-22T03:00:02.000Z", now)).toBe("just now");
  expect(ago("2026-11-22T02:58:00.000Z", now)).toBe("2 min ago");
  expect(ago("2026-11-12T03:00:00.000Z", now)).toBe("10 d ago");
  expect(ago("nonsense", now)).toBe("");
});
