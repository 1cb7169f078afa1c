// SPDX-License-Identifier: Apache-2.0
import { render, screen } from "@testing-library/react";
import { describe, expect, it } from "vitest";

import { firstLines, HostText } from "./host_text";

describe("firstLines", () => {
  it("says how many lines follow", () => {
    expect(firstLines("a\nb\nc\nd\n", 2)).toEqual({ head: "a\nb", more: 2 });
    expect(firstLines("a\nb\nc\nd", 2)).toEqual({ head: "a\nb", more: 2 });
    expect(firstLines("a\nb\n", 2)).toEqual({ head: "a\nb\n", more: 0 });
    expect(firstLines("", 2)).toEqual({ head: "", more: 0 });
  });
});

describe("HostText", () => {
  it("shows markup as text and makes no element of it", () => {
    render(<HostText label="stdout" text={`<img src=x onerror="alert(1)">\u001b[0m`} />);
    const output = screen.getByLabelText("stdout");
    expect(output.textContent).toBe(`<img src=x onerror="alert(1)">^[[0m`);
    expect(output.querySelector("img")).toBeNull();
  });
  it("says what it left out", () => {
    render(<HostText label="stdout" text={"line\n".repeat(12)} linesMax={8} />);
    expect(screen.getByLabelText("stdout").textContent).toContain("… 4 more lines");
  });
});
