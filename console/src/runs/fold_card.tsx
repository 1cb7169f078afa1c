// SPDX-License-Identifier: Apache-2.0
//
// One answer that one or many hosts gave: the host set above, what they said below.
import { Alert, Button, Group, Loader, Text, UnstyledButton } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import { useId, useState } from "react";

import { messageOf } from "../api/client";
import { targetsQuery } from "../api/queries";
import type { Fold } from "../api/types";
import { IconDown, IconRight } from "../app/icons";
import { count, counted, size } from "../text/format";
import { HostText } from "../text/host_text";
import { visibleLine } from "../text/visible";
import { foldView, type FoldView } from "./folds";
import classes from "./folds.module.css";
import { ResultView } from "./result_view";
import { StateWord } from "./state_bar";

const kLinesFolded = 8;
const kLinesOpen = 400;
/** JSON has more lines than what it says. */
const kResultLinesFolded = 16;

interface Props {
  run: string;
  fold: Fold;
  total: number;
  onOpen: (endpoint: string) => void;
}

export function FoldCard({ run, fold, total, onOpen }: Props) {
  const [open, setOpen] = useState(false);
  const hosts = useId();
  const view = foldView(fold);
  const single = fold.count === 1;
  return (
    <article className={classes.fold} aria-label={`${fold.count} ${fold.state}`}>
      <header className={classes.foldHead}>
        <UnstyledButton
          className={classes.foldHosts} aria-expanded={single ? undefined : open} aria-controls={single ? undefined : hosts}
          onClick={() => (single ? onOpen(fold.sample_endpoint) : setOpen(!open))}
        >
          {single ? <IconRight size={15} /> : open ? <IconDown size={15} /> : <IconRight size={15} />}
          <span className={classes.hostSet}>{visibleLine(fold.hosts, open ? 4_096 : 240)}</span>
          <span className={classes.foldCount}>{single ? "" : `${count(fold.count)} of ${count(total)}`}</span>
        </UnstyledButton>
        <span className={classes.foldState}>
          {view.ending !== "" && <Text component="span" size="sm" c="dimmed">{view.ending}</Text>}
          <StateWord state={fold.state} />
        </span>
      </header>
      {open && <FoldHosts id={hosts} run={run} fold={fold} onOpen={onOpen} />}
      {view.reason !== undefined && <Text size="sm" className={classes.reason}>{visibleLine(view.reason, 1_000)}</Text>}
      {fold.truncated && (
        <Text size="sm" c="orange" className={classes.reason}>The output was cut at the run’s limit; the rest is gone.</Text>
      )}
      {fold.result === undefined ? (
        <>
          {view.silent && fold.state === "succeeded" && <Text size="sm" c="dimmed" className={classes.reason}>no output</Text>}
          <FoldOutput label="stdout" text={view.stdout} left={view.stdoutLeft} open={open} />
          <FoldOutput label="stderr" text={view.stderr} left={view.stderrLeft} open={open} />
        </>
      ) : (
        <>
          <div className={classes.stream}><ResultView result={fold.result} linesMax={open ? kLinesOpen : kResultLinesFolded} /></div>
          <RawOutput fold={fold} view={view} />
        </>
      )}
    </article>
  );
}

/** What the method wrote, byte for byte, behind what it answered. */
function RawOutput({ fold, view }: { fold: Fold; view: FoldView }) {
  const [open, setOpen] = useState(false);
  const id = useId();
  const streams = [
    ...(fold.stdout_bytes > 0 && !view.secret ? [`stdout ${size(fold.stdout_bytes)}`] : []),
    ...(fold.stderr_bytes > 0 ? [`stderr ${size(fold.stderr_bytes)}`] : []),
  ];
  if (streams.length === 0) return null;
  return (
    <div className={classes.stream}>
      <UnstyledButton className={classes.raw} aria-expanded={open} aria-controls={id} onClick={() => setOpen(!open)}>
        {open ? <IconDown size={13} /> : <IconRight size={13} />} {streams.join(", ")}
      </UnstyledButton>
      {open && (
        <div id={id}>
          {!view.secret && <FoldOutput label="stdout" text={view.stdout} left={view.stdoutLeft} open named />}
          <FoldOutput label="stderr" text={view.stderr} left={view.stderrLeft} open />
        </div>
      )}
    </div>
  );
}

interface OutputProps {
  label: "stdout" | "stderr";
  text: string | undefined;
  left: number;
  open: boolean;
  named?: boolean;
}

function FoldOutput({ label, text, left, open, named = label === "stderr" }: OutputProps) {
  if (text === undefined && left === 0) return null;
  return (
    <div className={classes.stream} data-stream={label}>
      {named && <div className={classes.streamName}>{label}</div>}
      <HostText text={text ?? ""} linesMax={open ? kLinesOpen : kLinesFolded} label={label} />
      {left > 0 && <Text size="xs" c="dimmed" mt={4}>{size(left)} more: open one host to have all of it</Text>}
    </div>
  );
}

/** The hosts of a fold one by one, page by page; each opens its answer in full. */
function FoldHosts({ id, run, fold, onOpen }: { id: string; run: string; fold: Fold; onOpen: (endpoint: string) => void }) {
  const named = fold.id !== undefined;
  const list = useInfiniteQuery({ ...targetsQuery(run, { fold: fold.id, ...(named ? {} : { state: fold.state }) }), enabled: named });
  const targets = (list.data?.pages ?? []).flatMap((page) => page.targets);
  if (!named) {
    return (
      <div id={id} className={classes.foldTargets}>
        <Button variant="light" size="compact-sm" onClick={() => onOpen(fold.sample_endpoint)}>Open the answer of one of them</Button>
      </div>
    );
  }
  return (
    <div id={id} className={classes.foldTargets}>
      {list.error !== null && <Alert color="red" role="alert">{messageOf(list.error)}</Alert>}
      {list.isPending && <Loader size="xs" aria-label="Loading" />}
      <Group gap={6}>
        {targets.map((target) => (
          <UnstyledButton key={target.endpoint} className={classes.hostChip} onClick={() => onOpen(target.endpoint)}>
            {visibleLine(target.name, 80)}
          </UnstyledButton>
        ))}
        {list.hasNextPage && (
          <Button variant="subtle" size="compact-sm" loading={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>
            {counted(Math.max(0, fold.count - targets.length), "more host")}…
          </Button>
        )}
      </Group>
    </div>
  );
}
