// SPDX-License-Identifier: Apache-2.0
//
// Somebody looks through a network for machines: hosts of the region, and others.
import { expect, logIn, onPhone } from "./browser.mjs";

export const story = "discovery: look through a network, tell hosts from strangers";

export async function run({ page, picture }) {
  await logIn(page);
  await page.getByRole("link", { name: "Find machines" }).click();
  await page.getByRole("heading", { name: "Find machines" }).waitFor();
  await page.getByRole("textbox", { name: "Networks" }).fill("10.9.9.0/24");
  await page.getByRole("button", { name: "Look through" }).click();
  await page.getByText(/does not open 10\.9\.9\.0\/24 to discovery/).waitFor();
  await picture("discovery-refused");
  await page.getByRole("textbox", { name: "Networks" }).press("Backspace");
  await page.getByRole("button", { name: "Look through" }).click();
  const found = page.getByRole("region", { name: "What was found" });
  await found.getByText("Leave out hosts of the region").waitFor();
  const rows = found.getByRole("row");
  expect((await rows.count()) === 7, "the head and six addresses, all of which answer on this machine");
  await found.getByRole("row", { name: /127\.0\.0\.1/ }).getByRole("link").waitFor();
  await picture("discovery");
  await onPhone(page, () => picture("discovery-phone"));
  await found.getByText("Leave out hosts of the region").click();
  await found.getByRole("link").waitFor({ state: "detached" });
  expect((await rows.count()) === 6, "the others alone");
}
