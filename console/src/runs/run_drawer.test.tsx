// SPDX-License-Identifier: Apache-2.0
import { fireEvent, screen, waitFor, within } from "@testing-library/react";
import { beforeEach, describe, expect, it, vi } from "vitest";

import { answer, aRun, kOperator, refusal, type Sent, serve, show } from "../testing/samples";
import { RunDrawer } from "./run_drawer";

let matched = 3;
let order: () => Response = () => answer(201, aRun());
let sent: Sent[] = [];
const isOrder = ({ method, path }: Sent) => method === "POST" && path === "/v1/runs";
const orders = () => sent.filter(isOrder);

beforeEach(() => {
  matched = 3;
  order = () => answer(201, aRun());
  sent = serve((asked) => (isOrder(asked) ? order() : answer(200, { matched, online: matched - 1, unreachable_names: ["web\u202e3"] })));
});

async function form() {
  show(<RunDrawer me={kOperator} start={{ selector: "os=linux" }} onClose={vi.fn()} />);
  const run = await screen.findByRole("button", { name: /^Run on/ });
  return { run, command: (text: string) => fireEvent.change(screen.getByLabelText("Command line"), { target: { value: text } }) };
}

describe("ordering a run", () => {
  it("tells who is offline before anything is ordered, names spelt out", async () => {
    await form();
    expect(screen.getByText("1 host is offline")).toBeTruthy();
    expect(screen.getByText(/web<U\+202E>3/)).toBeTruthy();
  });

  it("asks whom it reaches in a body, because many ids do not fit into an address", async () => {
    await form();
    expect(sent[0]).toMatchObject({ method: "POST", path: "/v1/selectors/check", body: { selector: "os=linux" } });
  });

  // The question stood inside the run's own form: React warned, and its submit was the run's, too.
  it("asks for the second yes in a form of its own", async () => {
    const complaints = vi.spyOn(console, "error").mockImplementation(() => undefined);
    matched = 1_200;
    const { run, command } = await form();
    command("uptime");
    fireEvent.click(run);
    await screen.findByRole("form", { name: "Confirm" });
    expect(complaints.mock.calls).toEqual([]);
    complaints.mockRestore();
  });

  it("sends nothing without a command", async () => {
    const { run } = await form();
    fireEvent.click(run);
    expect(await screen.findByText("Type the command line to run")).toBeTruthy();
    expect(orders()).toEqual([]);
  });

  it("starts on few hosts at once, as given", async () => {
    const { run, command } = await form();
    command("uptime");
    fireEvent.click(run);
    await waitFor(() => expect(orders()).toHaveLength(1));
    expect(orders()[0]?.body).toMatchObject({ selector: "os=linux", command: { shell: "uptime" } });
    await waitFor(() => expect(window.location.pathname).toBe("/runs/0000000000001"));
  });

  it("wants the number typed for more than 100 hosts", async () => {
    matched = 1_200;
    const { run, command } = await form();
    command("uptime");
    fireEvent.click(run);
    const confirm = within(await screen.findByRole("form", { name: "Confirm" }));
    const yes = confirm.getByRole<HTMLButtonElement>("button", { name: "Run on 1,200 hosts" });
    const type = (text: string) => fireEvent.change(confirm.getByLabelText("Type 1200 to confirm"), { target: { value: text } });
    expect(yes.disabled).toBe(true);
    type("120");
    fireEvent.submit(screen.getByRole("form", { name: "Confirm" }));
    expect(yes.disabled).toBe(true);
    expect(orders()).toEqual([]);
    type("1,200");
    fireEvent.click(yes);
    await waitFor(() => expect(orders()).toHaveLength(1));
  });

  it("sends its waves, says before what they will do, and shows the server's words at the wave that they are about", async () => {
    order = () => refusal(400, "invalid", "rollout.waves[1]: column 6: expected a value");
    const { run, command } = await form();
    command("uptime");
    const head = screen.getByRole("button", { name: /^Roll out in waves/ });
    expect(head.getAttribute("aria-expanded")).toBe("false");
    fireEvent.click(head);
    fireEvent.click(screen.getByRole("button", { name: "One host, 10%, the rest" }));
    expect(screen.getByRole("status", { name: "What will happen" }).textContent).toMatch(/^It runs on 1 host first, then on 1 host \(10%\), then on the other 1\./);
    fireEvent.change(screen.getByLabelText("Percentage of wave 2"), { target: { value: "0" } });
    expect(screen.getByRole("status", { name: "What will happen" }).textContent).toBe("");
    fireEvent.click(run);
    expect(await screen.findByText("A whole number from 1 to 100")).toBeTruthy();
    expect(orders()).toEqual([]);
    fireEvent.change(screen.getByLabelText("Percentage of wave 2"), { target: { value: "50" } });
    // Closed again: what is wrong opens it.
    fireEvent.click(head);
    fireEvent.click(run);
    await waitFor(() => expect(orders()).toHaveLength(1));
    expect(orders()[0]?.body).toMatchObject({ rollout: { waves: [{ count: 1 }, { percent: 50 }, { percent: 100 }], failures_max: 0 } });
    expect(await screen.findByText("column 6: expected a value")).toBeTruthy();
    expect(screen.getByLabelText("Percentage of wave 2").getAttribute("aria-invalid")).toBe("true");
    expect(head.getAttribute("aria-expanded")).toBe("true");
  });

  it("shows a refusal and sends the same order under the same key again", async () => {
    order = () => refusal(403, "forbidden", "your selector does not reach these hosts");
    const { run, command } = await form();
    command("uptime");
    fireEvent.click(run);
    expect(await screen.findByText("your selector does not reach these hosts")).toBeTruthy();
    fireEvent.click(run);
    await waitFor(() => expect(orders()).toHaveLength(2));
    command("uptime -p");
    fireEvent.click(run);
    await waitFor(() => expect(orders()).toHaveLength(3));
    const keys = orders().map(({ headers }) => headers["Idempotency-Key"]);
    expect(keys[0]).toBe(keys[1]);
    expect(keys[2]).not.toBe(keys[1]);
  });
});
