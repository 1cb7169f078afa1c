// SPDX-License-Identifier: Apache-2.0
//
// The network changes while the page loads, and the browser drops what is under way. Without its
// style sheet the console covered itself with check marks as large as the window; now it asks
// again, and is shown when it is whole. Without its script the page says what to do.
import { expect, logIn, seeHosts, server } from "./browser.mjs";

export const story = "a style sheet or script that is lost on the way";

const kLost = "did not arrive as a whole";

export async function run({ page, picture }) {
  let drop = 2;
  let asked = 0;
  await page.route("**/*.css", (route) => {
    asked += 1;
    return asked <= drop ? route.abort("connectionreset") : route.continue();
  });
  await logIn(page);
  await seeHosts(page);
  expect(asked === 3, `the style sheet to be asked for until it came, not ${asked} times`);
  await page.locator('[data-index="0"] [data-walk="name"]').click();
  await page.getByRole("dialog", { name: "Host" }).getByText("Enrolled").waitFor();
  await page.keyboard.press("Escape");

  drop = Infinity;
  await page.reload();
  await page.getByText(kLost).waitFor();
  expect((await page.getByRole("navigation").count()) === 0, "no console without its style");
  drop = 0;
  await page.getByRole("link", { name: "Load it again" }).click();
  await seeHosts(page);

  let script = false;
  await page.route("**/*.js", (route) => (script ? route.continue() : route.abort("connectionreset")));
  await page.goto(`${server.url}/runs`);
  await page.getByText(kLost).waitFor();
  await picture("lost-on-the-way");
  script = true;
  await page.getByRole("link", { name: "Load it again" }).click();
  await page.getByRole("heading", { name: "Runs" }).waitFor();
}
