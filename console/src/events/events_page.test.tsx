// SPDX-License-Identifier: Apache-2.0
import { fireEvent, screen, waitFor } from "@testing-library/react";
import { beforeEach, expect, it } from "vitest";

import type { HostEvent } from "../api/types";
import { answer, refusal, type Sent, serve, show } from "../testing/samples";
import { EventsPage } from "./events_page";

const kEvent: HostEvent = {
  id: "7", endpoint: "0123456789abcdefghjkmnpqrs", name: "web1", run: "0000000000001", gateway: "gw1", severity: "warning", kind: "disk.full", text: "2 % left \u001b[31m",
  taken_at: "2026-01-01T00:00:00Z", stored_at: "2026-01-01T00:00:00Z",
};
let events: HostEvent[] = [];
let refused = false;
let sent: Sent[] = [];

beforeEach(() => {
  events = [kEvent];
  refused = false;
  sent = serve(() => (refused ? refusal(503, "unavailable", "the database does not answer") : answer(200, { events, next: null })));
});

it("shows what hosts told, and asks again for what is filtered", async () => {
  show(<EventsPage />);
  expect((await screen.findByRole("row", { name: /disk\.full/ })).textContent).toContain("2 % left");
  expect(document.body.textContent).not.toContain("\u001b");
  expect(screen.getByRole("link", { name: "run" }).getAttribute("href")).toBe("/runs/0000000000001");
  events = [];
  fireEvent.change(screen.getByRole("textbox", { name: "Kind" }), { target: { value: "backup" } });
  expect(await screen.findByText("Nothing of this kind has been told")).toBeTruthy();
  await waitFor(() => expect(sent.at(-1)?.path).toContain("kind=backup"));
});

it("says what went wrong", async () => {
  refused = true;
  show(<EventsPage />);
  expect((await screen.findByRole("alert")).textContent).toContain("the database does not answer");
});
