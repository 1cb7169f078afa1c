// SPDX-License-Identifier: Apache-2.0
import { fireEvent, screen, waitFor, within } from "@testing-library/react";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import type { Neighbour } from "../api/types";
import { aHost, answer, kAdmin, kOperator, refusal, type Sent, serve, show } from "../testing/samples";
import { RegionSwitch } from "./region_switch";
import { RegionsPage } from "./regions_page";

const kEast: Neighbour = {
  name: "east", region: "0".repeat(26), fingerprint: "abcdefgh", addresses: ["192.0.2.1:7443"], state: "up", since: "2026-11-22T10:00:00.000Z", may: ["see"],
  selector: "site=berlin", for: "viewer", granted: { may: ["see", "run"] }, added_at: "2026-11-22T09:00:00.000Z", added_by: "ada",
};
const kNorth: Neighbour = { ...kEast, name: "north", state: "down", why: "no answer\u001b[31m in 2s", may: [], granted: undefined };
let sent: Sent[] = [];
let regions: Neighbour[] = [];
let knownAs: string | undefined;

beforeEach(() => {
  regions = [kEast, kNorth];
  knownAs = undefined;
  sent = serve(({ method, path }) => {
    if (path === "/v1/regions/inspect") return answer(200, { name: "south", region: "1".repeat(26), fingerprint: "wxyz1234", addresses: ["h:1"], known_as: knownAs });
    if (path.startsWith("/v1/regions/card")) return answer(200, { name: "west", region: "2".repeat(26), fingerprint: "zzzz", addresses: [], card: "muster-region-card 1" });
    if (path.startsWith("/v1/regions/hosts"))
      return answer(200, {
        regions: [
          { name: "here", state: "up", since: kEast.since, hosts: [aHost({ name: "w1" })], total: 1, online: 1 },
          { name: "east", state: "up", since: kEast.since, hosts: [aHost({ id: "h2", name: "a1", online: false })], total: 900, online: 0 },
          { name: "north", state: "down", since: kEast.since, error: { code: "unavailable", message: "the region north is down since 10:00" } },
        ],
      });
    if (path.startsWith("/v1/regions/runs"))
      return answer(200, { runs: [{ id: 1, region: "east", user: "ada", state: "finished", what: "uptime", selector: "all", key: "k", run: "0000000000001", asked_at: kEast.since, looked_at: kEast.since }], next: null });
    if (method === "DELETE") return answer(204, null);
    if (method === "POST") return answer(201, { ...kEast, name: "south" });
    return answer(200, { regions });
  });
});
afterEach(() => window.history.replaceState(null, "", "/"));

describe("the page of regions", () => {
  it("shows who is there, who is not and why, and what is granted each way", async () => {
    show(<RegionsPage me={kOperator} />);
    const table = within(await screen.findByRole("table", { name: "Regions" }));
    expect(table.getByText("see on site=berlin")).toBeTruthy();
    expect(table.getByText("see, run")).toBeTruthy();
    expect(table.getByText("down")).toBeTruthy();
    expect(table.getByText(/no answer/).textContent).not.toContain("\u001b");
    expect(table.getByRole("link", { name: "east" }).getAttribute("href")).toBe("/@east/hosts");
    expect(screen.queryByRole("button", { name: "Add a region" })).toBeNull();
    expect(screen.queryByRole("button", { name: "Remove east" })).toBeNull();
  });

  it("shows hosts of all, and an error in the place of those that do not answer", async () => {
    show(<RegionsPage me={kOperator} />);
    const east = within(await screen.findByRole("region", { name: "east" }));
    expect(east.getByRole("link", { name: "a1 (offline)" }).getAttribute("href")).toBe("/@east/hosts?selector=id%3Dh2");
    expect(east.getByRole("link", { name: "and 899 more" })).toBeTruthy();
    expect(within(screen.getByRole("region", { name: "this region" })).getByRole("link", { name: "w1" }).getAttribute("href")).toBe("/hosts?selector=id%3Dh1");
    expect(within(screen.getByRole("region", { name: "north" })).getByText(/is down since/)).toBeTruthy();
    fireEvent.click(screen.getByRole("tab", { name: "Runs started there" }));
    const run = await screen.findByRole("link", { name: "uptime" });
    expect(run.getAttribute("href")).toBe("/@east/runs/0000000000001");
  });

  it("removes a region after a second yes", async () => {
    show(<RegionsPage me={kAdmin} />);
    fireEvent.click(await screen.findByRole("button", { name: "Remove north" }));
    expect(sent.some(({ method }) => method === "DELETE")).toBe(false);
    fireEvent.click(within(await screen.findByRole("dialog")).getByRole("button", { name: "Remove north" }));
    await waitFor(() => expect(sent.find(({ method }) => method === "DELETE")?.path).toBe("/v1/regions/north"));
  });

  it("adds one when its fingerprint was compared, with what it may", async () => {
    show(<RegionsPage me={kAdmin} />);
    fireEvent.click(await screen.findByRole("button", { name: "Add a region" }));
    fireEvent.change(await screen.findByRole("textbox", { name: /Card of the other region/ }), { target: { value: "muster-region-card 1" } });
    fireEvent.click(screen.getByRole("button", { name: "Look at it" }));
    expect(await screen.findByText("wxyz-1234")).toBeTruthy();
    const add = () => screen.getByRole("button", { name: "Add south" });
    expect(add().hasAttribute("disabled")).toBe(true);
    fireEvent.click(screen.getByRole("checkbox"));
    fireEvent.click(add());
    await waitFor(() => expect(sent.find(({ method, path }) => method === "POST" && path === "/v1/regions")?.body).toEqual({ card: "muster-region-card 1", name: "south", may: [], selector: "" }));
  });

  it("does not add one that is known, and says what is refused", async () => {
    knownAs = "east";
    show(<RegionsPage me={kAdmin} />);
    fireEvent.click(await screen.findByRole("button", { name: "Add a region" }));
    fireEvent.change(await screen.findByRole("textbox", { name: /Card of the other region/ }), { target: { value: "x" } });
    fireEvent.click(screen.getByRole("button", { name: "Look at it" }));
    expect((await screen.findByRole("alert")).textContent).toContain("known already, as east");
  });

  it("shows this region's card", async () => {
    regions = [];
    show(<RegionsPage me={kOperator} />);
    expect(await screen.findByText(/No other region is known/)).toBeTruthy();
    fireEvent.click(screen.getByRole("button", { name: "Card of this region" }));
    expect(await screen.findByText("muster-region-card 1")).toBeTruthy();
  });
});

describe("the switch in the header", () => {
  it("leads to other regions and back, and says where one is", async () => {
    window.history.replaceState(null, "", "/@east/hosts");
    show(<RegionSwitch />);
    fireEvent.click(await screen.findByRole("button", { name: "Region: east" }));
    expect((await screen.findByRole("menuitem", { name: /north/ })).getAttribute("href")).toBe("/@north/hosts");
    expect(screen.getByRole("menuitem", { name: "this region" }).getAttribute("href")).toBe("/hosts");
  });

  it("is not there for those who have no other region, or may not ask", async () => {
    const asked = serve(() => refusal(403, "denied", "narrowed"));
    const { client } = show(<RegionSwitch />);
    await waitFor(() => expect(asked).toHaveLength(1));
    await waitFor(() => expect(client.isFetching()).toBe(0));
    expect(screen.queryByRole("button")).toBeNull();
  });
});
