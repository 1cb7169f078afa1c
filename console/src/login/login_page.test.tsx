// SPDX-License-Identifier: Apache-2.0
import { act, fireEvent, screen, within } from "@testing-library/react";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { App } from "../app/app";
import { answer, FakeSource, refusal, type Sent, serve, show } from "../testing/samples";
import { LoginPage } from "./login_page";

const password = () => screen.getByLabelText<HTMLInputElement>("Password");

function logIn() {
  fireEvent.change(screen.getByLabelText("User"), { target: { value: "ada" } });
  fireEvent.change(password(), { target: { value: "secret" } });
  fireEvent.submit(screen.getByRole("form", { name: "Log in" }));
}

afterEach(() => vi.useRealTimers());

describe("the log-in page", () => {
  it("says that the password is wrong and forgets it", async () => {
    const sent = serve(() => refusal(401, "unauthenticated", "no"));
    show(<LoginPage />);
    logIn();
    expect((await screen.findByRole("alert")).textContent).toBe("Wrong name or password.");
    expect(password().value).toBe("");
    expect(sent).toHaveLength(1);
    expect(sent[0]).toMatchObject({ method: "POST", path: "/v1/login", body: { user: "ada", password: "secret" } });
  });

  it("says how long to wait after too many attempts, and then lets one try", async () => {
    vi.useFakeTimers();
    serve(() => refusal(429, "rate_limited", "slow down", {}, { "Retry-After": "30" }));
    show(<LoginPage />);
    logIn();
    await act(() => vi.advanceTimersByTimeAsync(1_000));
    const button = screen.getByRole<HTMLButtonElement>("button", { name: "Log in" });
    expect(screen.getByRole("alert").textContent).toMatch(/^Too many attempts\. You may try again in (29|30) seconds\.$/);
    expect(button.disabled).toBe(true);
    await act(() => vi.advanceTimersByTimeAsync(30_000));
    expect(screen.getByRole("alert").textContent).toContain("You may try again now");
    expect(button.disabled).toBe(false);
  });

  it("shows what else the server says", async () => {
    serve(() => refusal(503, "unavailable", "the server is starting"));
    show(<LoginPage />);
    logIn();
    expect((await screen.findByRole("alert")).textContent).toBe("the server is starting");
  });
});

describe("a session", () => {
  let valid = true;
  let sent: Sent[] = [];
  beforeEach(() => {
    valid = true;
    FakeSource.all = [];
    vi.stubGlobal("EventSource", FakeSource);
    window.history.replaceState(null, "", "/runs");
    sent = serve(({ path }) => {
      if (path === "/v1/login") valid = true;
      if (!valid) return refusal(401, "unauthenticated", "log in again");
      if (path === "/v1/me" || path === "/v1/login") return answer(200, { name: "ada", user: "ada", role: "operator" });
      if (path === "/v1/region") return answer(200, { region: "test", version: "1", endpoints: { total: 2, online: 1 } });
      return answer(200, { runs: [], hosts: [], next: null, total: 0, online: 0, matched: 0, unreachable_names: [] });
    });
  });

  it("that is over leads to the log-in page, and back to where one was", async () => {
    valid = false;
    show(<App />);
    await screen.findByRole("form", { name: "Log in" });
    logIn();
    await screen.findByText(/Nothing has been run yet/);
    expect(sent.some(({ path }) => path === "/v1/login")).toBe(true);
  });

  it("that ends while one looks leads to the log-in page", async () => {
    show(<App />);
    await screen.findByText(/Nothing has been run yet/);
    valid = false;
    act(() => FakeSource.latest.send("error"));
    expect(await screen.findByRole("form", { name: "Log in" })).toBeTruthy();
  });

  it("any refused request ends the session", async () => {
    show(<App />);
    await screen.findByText(/Nothing has been run yet/);
    valid = false;
    fireEvent.click(within(screen.getByRole("navigation")).getByRole("link", { name: "Hosts" }));
    expect(await screen.findByRole("form", { name: "Log in" })).toBeTruthy();
  });

  it("follows the region, and shows when it does not", async () => {
    show(<App />);
    await screen.findByText(/Nothing has been run yet/);
    act(() => {
      FakeSource.latest.send("open");
      FakeSource.latest.send("hosts", { total: 9, online: 7 });
    });
    expect(await screen.findByText("7")).toBeTruthy();
    act(() => FakeSource.latest.send("hosts", { total: "many" }));
    expect(await screen.findByText("connection lost, retrying")).toBeTruthy();
  });
});
