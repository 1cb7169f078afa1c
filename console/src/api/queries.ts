// SPDX-License-Identifier: Apache-2.0
//
// What the console asks the server for, and under which key the answer is kept. Lists are
// read page by page: a view costs what is on the screen, not what is in the fleet.
import { infiniteQueryOptions, MutationCache, QueryCache, QueryClient, queryOptions } from "@tanstack/react-query";

import { ApiError, request } from "./client";
import { place } from "./place";
import type {
  AgentProgramList, Discovery, DiscoveryList, FiringList, FoldList, GatewayList, Host, HostEventList, HostList, HostsOfRegions, HostSort, Me, Method,
  MethodList, Neighbour, NeighbourList, Pack, PackFileList, PackList, PackRuleList, PublishingKeyList, Region, RegionCard, RemoteRunList, Run, RunList,
  RunTree, Schedule, ScheduleList, SchedulePreview, SelectorCheck, ServerList, Severity, Target, TargetList, TargetState, WaveList,
} from "./types";

export const kHostsPage = 200;
export const kRunsPage = 50;
export const kFoldsPage = 50;
export const kTargetsPage = 200;
/** The most that the server gives: the page searches and groups what it has. */
export const kMethodsPage = 1_000;
/** The first line of an answer is enough for a table. */
const kPreviewBytes = 256;

const firstPage = null as string | null;

/** A 401 anywhere means that the session may be over; /v1/me decides which page is shown. */
export function makeQueryClient(): QueryClient {
  const over = (error: unknown) => {
    if (error instanceof ApiError && error.status === 401) void client.invalidateQueries({ queryKey: meQuery.queryKey });
  };
  const client: QueryClient = new QueryClient({
    queryCache: new QueryCache({ onError: (error, query) => query.queryKey[0] !== "me" && over(error) }),
    mutationCache: new MutationCache({
      onError: (error, _variables, _result, mutation) => mutation.meta?.anonymous !== true && over(error),
    }),
    defaultOptions: {
      queries: {
        staleTime: 5_000,
        refetchOnWindowFocus: false,
        // A refusal stays a refusal; no answer is worth another try.
        retry: (count, error) => count < 2 && error instanceof ApiError && (error.status === 0 || error.status === 503),
      },
    },
  });
  return client;
}

export const meQuery = queryOptions({
  queryKey: ["me"],
  queryFn: ({ signal }) => request<Me>("GET", "/v1/me", { signal }),
  staleTime: 60_000,
});

export const regionQuery = queryOptions({
  queryKey: ["region"],
  queryFn: ({ signal }) => (place() === "" ? request<Region>("GET", "/v1/region", { signal }) : otherRegion(place(), signal)),
  staleTime: 60_000,
});

/** The agents that the server offers, by type of machine. */
export const agentsQuery = queryOptions({
  queryKey: ["agents"],
  queryFn: ({ signal }) => request<AgentProgramList>("GET", "/v1/agents", { signal }),
  staleTime: 60_000,
});

/** Another region tells about the hosts that it lets one see. */
async function otherRegion(name: string, signal: AbortSignal): Promise<Region> {
  const [known, hosts] = await Promise.all([
    request<Neighbour>("GET", `/v1/regions/${name}`, { signal }),
    request<HostList>("GET", "/v1/hosts", { signal, query: { limit: 1 } }),
  ]);
  return {
    region: known.region, version: known.version ?? "", gateways: [], started_at: known.since, endpoints: { total: hosts.total, online: hosts.online },
  } as Region;
}

export const regionsQuery = queryOptions({
  queryKey: ["regions"],
  queryFn: ({ signal }) => request<NeighbourList>("GET", "/v1/regions", { signal }),
  refetchInterval: 5_000,
});

export const regionCardQuery = queryOptions({
  queryKey: ["regions", "card"],
  queryFn: ({ signal }) => request<RegionCard>("GET", "/v1/regions/card", { signal }),
});

export const kOverviewHosts = 100;
export const regionHostsQuery = (selector: string) =>
  queryOptions({
    queryKey: ["regions", "hosts", selector],
    queryFn: ({ signal }) =>
      request<HostsOfRegions>("GET", "/v1/regions/hosts", { signal, query: { selector: selector === "" ? undefined : selector, limit: kOverviewHosts } }),
    refetchInterval: 10_000,
  });

export const regionRunsQuery = queryOptions({
  queryKey: ["regions", "runs"],
  queryFn: ({ signal }) => request<RemoteRunList>("GET", "/v1/regions/runs", { signal, query: { limit: 50 } }),
  refetchInterval: 5_000,
});

export const hostsQuery = (selector: string, sort: HostSort) =>
  infiniteQueryOptions({
    queryKey: ["hosts", selector, sort],
    queryFn: ({ pageParam, signal }) =>
      request<HostList>("GET", "/v1/hosts", {
        signal,
        query: { selector: selector === "" ? undefined : selector, sort, limit: kHostsPage, after: pageParam ?? undefined },
      }),
    initialPageParam: firstPage,
    getNextPageParam: (page) => page.next,
  });

export const hostQuery = (id: string) =>
  queryOptions({
    queryKey: ["host", id],
    queryFn: ({ signal }) => request<Host>("GET", `/v1/hosts/${encodeURIComponent(id)}`, { signal }),
  });

export const selectorQuery = (selector: string) =>
  queryOptions({
    queryKey: ["selector", selector],
    queryFn: ({ signal }) => request<SelectorCheck>("POST", "/v1/selectors/check", { signal, body: { selector } }),
    staleTime: 2_000,
  });

export const runsQuery = infiniteQueryOptions({
  queryKey: ["runs"],
  queryFn: ({ pageParam, signal }) =>
    request<RunList>("GET", "/v1/runs", { signal, query: { limit: kRunsPage, after: pageParam ?? undefined } }),
  initialPageParam: firstPage,
  getNextPageParam: (page) => page.next,
});

const runPath = (id: string) => `/v1/runs/${encodeURIComponent(id)}`;

export const runQuery = (id: string) =>
  queryOptions({
    queryKey: ["run", id],
    queryFn: ({ signal }) => request<Run>("GET", runPath(id), { signal }),
  });

export const foldsQuery = (id: string) =>
  infiniteQueryOptions({
    queryKey: ["run", id, "folds"],
    queryFn: ({ pageParam, signal }) =>
      request<FoldList>("GET", `${runPath(id)}/folds`, {
        signal,
        query: { limit: kFoldsPage, after: pageParam ?? undefined },
      }),
    initialPageParam: firstPage,
    getNextPageParam: (page) => page.next,
  });

export const wavesQuery = (id: string) =>
  queryOptions({
    queryKey: ["run", id, "waves"],
    queryFn: ({ signal }) => request<WaveList>("GET", `${runPath(id)}/waves`, { signal }),
  });

/** Asked again now and then while the run goes on: its methods may start more. */
export const treeQuery = (id: string, state: Run["state"]) =>
  queryOptions({
    queryKey: ["run", id, "tree"],
    queryFn: ({ signal }) => request<RunTree>("GET", `${runPath(id)}/tree`, { signal }),
    refetchInterval: state === "running" ? 3_000 : false,
  });

export interface TargetFilter {
  state?: TargetState | undefined;
  fold?: string | undefined;
}

export const targetsQuery = (id: string, filter: TargetFilter) =>
  infiniteQueryOptions({
    queryKey: ["run", id, "targets", filter.state ?? "", filter.fold ?? ""],
    queryFn: ({ pageParam, signal }) =>
      request<TargetList>("GET", `${runPath(id)}/targets`, {
        signal,
        query: {
          state: filter.state,
          fold: filter.fold,
          output_bytes_max: filter.fold === undefined ? kPreviewBytes : 0,
          limit: kTargetsPage,
          after: pageParam ?? undefined,
        },
      }),
    initialPageParam: firstPage,
    getNextPageParam: (page) => page.next,
  });

export const targetQuery = (id: string, endpoint: string) =>
  queryOptions({
    queryKey: ["run", id, "target", endpoint],
    queryFn: ({ signal }) => request<Target>("GET", `${runPath(id)}/targets/${encodeURIComponent(endpoint)}`, { signal }),
  });

/** Where the whole output lies, byte for byte. */
export const outputUrl = (id: string, endpoint: string, stream: "stdout" | "stderr") =>
  `${runPath(id)}/targets/${encodeURIComponent(endpoint)}/${stream}`;

export const methodsQuery = (hidden: boolean) =>
  infiniteQueryOptions({
    queryKey: ["methods", hidden],
    queryFn: ({ pageParam, signal }) =>
      request<MethodList>("GET", "/v1/methods", {
        signal,
        query: { private: hidden ? "true" : undefined, limit: kMethodsPage, after: pageParam ?? undefined },
      }),
    initialPageParam: firstPage,
    getNextPageParam: (page) => page.next,
  });

export const methodPath = (name: string) => `/v1/methods/${encodeURIComponent(name)}`;

/** One version of a method; the current one where none is named. */
export const methodQuery = (name: string, version?: string) =>
  queryOptions({
    queryKey: ["method", name, version ?? null],
    queryFn: ({ signal }) =>
      request<Method>("GET", version === undefined ? methodPath(name) : `${methodPath(name)}/versions/${encodeURIComponent(version)}`, { signal }),
  });

export const publishingKeysQuery = queryOptions({
  queryKey: ["publishing-keys"],
  queryFn: ({ signal }) => request<PublishingKeyList>("GET", "/v1/publishing-keys", { signal }),
  staleTime: 60_000,
});

export const schedulesQuery = queryOptions({
  queryKey: ["schedules"],
  queryFn: ({ signal }) => request<ScheduleList>("GET", "/v1/schedules", { signal }),
  // What fires by itself changes by itself.
  refetchInterval: 15_000,
});

export const discoveriesQuery = queryOptions({
  queryKey: ["discoveries"],
  queryFn: ({ signal }) => request<DiscoveryList>("GET", "/v1/discoveries", { signal }),
  refetchInterval: (query) => (query.state.data?.discoveries[0]?.state === "running" ? 1_000 : 15_000),
});

export const discoveryPath = (id: number) => `/v1/discoveries/${id}`;

/** With the machines that were found; asked again while it runs. */
export const discoveryQuery = (id: number) =>
  queryOptions({
    queryKey: ["discoveries", id],
    queryFn: ({ signal }) => request<Discovery>("GET", discoveryPath(id), { signal }),
    refetchInterval: (query) => (query.state.data?.state === "running" ? 500 : false),
  });

export const schedulePath = (name: string) => `/v1/schedules/${encodeURIComponent(name)}`;

/** With the next five times. */
export const scheduleQuery = (name: string) =>
  queryOptions({
    queryKey: ["schedules", name],
    queryFn: ({ signal }) => request<Schedule>("GET", schedulePath(name), { signal }),
    refetchInterval: 15_000,
  });

const kFiringsPage = 20;

/** What came of it lately, newest first. */
export const firingsQuery = (name: string) =>
  queryOptions({
    queryKey: ["schedules", name, "firings"],
    queryFn: ({ signal }) => request<FiringList>("GET", `${schedulePath(name)}/firings`, { signal, query: { limit: kFiringsPage } }),
    refetchInterval: 15_000,
  });

/** When a cron expression would fire next. */
export const previewQuery = (cron: string, zone: string) =>
  queryOptions({
    queryKey: ["schedule-preview", cron, zone],
    queryFn: ({ signal }) => request<SchedulePreview>("GET", "/v1/schedules/preview", { signal, query: { cron, zone, count: 5 } }),
    staleTime: 60_000,
  });

const kPacksPage = 200;

export const packsQuery = infiniteQueryOptions({
  queryKey: ["packs"],
  queryFn: ({ pageParam, signal }) => request<PackList>("GET", "/v1/packs", { signal, query: { limit: kPacksPage, after: pageParam ?? undefined } }),
  initialPageParam: firstPage,
  getNextPageParam: (page) => page.next,
});

export const packPath = (name: string) => `/v1/packs/${encodeURIComponent(name)}`;
const packVersionPath = (name: string, version: string) => `${packPath(name)}/versions/${encodeURIComponent(version)}`;

/** One version of a pack; the current one where none is named. */
export const packQuery = (name: string, version?: string) =>
  queryOptions({
    queryKey: ["pack", name, version ?? null],
    queryFn: ({ signal }) => request<Pack>("GET", version === undefined ? packPath(name) : packVersionPath(name, version), { signal }),
  });

const kPackFilesPage = 200;

export const packFilesQuery = (name: string, version: string) =>
  infiniteQueryOptions({
    queryKey: ["pack", name, version, "files"],
    queryFn: ({ pageParam, signal }) =>
      request<PackFileList>("GET", `${packVersionPath(name, version)}/files`, { signal, query: { limit: kPackFilesPage, after: pageParam ?? undefined } }),
    initialPageParam: firstPage,
    getNextPageParam: (page) => page.next,
    // What was published never changes.
    staleTime: Infinity,
  });

export const packRulesQuery = (pack: string) =>
  queryOptions({
    queryKey: ["pack-rules", pack],
    queryFn: ({ signal }) => request<PackRuleList>("GET", "/v1/pack-rules", { signal, query: { pack } }),
  });

export const gatewayPath = (name: string) => `/v1/gateways/${encodeURIComponent(name)}`;

export const gatewaysQuery = queryOptions({
  queryKey: ["gateways"],
  queryFn: ({ signal }) => request<GatewayList>("GET", "/v1/gateways", { signal }),
  // Links come and go by themselves.
  refetchInterval: 3_000,
});

export const serversQuery = queryOptions({
  queryKey: ["servers"],
  queryFn: ({ signal }) => request<ServerList>("GET", "/v1/servers", { signal }),
  refetchInterval: 5_000,
});

const kEventsPage = 100;

export interface EventFilter {
  severity: Severity;
  kind: string;
}

export const hostEventsQuery = (filter: EventFilter) =>
  infiniteQueryOptions({
    queryKey: ["host-events", filter.severity, filter.kind],
    queryFn: ({ pageParam, signal }) =>
      request<HostEventList>("GET", "/v1/host-events", {
        signal,
        query: { severity: filter.severity, kind: filter.kind === "" ? undefined : filter.kind, limit: kEventsPage, after: pageParam ?? undefined },
      }),
    initialPageParam: firstPage,
    getNextPageParam: (page) => page.next,
    // As long as only the newest page is there: who reads further back is not moved about.
    refetchInterval: (query) => ((query.state.data?.pages.length ?? 1) === 1 ? 3_000 : false),
  });
