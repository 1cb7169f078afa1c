// SPDX-License-Identifier: Apache-2.0
//
// Runs the journeys (all, or those named) against the server that the environment names:
//
//   MUSTER_URL=https://127.0.0.1:7443 MUSTER_USER=admin MUSTER_PASSWORD=… node journeys/run.mjs [name…]
//
// MUSTER_PICTURES: a folder for screenshots. MUSTER_SCHEME=dark: the other colours.
// CHROMIUM: the browser, if it is not where Debian has it. Exit status 1 if a journey failed.
import { openBrowser, openVisitor } from "./browser.mjs";

const kJourneys = ["login", "hosts", "run_command", "hostile_output", "cancel"];

const names = process.argv.length > 2 ? process.argv.slice(2) : kJourneys;
const browser = await openBrowser();
let failed = 0;
for (const name of names) {
  const journey = await import(`./${name}.mjs`);
  const visitor = await openVisitor(browser, { colorScheme: process.env.MUSTER_SCHEME === "dark" ? "dark" : "light" });
  try {
    await journey.run(visitor);
    if (visitor.faults.length > 0) throw new Error(visitor.faults.join("\n"));
    console.log(`ok      ${name}: ${journey.story}`);
  } catch (error) {
    failed += 1;
    await visitor.picture(`failed-${name}`).catch(() => undefined);
    console.log(`FAILED  ${name}: ${journey.story}\n${error instanceof Error ? error.message : error}`);
    if (visitor.faults.length > 0) console.log(visitor.faults.join("\n"));
  } finally {
    await visitor.close();
  }
}
await browser.close();
process.exit(failed === 0 ? 0 : 1);
