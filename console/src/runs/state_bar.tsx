// SPDX-License-Identifier: Apache-2.0
//
// How far a run is: one bar with a part for each state, and its legend in words.
import { Tooltip, UnstyledButton } from "@mantine/core";

import type { Counts, TargetState } from "../api/types";
import { count } from "../text/format";
import classes from "./state_bar.module.css";
import { type Share, kStates, shares } from "./states";

const colorOf = (state: TargetState) => `var(--mantine-color-${kStates[state].color}-6)`;

export function StateBar({ counts, thin = false }: { counts: Counts; thin?: boolean }) {
  const parts = shares(counts);
  const text = parts.map((part) => `${part.count} ${kStates[part.state].label}`).join(", ");
  return (
    <div className={classes.bar} data-thin={thin} role="img" aria-label={text} title={thin ? text : undefined}>
      {parts.map((part) => (
        <div
          key={part.state} className={classes.part} data-final={kStates[part.state].final}
          style={{ flexGrow: part.count, background: colorOf(part.state) }}
        />
      ))}
    </div>
  );
}

interface LegendProps {
  counts: Counts;
  /** The state that lists are narrowed to. */
  only?: TargetState | undefined;
  onOnly?: (state: TargetState | undefined) => void;
}

export function StateLegend({ counts, only, onOnly }: LegendProps) {
  return (
    <div className={classes.legend}>
      {shares(counts).map((part) => (
        <LegendEntry key={part.state} part={part} pressed={only === part.state} {...(onOnly && { onPress: () => onOnly(only === part.state ? undefined : part.state) })} />
      ))}
    </div>
  );
}

function LegendEntry({ part, pressed, onPress }: { part: Share; pressed: boolean; onPress?: () => void }) {
  const { label, meaning } = kStates[part.state];
  const content = (
    <>
      <span className={classes.swatch} style={{ background: colorOf(part.state) }} />
      <b>{count(part.count)}</b> {label}
    </>
  );
  return (
    <Tooltip label={meaning} openDelay={400}>
      {onPress === undefined ? (
        <span className={classes.legendEntry}>{content}</span>
      ) : (
        <UnstyledButton className={classes.legendEntry} data-pressed={pressed} aria-pressed={pressed} onClick={onPress}>{content}</UnstyledButton>
      )}
    </Tooltip>
  );
}

export function StateWord({ state }: { state: TargetState }) {
  return (
    <span className={classes.stateWord}>
      <span className={classes.swatch} style={{ background: colorOf(state) }} />
      {kStates[state].label}
    </span>
  );
}
