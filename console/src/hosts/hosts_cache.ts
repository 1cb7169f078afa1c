// SPDX-License-Identifier: Apache-2.0
//
// What a `hosts` event changes in the pages that are loaded. Pure.
import type { InfiniteData } from "@tanstack/react-query";

import type { Host, HostList } from "../api/types";

export type HostPages = InfiniteData<HostList, string | null>;

export interface Patched {
  pages: HostPages;
  /** A changed host is not among the loaded ones: it may be new, or now match. */
  foreign: boolean;
  /** A loaded host went on- or offline: the counts of the list are stale. */
  turned: boolean;
}

/** Replaces the changed hosts where they stand; order and membership are the server's to say. */
export function patchHosts(pages: HostPages, changed: readonly Host[]): Patched {
  const news = new Map(changed.map((host) => [host.id, host]));
  let turned = false;
  const patched = pages.pages.map((page) => {
    if (!page.hosts.some((host) => news.has(host.id))) return page;
    const hosts = page.hosts.map((host) => {
      const next = news.get(host.id);
      if (next === undefined) return host;
      news.delete(host.id);
      turned ||= next.online !== host.online;
      return next;
    });
    return { ...page, hosts };
  });
  return { pages: { ...pages, pages: patched }, foreign: news.size > 0, turned };
}
