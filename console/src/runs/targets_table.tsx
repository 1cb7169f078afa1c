// SPDX-License-Identifier: Apache-2.0
//
// Every target of a run by itself: state, how it ended, how long it took, its first line.
import { Alert, Button, Center, Group, Loader, Text, UnstyledButton } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import { useVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useRef } from "react";

import { messageOf } from "../api/client";
import { targetsQuery } from "../api/queries";
import type { Run, Target, TargetState } from "../api/types";
import { count, duration } from "../text/format";
import { outputText, visibleLine } from "../text/visible";
import classes from "./targets.module.css";
import { StateWord } from "./state_bar";
import type { ProgressBoard } from "./progress";
import { TargetProgress } from "./progress_view";
import { resultLine } from "./result";
import { ending, kStates } from "./states";

const kRowPx = 38;
const kNearEnd = 30;

interface Props {
  run: Run;
  board: ProgressBoard;
  state: TargetState | undefined;
  onOpen: (endpoint: string) => void;
  onAll: () => void;
}

export function TargetsTable({ run, board, state, onOpen, onAll }: Props) {
  const list = useInfiniteQuery(targetsQuery(run.id, { state }));
  const targets = (list.data?.pages ?? []).flatMap((page) => page.targets);
  const scroller = useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({ count: targets.length, getScrollElement: () => scroller.current, estimateSize: () => kRowPx, overscan: 10 });
  const items = virtual.getVirtualItems();
  const last = items.at(-1)?.index ?? 0;
  const { hasNextPage, isFetchingNextPage, fetchNextPage } = list;
  useEffect(() => {
    if (hasNextPage && !isFetchingNextPage && last >= targets.length - kNearEnd) void fetchNextPage();
  }, [hasNextPage, isFetchingNextPage, fetchNextPage, last, targets.length]);
  const expected = state === undefined ? run.targets : run.counts[state];
  return (
    <>
      {state !== undefined && (
        <Group mb="xs" gap="sm">
          <Text size="sm">Only <b>{kStates[state].label}</b></Text>
          <Button variant="subtle" size="compact-sm" onClick={onAll}>Show all</Button>
        </Group>
      )}
      {list.error !== null && <Alert color="red" role="alert">{messageOf(list.error)}</Alert>}
      {list.isPending && <Center p="xl"><Loader size="sm" aria-label="Loading" /></Center>}
      {list.isSuccess && targets.length === 0 && <Text c="dimmed" ta="center" p="xl">No host is in this state.</Text>}
      {targets.length > 0 && (
        <div className={classes.targets} role="table" aria-label="Targets" aria-rowcount={expected + 1}>
          <div ref={scroller} className={classes.targetsScroller} role="presentation">
            <div role="rowgroup" className={classes.targetsHead}>
              <div role="row" className={classes.target}>
                {["Host", "State", "Ended by", "Took", "Answer"].map((name) => <div key={name} role="columnheader">{name}</div>)}
              </div>
            </div>
            <div role="rowgroup" className={classes.targetsRows}>
              <div role="presentation" style={{ height: virtual.getTotalSize(), position: "relative" }}>
                {items.map((item) => {
                  const target = targets[item.index];
                  return target && <TargetRow key={target.endpoint} target={target} board={board} index={item.index} top={item.start} onOpen={onOpen} />;
                })}
              </div>
            </div>
          </div>
          {targets.length < expected && <div className={classes.targetsFoot}>{count(targets.length)} of {count(expected)} loaded; scroll for more</div>}
        </div>
      )}
    </>
  );
}

function firstLine(target: Target): string {
  if (target.result !== undefined) return visibleLine(resultLine(target.result), 200);
  const text = outputText(target.stdout, target.stdout_base64) ?? outputText(target.stderr, target.stderr_base64) ?? target.reason ?? "";
  return visibleLine(text.trimStart().split("\n", 1)[0] ?? "", 200);
}

interface RowProps {
  target: Target;
  board: ProgressBoard;
  index: number;
  top: number;
  onOpen: (endpoint: string) => void;
}

function TargetRow({ target, board, index, top, onOpen }: RowProps) {
  return (
    <div
      role="row" aria-rowindex={index + 2} className={classes.target}
      style={{ position: "absolute", top: 0, left: 0, right: 0, height: kRowPx, transform: `translateY(${top}px)` }}
    >
      <div role="cell"><UnstyledButton className={classes.targetName} onClick={() => onOpen(target.endpoint)}>{visibleLine(target.name, 120)}</UnstyledButton></div>
      <div role="cell"><StateWord state={target.state} /></div>
      <div role="cell">{ending(target)}</div>
      <div role="cell">{target.duration_ms === undefined ? "" : duration(target.duration_ms)}</div>
      {kStates[target.state].final
        ? <div role="cell" className={classes.first}>{firstLine(target)}</div>
        : <div role="cell"><TargetProgress board={board} target={target} /></div>}
    </div>
  );
}
