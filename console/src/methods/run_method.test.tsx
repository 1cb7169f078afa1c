// SPDX-License-Identifier: Apache-2.0
import { fireEvent, screen, waitFor } from "@testing-library/react";
import { beforeEach, describe, expect, it, vi } from "vitest";

import type { Method } from "../api/types";
import { RunDrawer } from "../runs/run_drawer";
import { aMethod, answer, aParameter, aRun, kOperator, refusal, type Sent, serve, show } from "../testing/samples";

let method: Method = aMethod();
let order: () => Response = () => answer(201, aRun());
let sent: Sent[] = [];
const isOrder = ({ method: verb, path }: Sent) => verb === "POST" && path === "/v1/runs";
const orders = () => sent.filter(isOrder).map(({ body }) => body as { method: { arguments: Record<string, unknown>; noop?: boolean }; limits?: unknown });

beforeEach(() => {
  method = aMethod({
    supports_noop: true, timeout_ms: 30_000,
    parameters: [
      aParameter(), aParameter({ name: "times", type: "Optional[Integer[1, 10]]", expected: "a whole number from 1 to 10, or nothing", required: false }),
      aParameter({ name: "password", sensitive: true }),
    ],
  });
  order = () => answer(201, aRun());
  sent = serve((asked) => {
    if (isOrder(asked)) return order();
    return asked.path.startsWith("/v1/methods/") ? answer(200, method) : answer(200, { matched: 1, online: 1, unreachable_names: [] });
  });
});

async function form() {
  const page = show(<RunDrawer me={kOperator} start={{ selector: "id=h1", method: { name: "greet" } }} onClose={vi.fn()} />);
  await screen.findByLabelText(/^password/, { selector: "input" });
  const type = (name: RegExp, text: string) => fireEvent.input(screen.getByLabelText(name, { selector: "input,textarea" }), { target: { value: text } });
  return { ...page, type, run: () => fireEvent.click(screen.getByRole("button", { name: /^(Run|Dry run) on/ })) };
}

describe("running a method", () => {
  it("sends what was filled in, of the version that was seen, and keeps no secret", async () => {
    const { type, run, client } = await form();
    type(/^name/, "Ada");
    type(/^times/, "2");
    type(/^password/, "hunter2 hunter2");
    fireEvent.click(screen.getByLabelText(/^Dry run/));
    run();
    await waitFor(() => expect(orders()).toHaveLength(1));
    expect(orders()[0]).toEqual({
      selector: "id=h1", method: { name: "greet", version: "1.0.0", arguments: { name: "Ada", times: 2, password: "hunter2 hunter2" }, noop: true },
    });
    await waitFor(() => expect(window.location.pathname).toBe("/runs/0000000000001"));
    const kept = JSON.stringify([client.getQueryCache().getAll().map(({ state }) => state), client.getMutationCache().getAll().map(({ state }) => state)]);
    expect(kept).toContain("uptime");
    expect(kept).not.toContain("hunter2");
  });

  it("sends nothing while something is missing or wrong, and says so at the field", async () => {
    const { type, run } = await form();
    type(/^times/, "two");
    run();
    expect(await screen.findByText("A whole number, such as 3")).toBeTruthy();
    expect(screen.getAllByText("Required: text that is not empty")).toHaveLength(2);
    expect(orders()).toEqual([]);
  });

  it("shows the server's words at the field that they are about, until it is changed", async () => {
    order = () => refusal(400, "invalid", "greet: 'times': expected a whole number from 1 to 10, got the number 99");
    const { type, run } = await form();
    type(/^name/, "Ada");
    type(/^password/, "x");
    type(/^times/, "99");
    run();
    expect(await screen.findByText("expected a whole number from 1 to 10, got the number 99")).toBeTruthy();
    expect(screen.getByLabelText(/^times/).getAttribute("aria-invalid")).toBe("true");
    type(/^times/, "9");
    await waitFor(() => expect(screen.queryByText(/got the number 99/)).toBeNull());
  });

  it("does not take a secret of many lines, which its field would break", async () => {
    await form();
    const input = screen.getByLabelText(/^password/, { selector: "input" });
    fireEvent.paste(input, { clipboardData: { getData: () => "-----BEGIN KEY-----\nabc\n" } });
    expect(await screen.findByText(/This field holds one line/)).toBeTruthy();
  });
});
