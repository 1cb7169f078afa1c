// SPDX-License-Identifier: Apache-2.0
import { fireEvent, screen, waitFor, within } from "@testing-library/react";
import { beforeEach, describe, expect, it } from "vitest";

import type { Pack, PackRule } from "../api/types";
import { answer, aRun, kAdmin, kOperator, refusal, type Sent, serve, show } from "../testing/samples";
import { PackPage } from "./pack_page";
import { PacksPage } from "./packs_page";

const kVersion = {
  name: "webapp", version: "2.0", current: true, digest: "0".repeat(64), key: "1".repeat(64), size_bytes: 6_291_456, files: 3, published_at: "2026-01-01T00:00:00.000Z", published_by: "ada",
};
const kPack: Pack = {
  ...kVersion, files: 3, files_bytes: 6_291_456, containers: 1, description: "An \u001b[31mapp", targets: [{ path: "/opt/webapp", owned: true }], post: "restart.sh",
  versions: [kVersion, { ...kVersion, version: "1.0", current: false }],
};
const kRule: PackRule = { id: 3, pack: "webapp", selector: "role=web", effect: "allow", created_by: "ada", created_at: "2026-01-01T00:00:00.000Z" };
let sent: Sent[] = [];
let listed: unknown[] = [];
let change: (sent: Sent) => Response = () => answer(204, null);

beforeEach(() => {
  listed = [{ ...kVersion, versions: 2, description: "An app" }];
  change = () => answer(204, null);
  sent = serve((asked) => {
    if (asked.path.startsWith("/v1/selectors")) return answer(200, { matched: 20, online: 18, unreachable_names: [] });
    if (asked.method !== "GET") return change(asked);
    if (asked.path.startsWith("/v1/packs?")) return answer(200, { packs: listed, next: null });
    if (asked.path.startsWith("/v1/pack-rules")) return answer(200, { rules: [kRule] });
    if (asked.path.includes("/files")) return answer(200, { files: [{ path: "/opt/webapp/run", kind: "file", mode: "0755", owner: "root", size_bytes: 10 }], next: null });
    return answer(200, kPack);
  });
});

const changes = () => sent.filter(({ method, path }) => method !== "GET" && !path.startsWith("/v1/selectors")).map(({ method, path, body }) => [method, path, body]);

describe("the list of packs", () => {
  it("says which version is current and how large its files are", async () => {
    show(<PacksPage />);
    const row = within(await screen.findByRole("row", { name: /webapp/ }));
    expect(row.getByRole("link", { name: "webapp" }).getAttribute("href")).toBe("/packs/webapp");
    expect(row.getByText("6 MiB")).toBeTruthy();
    expect(row.getByText("of 2")).toBeTruthy();
  });

  it("says how the first one is made", async () => {
    listed = [];
    show(<PacksPage />);
    expect(await screen.findByText(/muster pack publish FOLDER/)).toBeTruthy();
  });
});

describe("a pack", () => {
  it("is sent in waves to the hosts that a selector matches", async () => {
    change = () => answer(201, aRun({ id: "r1" }));
    show(<PackPage name="webapp" me={kOperator} />);
    fireEvent.click(await screen.findByRole("button", { name: "Send…" }));
    const dialog = within(await screen.findByRole("dialog", { name: "Send webapp 2.0" }));
    expect(dialog.getByRole<HTMLButtonElement>("button", { name: "Send" }).disabled).toBe(true);
    fireEvent.change(dialog.getByRole("textbox", { name: "Hosts" }), { target: { value: "role=web" } });
    fireEvent.click(await dialog.findByRole("button", { name: "Send to 20 hosts" }));
    await waitFor(() => expect(changes()).toEqual([[
      "POST", "/v1/runs",
      {
        selector: "role=web", method: { name: "pack::webapp", version: "2.0", arguments: { action: "apply" } },
        rollout: { waves: [{ count: 1 }, { percent: 10 }, { percent: 100 }] },
      },
    ]]));
    await waitFor(() => expect(location.pathname).toBe("/runs/r1"));
  });

  it("goes back after a yes, and says why it would not", async () => {
    change = () => refusal(409, "conflict", "no host matches");
    show(<PackPage name="webapp" me={kOperator} />);
    fireEvent.click(await screen.findByRole("button", { name: "Roll back…" }));
    const dialog = within(await screen.findByRole("dialog", { name: "Roll back webapp?" }));
    fireEvent.change(dialog.getByRole("textbox", { name: "Hosts" }), { target: { value: "role=web" } });
    fireEvent.click(dialog.getByRole("switch"));
    fireEvent.click(await dialog.findByRole("button", { name: "Roll back on 20 hosts" }));
    expect((await dialog.findByRole("alert")).textContent).toContain("no host matches");
    expect(changes()).toEqual([["POST", "/v1/runs", { selector: "role=web", method: { name: "pack::webapp", version: "2.0", arguments: { action: "rollback" } } }]]);
  });

  it("shows versions, files and rules, and lets an administrator change them", async () => {
    show(<PackPage name="webapp" me={kAdmin} />);
    expect(await screen.findByText("/opt/webapp/run")).toBeTruthy();
    expect(document.body.textContent).not.toContain("\u001b");
    fireEvent.click(screen.getByRole("button", { name: "Make current" }));
    await waitFor(() => expect(changes()).toEqual([["PUT", "/v1/methods/pack%3A%3Awebapp/current", { version: "1.0" }]]));
    fireEvent.click(await screen.findByRole("button", { name: "Remove the rule for role=web" }));
    await waitFor(() => expect(changes().at(-1)).toEqual(["DELETE", "/v1/pack-rules/3", undefined]));
    change = () => answer(201, kRule);
    const form = within(screen.getByRole("form", { name: "A new rule" }));
    fireEvent.change(form.getByRole("textbox", { name: "Users of" }), { target: { value: "site=lab" } });
    fireEvent.click(form.getByRole("button", { name: "Add" }));
    await waitFor(() => expect(changes().at(-1)).toEqual(["POST", "/v1/pack-rules", { pack: "webapp", selector: "site=lab", effect: "allow" }]));
  });

  it("lets viewers look only", async () => {
    show(<PackPage name="webapp" me={{ ...kOperator, role: "viewer" }} />);
    expect((await screen.findByRole<HTMLButtonElement>("button", { name: "Send…" })).disabled).toBe(true);
    expect(screen.queryByRole("form", { name: "A new rule" })).toBeNull();
  });
});
