// SPDX-License-Identifier: Apache-2.0
//
// Somebody looks at the fleet, narrows it by a selector, mistypes one, sorts, opens a host.
import { expect, logIn, seeHosts } from "./browser.mjs";

export const story = "see hosts, narrow them by a selector, sort, open one";

export async function run({ page, picture }) {
  await logIn(page);
  await seeHosts(page);
  await picture("hosts");
  const box = page.getByRole("textbox", { name: "Selector" });
  await page.keyboard.press("/");
  expect(await box.evaluate((el) => el === document.activeElement), "'/' to lead to the selector");
  await box.fill("os=");
  await page.getByText(/^Column \d+: /).waitFor();
  expect((await box.getAttribute("aria-invalid")) === "true", "the box to be marked as invalid");
  await picture("hosts-selector-error");
  await box.fill("online");
  await page.getByText(/hosts? match(es)?, \d/).waitFor();
  await page.waitForURL(/selector=online/);
  await seeHosts(page);
  await box.fill("");
  await page.waitForURL(/\/hosts$/);
  await page.getByRole("columnheader", { name: "Last contact" }).getByRole("button").click();
  await page.waitForURL(/sort=last_contact/);
  expect((await page.getByRole("columnheader", { name: "Last contact" }).getAttribute("aria-sort")) === "ascending", "the column to say that it is sorted");
  await page.getByRole("columnheader", { name: "Name" }).getByRole("button").click();
  await seeHosts(page);
  await page.locator('[data-index="0"] [data-walk="name"]').click();
  const drawer = page.getByRole("dialog", { name: "Host" });
  await drawer.getByText("Enrolled").waitFor();
  await picture("host");
  await page.keyboard.press("Escape");
  await drawer.waitFor({ state: "hidden" });
}
