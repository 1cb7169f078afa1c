// SPDX-License-Identifier: Apache-2.0
import { fireEvent, screen, waitFor, within } from "@testing-library/react";
import { beforeEach, expect, it } from "vitest";

import { aMethod, answer, kAdmin, kOperator, refusal, type Sent, serve, show } from "../testing/samples";
import { MethodPage } from "./method_page";

const old = { ...aMethod().versions[0]!, version: "0.9", current: false };
let sent: Sent[] = [];
let remove: () => Response = () => answer(204, null);

beforeEach(() => {
  remove = () => answer(204, null);
  const method = aMethod({ versions: [aMethod().versions[0]!, old] });
  sent = serve((asked) => {
    if (asked.method === "DELETE") return remove();
    if (asked.method === "PUT") return answer(204, null);
    return asked.path === "/v1/publishing-keys" ? answer(200, { keys: [] }) : answer(200, method);
  });
});

const changes = () => sent.filter(({ method }) => method !== "GET").map(({ method, path, body }) => [method, path, body]);

it("lets an administrator make another version the current one", async () => {
  show(<MethodPage name="greet" me={kAdmin} />);
  fireEvent.click(await screen.findByRole("button", { name: "Make current" }));
  await waitFor(() => expect(changes()).toEqual([["PUT", "/v1/methods/greet/current", { version: "0.9" }]]));
});

it("removes a version after a second yes, and says why the server would not", async () => {
  remove = () => refusal(409, "conflict", "a schedule names this version");
  show(<MethodPage name="greet" me={kAdmin} />);
  const buttons = await screen.findAllByRole<HTMLButtonElement>("button", { name: "Remove…" });
  expect(buttons.map(({ disabled }) => disabled)).toEqual([true, false]);
  fireEvent.click(buttons[1]!);
  const dialog = within(await screen.findByRole("dialog", { name: "Remove version 0.9?" }));
  expect(changes()).toEqual([]);
  fireEvent.click(dialog.getByRole("button", { name: "Remove it" }));
  expect(await dialog.findByText("a schedule names this version")).toBeTruthy();
  expect(changes()).toEqual([["DELETE", "/v1/methods/greet/versions/0.9", undefined]]);
});

it("offers none of it to others", async () => {
  show(<MethodPage name="greet" me={kOperator} />);
  await screen.findByText("0.9");
  expect(screen.queryByRole("button", { name: /Remove|Make current/ })).toBeNull();
  expect(sent.some(({ path }) => path === "/v1/publishing-keys")).toBe(false);
});
