// SPDX-License-Identifier: Apache-2.0
//
// Somebody watches a run in waves that waits between them, lets it go on, pauses it and cancels it.
import { expect, finished, logIn, server } from "./browser.mjs";

export const story = "a run in waves: see them, resume, pause, cancel";

export async function run({ page, picture }) {
  await logIn(page);
  const id = await page.evaluate(async () => {
    const answer = await fetch("/v1/runs", {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-Muster-Request": "1" },
      body: JSON.stringify({ selector: "online", command: { shell: "echo hello" }, rollout: { waves: [{ count: 1 }, { percent: 40 }], pause_between: true } }),
    });
    return (await answer.json()).id;
  });
  expect(typeof id === "string", "the run to be made");
  await page.goto(`${server.url}/runs/${id}`);
  await page.getByText(/^Wave 1 of \d/).waitFor();
  await page.getByText(/^Paused by its plan/).waitFor();
  await page.getByRole("tab", { name: "Waves" }).click();
  const waves = page.getByRole("list", { name: "Waves" }).getByRole("listitem");
  await waves.first().getByText("1 succeeded").waitFor();
  await picture("rollout");
  await page.getByRole("button", { name: "Resume" }).click();
  await page.getByText(/^Wave 2 of \d/).waitFor();
  await waves.nth(1).getByText("2 succeeded").waitFor();
  await page.getByText(/^Paused by its plan/).waitFor();
  await page.getByRole("button", { name: "Cancel run" }).click();
  await page.getByRole("dialog", { name: "Cancel this run?" }).getByRole("button", { name: "Cancel the run" }).click();
  await finished(page);
  await page.getByText(/^Cancelled by .* never sent/).waitFor();
  await picture("rollout-cancelled");
}
