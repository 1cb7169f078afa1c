// SPDX-License-Identifier: Apache-2.0
import { fireEvent, screen, within } from "@testing-library/react";
import { beforeEach, describe, expect, it } from "vitest";

import type { Discovery, Me } from "../api/types";
import { answer, kOperator, refusal, type Sent, serve, show } from "../testing/samples";
import { DiscoveryPage } from "./discovery_page";

const kAdmin = { ...kOperator, role: "admin" } as Me;
const kDone: Discovery = {
  id: 7, state: "finished", started_at: "2026-11-22T10:00:00.000Z", addresses: 254, looked_at: 254, machines: 3, networks: ["10.1.7.0/24"],
  found: [
    { address: "10.1.7.2", kind: "endpoint", open_ports: [22], endpoint: "0123456789abcdefghjkmnpqrs", name: "web1", online: true, agent: "link open" },
    { address: "10.1.7.3", kind: "ssh", open_ports: [22], ssh: "OpenSSH_9.2\u001b[31m" },
    { address: "10.1.7.4", kind: "other", open_ports: [] },
  ],
};
let allowed: string[] = [];
let begun: () => Response = () => answer(202, { ...kDone, found: undefined });
let sent: Sent[] = [];

beforeEach(() => {
  allowed = ["10.1.7.0/24"];
  begun = () => answer(202, { ...kDone, found: undefined });
  sent = serve(({ method, path }) => {
    if (method === "POST") return begun();
    if (path === "/v1/discoveries") return answer(200, { discoveries: [], allowed_networks: allowed });
    return answer(200, kDone);
  });
});

describe("a look through networks", () => {
  it("takes all that the policy opens, and shows hosts and strangers", async () => {
    show(<DiscoveryPage me={kAdmin} />);
    fireEvent.click(await screen.findByRole("button", { name: "Look through" }));
    const found = within(await screen.findByRole("region", { name: "What was found" }));
    expect(await found.findByText("web1")).toBeTruthy();
    expect(sent.find(({ method }) => method === "POST")).toMatchObject({ path: "/v1/discoveries", body: { networks: ["10.1.7.0/24"] } });
    expect(found.getByRole("status").textContent).toContain("254 addresses in 10.1.7.0/24 · 3 machines · 1 host of the region");
    expect(document.body.textContent).not.toContain("\u001b");
    fireEvent.click(found.getByRole("switch", { name: "Leave out hosts of the region" }));
    expect(found.queryByText("web1")).toBeNull();
    expect(found.getByText("10.1.7.3")).toBeTruthy();
  });

  it("says why it was refused", async () => {
    begun = () => refusal(409, "conflict", "discovery 6 is under way: wait for its end, or stop it");
    show(<DiscoveryPage me={kAdmin} />);
    fireEvent.click(await screen.findByRole("button", { name: "Look through" }));
    expect((await screen.findByRole("alert")).textContent).toContain("discovery 6 is under way");
  });

  it("says what to do where the policy opens nothing, and to whom it is open", async () => {
    allowed = [];
    const { unmount } = show(<DiscoveryPage me={kAdmin} />);
    expect(await screen.findByText("The site policy opens no network to discovery")).toBeTruthy();
    unmount();
    show(<DiscoveryPage me={kOperator} />);
    expect(screen.getByText(/takes the role admin/)).toBeTruthy();
  });
});
