// SPDX-License-Identifier: Apache-2.0
import { fireEvent, screen, waitFor } from "@testing-library/react";
import { describe, expect, it, vi } from "vitest";

import { answer, refusal, serve, show } from "../testing/samples";
import { cutAtColumn, selectorOfIds } from "./selector";
import { SelectorBox } from "./selector_box";

describe("cutAtColumn", () => {
  it.each([
    ["os=linux", 1, "", "o", "s=linux"],
    ["os=linux", 3, "os", "=", "linux"],
    ["name=🎉 x", 8, "name=🎉 ", "x", ""],
    ["os=", 4, "os=", "", ""],
    ["os=", 99, "os=", "", ""],
    ["os=", 0, "", "o", "s="],
    ["🙂=a", 2, "🙂", "=", "a"],
    ["", 1, "", "", ""],
  ])("%s at %i", (selector, column, before, at, after) => {
    expect(cutAtColumn(selector, column)).toEqual({ before, at, after });
  });
});

it("names picked hosts by their ids", () => {
  expect(selectorOfIds(["a"])).toBe("id=a");
  expect(selectorOfIds(["a", "b"])).toBe("id in (a,b)");
});

describe("the selector box", () => {
  const matches = () => answer(200, { matched: 3, online: 2, unreachable_names: ["web3"] });

  it("shows the place of a fault and does not apply the selector", async () => {
    serve(({ body }) => ((body as { selector: string }).selector.includes("(") ? refusal(400, "invalid", "column 11: a ')' is missing", { column: 9 }) : matches()));
    const apply = vi.fn();
    show(<SelectorBox value="" onApply={apply} onUnapplied={vi.fn()} />);
    const input = screen.getByLabelText("Selector");
    fireEvent.change(input, { target: { value: "site in (a" } });
    await screen.findByText("Column 9: a ')' is missing");
    expect(document.querySelector("mark")?.textContent).toBe("(");
    expect(input.getAttribute("aria-invalid")).toBe("true");
    expect(apply).not.toHaveBeenCalled();
  });

  it("applies a selector that holds and says what it matches", async () => {
    serve(matches);
    const apply = vi.fn();
    show(<SelectorBox value="" onApply={apply} onUnapplied={vi.fn()} />);
    fireEvent.change(screen.getByLabelText("Selector"), { target: { value: "os=linux" } });
    await waitFor(() => expect(apply).toHaveBeenCalledWith("os=linux"));
    expect(screen.getByText("3 hosts match")).toBeTruthy();
    expect(screen.getByText(/1 offline/).title).toBe("web3");
  });

  it("shows a fault without a column as it is", async () => {
    serve(() => refusal(503, "unavailable", "the server is starting"));
    show(<SelectorBox value="" onApply={vi.fn()} onUnapplied={vi.fn()} />);
    expect(await screen.findByText("the server is starting")).toBeTruthy();
    expect(document.querySelector("mark")).toBeNull();
  });
});
