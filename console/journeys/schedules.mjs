// SPDX-License-Identifier: Apache-2.0
//
// Somebody looks what runs by itself, switches it off and on, and fires it by hand. The schedule is
// made through the API, as the command line makes it.
import { expect, finished, logIn } from "./browser.mjs";

export const story = "schedules: see them, switch one off and on, fire it now";

export async function run({ page, picture }) {
  await logIn(page);
  const status = await page.evaluate(async () => {
    const answer = await fetch("/v1/schedules", {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-Muster-Request": "1" },
      body: JSON.stringify({
        name: "nightly", description: "Says hello each night", trigger: { cron: "0 3 * * *" }, zone: "Europe/Berlin",
        request: { selector: "role=web", command: { shell: "echo hello" } },
      }),
    });
    return answer.status;
  });
  expect(status === 201, `the schedule to be made, not ${status}`);
  await page.getByRole("link", { name: "Schedules", exact: true }).click();
  const line = page.getByRole("list", { name: "Schedules" }).getByRole("listitem").filter({ hasText: "nightly" });
  await line.getByText("0 3 * * *, Europe/Berlin").waitFor();
  await line.getByText(/^next /).waitFor();
  await picture("schedules");
  const enabled = line.getByLabel("nightly is enabled");
  await enabled.press("Space");
  await line.getByText("disabled", { exact: true }).waitFor();
  await enabled.press("Space");
  await line.getByText(/^next /).waitFor();
  await line.getByRole("button", { name: "Fire now…" }).click();
  await page.getByRole("dialog", { name: "Fire nightly now?" }).getByRole("button", { name: "Fire", exact: true }).click();
  await finished(page);
  await page.getByRole("article").getByText("hello").first().waitFor();
  await page.getByRole("link", { name: "Schedules", exact: true }).click();
  await line.getByRole("link", { name: "ran" }).waitFor();
}
