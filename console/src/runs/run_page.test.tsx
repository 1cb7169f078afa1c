// SPDX-License-Identifier: Apache-2.0
import { act, screen, waitFor, within } from "@testing-library/react";
import { beforeEach, expect, it, vi } from "vitest";

import { runQuery } from "../api/queries";
import { aFold, answer, aRun, FakeSource, kNoCounts, kOperator, serve, show } from "../testing/samples";
import { RunPage } from "./run_page";

const run = aRun();

beforeEach(() => {
  FakeSource.all = [];
  vi.stubGlobal("EventSource", FakeSource);
  serve(({ path }) => (path.endsWith("/folds?limit=50") ? answer(200, { folds: [], next: null }) : answer(200, run)));
});

async function openPage() {
  const page = show(<RunPage id={run.id} me={kOperator} />);
  await screen.findByText("0 of 2 answered");
  await waitFor(() => expect(FakeSource.all).toHaveLength(1));
  act(() => FakeSource.latest.send("open"));
  return page;
}

it("says that the connection is lost, and no more once it is back", async () => {
  await openPage();
  act(() => FakeSource.latest.send("error"));
  expect(screen.getByRole("alert").textContent).toBe("connection lost, retrying");
  await waitFor(() => expect(FakeSource.all).toHaveLength(2), { timeout: 3_000 });
  act(() => FakeSource.latest.send("open"));
  expect(screen.queryByRole("alert")).toBeNull();
});

it.each(["{", "null", `{"id":"0000000000001","state":"finished"}`])("survives the event %s visibly", async (text) => {
  await openPage();
  act(() => FakeSource.latest.sendText("run", text));
  expect(screen.getByText("0 of 2 answered")).toBeTruthy();
  expect(screen.getByRole("alert").textContent).toBe("connection lost, retrying");
});

it("follows the run to its end, which an answer that comes late does not undo", async () => {
  const { client } = await openPage();
  act(() => FakeSource.latest.send("run", { ...run, counts: { ...kNoCounts, running: 1, succeeded: 1 } }));
  expect(await screen.findByText("1 of 2 answered")).toBeTruthy();
  act(() => FakeSource.latest.send("end", { ...run, state: "finished", counts: { ...kNoCounts, succeeded: 2 } }));
  expect(await screen.findByText("Finished: 2 hosts")).toBeTruthy();
  expect(FakeSource.latest.closed).toBe(true);
  await act(() => client.refetchQueries({ queryKey: runQuery(run.id).queryKey, exact: true }));
  expect(screen.getByText("Finished: 2 hosts")).toBeTruthy();
});

// A run of half a second ended while the first list of its answers was on its way, which knew of
// none yet: "There are no answers" stood there for good.
it("reads the answers again when the run ends while they are read for the first time", async () => {
  let late: (list: Response) => void = () => undefined;
  let asked = 0;
  serve(({ path }) => {
    if (!path.includes("/folds")) return answer(200, run);
    asked += 1;
    if (asked > 1) return answer(200, { folds: [aFold({ stdout: "up\n", stdout_bytes: 3 })], next: null });
    return new Promise<Response>((resolve) => { late = resolve; });
  });
  await openPage();
  act(() => FakeSource.latest.send("end", { ...run, state: "finished", counts: { ...kNoCounts, succeeded: 2 } }));
  late(answer(200, { folds: [], next: null }));
  expect(await screen.findByText("up")).toBeTruthy();
});

// The same where the end was told by the region's events, before the run's own had said anything.
it("reads the answers again when the end is heard of from elsewhere", async () => {
  let ended = false;
  serve(({ path }) => (path.includes("/folds") ? answer(200, { folds: ended ? [aFold({ stdout: "up\n", stdout_bytes: 3 })] : [], next: null }) : answer(200, run)));
  const { client } = await openPage();
  await screen.findByText(/No answer yet/);
  ended = true;
  act(() => {
    client.setQueryData(runQuery(run.id).queryKey, { ...run, state: "finished", counts: { ...kNoCounts, succeeded: 2 } });
  });
  expect(await screen.findByText("up")).toBeTruthy();
});

it("shows what running hosts say of their progress, spelt out and cut, until they have ended", async () => {
  await openPage();
  const hostile = `\u202e<img src=x onerror=alert(1)>\u001b[2J${"x".repeat(100_000)}`;
  act(() => FakeSource.latest.send("progress", { endpoint: "h1", name: "web\u202e1", percent: 140, text: hostile }));
  act(() => FakeSource.latest.send("progress", { endpoint: "h2", name: "web2", text: "waiting" }));
  const list = within(await screen.findByRole("region", { name: "Progress" }));
  expect(list.getByRole("progressbar", { name: "Progress of web<U+202E>1" }).getAttribute("aria-valuenow")).toBe("100");
  const text = list.getByText(/^<U\+202E><img src=x/).textContent ?? "";
  expect(text).toContain("^[[2J");
  expect(text.length).toBeLessThan(500);
  expect(list.getByText("waiting")).toBeTruthy();
  expect(list.getAllByRole("progressbar")).toHaveLength(1);
  act(() => FakeSource.latest.send("target", { endpoint: "h1", name: "web1", state: "succeeded" }));
  await waitFor(() => expect(list.queryByRole("progressbar")).toBeNull());
  act(() => FakeSource.latest.send("end", { ...run, state: "finished", counts: { ...kNoCounts, succeeded: 2 } }));
  await waitFor(() => expect(screen.queryByRole("region", { name: "Progress" })).toBeNull());
});

it("shows a few of many hosts, and how many more there are", async () => {
  await openPage();
  act(() => {
    FakeSource.latest.send("run", { ...run, targets: 700, counts: { ...kNoCounts, running: 700 } });
    for (let at = 0; at < 600; at++) FakeSource.latest.send("progress", { endpoint: `h${at}`, name: `web${at}`, percent: at % 100 });
  });
  const list = within(await screen.findByRole("region", { name: "Progress" }));
  expect(list.getAllByRole("listitem")).toHaveLength(8);
  expect(list.getByText("692 more")).toBeTruthy();
});

// Nobody tells of so large a run which target has ended: without the list, hosts that have answered would stay.
it("shows of a very large run those that the list says are running", async () => {
  const large = aRun({ targets: 5_000, counts: { ...kNoCounts, running: 3, succeeded: 4_997 } });
  const sent = serve(({ path }) => {
    if (path.includes("/folds")) return answer(200, { folds: [], next: null });
    if (!path.includes("/targets")) return answer(200, large);
    const target = (endpoint: string, progress?: object) => ({ endpoint, name: `web ${endpoint}`, state: "running", stdout_bytes: 0, stderr_bytes: 0, truncated: false, progress });
    return answer(200, { targets: [target("h1", { percent: 10 }), target("h2"), target("h3", { percent: 30 })], next: null });
  });
  show(<RunPage id={large.id} me={kOperator} />);
  const list = within(await screen.findByRole("region", { name: "Progress" }));
  expect(list.getAllByRole("progressbar").map((bar) => bar.getAttribute("aria-valuenow"))).toEqual(["10", "30"]);
  expect(list.getByText("1 more")).toBeTruthy();
  act(() => FakeSource.latest.send("progress", { endpoint: "h9", name: "web h9", percent: 90 }));
  act(() => FakeSource.latest.send("progress", { endpoint: "h1", name: "web h1", percent: 11 }));
  await waitFor(() => expect(list.getAllByRole("progressbar").map((bar) => bar.getAttribute("aria-valuenow"))).toEqual(["11", "30"]));
  expect(sent.filter(({ path }) => path.includes("/targets")).every(({ path }) => path.includes("state=running"))).toBe(true);
});
