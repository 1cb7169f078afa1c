// SPDX-License-Identifier: Apache-2.0
import { MantineProvider } from "@mantine/core";
import { render, screen } from "@testing-library/react";
import { describe, expect, it } from "vitest";

import { ApiError } from "../api/client";
import { SelectorFault } from "./selector_box";
import { cutAtColumn, selectorOfIds } from "./selector";

describe("cutAtColumn", () => {
  it("counts characters from 1", () => {
    expect(cutAtColumn("os=linux", 3)).toEqual({ before: "os", at: "=", after: "linux" });
  });
  it("counts a character outside the basic plane once", () => {
    expect(cutAtColumn("🙂=a", 2)).toEqual({ before: "🙂", at: "=", after: "a" });
  });
  it("may point behind the end, and survives a column that is nowhere", () => {
    expect(cutAtColumn("os=", 4)).toEqual({ before: "os=", at: "", after: "" });
    expect(cutAtColumn("os=", 99)).toEqual({ before: "os=", at: "", after: "" });
    expect(cutAtColumn("", 1)).toEqual({ before: "", at: "", after: "" });
  });
});

describe("SelectorFault", () => {
  const show = (column?: number) =>
    render(<MantineProvider><SelectorFault selector="os= and x" error={new ApiError(400, "invalid", column === undefined ? "expected a value" : "column 9: expected a value", column)} /></MantineProvider>);
  it("says the column and marks the place", () => {
    const { container } = show(4);
    expect(screen.getByText("Column 4: expected a value")).toBeDefined();
    expect(container.querySelector("mark")?.textContent).toBe(" ");
  });
  it("says the message alone where there is no column", () => {
    const { container } = show();
    expect(screen.getByText("expected a value")).toBeDefined();
    expect(container.querySelector("mark")).toBeNull();
  });
});

it("a selector of picked hosts names them and nothing else", () => {
  expect(selectorOfIds(["a"])).toBe("id=a");
  expect(selectorOfIds(["a", "b"])).toBe("id in (a,b)");
});
