// SPDX-License-Identifier: Apache-2.0
//
// What hosts write, as they write it. Best effort: the whole answer stands under Answers.
import { Text, UnstyledButton } from "@mantine/core";
import { useEffect, useRef } from "react";

import { count } from "../text/format";
import { visibleLine } from "../text/visible";
import type { OutputLine } from "./run_live";
import classes from "./live_output.module.css";

const kAtEndPx = 40;

export function LiveOutput({ lines, dropped, onOpen }: { lines: OutputLine[]; dropped: number; onOpen: (endpoint: string) => void }) {
  const box = useRef<HTMLDivElement>(null);
  const follow = useRef(true);
  useEffect(() => {
    if (follow.current && box.current) box.current.scrollTop = box.current.scrollHeight;
  }, [lines]);
  if (lines.length === 0) return <Text c="dimmed" ta="center" p="xl">Nothing was written since this page was opened.</Text>;
  return (
    <div
      ref={box} className={classes.liveBox} role="log" aria-label="Live output" tabIndex={0}
      onScroll={({ currentTarget: el }) => (follow.current = el.scrollHeight - el.scrollTop - el.clientHeight < kAtEndPx)}
    >
      {dropped > 0 && <div className={classes.liveDropped}>{count(dropped)} earlier lines are not kept here</div>}
      {lines.map((line) => (
        <div key={line.key} className={classes.liveLine} data-stream={line.stream}>
          <UnstyledButton className={classes.liveName} onClick={() => onOpen(line.endpoint)}>{visibleLine(line.name, 40)}</UnstyledButton>
          <span>{visibleLine(line.text, 2_000)}</span>
        </div>
      ))}
    </div>
  );
}
