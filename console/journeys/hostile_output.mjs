// SPDX-License-Identifier: Apache-2.0
//
// A host answers with markup, escape sequences and bytes that are not text. All of it is
// shown, none of it does anything.
import { expect, finished, logIn, runShell, seeHosts } from "./browser.mjs";

export const story = "output with <script>, ANSI escapes and broken UTF-8 is shown as text";

const kCommand =
  `printf '<script>window.hacked=1</script><img src=x onerror="window.hacked=1">\\n\\033[31mred\\033[0m \\007 \\342\\200\\256turned\\n'`;

export async function run({ page, picture }) {
  await logIn(page);
  await seeHosts(page);
  await runShell(page, "online", kCommand);
  await finished(page);
  const output = page.getByRole("article").first().locator("pre").first();
  await output.waitFor();
  const text = await output.textContent();
  expect(text?.includes("<script>"), "the markup to be shown");
  expect(text?.includes("␛[31mred␛[0m"), "escape sequences to be spelt out");
  expect(text?.includes("␇"), "the bell to be spelt out");
  expect(text?.includes("<U+202E>"), "the turn of direction to be spelt out");
  expect((await output.locator("script, img").count()) === 0, "no element made of output");
  expect((await page.evaluate(() => window.hacked)) === undefined, "no code made of output to run");
  await picture("hostile-output");

  await runShell(page, "online", `printf '\\377\\376plain \\303\\244\\n'`);
  await finished(page);
  const bytes = page.getByRole("article").first().locator("pre").first();
  await bytes.waitFor();
  expect((await bytes.textContent())?.includes("\\xff\\xfe"), "bytes that are not text to be spelt out");
}
