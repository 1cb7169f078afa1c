// SPDX-License-Identifier: Apache-2.0
//
// The names by which the console speaks of the API's shapes. They are generated from
// docs/openapi.yaml (`npm run types`); nothing is declared twice.
import type { components, operations } from "./schema";

type Schemas = components["schemas"];

export type Me = Schemas["Me"];
export type Role = Schemas["Role"];
export type Region = Schemas["Region"];
export type Host = Schemas["Host"];
export type HostList = Schemas["HostList"];
export type HostSort = NonNullable<NonNullable<operations["listHosts"]["parameters"]["query"]>["sort"]>;
export type HostsEvent = Schemas["HostsEvent"];
export type SelectorCheck = Schemas["SelectorCheck"];
export type Command = Schemas["Command"];
export type Run = Schemas["Run"];
export type RunTree = Schemas["RunTree"];
export type RunList = Schemas["RunList"];
export type RunRequest = Schemas["RunRequest"];
export type RunsEvent = Schemas["RunsEvent"];
export type Counts = Schemas["Counts"];
export type Target = Schemas["Target"];
export type TargetList = Schemas["TargetList"];
export type TargetState = Schemas["TargetState"];
export type TargetEvent = Schemas["TargetEvent"];
export type OutputEvent = Schemas["OutputEvent"];
export type ProgressEvent = Schemas["ProgressEvent"];
export type Fold = Schemas["Fold"];
export type FoldList = Schemas["FoldList"];
export type RolloutPlan = Schemas["RolloutPlan"];
export type WaveRule = Schemas["WaveRule"];
export type Schedule = Schemas["Schedule"];
export type ScheduleRequest = Schemas["ScheduleRequest"];
export type SchedulePreview = Schemas["SchedulePreview"];
export type FiringList = Schemas["FiringList"];
export type ScheduleList = Schemas["ScheduleList"];
export type Firing = Schemas["Firing"];
export type Wave = Schemas["WaveList"]["waves"][number];
export type WaveList = Schemas["WaveList"];
export type MethodRun = Schemas["MethodRun"];
export type MethodListed = Schemas["MethodListed"];
export type MethodList = Schemas["MethodList"];
export type Method = Schemas["MethodWithVersions"];
export type MethodVersionSummary = Schemas["MethodVersionSummary"];
export type MethodParameter = Schemas["MethodParameter"];
export type PublishingKeyList = Schemas["PublishingKeyList"];
export type Discovery = Schemas["Discovery"];
export type DiscoveryList = Schemas["DiscoveryList"];
export type FoundMachine = Schemas["FoundMachine"];
export type Neighbour = Schemas["Neighbour"];
export type NeighbourList = Schemas["NeighbourList"];
export type RegionCard = Schemas["RegionCard"];
export type HostsOfRegion = Schemas["HostsOfRegion"];
export type HostsOfRegions = Schemas["HostsOfRegions"];
export type RemoteRun = Schemas["RemoteRun"];
export type RemoteRunList = Schemas["RemoteRunList"];
export type ErrorCode = Schemas["ErrorCode"];
