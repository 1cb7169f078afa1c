// SPDX-License-Identifier: Apache-2.0
//
// The network goes away and comes back; the console says so and mends itself.
import { logIn, seeHosts } from "./browser.mjs";

export const story = "connection lost, retrying, and back";

export async function run({ page, picture }) {
  await logIn(page);
  await seeHosts(page);
  await page.getByText(/ of [\d,]+ online$/).waitFor();
  // A stream that is open already outlives setOffline; after a reload none is.
  let cut = true;
  await page.route("**/v1/events", (route) => (cut ? route.abort() : route.continue()));
  await page.reload();
  await page.getByText("connection lost, retrying").waitFor();
  await picture("connection-lost");
  cut = false;
  await page.getByText("connection lost, retrying").waitFor({ state: "detached" });
  await page.getByText(/ of [\d,]+ online$/).waitFor();
}
