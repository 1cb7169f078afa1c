// SPDX-License-Identifier: Apache-2.0
//
// Past and present runs, newest first.
import { Alert, Anchor, Badge, Button, Center, Loader, Text, Title } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import { Link } from "wouter";

import { messageOf } from "../api/client";
import { runsQuery } from "../api/queries";
import type { Run } from "../api/types";
import { useNow } from "../app/now";
import { ago, counted, moment } from "../text/format";
import { visibleLine } from "../text/visible";
import { orderLine } from "./folds";
import page from "./page.module.css";
import classes from "./runs_list.module.css";
import { StateBar } from "./state_bar";
import { answered, shares, kStates } from "./states";

export function RunsPage() {
  const list = useInfiniteQuery(runsQuery);
  const now = useNow(5_000);
  const runs = (list.data?.pages ?? []).flatMap((page) => page.runs);
  return (
    <div className={page.scroll}>
      <div className={page.column}>
        <Title order={1} fz={22} mb="md">Runs</Title>
        {list.error !== null && <Alert color="red" role="alert">{messageOf(list.error)}</Alert>}
        {list.isPending && <Center p="xl"><Loader size="sm" aria-label="Loading" /></Center>}
        {list.isSuccess && runs.length === 0 && (
          <Text c="dimmed" p="xl" ta="center">Nothing has been run yet. Pick some hosts on the page <Anchor component={Link} href="/hosts">Hosts</Anchor>, then run a command or a method on them.</Text>
        )}
        {runs.length > 0 && (
          <ul className={classes.runs} aria-label="Runs">
            {runs.map((run) => <RunLine key={run.id} run={run} now={now} />)}
          </ul>
        )}
        {list.hasNextPage && (
          <Center p="md">
            <Button variant="default" loading={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>Show older runs</Button>
          </Center>
        )}
      </div>
    </div>
  );
}

/** "12 succeeded · 1 failed", or how far it is. */
function outcome(run: Run): string {
  if (run.state === "running") return `${answered(run.counts).toLocaleString("en-US")} of ${counted(run.targets, "host")}`;
  return shares(run.counts).map((part) => `${part.count.toLocaleString("en-US")} ${kStates[part.state].label}`).join(" · ");
}

function RunLine({ run, now }: { run: Run; now: number }) {
  return (
    <li>
      <Link href={`/runs/${run.id}`} className={classes.runLine}>
        <span className={classes.runCommand}>
          {run.method?.noop === true && <Badge size="xs" variant="light" mr={8}>dry run</Badge>}
          {visibleLine(orderLine(run), 200)}
        </span>
        <span className={classes.runWhen} title={moment(run.created_at)}>{ago(run.created_at, now)}</span>
        <span className={classes.runWhere}>
          {run.description !== undefined && run.description !== "" && <b>{visibleLine(run.description, 120)}{" · "}</b>}
          {visibleLine(run.created_by, 64)}
          {" on "}
          <code>{run.selector === "" ? "every host" : visibleLine(run.selector, 120)}</code>
        </span>
        <span className={classes.runOutcome}>
          {run.state === "running" && <span className={classes.live} />}
          {outcome(run)}
        </span>
        <div className={classes.runBar}><StateBar counts={run.counts} thin /></div>
      </Link>
    </li>
  );
}
