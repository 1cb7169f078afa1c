// SPDX-License-Identifier: Apache-2.0
//
// Runs the journeys (all, or those named) in a real browser against a real region:
//
//   MUSTER_BIN_DIR=../build/dev/bin node journeys/run.mjs [name…]      starts a region for it
//   MUSTER_URL=https://… MUSTER_USER=admin MUSTER_PASSWORD=… node journeys/run.mjs [name…]
//
// MUSTER_PICTURES: a folder for screenshots. MUSTER_SCHEME=dark: the other colours.
// CHROMIUM: the browser, if it is not where Debian has it. The last line says how many
// passed; exit status 1 if one failed.
import { resolve } from "node:path";

import { openBrowser, openVisitor, server } from "./browser.mjs";
import { startRegion } from "./region.mjs";

const kJourneys = ["login", "hosts", "run_command", "hostile_output", "cancel", "lost_connection"];

async function place() {
  const { MUSTER_URL: url, MUSTER_USER: user, MUSTER_PASSWORD: password, MUSTER_BIN_DIR: bin } = process.env;
  if (url && user && password) return { url: url.replace(/\/$/, ""), user, password, end: async () => undefined };
  if (bin) return startRegion(resolve(bin));
  throw new Error("set MUSTER_BIN_DIR (a region is started), or MUSTER_URL, MUSTER_USER and MUSTER_PASSWORD (a region is visited)");
}

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
const region = await place();
Object.assign(server, region);
let passed = 0;
try {
  const browser = await openBrowser();
  for (const name of names) passed += (await travel(browser, name)) ? 1 : 0;
  await browser.close();
} finally {
  await region.end();
}
console.log(`${passed} passed, ${names.length - passed} failed`);
process.exit(passed === names.length ? 0 : 1);
