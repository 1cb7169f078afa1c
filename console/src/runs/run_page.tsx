// SPDX-License-Identifier: Apache-2.0
//
// One run while it happens and ever after: how far it is, the answers folded together, every
// host by itself, and what it says live.
import { Alert, Anchor, Center, Group, Loader, Tabs, Text } from "@mantine/core";
import { type QueryFilters, useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useReducer, useRef, useState } from "react";
import { Link } from "wouter";

import { ApiError, messageOf } from "../api/client";
import { type LiveState, useLive } from "../api/live";
import { meQuery, runQuery } from "../api/queries";
import type { Me, Run, TargetState } from "../api/types";
import { IconBack } from "../app/icons";
import { useNow } from "../app/now";
import { ago, count, duration, moment } from "../text/format";
import { visibleLine } from "../text/visible";
import { CancelButton } from "./cancel_button";
import { FoldList } from "./fold_list";
import { commandLine } from "./folds";
import { LiveOutput } from "./live_output";
import { MethodHead } from "./method_head";
import { PauseButton } from "./pause_button";
import { ProgressBoard } from "./progress";
import { ProgressList } from "./progress_view";
import { RolloutNotes } from "./rollout_notes";
import { kRunLiveStart, reduceRun, type RunEvent, runEventOf, type RunLive } from "./run_live";
import classes from "./page.module.css";
import { RunTree } from "./run_tree";
import { StateBar, StateLegend } from "./state_bar";
import { answered, kStates } from "./states";
import { TargetDrawer } from "./target_drawer";
import { TargetsTable } from "./targets_table";
import { WaveTable } from "./wave_table";

const kNames = ["run", "target", "progress", "output", "end"] as const;
/** Lists of answers are read again at most so often while answers arrive. */
const kReloadMs = 1_000;

/** The run as the server tells it, live until it has ended. */
function useRunLive(id: string): { run: Run | undefined; error: Error | null; live: RunLive; board: ProgressBoard; state: LiveState } {
  const client = useQueryClient();
  const [board] = useState(() => new ProgressBoard());
  useEffect(() => () => board.close(), [board]);
  const query = useQuery(runQuery(id));
  const [live, dispatch] = useReducer(reduceRun, kRunLiveStart);
  const finished = query.data?.state === "finished" || live.ended;
  const watch = query.data !== undefined && !finished;
  const state = useLive(watch ? `/v1/runs/${encodeURIComponent(id)}/events` : null, kNames, {
    onEvent: (name, data) => {
      const event = runEventOf(name, data);
      if (event === undefined) return false;
      post(board, event);
      if (event.type === "progress") return true;
      dispatch(event);
      if (event.type === "run" || event.type === "end") {
        client.setQueryData(runQuery(id).queryKey, (known) => (known?.state === "finished" ? known : event.run));
      }
      return true;
    },
    // All that the server knows comes again.
    onOpen: () => board.clear(),
  }, "end");
  useEffect(() => {
    if (state === "lost") void client.invalidateQueries({ queryKey: meQuery.queryKey });
  }, [state, client]);
  // A list read that began before the end may arrive after it: the end holds.
  const run = live.ended && query.data?.state !== "finished" ? live.run : query.data;
  return { run, error: query.error, live, board, state: watch ? state : "ended" };
}

function post(board: ProgressBoard, event: RunEvent): void {
  if (event.type === "progress") board.take(event.progress);
  else if (event.type === "end") board.clear();
  else if (event.type === "target" && kStates[event.target.state].final) board.forget(event.target.endpoint);
}

/** Reads the lists below this run again when answers came: at once at the end, else at most once a second. */
function useReload(id: string, version: number, ended: boolean) {
  const client = useQueryClient();
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const reload = useRef<(last: boolean) => void>(() => undefined);
  reload.current = (last) => {
    timer.current = undefined;
    const lists: QueryFilters = { predicate: ({ queryKey }) => queryKey[0] === "run" && queryKey[1] === id && queryKey.length > 2 };
    // A first read that is still under way is not begun again by itself, and may not know the end yet.
    const before = last ? client.cancelQueries(lists) : Promise.resolve();
    void before.then(() => client.invalidateQueries(lists));
  };
  useEffect(() => {
    // The end may be heard of by the region's events before the run's own have said anything.
    if (version === 0 && !ended) return;
    if (ended) {
      clearTimeout(timer.current);
      reload.current(true);
    } else {
      timer.current ??= setTimeout(() => reload.current(false), kReloadMs);
    }
  }, [version, ended]);
  useEffect(() => () => clearTimeout(timer.current), []);
}

export function RunPage({ id, me }: { id: string; me: Me }) {
  const { run, error, live, board, state } = useRunLive(id);
  const [opened, setOpened] = useState<string | undefined>();
  useReload(id, live.version, run?.state === "finished");
  if (run === undefined) {
    return (
      <Center p="xl">
        {error === null ? <Loader aria-label="Loading" /> : (
          <Alert color="red" role="alert">
            {error instanceof ApiError && error.status === 404 ? "There is no such run, or it is not yours to see." : messageOf(error)}{" "}
            <Anchor component={Link} href="/runs" size="sm">To all runs</Anchor>
          </Alert>
        )}
      </Center>
    );
  }
  return (
    <div className={classes.scroll}>
      <div className={classes.column}>
        <RunHead run={run} state={state} me={me} />
        <RunTabs run={run} live={live} board={board} onOpen={setOpened} />
      </div>
      <TargetDrawer run={id} board={board} endpoint={opened} onClose={() => setOpened(undefined)} />
    </div>
  );
}

function RunHead({ run, state, me }: { run: Run; state: LiveState; me: Me }) {
  const done = answered(run.counts);
  const running = run.state === "running";
  return (
    <section className={classes.head} aria-label="Run">
      <Group justify="space-between" wrap="nowrap" align="flex-start" gap="xl" className={classes.headTop}>
        <div className={classes.headText}>
          <Link href="/runs" className={classes.back}><IconBack size={14} /> Runs</Link>
          {run.method === undefined ? <h1 className={classes.command}>{visibleLine(commandLine(run.command), 2_000)}</h1> : <MethodHead method={run.method} />}
          <RunWhere run={run} />
        </div>
        <Group gap="xs" flex="none"><PauseButton run={run} me={me} /><CancelButton run={run} me={me} /></Group>
      </Group>
      <Group justify="space-between" mt="lg" mb={8} gap="md">
        <Text fw={600} size="sm" role="status">
          {running ? `${run.paused === undefined ? "" : "Paused: "}${count(done)} of ${count(run.targets)} answered` : `Finished: ${count(run.targets)} ${run.targets === 1 ? "host" : "hosts"}`}
        </Text>
        {running && state === "lost" && <Text size="sm" fw={600} c="orange" role="alert">connection lost, retrying</Text>}
        <Elapsed run={run} />
      </Group>
      <StateBar counts={run.counts} />
      <RolloutNotes run={run} />
    </section>
  );
}

function RunWhere({ run }: { run: Run }) {
  const now = useNow(5_000);
  const user = run.command?.user ?? run.method?.user;
  return (
    <Text size="sm" c="dimmed" className={classes.where}>
      {run.description !== undefined && run.description !== "" && <b>{visibleLine(run.description, 1_024)}{" · "}</b>}
      {visibleLine(run.created_by, 64)}, <span title={moment(run.created_at)}>{ago(run.created_at, now)}</span>, on{" "}
      <code>{run.selector === "" ? "every host" : visibleLine(run.selector, 300)}</code>
      {user !== undefined && <> as <code>{visibleLine(user, 64)}</code></>}
      {run.limits?.timeout_ms !== undefined && <> · at most {duration(run.limits.timeout_ms)}</>}
      {run.cancelled_by !== undefined && <> · cancelled by {visibleLine(run.cancelled_by, 64)}</>}
      {" · "}<span className={classes.id}>{run.id}</span>
    </Text>
  );
}

function Elapsed({ run }: { run: Run }) {
  const now = useNow(1_000);
  const end = run.finished_at === undefined ? now : Date.parse(run.finished_at);
  return <Text size="sm" c="dimmed" ml="auto">{duration(Math.max(0, end - Date.parse(run.created_at)))}</Text>;
}

interface TabsProps {
  run: Run;
  live: RunLive;
  board: ProgressBoard;
  onOpen: (endpoint: string) => void;
}

function RunTabs({ run, live, board, onOpen }: TabsProps) {
  const [tab, setTab] = useState<string | null>("answers");
  const [only, setOnly] = useState<TargetState | undefined>();
  const narrow = (state: TargetState | undefined) => {
    setOnly(state);
    if (state !== undefined) setTab("hosts");
  };
  return (
    <>
      <StateLegend counts={run.counts} only={only} onOnly={narrow} />
      <Tabs value={tab} onChange={setTab} keepMounted={false} mt="md">
        <Tabs.List mb="md">
          <Tabs.Tab value="answers">Answers</Tabs.Tab>
          <Tabs.Tab value="hosts">Hosts</Tabs.Tab>
          {run.rollout !== undefined && <Tabs.Tab value="waves">Waves</Tabs.Tab>}
          {run.chain !== undefined && <Tabs.Tab value="tree">Tree</Tabs.Tab>}
          {(run.live_output === true || live.lines.length > 0) && <Tabs.Tab value="live">Live output</Tabs.Tab>}
        </Tabs.List>
        <Tabs.Panel value="answers">
          <ProgressList run={run} board={board} onOpen={onOpen} onAll={() => narrow("running")} />
          <FoldList run={run} onOpen={onOpen} />
        </Tabs.Panel>
        <Tabs.Panel value="hosts"><TargetsTable run={run} board={board} state={only} onOpen={onOpen} onAll={() => setOnly(undefined)} /></Tabs.Panel>
        <Tabs.Panel value="waves"><WaveTable run={run} /></Tabs.Panel>
        <Tabs.Panel value="tree"><RunTree run={run} /></Tabs.Panel>
        <Tabs.Panel value="live"><LiveOutput lines={live.lines} dropped={live.dropped} onOpen={onOpen} /></Tabs.Panel>
      </Tabs>
    </>
  );
}
