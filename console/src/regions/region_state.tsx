// SPDX-License-Identifier: Apache-2.0
import { Badge } from "@mantine/core";

import type { Neighbour } from "../api/types";

type State = Neighbour["state"];

const kColors: Readonly<Record<State, string>> = { up: "teal", slow: "yellow", down: "red", refused: "orange", unknown: "gray" };

export function RegionState({ state }: { state: State }) {
  return <Badge variant="light" color={kColors[state]}>{state}</Badge>;
}

/** "see, run on site=berlin"; "nothing". */
export function grantText(grant: { may: readonly string[]; selector?: string } | undefined): string {
  if (grant === undefined) return "not known";
  if (grant.may.length === 0) return "nothing";
  return grant.may.join(", ") + (grant.selector === undefined || grant.selector === "" ? "" : ` on ${grant.selector}`);
}

/** Groups of four, that eyes can compare. */
export function grouped(fingerprint: string): string {
  return (fingerprint.match(/.{1,4}/g) ?? []).join("-");
}
