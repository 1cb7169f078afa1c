// SPDX-License-Identifier: Apache-2.0
//
// Runs the journeys (all, or those named) in a real browser against a running server, which
// tools/journeys starts together with a few agents:
//
//   MUSTER_URL=https://127.0.0.1:7443 MUSTER_USER=admin MUSTER_PASSWORD=… node journeys/run.mjs [name…]
//
// MUSTER_PICTURES: a folder for screenshots. MUSTER_SCHEME=dark: the other colours.
// CHROMIUM: the browser, if it is not where Debian has it. One line a journey, "ok" or
// "FAILED"; exit status 1 if one failed.
import { openBrowser, openVisitor } from "./browser.mjs";

const kJourneys = ["login", "hosts", "run_command", "methods", "progress", "schedules", "discovery", "packs", "region", "regions", "rollout", "hostile_output", "cancel", "lost_connection", "lost_styles"];

async function travel(browser, name) {
  const journey = await import(`./${name}.mjs`);
  const visitor = await openVisitor(browser, { colorScheme: process.env.MUSTER_SCHEME === "dark" ? "dark" : "light" });
  try {
    await journey.run(visitor);
    if (visitor.faults.length > 0) throw new Error("the page did what it must not");
    console.log(`ok      ${name}: ${journey.story}`);
    return true;
  } catch (error) {
    await visitor.picture(`failed-${name}`).catch(() => undefined);
    console.log(`FAILED  ${name}: ${journey.story}\n${error instanceof Error ? error.message : error}`);
    for (const fault of visitor.faults) console.log(`        ${fault}`);
    return false;
  } finally {
    await visitor.close();
  }
}

const names = process.argv.length > 2 ? process.argv.slice(2) : kJourneys;
const browser = await openBrowser();
let failed = 0;
for (const name of names) failed += (await travel(browser, name)) ? 0 : 1;
await browser.close();
process.exit(failed === 0 ? 0 : 1);
