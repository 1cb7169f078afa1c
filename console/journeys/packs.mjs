// SPDX-License-Identifier: Apache-2.0
//
// Somebody finds a file pack, looks at its files, allows it to users of some hosts, sends it
// to a host and takes it back. tools/journeys has published two versions of it.
import { expect, finished, logIn, onPhone, server } from "./browser.mjs";

export const story = "packs: find one, allow it, send it, roll it back";

async function order(page, button, title, confirm) {
  await page.goto(`${server.url}/packs/site`);
  await page.getByRole("button", { name: button }).click();
  const dialog = page.getByRole("dialog", { name: title });
  await dialog.getByRole("textbox", { name: "Hosts" }).fill("name=web1");
  await dialog.getByText(/1 host matches/).waitFor();
  return { dialog, go: () => dialog.getByRole("button", { name: confirm }).click() };
}

export async function run({ page, picture }) {
  await logIn(page);
  await page.getByRole("link", { name: "Packs", exact: true }).click();
  const row = page.getByRole("row", { name: /site/ });
  await row.getByText("of 2").waitFor();
  await picture("packs");
  await row.getByRole("link", { name: "site" }).click();
  await page.getByRole("region", { name: "Files" }).getByText("/opt/site/index.html").waitFor();
  const rules = page.getByRole("region", { name: "Users may install it" });
  await rules.getByText(/No rule allows it/).waitFor();
  await rules.getByRole("textbox", { name: "Users of" }).fill("role=");
  await rules.getByRole("button", { name: "Add" }).click();
  await rules.getByRole("alert").waitFor();
  await rules.getByRole("textbox", { name: "Users of" }).fill("role=web");
  await page.keyboard.press("Enter");
  await rules.getByRole("button", { name: "Remove the rule for role=web" }).waitFor();
  await picture("pack");
  await onPhone(page, () => picture("pack-phone"));

  const sending = await order(page, "Send…", /Send site 1\.1/, "Send to 1 host");
  await picture("pack-send");
  await sending.go();
  await finished(page);
  await page.getByText("installed").first().waitFor();
  await picture("pack-sent");

  const back = await order(page, "Roll back…", "Roll back site?", "Roll back on 1 host");
  await picture("pack-roll-back");
  await back.go();
  await finished(page);
  await page.getByText("rolled_back").first().waitFor();

  await page.goto(`${server.url}/packs/site/versions/1.0`);
  await page.getByRole("button", { name: "Make current" }).first().click();
  await page.goto(`${server.url}/packs`);
  await page.getByRole("row", { name: /site.*1\.0/ }).waitFor();
  await page.goto(`${server.url}/packs/nothing`);
  expect((await page.getByRole("alert").textContent()).includes("there is no file pack nothing"), "to be told that there is none");
}
