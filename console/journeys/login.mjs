// SPDX-License-Identifier: Apache-2.0
//
// Somebody comes without a session, mistypes the password, then gets in, and leaves again.
import { expect, logIn, seeHosts, server, tryToLogIn } from "./browser.mjs";

export const story = "log in, wrong password first, log out";

export async function run({ page, picture }) {
  await page.goto(`${server.url}/runs`);
  await page.getByRole("form", { name: "Log in" }).waitFor();
  await picture("login");
  await tryToLogIn(page, { password: "certainly not this" });
  await page.getByRole("alert").filter({ hasText: "Wrong name or password" }).waitFor();
  expect((await page.getByLabel("Password", { exact: true }).inputValue()) === "", "the wrong password to be cleared");
  await picture("login-wrong-password");
  await logIn(page);
  await seeHosts(page);
  const cookies = await page.evaluate(() => document.cookie);
  expect(!cookies.includes("muster_session"), "the session to be out of reach of scripts");
  await page.getByRole("button", { name: server.user }).click();
  await page.getByRole("menuitem", { name: "Log out" }).click();
  await page.getByRole("form", { name: "Log in" }).waitFor();
}
