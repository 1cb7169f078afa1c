// SPDX-License-Identifier: Apache-2.0
//
// Somebody picks a host by its box, runs a command, watches the answers arrive folded, opens
// one in full, and finds the run again in the list.
import { confirmIfAsked, expect, finished, logIn, runShell, seeHosts, server } from "./browser.mjs";

export const story = "run a command, watch the answers fold, open one";

export async function run({ page, picture }) {
  await logIn(page);
  await seeHosts(page);
  await page.goto(`${server.url}/hosts?selector=online`);
  await seeHosts(page);
  await page.locator('[data-index="0"] [data-walk="box"]').check();
  await page.getByText("1 host selected").waitFor();
  await picture("hosts-selected");
  await page.getByRole("button", { name: "Run on 1 host" }).click();
  const form = page.getByRole("form", { name: "Run a command" });
  await form.getByRole("button", { name: /^Run on/ }).click();
  await form.getByText("Type the command line to run").waitFor();
  await form.getByText("Arguments", { exact: true }).click();
  await form.getByLabel("Program and arguments, one a line").fill("printf\nto out\\n");
  await picture("run-form");
  await form.getByRole("button", { name: /^Run on/ }).click();
  await confirmIfAsked(page);
  await finished(page);

  await runShell(page, "online", "echo to out; echo to err >&2; exit 3", { live: true });
  await picture("run-arriving");
  await finished(page);
  await page.getByRole("tab", { name: "Answers" }).click();
  const fold = page.getByRole("article").first();
  await fold.waitFor();
  await picture("run-finished");
  const head = fold.getByRole("button").first();
  await head.click();
  if ((await head.getAttribute("aria-expanded")) === "true") {
    const hosts = page.locator(`[id="${await head.getAttribute("aria-controls")}"]`);
    await hosts.getByRole("button").first().click();
  }
  const drawer = page.getByRole("dialog", { name: "Answer of one host" });
  await drawer.getByRole("region", { name: "stdout" }).waitFor();
  await drawer.getByRole("region", { name: "stderr" }).waitFor();
  await picture("answer");
  await page.keyboard.press("Escape");
  await page.getByRole("tab", { name: "Hosts" }).click();
  await page.getByRole("table", { name: "Targets" }).waitFor();
  await picture("run-hosts");
  await page.getByRole("link", { name: "Runs", exact: true }).last().click();
  const lines = page.getByRole("list", { name: "Runs" }).getByRole("listitem");
  await lines.first().waitFor();
  expect((await lines.first().textContent())?.includes("exit 3"), "the run on top of the list");
  await picture("runs");
}
