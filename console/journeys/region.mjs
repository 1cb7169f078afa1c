// SPDX-License-Identifier: Apache-2.0
//
// Somebody looks at what stands between hosts and database: drains a gateway and lets hosts back,
// sees which server leads; and what hosts have told.
import { expect, logIn, onPhone } from "./browser.mjs";

export const story = "region: gateways, servers and events";

export async function run({ page, picture }) {
  await logIn(page);
  await page.getByRole("link", { name: "Gateways", exact: true }).click();
  const row = page.getByRole("table", { name: "Gateways" }).getByRole("row").nth(1);
  await row.getByText("up", { exact: true }).waitFor();
  await page.getByRole("region", { name: "Servers" }).getByText("leads").waitFor();
  await picture("gateways");
  await onPhone(page, async () => {
    await page.reload();
    await row.getByText("up", { exact: true }).waitFor();
    await picture("gateways-phone");
    const tab = await page.getByRole("link", { name: "Gateways", exact: true }).boundingBox();
    expect(tab.x >= 0 && tab.x + tab.width <= 390, `the tab of this page to be on the screen, not at ${tab.x}`);
  });
  await row.getByRole("button", { name: "Drain…" }).click();
  const dialog = page.getByRole("dialog", { name: /^Drain / });
  await picture("gateway-drain");
  await dialog.getByRole("button", { name: "Leave it" }).click();
  await dialog.waitFor({ state: "hidden" });
  await row.getByRole("button", { name: "Drain…" }).click();
  await dialog.getByRole("button", { name: "Drain it" }).click();
  await row.getByText("draining").waitFor();
  await row.getByRole("button", { name: "Let hosts back" }).click();
  await row.getByText("up", { exact: true }).waitFor();

  await page.getByRole("link", { name: "Events", exact: true }).click();
  await page.getByText("Nothing has been told yet").waitFor();
  await picture("events-none");
  await page.getByRole("textbox", { name: "Kind" }).fill("disk.full");
  await page.getByText("Nothing of this kind has been told").waitFor();
  expect((await page.getByRole("alert").count()) === 0, "no fault to be shown");
}
