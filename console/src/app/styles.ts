// SPDX-License-Identifier: Apache-2.0
//
// The console is shown with its style sheets or not at all. A browser whose network changes
// while a page loads (another Wi-Fi, a VPN) drops what is under way. The page itself it asks
// for again; a style sheet that is lost is lost in silence, and what appears without one is a
// heap of boxes whose pictures lie over what should be clicked.

/** Pauses before each further try; after the last one the page says that it has no style. */
const kPausesMs = [200, 500, 1_000, 2_000, 4_000];

/** A sheet that failed is null, or is one whose rules cannot be read, as the browser likes. */
function arrived({ sheet }: HTMLLinkElement): boolean {
  try {
    return sheet !== null && sheet.cssRules.length > 0;
  } catch {
    return false;
  }
}

function lost(page: Document): HTMLLinkElement[] {
  return [...page.querySelectorAll<HTMLLinkElement>('link[rel="stylesheet"]')].filter((link) => !arrived(link));
}

/** Asks again, by a new link in the place of the one that failed. */
function again(link: HTMLLinkElement): Promise<void> {
  return new Promise((done) => {
    const next = link.cloneNode() as HTMLLinkElement;
    next.addEventListener("load", () => done());
    next.addEventListener("error", () => done());
    link.replaceWith(next);
  });
}

/**
 * Resolves to true once every style sheet of the page is here, to false when one cannot be had.
 * REQUIRES: called from a module script; until its links have loaded or failed a page runs none.
 */
export async function stylesArrive(page: Document = document, pausesMs: readonly number[] = kPausesMs): Promise<boolean> {
  for (const pause of pausesMs) {
    const links = lost(page);
    if (links.length === 0) return true;
    await new Promise((resume) => setTimeout(resume, pause));
    await Promise.all(links.map(again));
  }
  return lost(page).length === 0;
}
