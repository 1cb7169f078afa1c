// SPDX-License-Identifier: Apache-2.0
//
// What every journey needs: the server to visit, a browser, and a place for pictures.
import { mkdirSync } from "node:fs";
import { join } from "node:path";

import { chromium } from "playwright-core";

function required(name) {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: tools/journeys starts a region and sets it`);
  return value;
}

/** Whom to visit. */
export const server = {
  url: required("MUSTER_URL").replace(/\/$/, ""),
  user: required("MUSTER_USER"),
  password: required("MUSTER_PASSWORD"),
};

const pictures = process.env.MUSTER_PICTURES;
const kFlags = [
  "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
  "--disable-background-networking", "--disable-component-update", "--disable-sync",
];
/** Generous: a journey waits for what it expects and never sleeps. */
export const kPatienceMs = 20_000;

export async function openBrowser() {
  return chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: kFlags });
}

/**
 * A fresh visitor: its own cookies. Everything that a page must never do is collected in
 * `faults`: uncaught errors, errors on the console (a broken content policy among them), dialogs.
 */
export async function openVisitor(browser, options = {}) {
  const context = await browser.newContext({ ignoreHTTPSErrors: true, viewport: kDesk, reducedMotion: "reduce", ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(kPatienceMs);
  const faults = [];
  page.on("pageerror", (error) => faults.push(`uncaught: ${error.message}`));
  page.on("dialog", (dialog) => {
    faults.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on("console", (message) => {
    // A refused request is an answer that the page shows; the browser logs it all the same.
    if (message.type() === "error" && !message.text().startsWith("Failed to load resource")) faults.push(`console: ${message.text()}`);
  });
  const picture = async (name) => {
    if (!pictures) return;
    mkdirSync(pictures, { recursive: true });
    await page.screenshot({ path: join(pictures, `${name}.png`) });
  };
  return { page, picture, faults, close: () => context.close() };
}

const kPhone = { width: 390, height: 844 };
const kDesk = { width: 1360, height: 850 };

/** The same view as a phone shows it; nothing may stand beside the screen. */
export async function onPhone(page, look) {
  await page.setViewportSize(kPhone);
  await look();
  const beyond = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  expect(beyond <= 0, `the page to fit a phone, not ${beyond} pixels more`);
  await page.setViewportSize(kDesk);
}

/** What is typed now would go into this field. */
export async function hasFocus(field) {
  await field.and(field.page().locator(":focus")).waitFor();
}

/** Types name and password and sends them. */
export async function tryToLogIn(page, { user = server.user, password = server.password } = {}) {
  await page.goto(`${server.url}/`);
  await page.getByLabel("User").fill(user);
  await page.getByLabel("Password", { exact: true }).fill(password);
  await page.getByRole("button", { name: "Log in" }).click();
}

/** Logs in and waits until the console is open. */
export async function logIn(page) {
  await tryToLogIn(page);
  await page.getByRole("navigation", { name: "Pages" }).waitFor();
}

/** The hosts page with its table filled. */
export async function seeHosts(page) {
  await page.getByRole("table", { name: "Hosts" }).waitFor();
  await page.locator('[role="row"][data-index="0"]').waitFor();
}

/** Orders a shell command on `selector` and waits for the page of the run. */
export async function runShell(page, selector, command, { live = false } = {}) {
  await page.goto(`${server.url}/hosts${selector === "" ? "" : `?selector=${encodeURIComponent(selector)}`}`);
  await seeHosts(page);
  await page.getByRole("button", { name: /^Run on/ }).first().click();
  const form = page.getByRole("form", { name: "Run a command" });
  await form.getByLabel("Command line").fill(command);
  if (live) {
    await form.getByRole("button", { name: "More" }).click();
    await form.getByText("Show output while it runs").click();
  }
  await form.getByRole("button", { name: /^Run on/ }).click();
  await confirmIfAsked(page);
  await page.waitForURL(/\/runs\/[0-9a-z]{13}$/);
}

/** A large or dangerous order wants a second yes. */
export async function confirmIfAsked(page) {
  const confirm = page.getByRole("form", { name: "Confirm" });
  const next = await Promise.race([
    confirm.waitFor().then(() => "ask"),
    page.waitForURL(/\/runs\/[0-9a-z]{13}$/).then(() => "go"),
  ]);
  if (next === "go") return;
  const typed = confirm.getByLabel(/^Type \d+ to confirm$/);
  if (await typed.count()) {
    const label = await confirm.locator("label").first().textContent();
    await typed.fill(/\d+/.exec(label ?? "")?.[0] ?? "");
  }
  await confirm.getByRole("button", { name: /^Run on/ }).click();
}

export async function finished(page) {
  await page.getByText(/^Finished: /).waitFor({ timeout: 60_000 });
}

export function expect(condition, what) {
  if (!condition) throw new Error(`expected ${what}`);
}
