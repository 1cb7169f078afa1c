// SPDX-License-Identifier: Apache-2.0
import { fireEvent, screen, waitFor, within } from "@testing-library/react";
import { beforeEach, expect, it } from "vitest";

import type { Gateway } from "../api/types";
import { answer, kAdmin, kOperator, refusal, type Sent, serve, show } from "../testing/samples";
import { GatewaysPage } from "./gateways_page";

let gateways: Gateway[] = [];
let change: () => Response = () => answer(204, null);
let sent: Sent[] = [];

beforeEach(() => {
  gateways = [
    { name: "gw1", state: "up", draining: false, links: 40, expected: 2, capacity: 100, behind: [], limits: [] },
    { name: "gw2", state: "draining", draining: true, links: 3, expected: 0, capacity: 100, behind: ["gw1"], limits: ["1 MB/s"] },
  ];
  change = () => answer(204, null);
  sent = serve(({ method, path }) => {
    if (method !== "GET") return change();
    if (path === "/v1/gateways") return answer(200, { gateways });
    return answer(200, {
      servers: [{ name: "alpha", addresses: ["10.0.0.1:7443"], role: "leader", version: "0.1.0", since: "2026-01-01T00:00:00Z", last_seen: "2026-01-01T00:00:00Z" }], term: 4,
    });
  });
});

const changes = () => sent.filter(({ method }) => method !== "GET").map(({ method, path }) => [method, path]);

it("drains a gateway after a yes, and lets hosts back to another", async () => {
  show(<GatewaysPage me={kAdmin} />);
  expect((await screen.findByRole("row", { name: /^gw1/ })).textContent).toContain("40 and 2 on their way");
  expect(screen.getByRole("row", { name: /^gw2/ }).textContent).toContain("behind gw11 MB/s");
  fireEvent.click(screen.getByRole("button", { name: "Drain…" }));
  const dialog = within(await screen.findByRole("dialog", { name: "Drain gw1?" }));
  expect(dialog.getByText(/Its 40 hosts move elsewhere/)).toBeTruthy();
  expect(changes()).toEqual([]);
  change = () => refusal(503, "unavailable", "the database does not answer");
  fireEvent.click(dialog.getByRole("button", { name: "Drain it" }));
  expect((await dialog.findByRole("alert")).textContent).toContain("the database does not answer");
  change = () => answer(204, null);
  fireEvent.click(dialog.getByRole("button", { name: "Drain it" }));
  await waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
  fireEvent.click(screen.getByRole("button", { name: "Let hosts back" }));
  await waitFor(() => expect(changes().at(-1)).toEqual(["POST", "/v1/gateways/gw2/undrain"]));
});

it("says who leads, and offers nothing to operators", async () => {
  show(<GatewaysPage me={kOperator} />);
  const servers = within(await screen.findByRole("region", { name: "Servers" }));
  expect((await servers.findByRole("row", { name: /alpha/ })).textContent).toContain("leads");
  expect(screen.queryByRole("button", { name: /Drain|Let hosts back/ })).toBeNull();
});

it("says how a gateway is added where there is none", async () => {
  gateways = [];
  show(<GatewaysPage me={kAdmin} />);
  expect(await screen.findByText(/No gateway has come yet/)).toBeTruthy();
});
