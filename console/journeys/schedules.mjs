// SPDX-License-Identifier: Apache-2.0
//
// Somebody makes a schedule, whose mistakes are told where they are, looks what runs by itself,
// switches it off and on, fires it by hand, changes it, and deletes it.
import { expect, finished, hasFocus, logIn, onPhone } from "./browser.mjs";

export const story = "schedules: make one, switch it off and on, fire it, change it, delete it";

async function choose(page, form, label, option) {
  await form.getByRole("textbox", { name: label, exact: true }).click();
  await page.getByRole("option", { name: option, exact: true }).click();
}

async function makeIt({ page, picture }) {
  await page.getByRole("button", { name: "New schedule…" }).click();
  const form = page.getByRole("form", { name: "New schedule" });
  await form.getByRole("button", { name: "Make the schedule" }).click();
  await form.getByText("What is it called?").waitFor();
  await form.getByText("Type the command line to run").waitFor();
  await hasFocus(form.getByLabel("Name"));
  await form.getByLabel("Name").fill("nightly");
  await form.getByLabel("What is it for").fill("Says hello each night");
  await form.getByLabel("Cron expression").fill("0 25 * * *");
  await form.getByText(/^Column 3: /).waitFor();
  await picture("schedule-refused");
  await form.getByRole("button", { name: "each day at 3" }).click();
  await form.getByRole("textbox", { name: "Time zone" }).fill("Berlin");
  await page.getByRole("option", { name: "Europe/Berlin" }).click();
  await form.getByRole("status", { name: "Next times" }).getByText("Next, in Europe/Berlin").waitFor();
  expect((await form.getByRole("status", { name: "Next times" }).getByRole("listitem").count()) === 5, "the next five times");
  await form.getByRole("button", { name: /^Jitter, blackouts/ }).click();
  await form.getByLabel("Up to so many minutes later").fill("10");
  await form.getByLabel("Not in these times").fill("12-20..01-06\n25:00-26:00");
  await choose(page, form, "Firings that were missed", "make one for all of them");
  await picture("schedule-form");
  await form.getByRole("textbox", { name: "Selector" }).fill("role=web");
  await form.getByText("3 hosts match").waitFor();
  await form.getByLabel("Command line").fill("echo hello");
  await form.getByRole("button", { name: "Make the schedule" }).click();
  await form.getByText(/'25:00-26:00' is no blackout window/).waitFor();
  await picture("schedule-refused-window");
  await onPhone(page, async () => {
    await form.getByLabel("Name").scrollIntoViewIfNeeded();
    await picture("schedule-form-phone");
  });
  await form.getByLabel("Not in these times").fill("12-20..01-06");
  await form.getByRole("button", { name: "Make the schedule" }).click();
  await form.waitFor({ state: "detached" });
}

async function changeIt({ page, picture }, line) {
  await line.getByRole("button", { name: "More about nightly" }).click();
  await page.getByRole("menuitem", { name: "Change…" }).click();
  const form = page.getByRole("form", { name: "Change the schedule" });
  expect((await form.getByLabel("Command line").inputValue()) === "echo hello", "the command to stand in its field");
  await choose(page, form, "Fires", "When a host has booted");
  await form.getByLabel("Command line").fill("echo booted");
  await form.getByRole("button", { name: /^Roll out in waves/ }).click();
  await form.getByLabel("At most at a time").fill("1");
  await picture("schedule-change");
  await form.getByRole("button", { name: "Save" }).click();
  await form.waitFor({ state: "detached" });
  await line.getByText("when a host boots").waitFor();
  await line.getByText("echo booted").waitFor();
}

async function deleteIt({ page, picture }, line) {
  await line.getByRole("button", { name: "More about nightly" }).click();
  await page.getByRole("menuitem", { name: "Delete…" }).click();
  const asked = page.getByRole("dialog", { name: "Delete nightly?" });
  await asked.waitFor();
  await picture("schedule-delete");
  await page.keyboard.press("Enter");
  await asked.waitFor({ state: "hidden" });
  await line.waitFor();
  await line.getByRole("button", { name: "More about nightly" }).click();
  await page.getByRole("menuitem", { name: "Delete…" }).click();
  await asked.getByRole("button", { name: "Delete it" }).click();
  await line.waitFor({ state: "detached" });
  await page.getByText("There are no schedules yet").waitFor();
}

export async function run({ page, picture }) {
  await logIn(page);
  await page.getByRole("link", { name: "Schedules", exact: true }).click();
  await makeIt({ page, picture });
  const line = page.getByRole("list", { name: "Schedules" }).getByRole("listitem").filter({ hasText: "nightly" });
  await line.getByText("0 3 * * *, Europe/Berlin").waitFor();
  await line.getByText(/^next /).waitFor();
  await picture("schedules");
  await onPhone(page, () => picture("schedules-phone"));
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
  await line.getByRole("button", { name: "nightly", exact: true }).click();
  const details = page.getByRole("dialog", { name: "nightly" });
  await details.getByRole("region", { name: "History" }).getByRole("link", { name: "ran" }).waitFor();
  await details.getByText("up to 10 min later").waitFor();
  await picture("schedule-details");
  await page.keyboard.press("Escape");
  await changeIt({ page, picture }, line);
  await deleteIt({ page, picture }, line);
}
