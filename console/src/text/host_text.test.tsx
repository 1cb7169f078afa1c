// SPDX-License-Identifier: Apache-2.0
import { screen } from "@testing-library/react";
import { describe, expect, it } from "vitest";

import { show } from "../testing/samples";
import { firstLines, HostText } from "./host_text";

function output(): HTMLElement {
  return screen.getByLabelText("stdout");
}

describe("HostText", () => {
  it("never makes elements of output", () => {
    const hostile = `<script>window.hacked=1</script><img src=x onerror="window.hacked=1">&lt;b&gt;`;
    show(<HostText label="stdout" text={hostile} />);
    expect(output().textContent).toBe(hostile);
    expect(output().querySelectorAll(":not(span)")).toHaveLength(0);
  });

  it("marks what is spelt out", () => {
    show(<HostText label="stdout" text={"ok \u001b[2J\u0000\u202e"} />);
    expect(output().textContent).toBe("ok ^[[2J^@<U+202E>");
    expect(screen.getAllByTitle(/control characters/).map((mark) => mark.textContent)).toEqual(["^[", "^@<U+202E>"]);
  });

  it("says how many lines follow", () => {
    show(<HostText label="stdout" text={"1\n2\n3\n4\n"} linesMax={2} />);
    expect(output().textContent).toBe("1\n2\n… 2 more lines");
  });

  it("says how many characters follow, and lines besides", () => {
    show(<HostText label="stdout" text={`${"x".repeat(15)}\nlast`} linesMax={1} charsMax={10} />);
    expect(output().textContent).toBe(`${"x".repeat(10)}\n… 5 more characters, 1 more line`);
  });

  it("lays out no more than its bound", () => {
    show(<HostText label="stdout" text={"y".repeat(3_000_000)} />);
    expect((output().textContent ?? "").length).toBeLessThan(70_000);
    expect(output().textContent).toContain("2,934,464 more characters");
  });
});

describe("firstLines", () => {
  it.each([
    ["", 1, "", 0],
    ["a", 1, "a", 0],
    ["a\n", 1, "a\n", 0],
    ["a\nb", 1, "a", 1],
    ["a\nb\n", 1, "a", 1],
    ["a\n\n\n", 1, "a", 2],
    ["a\nb\nc", 2, "a\nb", 1],
  ])("%j in %i lines", (text, linesMax, head, more) => {
    expect(firstLines(text, linesMax)).toEqual({ head, more });
  });
});
