// SPDX-License-Identifier: Apache-2.0
//
// The progress that methods tell, on the screen: for each of the first hosts that speak a line
// with a bar, and in the table of hosts beside those that are in sight.
import { Progress, Text, UnstyledButton } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import { useCallback, useSyncExternalStore } from "react";

import { targetsQuery } from "../api/queries";
import type { Run, Target } from "../api/types";
import { count, counted } from "../text/format";
import { visibleLine } from "../text/visible";
import { kTargetsMax, type ProgressBoard, type Said, saidOf } from "./progress";
import classes from "./progress.module.css";
import { kStates } from "./states";

const kLines = 8;

function textOf({ percent, text }: Said): string {
  const words = visibleLine(text, 400);
  return percent === undefined ? words : words === "" ? `${percent}%` : `${percent}% ${words}`;
}

/** A bar where a percentage is known, and the words beside it. */
export function ProgressLine({ said, label }: { said: Said; label: string }) {
  return (
    <div className={classes.said} title={textOf(said)}>
      {said.percent !== undefined && (
        <>
          <Progress.Root size="sm" className={classes.bar ?? ""}>
            <Progress.Section value={said.percent} aria-label={label} aria-valuetext={textOf(said)} />
          </Progress.Root>
          <span className={classes.percent}>{said.percent}%</span>
        </>
      )}
      <span className={classes.text}>{visibleLine(said.text, 400)}</span>
    </div>
  );
}

/** What one target says now; it costs nothing while it is not on the screen. */
export function TargetProgress({ board, target }: { board: ProgressBoard; target: Target }) {
  const live = useSyncExternalStore(board.subscribe, useCallback(() => board.of(target.endpoint), [board, target.endpoint]));
  const said = live ?? saidOf(target.name, target.progress);
  if (said === undefined || kStates[target.state].final) return null;
  return <ProgressLine said={said} label={`Progress of ${visibleLine(target.name, 120)}`} />;
}

/** Of a large run nobody tells which target has ended: those that run are known from the list. */
function firstOf(targets: readonly Target[], board: ProgressBoard): [string, Said][] {
  return targets.flatMap((target): [string, Said][] => {
    const said = board.of(target.endpoint) ?? saidOf(target.name, target.progress);
    return said === undefined ? [] : [[target.endpoint, said]];
  }).slice(0, kLines);
}

interface ListProps {
  run: Run;
  board: ProgressBoard;
  onOpen: (endpoint: string) => void;
  /** To the table of all that run. */
  onAll: () => void;
}

/** The first hosts that say how far they are, and how many more run. */
export function ProgressList({ run, board, onOpen, onAll }: ListProps) {
  useSyncExternalStore(board.subscribe, useCallback(() => board.version, [board]));
  const many = run.targets > kTargetsMax;
  const running = useInfiniteQuery({ ...targetsQuery(run.id, { state: "running" }), enabled: many && run.state === "running" });
  const lines = run.state !== "running" ? [] : many ? firstOf(running.data?.pages[0]?.targets ?? [], board) : board.first(kLines);
  if (lines.length === 0) return null;
  const more = Math.max(many ? 0 : board.size, run.counts.running) - lines.length;
  return (
    <section className={classes.list} aria-label="Progress">
      <ul className={classes.lines}>
        {lines.map(([endpoint, said]) => (
          <li key={endpoint} className={classes.line}>
            <UnstyledButton className={classes.name} onClick={() => onOpen(endpoint)}>{visibleLine(said.name, 120)}</UnstyledButton>
            <ProgressLine said={said} label={`Progress of ${visibleLine(said.name, 120)}`} />
          </li>
        ))}
      </ul>
      {more > 0 && (
        <Text size="sm" c="dimmed" className={classes.more}>
          and <UnstyledButton className={classes.all} onClick={onAll} aria-label={`All ${counted(more + lines.length, "host")} that run`}>{count(more)} more</UnstyledButton>
        </Text>
      )}
    </section>
  );
}
