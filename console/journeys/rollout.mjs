// SPDX-License-Identifier: Apache-2.0
//
// Somebody plans a run in waves that waits between them, sees what will happen before it does, lets
// it go on and cancels it.
import { confirmIfAsked, finished, hasFocus, logIn, onPhone, seeHosts, server } from "./browser.mjs";

export const story = "a run in waves: plan it, start it, resume, pause, cancel";

/** The form with its waves: what is wrong is told at its place, what will happen in words. */
async function planIt({ page, picture }) {
  await page.goto(`${server.url}/hosts?selector=online`);
  await seeHosts(page);
  await page.getByRole("button", { name: /^Run on/ }).first().click();
  const form = page.getByRole("form", { name: "Run a command" });
  await form.getByLabel("Command line").fill("echo hello");
  const head = form.getByRole("button", { name: /^Roll out in waves/ });
  await head.focus();
  await page.keyboard.press("Enter");
  await form.getByRole("button", { name: "One host, 10%, the rest" }).click();
  const says = form.getByRole("status", { name: "What will happen" });
  await says.getByText("It runs on 1 host first, then on 1 host (10%), then on the other 3.").waitFor();
  await form.getByRole("button", { name: "Remove wave 3" }).click();
  await form.getByLabel("Percentage of wave 2").fill("140");
  await form.getByRole("button", { name: /^Run on 5/ }).click();
  await form.getByText("A whole number from 1 to 100").waitFor();
  await hasFocus(form.getByLabel("Percentage of wave 2"));
  await form.getByLabel("Percentage of wave 2").fill("40");
  await form.getByRole("button", { name: "Add a wave" }).click();
  await form.getByRole("textbox", { name: "Kind of wave 3" }).click();
  await page.getByRole("option", { name: "Hosts that match" }).click();
  await form.getByLabel("Selector of wave 3").fill("role=");
  await form.locator(".mantine-InputWrapper-error").first().waitFor();
  await picture("rollout-refused");
  await form.getByLabel("Selector of wave 3").fill("role=db");
  await form.getByText("2 of the hosts match").waitFor();
  await form.getByRole("textbox", { name: "Each further wave" }).click();
  await page.getByRole("option", { name: "wait until somebody resumes" }).click();
  await form.getByLabel("At most at a time").fill("2");
  await says.getByText(/somebody has pressed Resume\. At most 2 hosts at a time\. If a single host fails, nothing more is sent/).waitFor();
  await picture("rollout-form");
  await onPhone(page, async () => {
    await form.getByRole("list", { name: "Waves" }).scrollIntoViewIfNeeded();
    await picture("rollout-form-phone");
    await says.scrollIntoViewIfNeeded();
    await picture("rollout-form-phone-2");
  });
  await form.getByRole("button", { name: "Remove wave 3" }).click();
  await form.getByRole("button", { name: /^Run on 5/ }).click();
  await confirmIfAsked(page);
  await page.waitForURL(/\/runs\/[0-9a-z]{13}$/);
}

export async function run({ page, picture }) {
  await logIn(page);
  await planIt({ page, picture });
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
