// SPDX-License-Identifier: Apache-2.0
//
// The tree that a run is in: what its methods have started on other hosts, and what started it.
import { Alert, Center, Loader, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "wouter";

import { messageOf } from "../api/client";
import { treeQuery } from "../api/queries";
import type { Run } from "../api/types";
import { count } from "../text/format";
import { visibleLine } from "../text/visible";
import { commandLine, methodLine, packOrder } from "./folds";
import { kStates, shares } from "./states";
import classes from "./tree.module.css";
import { treeOf } from "./tree";

export function RunTree({ run }: { run: Run }) {
  const { data, error } = useQuery(treeQuery(run.id, run.state));
  if (error !== null) return <Alert color="red" role="alert">{messageOf(error)}</Alert>;
  if (data === undefined) return <Center p="xl"><Loader size="sm" aria-label="Loading" /></Center>;
  return (
    <ul className={classes.tree} aria-label="Tree">
      {treeOf(data.runs).map(({ run: one, depth }) => (
        <li key={one.id} className={classes.node} style={{ paddingInlineStart: `${depth * 1.5}rem` }} aria-current={one.id === run.id ? "true" : undefined}>
          <Link href={`/runs/${one.id}`} className={classes.name}>{visibleLine(whatOf(one), 200)}</Link>
          <Text span size="sm" c="dimmed">
            {one.parent !== undefined && <>on <code>{visibleLine(one.selector, 120)}</code>, by {visibleLine(one.parent.name ?? one.parent.endpoint, 64)}{" · "}</>}
            {shares(one.counts).map((part) => `${count(part.count)} ${kStates[part.state].label}`).join(" · ")}
            {one.cancelled !== undefined && <>{" · "}{visibleLine(one.cancelled.reason, 200)}</>}
          </Text>
        </li>
      ))}
    </ul>
  );
}

function whatOf(run: Run): string {
  if (run.method === undefined) return commandLine(run.command);
  return packOrder(run.method) === undefined ? `${run.method.name} ${run.method.version}` : methodLine(run.method);
}
