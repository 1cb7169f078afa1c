// SPDX-License-Identifier: Apache-2.0
//
// Somebody starts something long and stops it.
import { finished, logIn, runShell, seeHosts } from "./browser.mjs";

export const story = "cancel a run";

export async function run({ page, picture }) {
  await logIn(page);
  await seeHosts(page);
  await runShell(page, "online", "sleep 300");
  await page.getByRole("button", { name: "Cancel run" }).click();
  await page.getByRole("dialog", { name: "Cancel this run?" }).getByRole("button", { name: "Cancel the run" }).click();
  await finished(page);
  await page.getByText("cancelled", { exact: true }).first().waitFor();
  await picture("run-cancelled");
}
