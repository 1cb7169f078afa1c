// SPDX-License-Identifier: Apache-2.0
//
// What a `runs` event changes in the list of runs that is loaded. Pure.
import type { InfiniteData } from "@tanstack/react-query";

import type { Run, RunList } from "../api/types";

export type RunPages = InfiniteData<RunList, string | null>;

/** Replaces the run where it stands; a new one goes to the top (ids sort by age). */
export function patchRuns(pages: RunPages, run: Run): RunPages {
  const patched = pages.pages.map((page) => {
    if (!page.runs.some((known) => known.id === run.id)) return page;
    return { ...page, runs: page.runs.map((known) => (known.id === run.id && known.state !== "finished" ? run : known)) };
  });
  const first = patched[0];
  if (first === undefined || patched.some((page) => page.runs.some((known) => known.id === run.id))) return { ...pages, pages: patched };
  const newest = first.runs[0];
  if (newest === undefined || run.id > newest.id) patched[0] = { ...first, runs: [run, ...first.runs] };
  return { ...pages, pages: patched };
}
