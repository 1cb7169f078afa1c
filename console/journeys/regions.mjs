// SPDX-License-Identifier: Apache-2.0
//
// An administrator adds another region by its card, looks at its hosts, runs a command there, and
// takes the trust back.
import { confirmIfAsked, expect, logIn, onPhone, seeHosts, server } from "./browser.mjs";

export const story = "regions: add one by its card, switch to it, run there, remove it";

async function add(page, picture) {
  await page.getByRole("button", { name: "Add a region" }).click();
  const dialog = page.getByRole("dialog", { name: "Add a region" });
  await dialog.getByLabel(/Card of the other region/).fill("this is no card");
  await dialog.getByRole("button", { name: "Look at it" }).click();
  await dialog.getByText(/no region's card/).waitFor();
  await dialog.getByLabel(/Card of the other region/).fill(process.env.MUSTER_OTHER_CARD);
  await dialog.getByRole("button", { name: "Look at it" }).click();
  await dialog.getByText(/reads out the same fingerprint/).click();
  await picture("regions-add");
  await dialog.getByRole("button", { name: "Add elsewhere" }).click();
  await dialog.waitFor({ state: "detached" });
}

export async function run({ page, picture }) {
  await logIn(page);
  await page.getByRole("navigation", { name: "Pages" }).getByRole("link", { name: "Regions" }).click();
  await page.getByText(/No other region is known here/).waitFor();
  await add(page, picture);
  const row = page.getByRole("table", { name: "Regions" }).getByRole("row", { name: /elsewhere/ });
  await row.getByText("up", { exact: true }).waitFor();
  await row.getByText("see, run").waitFor();
  await page.getByRole("region", { name: "elsewhere" }).getByRole("link").first().waitFor();
  await picture("regions");
  await onPhone(page, () => picture("regions-phone"));

  await page.getByRole("button", { name: "Region: this one" }).click();
  await page.getByRole("menuitem", { name: /elsewhere/ }).click();
  await page.waitForURL(`${server.url}/@elsewhere/hosts`);
  await seeHosts(page);
  await page.getByText("1 of 1 online").waitFor();
  await picture("regions-hosts-there");
  await page.getByRole("button", { name: /^Run on/ }).first().click();
  const form = page.getByRole("form", { name: "Run a command" });
  await form.getByLabel("Command line").fill("echo said elsewhere");
  await form.getByRole("button", { name: /^Run on/ }).click();
  await confirmIfAsked(page);
  await page.waitForURL(/\/@elsewhere\/runs\/[0-9a-z]{13}$/);
  await page.getByText("said elsewhere", { exact: true }).first().waitFor();
  await picture("regions-run-there");
  expect((await page.getByRole("link", { name: "Schedules" }).count()) === 0, "only what another region shows");

  await page.getByRole("button", { name: "Region: elsewhere" }).click();
  await page.getByRole("menuitem", { name: "this region" }).click();
  await page.waitForURL(`${server.url}/hosts`);
  await page.getByRole("navigation", { name: "Pages" }).getByRole("link", { name: "Regions" }).click();
  await page.getByRole("tab", { name: "Runs started there" }).click();
  await page.getByRole("table", { name: "Runs in other regions" }).getByRole("row", { name: /echo said elsewhere.*finished/ }).waitFor();
  await picture("regions-runs");
  await page.getByRole("button", { name: "Remove elsewhere" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Remove elsewhere" }).click();
  await page.getByText(/No other region is known here/).waitFor();
}
