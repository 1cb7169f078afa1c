// SPDX-License-Identifier: Apache-2.0
//
// A browser that changed its network lost the style sheet of the console, which then covered
// itself with check marks of the size of the window (seen by the journey "hosts").
import { expect, it } from "vitest";

import { stylesArrive } from "./styles";

/** A page with one link, of which only the try number `good` (from 0) arrives. */
function pageThatGets(good: number): { page: Document; tries: () => number } {
  const page = document.implementation.createHTMLDocument();
  for (const [rel, href] of [["icon", "/x.svg"], ["stylesheet", "/x.css"]] as const) page.head.append(Object.assign(page.createElement("link"), { rel, href }));
  let tries = 0;
  const settle = (link: HTMLLinkElement) => {
    const unreadable = { get cssRules(): never { throw new Error("Cannot access rules"); } };
    const failed = tries % 2 === 0 ? unreadable : null;
    Object.defineProperty(link, "sheet", { value: tries === good ? { cssRules: [{}] } : failed });
    tries += 1;
    link.replaceWith = (next) => {
      HTMLLinkElement.prototype.replaceWith.call(link, next);
      settle(next as HTMLLinkElement);
      (next as HTMLLinkElement).dispatchEvent(new Event(tries > good ? "load" : "error"));
    };
  };
  settle(page.querySelector<HTMLLinkElement>('link[rel="stylesheet"]')!);
  return { page, tries: () => tries };
}

it("waits for nothing where the style is here", async () => {
  const { page, tries } = pageThatGets(0);
  expect(await stylesArrive(page, [0, 0])).toBe(true);
  expect(tries()).toBe(1);
});

it("asks again for a style sheet that was lost", async () => {
  const { page, tries } = pageThatGets(2);
  expect(await stylesArrive(page, [0, 0, 0])).toBe(true);
  expect(tries()).toBe(3);
  expect(page.querySelectorAll('link[rel="stylesheet"]')).toHaveLength(1);
});

it("gives up after the last try", async () => {
  const { page, tries } = pageThatGets(9);
  expect(await stylesArrive(page, [0, 0])).toBe(false);
  expect(tries()).toBe(3);
});
