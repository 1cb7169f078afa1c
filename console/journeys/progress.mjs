// SPDX-License-Identifier: Apache-2.0
//
// Somebody watches how far the hosts of a method are, before any of them has answered.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect, finished, logIn, onPhone, server } from "./browser.mjs";

export const story = "progress: see how far each host is while a method runs";

export async function run({ page, picture }) {
  const folder = mkdtempSync(join(tmpdir(), "muster-progress-"));
  const go = join(folder, "go");
  try {
    await logIn(page);
    await page.goto(`${server.url}/methods/sdk_sh`);
    await page.getByRole("button", { name: "Run…" }).click();
    const form = page.getByRole("form", { name: "Run a method" });
    await form.getByRole("textbox", { name: "Selector" }).fill("role=web");
    await form.getByText(/hosts? match/).waitFor();
    await form.locator('input[data-parameter="count"]').fill("1");
    await form.locator('textarea[data-parameter="go"]').fill(go);
    await form.getByRole("button", { name: /^Run on 3/ }).click();
    const progress = page.getByRole("region", { name: "Progress" });
    const bars = progress.getByRole("progressbar");
    await bars.nth(2).waitFor();
    expect((await bars.first().getAttribute("aria-valuenow")) === "40", "a host to say 40%");
    await progress.getByText('waiting for "go"').first().waitFor();
    await picture("progress");
    await onPhone(page, () => picture("progress-phone"));
    await page.getByRole("tab", { name: "Hosts" }).click();
    await page.getByRole("table", { name: "Targets" }).getByRole("progressbar").nth(2).waitFor();
    await picture("progress-hosts");
    // Who comes late is told, too.
    await page.reload();
    await bars.nth(2).waitFor();
    await progress.getByRole("button").first().click();
    await page.getByRole("dialog", { name: "Answer of one host" }).getByRole("progressbar").waitFor();
    await picture("progress-host");
    await page.keyboard.press("Escape");
    writeFileSync(go, "");
    await finished(page);
    await progress.waitFor({ state: "detached" });
  } finally {
    // A method that still waits ends with its file, and not with the browser.
    writeFileSync(go, "");
    rmSync(folder, { recursive: true });
  }
}
