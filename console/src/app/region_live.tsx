// SPDX-License-Identifier: Apache-2.0
//
// The one live connection of the console (/v1/events) and what its events change: counts in
// the header, hosts and runs that are on the screen.
import { type QueryClient, useQueryClient } from "@tanstack/react-query";
import { createContext, type ReactNode, useContext, useEffect, useRef } from "react";

import { type LiveState, useLive } from "../api/live";
import { meQuery, regionQuery, runQuery, runsQuery } from "../api/queries";
import { isHostsEvent, isRunsEvent } from "../api/shapes";
import type { HostsEvent, RunsEvent } from "../api/types";
import { type HostPages, patchHosts } from "../hosts/hosts_cache";
import { patchRuns, type RunPages } from "../runs/runs_cache";

const LiveContext = createContext<LiveState>("connecting");

/** Whether what is on the screen follows the region. */
export function useRegionLive(): LiveState {
  return useContext(LiveContext);
}

const kNames = ["hosts", "runs"] as const;
/** Lists that an event made stale are read again at most so often, */
const kReloadMs = 2_000;
/** and only if so few pages of them are loaded; deeper lists are patched in place. */
const kReloadPagesMax = 2;

function takeHosts(client: QueryClient, event: HostsEvent): boolean {
  client.setQueryData(regionQuery.queryKey, (region) =>
    region && { ...region, endpoints: { total: event.total, online: event.online } });
  let stale = event.changed === undefined;
  for (const host of event.changed ?? []) {
    if (client.getQueryData(["host", host.id]) !== undefined) client.setQueryData(["host", host.id], host);
  }
  for (const [key, pages] of client.getQueriesData<HostPages>({ queryKey: ["hosts"] })) {
    if (pages === undefined || event.changed === undefined) continue;
    const patched = patchHosts(pages, event.changed);
    stale ||= patched.foreign || patched.turned;
    client.setQueryData(key, patched.pages);
  }
  return stale;
}

function takeRun(client: QueryClient, { run }: RunsEvent): void {
  client.setQueryData<RunPages>(runsQuery.queryKey, (pages) => pages && patchRuns(pages, run));
  client.setQueryData(runQuery(run.id).queryKey, (known) => (known?.state === "finished" ? known : known && run));
}

function reloadHosts(client: QueryClient): void {
  void client.refetchQueries({
    queryKey: ["hosts"],
    type: "active",
    predicate: (query) => ((query.state.data as HostPages | undefined)?.pages.length ?? 0) <= kReloadPagesMax,
  });
}

export function RegionLive({ children }: { children: ReactNode }) {
  const client = useQueryClient();
  const reload = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  useEffect(() => () => clearTimeout(reload.current), []);
  const soon = () => {
    reload.current ??= setTimeout(() => {
      reload.current = undefined;
      reloadHosts(client);
    }, kReloadMs);
  };
  const state = useLive("/v1/events", kNames, {
    onEvent: (name, data) => {
      if (name === "runs" && isRunsEvent(data)) takeRun(client, data);
      else if (name === "hosts" && isHostsEvent(data)) {
        if (takeHosts(client, data)) soon();
      } else return false;
      return true;
    },
    onOpen: (again) => {
      if (!again) return;
      soon();
      void client.invalidateQueries({ queryKey: runsQuery.queryKey });
    },
  });
  // A stream that breaks may mean that the session is over: the server is asked, once.
  useEffect(() => {
    if (state === "lost") void client.invalidateQueries({ queryKey: meQuery.queryKey });
  }, [state, client]);
  return <LiveContext.Provider value={state}>{children}</LiveContext.Provider>;
}
