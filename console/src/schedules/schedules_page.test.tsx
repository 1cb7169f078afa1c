// SPDX-License-Identifier: Apache-2.0
import { fireEvent, screen, waitFor, within } from "@testing-library/react";
import { beforeEach, describe, expect, it } from "vitest";

import type { Me, Method, Schedule } from "../api/types";
import { aMethod, answer, aParameter, aSchedule, kOperator, refusal, type Sent, serve, show } from "../testing/samples";
import { SchedulesPage } from "./schedules_page";

let schedules: Schedule[] = [];
let method: Method = aMethod();
let saved: () => Response = () => answer(201, aSchedule());
let sent: Sent[] = [];
const changes = () => sent.filter(({ method: verb, path }) => verb !== "GET" && path.startsWith("/v1/schedules"));

beforeEach(() => {
  schedules = [];
  method = aMethod();
  saved = () => answer(201, aSchedule());
  sent = serve(({ method: verb, path }) => {
    if (path.startsWith("/v1/schedules/preview")) return answer(200, { next: ["2026-12-01T02:00:00.000Z"], local: ["2026-12-01T03:00:00"] });
    if (path.startsWith("/v1/methods?")) return answer(200, { methods: [method], next: null });
    if (path.startsWith("/v1/methods/")) return answer(200, method);
    if (path === "/v1/selectors/check") return answer(200, { matched: 1, online: 1, unreachable_names: [] });
    if (verb === "GET") return answer(200, { schedules });
    return verb === "DELETE" ? answer(204, undefined) : saved();
  });
});

async function menu(name: string, item: string) {
  fireEvent.click(await screen.findByRole("button", { name: `More about ${name}` }));
  fireEvent.click(await screen.findByRole("menuitem", { name: item }));
}

describe("a new schedule", () => {
  it("is sent as it was filled in; the server's words stand at their field", async () => {
    saved = () => refusal(409, "exists", "there is a schedule 'patch' already");
    show(<SchedulesPage me={kOperator} />);
    fireEvent.click(await screen.findByRole("button", { name: "New schedule…" }));
    const form = within(await screen.findByRole("form", { name: "New schedule" }));
    const type = (label: string | RegExp, text: string) => fireEvent.change(form.getByLabelText(label), { target: { value: text } });
    fireEvent.click(form.getByRole("button", { name: "Make the schedule" }));
    expect(await form.findByText("What is it called?")).toBeTruthy();
    expect(changes()).toEqual([]);
    type(/^Name/, "patch");
    type(/^Cron expression/, "@daily");
    type("Command line", "uptime");
    fireEvent.click(form.getByRole("button", { name: "Make the schedule" }));
    expect(await form.findByText("there is a schedule 'patch' already")).toBeTruthy();
    expect(form.getByLabelText(/^Name/).getAttribute("aria-invalid")).toBe("true");
    expect(changes()[0]).toMatchObject({
      method: "POST", path: "/v1/schedules",
      body: { name: "patch", enabled: true, trigger: { cron: "@daily" }, request: { selector: "", command: { shell: "uptime" }, limits: { timeout_ms: 60_000 } } },
    });
  });

  it("is nothing that a viewer makes", async () => {
    schedules = [aSchedule()];
    show(<SchedulesPage me={{ ...kOperator, role: "viewer" } as Me} />);
    await screen.findByText("nightly");
    expect(screen.getByRole<HTMLButtonElement>("button", { name: "New schedule…" }).disabled).toBe(true);
    fireEvent.click(screen.getByRole("button", { name: "More about nightly" }));
    for (const item of ["Change…", "Delete…"]) expect((await screen.findByRole<HTMLButtonElement>("menuitem", { name: item })).disabled).toBe(true);
  });
});

describe("a schedule that is changed", () => {
  it("keeps what the form does not show, its name and whether it is enabled", async () => {
    schedules = [aSchedule({
      enabled: false, author: "grace",
      request: { selector: "role=web", command: { shell: "uptime", environment: { LANG: "C" } }, limits: { memory_bytes: 7 }, description: "schedule nightly" } as unknown as Schedule["request"],
    })];
    saved = () => answer(200, schedules[0]);
    show(<SchedulesPage me={kOperator} />);
    await menu("nightly", "Change…");
    const form = within(await screen.findByRole("form", { name: "Change the schedule" }));
    expect(form.getByText(/in the name of grace/)).toBeTruthy();
    expect(form.getByLabelText<HTMLInputElement>(/^Name/).disabled).toBe(true);
    fireEvent.change(form.getByLabelText("Command line"), { target: { value: "uptime -p" } });
    await waitFor(() => expect(form.getByRole<HTMLButtonElement>("button", { name: "Save" }).disabled).toBe(false));
    fireEvent.click(form.getByRole("button", { name: "Save" }));
    await waitFor(() => expect(changes()).toHaveLength(1));
    expect(changes()[0]).toMatchObject({ method: "PUT", path: "/v1/schedules/nightly", body: {
      enabled: false, trigger: { cron: "0 3 * * *" }, zone: "Europe/Berlin",
      request: { selector: "role=web", command: { shell: "uptime -p", environment: { LANG: "C" } }, limits: { memory_bytes: 7 }, description: "schedule nightly" },
    } });
  });

  it("asks for secrets again, and never sends what stands in their place", async () => {
    method = aMethod({ parameters: [aParameter({ required: false }), aParameter({ name: "password", sensitive: true })] });
    schedules = [aSchedule({ request: { selector: "id=h1", method: { name: "greet", arguments: { name: "Ada", password: "[hidden]" } } } as unknown as Schedule["request"] })];
    show(<SchedulesPage me={kOperator} />);
    await menu("nightly", "Change…");
    expect(await screen.findByText(/give password again/)).toBeTruthy();
    fireEvent.click(screen.getByRole("button", { name: "Save" }));
    expect(await screen.findByText("Required: text that is not empty")).toBeTruthy();
    expect(changes()).toEqual([]);
    fireEvent.input(screen.getByLabelText(/^password/, { selector: "input" }), { target: { value: "hunter2" } });
    fireEvent.click(screen.getByRole("button", { name: "Save" }));
    await waitFor(() => expect(changes()).toHaveLength(1));
    // No version: the one that is current when it fires.
    expect(changes()[0]?.body).toMatchObject({ request: { method: { name: "greet", arguments: { name: "Ada", password: "hunter2" } } } });
    expect(JSON.stringify(changes()[0]?.body)).not.toMatch(/hidden|version/);
  });

  it("that the form cannot say keeps what it runs", async () => {
    schedules = [aSchedule({ request: { selector: "all", ping: {} } as unknown as Schedule["request"] })];
    show(<SchedulesPage me={kOperator} />);
    await menu("nightly", "Change…");
    expect(await screen.findByText("What it runs stays as it is")).toBeTruthy();
    fireEvent.click(screen.getByRole("button", { name: "Save" }));
    await waitFor(() => expect(changes()).toHaveLength(1));
    expect((changes()[0]?.body as { request: unknown }).request).toEqual({ selector: "all", ping: {} });
  });
});

it("is deleted after a second yes only", async () => {
  schedules = [aSchedule()];
  show(<SchedulesPage me={kOperator} />);
  await menu("nightly", "Delete…");
  fireEvent.click(await screen.findByRole("button", { name: "Keep it" }));
  await waitFor(() => expect(screen.queryByRole("button", { name: "Keep it" })).toBeNull());
  expect(changes()).toEqual([]);
  await menu("nightly", "Delete…");
  fireEvent.click(await screen.findByRole("button", { name: "Delete it" }));
  await waitFor(() => expect(changes()).toMatchObject([{ method: "DELETE", path: "/v1/schedules/nightly" }]));
});
