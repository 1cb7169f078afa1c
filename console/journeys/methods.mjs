// SPDX-License-Identifier: Apache-2.0
//
// Somebody looks what can be run, runs it on a host with an argument that is refused first, on
// all hosts as a dry run, with a secret, and sees what went wrong; an administrator chooses
// between versions. tools/journeys has published tests/tasks by the command line.
import { confirmIfAsked, expect, finished, logIn, seeHosts, server } from "./browser.mjs";

export const story = "methods: find one, run it, see what it answered, manage its versions";

const kSecret = "hunter2-hunter2";

async function runButton(page) {
  const form = page.getByRole("form", { name: "Run a method" });
  await form.getByRole("button", { name: /^(Run|Dry run) on/ }).click();
}

async function answered(page) {
  await confirmIfAsked(page);
  await finished(page);
  const fold = page.getByRole("article").first();
  await fold.waitFor();
  return fold;
}

async function findIt({ page, picture }) {
  await page.getByRole("link", { name: "Methods", exact: true }).click();
  await page.getByRole("link", { name: /^service_state::set\b/ }).waitFor();
  expect((await page.getByRole("link", { name: /set_sh/ }).count()) === 0, "private methods to be hidden");
  await picture("methods");
  await page.getByText("Private ones, too").click();
  await page.getByRole("link", { name: /^service_state::set_sh/ }).waitFor();
  await page.keyboard.press("/");
  await page.getByLabel("Search methods").fill("greets");
  await page.getByRole("link", { name: /^sum\b/ }).waitFor({ state: "detached" });
  await page.getByRole("link", { name: /^greet\b/ }).click();
  await page.getByRole("region", { name: "Parameters" }).getByText("Who is greeted").waitFor();
  await page.getByText("the release machine").waitFor();
  await picture("method");
}

async function manageVersions({ page, picture }) {
  const versions = page.getByRole("region", { name: "Versions" });
  await versions.getByRole("button", { name: "Make current" }).click();
  await page.getByRole("region", { name: "Method" }).getByText("2.0.0", { exact: true }).waitFor();
  await versions.getByRole("button", { name: "Make current" }).click();
  await page.getByRole("region", { name: "Method" }).getByText("1.4.2", { exact: true }).waitFor();
  await versions.locator('button:enabled:has-text("Remove…")').click();
  const dialog = page.getByRole("dialog", { name: "Remove version 2.0.0?" });
  await dialog.waitFor();
  await picture("method-remove");
  await dialog.getByRole("button", { name: "Remove it" }).click();
  await dialog.waitFor({ state: "hidden" });
  await versions.getByText("2.0.0").waitFor({ state: "detached" });
}

async function refusedFirst({ page, picture }) {
  await page.goto(`${server.url}/hosts?selector=online`);
  await seeHosts(page);
  await page.locator('[data-index="0"] [data-walk="box"]').check();
  await page.getByRole("button", { name: "Run on 1 host" }).click();
  await page.getByRole("form", { name: "Run a command" }).getByText("Method", { exact: true }).click();
  const form = page.getByRole("form", { name: "Run a method" });
  await form.getByRole("textbox", { name: "Method" }).fill("gree");
  const option = page.getByRole("option", { name: /^greet/ });
  await option.waitFor();
  await picture("method-pick");
  await option.click();
  await form.locator('input[data-parameter="times"]').waitFor();
  await runButton(page);
  await form.getByText("Required: text that is not empty").waitFor();
  await form.locator('textarea[data-parameter="name"]').fill("Ada");
  await form.locator('input[data-parameter="times"]').fill("99");
  await runButton(page);
  await form.getByText("expected a whole number from 1 to 10, or nothing, got the number 99").waitFor();
  expect((await form.locator('input[data-parameter="times"]').getAttribute("aria-invalid")) === "true", "the field to be marked");
  await picture("method-refused");
  await form.locator('input[data-parameter="times"]').fill("2");
  await runButton(page);
  const fold = await answered(page);
  await fold.getByText("Hello, Ada!").first().waitFor();
  await page.getByRole("region", { name: "Run" }).getByText("times", { exact: true }).waitFor();
  await picture("method-run");
}

async function dryRun({ page, picture }) {
  await page.goto(`${server.url}/methods/service_state::set`);
  await page.getByRole("button", { name: "Run…" }).click();
  const form = page.getByRole("form", { name: "Run a method" });
  await form.getByRole("textbox", { name: "Selector" }).fill("online");
  await form.getByText(/hosts match/).waitFor();
  await form.locator('textarea[data-parameter="file"]').fill("/nonexistent/state");
  await form.getByText("Dry run", { exact: true }).click();
  await picture("method-dry-run-form");
  await runButton(page);
  const fold = await answered(page);
  await page.getByRole("region", { name: "Run" }).getByText("dry run", { exact: true }).waitFor();
  await fold.getByRole("table", { name: "result" }).getByRole("row", { name: /noop\s+true/ }).waitFor();
  await picture("method-dry-run");
}

async function secret({ page, picture }) {
  await page.goto(`${server.url}/methods/secret::rotate`);
  await page.getByRole("button", { name: "Run…" }).click();
  const form = page.getByRole("form", { name: "Run a method" });
  for (const name of ["old", "token"]) {
    const input = form.locator(`input[data-parameter="${name}"]`);
    expect((await input.getAttribute("type")) === "password", `${name} to be typed unseen`);
    await input.fill(kSecret);
  }
  await picture("method-secret");
  await runButton(page);
  const fold = await answered(page);
  await fold.getByText("rotated").waitFor();
  await page.getByText("[hidden]").first().waitFor();
  expect(!(await page.content()).includes(kSecret), "the secret to stand nowhere in the page");
}

async function failed({ page, picture }) {
  await page.goto(`${server.url}/methods/fails::own_error`);
  await page.getByText("It takes none").or(page.getByText("any will do")).first().waitFor();
  await page.getByRole("button", { name: "Run…" }).click();
  await runButton(page);
  const fold = await answered(page);
  await fold.getByText("it is full", { exact: true }).waitFor();
  await fold.getByRole("button", { name: "kind and details" }).click();
  await fold.getByText("fails/own").waitFor();
  await picture("method-failed");
}

export async function run(visitor) {
  await logIn(visitor.page);
  for (const chapter of [findIt, manageVersions, refusedFirst, dryRun, secret, failed]) await chapter(visitor);
}
