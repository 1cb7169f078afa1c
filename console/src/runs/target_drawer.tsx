// SPDX-License-Identifier: Apache-2.0
//
// The answer of one host in full: how it ended, stdout and stderr apart.
import { Alert, Button, CopyButton, Drawer, Group, Loader, Stack, Switch, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";

import { messageOf } from "../api/client";
import { outputUrl, targetQuery } from "../api/queries";
import type { Target } from "../api/types";
import { IconCopy, IconDownload } from "../app/icons";
import { duration, moment, size } from "../text/format";
import { HostText } from "../text/host_text";
import { visibleLine } from "../text/visible";
import { foldView } from "./folds";
import classes from "./target_drawer.module.css";
import type { ProgressBoard } from "./progress";
import { TargetProgress } from "./progress_view";
import { ResultView } from "./result_view";
import { StateWord } from "./state_bar";
import { kStates } from "./states";

const kLinesMax = 2_000;

interface Props {
  run: string;
  board: ProgressBoard;
  endpoint: string | undefined;
  onClose: () => void;
}

export function TargetDrawer({ run, board, endpoint, onClose }: Props) {
  return (
    <Drawer
      opened={endpoint !== undefined} onClose={onClose} position="right" size="min(860px, 100vw)" title="Answer of one host"
      closeButtonProps={{ "aria-label": "Close" }}
    >
      {endpoint !== undefined && <Answer run={run} board={board} endpoint={endpoint} />}
    </Drawer>
  );
}

function Answer({ run, board, endpoint }: { run: string; board: ProgressBoard; endpoint: string }) {
  const { data: target, error } = useQuery(targetQuery(run, endpoint));
  const [wrap, setWrap] = useState(true);
  if (error !== null) return <Alert color="red" role="alert">{messageOf(error)}</Alert>;
  if (target === undefined) return <Loader size="sm" aria-label="Loading" />;
  const view = foldView(target);
  return (
    <Stack gap="md">
      <Group justify="space-between" align="flex-start" wrap="nowrap">
        <div>
          <Text fw={650} size="xl" style={{ overflowWrap: "anywhere" }}>{visibleLine(target.name)}</Text>
          <Text size="sm" c="dimmed" className={classes.id}>{endpoint}</Text>
        </div>
        <StateWord state={target.state} />
      </Group>
      <Facts target={target} ending={view.ending} />
      {view.reason !== undefined && <Alert color={target.state === "succeeded" ? "gray" : "orange"}>{visibleLine(view.reason, 2_000)}</Alert>}
      {target.truncated && <Alert color="orange">The host wrote more than the output limit allows; the rest is gone.</Alert>}
      {kStates[target.state].final ? (
        <>
          {target.result !== undefined && (
            <section aria-label="result">
              <Group gap="sm" mb={6}>
                <Text fw={650} size="sm" className={classes.mono}>result</Text>
                <CopyButton value={JSON.stringify(target.result, null, 2)}>
                  {({ copied, copy }) => <Button variant="subtle" size="compact-xs" ml="auto" leftSection={<IconCopy size={14} />} onClick={copy}>{copied ? "Copied" : "Copy as JSON"}</Button>}
                </CopyButton>
              </Group>
              <ResultView result={target.result} linesMax={kLinesMax} />
            </section>
          )}
          <Output name="stdout" run={run} target={target} secret={view.secret} text={view.stdout} left={view.stdoutLeft} whole={target.stdout_bytes} wrap={wrap} onWrap={setWrap} />
          <Output name="stderr" run={run} target={target} text={view.stderr} left={view.stderrLeft} whole={target.stderr_bytes} wrap={wrap} />
        </>
      ) : (
        <>
          <TargetProgress board={board} target={target} />
          <Text c="dimmed">No answer yet.</Text>
        </>
      )}
    </Stack>
  );
}

function Facts({ target, ending }: { target: Target; ending: string }) {
  const exit = ending !== "" ? ending : target.exit_code === undefined ? undefined : `exit code ${target.exit_code}`;
  const facts: [string, string | undefined][] = [
    ["Ended by", exit],
    ["Took", target.duration_ms === undefined ? undefined : duration(target.duration_ms)],
    ["Started", target.started_at && moment(target.started_at)],
    ["Finished", target.finished_at && moment(target.finished_at)],
  ];
  return (
    <dl className={classes.facts}>
      {facts.map(([name, value]) => value !== undefined && (
        <div key={name}><dt>{name}</dt><dd>{value}</dd></div>
      ))}
    </dl>
  );
}

interface OutputProps {
  name: "stdout" | "stderr";
  run: string;
  target: Target;
  text: string | undefined;
  left: number;
  whole: number;
  /** What it is stays with the server. */
  secret?: boolean;
  wrap: boolean;
  onWrap?: (wrap: boolean) => void;
}

function Output({ name, run, target, text, left, whole, secret = false, wrap, onWrap }: OutputProps) {
  return (
    <section aria-label={name} className={classes.output} data-stream={name}>
      <Group gap="sm" mb={6}>
        <Text fw={650} size="sm" className={classes.mono}>{name}</Text>
        <Text size="sm" c="dimmed">{whole === 0 ? "empty" : size(whole)}{secret && ", not shown: the method returned something secret in it"}</Text>
        {whole > 0 && !secret && (
          <Group gap="xs" ml="auto">
            {onWrap !== undefined && <Switch size="xs" label="Wrap lines" checked={wrap} onChange={(event) => onWrap(event.currentTarget.checked)} />}
            <CopyButton value={text ?? ""}>
              {({ copied, copy }) => <Button variant="subtle" size="compact-xs" leftSection={<IconCopy size={14} />} onClick={copy}>{copied ? "Copied" : "Copy"}</Button>}
            </CopyButton>
            <Button component="a" variant="subtle" size="compact-xs" leftSection={<IconDownload size={14} />} href={outputUrl(run, target.endpoint, name)} download={`${run}-${name}.txt`}>
              Download
            </Button>
          </Group>
        )}
      </Group>
      {text !== undefined && <HostText text={text} linesMax={kLinesMax} wrap={wrap} label={`${name} of ${visibleLine(target.name, 80)}`} />}
      {left > 0 && !secret && <Text size="xs" c="dimmed" mt={4}>{size(left)} more are not shown; download has every byte.</Text>}
    </section>
  );
}
