// SPDX-License-Identifier: Apache-2.0
//
// The waves of a rollout: which are over, which is under way, what became of their hosts.
import { Alert, Center, Loader, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";

import { messageOf } from "../api/client";
import { wavesQuery } from "../api/queries";
import type { Run, Wave } from "../api/types";
import { count, counted } from "../text/format";
import { visibleLine } from "../text/visible";
import { StateBar } from "./state_bar";
import { kStates, shares } from "./states";
import classes from "./waves.module.css";

const kWords: Readonly<Record<Wave["state"], string>> = { waiting: "waiting", under_way: "under way", done: "done" };

export function WaveTable({ run }: { run: Run }) {
  const { data, error } = useQuery(wavesQuery(run.id));
  if (error !== null) return <Alert color="red" role="alert">{messageOf(error)}</Alert>;
  if (data === undefined) return <Center p="xl"><Loader size="sm" aria-label="Loading" /></Center>;
  return (
    <ol className={classes.waves} aria-label="Waves">
      {data.waves.map((wave) => (
        <li key={wave.wave} className={classes.wave} data-state={wave.state} aria-current={wave.state === "under_way" ? "step" : undefined}>
          <span className={classes.name}><b>{count(wave.wave)}</b> {visibleLine(wave.name, 120)}</span>
          <span className={classes.hosts}>{counted(wave.targets, "host")}</span>
          <span className={classes.word}>{kWords[wave.state]}</span>
          <StateBar counts={wave.counts} thin />
          <Text size="sm" c="dimmed" className={classes.counts}>
            {shares(wave.counts).map((part) => `${count(part.count)} ${kStates[part.state].label}`).join(" · ")}
          </Text>
        </li>
      ))}
    </ol>
  );
}
