// SPDX-License-Identifier: Apache-2.0
//
// How an order is rolled out: in waves, so many at a time, until too many fail; and in plain
// words what that means for the hosts that it reaches now.
import { ActionIcon, Alert, Button, Collapse, Group, NumberInput, Select, Stack, Switch, Text, TextInput, UnstyledButton } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { useQuery } from "@tanstack/react-query";
import { useId, useRef, useState } from "react";

import { messageOf } from "../api/client";
import { selectorQuery } from "../api/queries";
import { IconClose, IconDown, IconRight } from "../app/icons";
import { faultText } from "../hosts/selector";
import { counted } from "../text/format";
import {
  isPlanned, kWaveRulesMax, rolloutBrief, type RolloutFaults, rolloutFaults, type RolloutForm, rolloutWords, usualWaves, type WaveKind, waveOf, type WaveRow,
} from "./rollout_form";
import classes from "./rollout.module.css";
import orderClasses from "./run_order.module.css";

interface Props {
  form: RolloutForm;
  faults: RolloutFaults;
  change: (form: RolloutForm) => void;
  /** Whom the whole order is for. */
  selector: string;
  matched: number | undefined;
  noop: boolean;
}

const kKinds: { value: WaveKind; label: string }[] = [
  { value: "count", label: "Number of hosts" },
  { value: "percent", label: "Percentage" },
  { value: "selector", label: "Hosts that match" },
  { value: "each_label", label: "Each value of a label" },
];
const kBetween = [
  { value: "go", label: "begin when the one before has ended" },
  { value: "wait", label: "wait some minutes in between" },
  { value: "pause", label: "wait until somebody resumes" },
];
const kLimits = [
  { value: "count", label: "a number of hosts" },
  { value: "percent", label: "a percentage" },
  { value: "none", label: "any number: failures stop nothing" },
];
const kThen = [
  { value: "stop", label: "stop: send nothing more" },
  { value: "pause", label: "pause until somebody resumes" },
];

export function RolloutFields({ form, faults, change, selector, matched, noop }: Props) {
  const [opened, setOpened] = useState(false);
  const id = useId();
  // What is wrong must be seen.
  const open = opened || Object.keys(faults).length > 0;
  const set = (part: Partial<RolloutForm>) => change({ ...form, ...part });
  return (
    <div>
      <UnstyledButton className={orderClasses.more} aria-expanded={open} aria-controls={id} onClick={() => setOpened(!open)}>
        {open ? <IconDown size={14} /> : <IconRight size={14} />} Roll out in waves
        {!open && isPlanned(form) && <Text span size="sm" className={classes.brief}>{rolloutBrief(form)}</Text>}
      </UnstyledButton>
      <Collapse in={open} id={id}>
        <Stack gap="md" pt="sm">
          <Waves rows={form.waves} faults={faults} onRows={(waves) => set({ waves })} selector={selector} />
          {faults.waves !== undefined && <Alert color="red" role="alert" p="xs">{faults.waves}</Alert>}
          {form.waves.length > 0 && <Between form={form} faults={faults} set={set} />}
          <NumberInput
            label="At most at a time" description="Hosts that it is sent to or runs on at once, also within a wave" placeholder="no ceiling" value={form.parallel} min={1} allowNegative={false} allowDecimal={false}
            thousandSeparator="," error={faults.parallel} onChange={(value) => set({ parallel: typeof value === "number" ? value : "" })}
          />
          {isPlanned(form) && <Failures form={form} faults={faults} set={set} />}
        </Stack>
      </Collapse>
      <Preview form={form} matched={matched} noop={noop} />
    </div>
  );
}

/** What will happen, as soon as all that was filled in can be understood. */
function Preview({ form, matched, noop }: Pick<Props, "form" | "matched" | "noop">) {
  const words = Object.keys(rolloutFaults(form)).length > 0 ? [] : rolloutWords(form, matched, noop);
  return (
    <div role="status" aria-label="What will happen">
      {words.length > 0 && <Text size="sm" mt="sm" className={classes.preview}>{words.join(" ")}</Text>}
    </div>
  );
}

interface WavesProps {
  rows: WaveRow[];
  faults: RolloutFaults;
  onRows: (rows: WaveRow[]) => void;
  selector: string;
}

function Waves({ rows, faults, onRows, selector }: WavesProps) {
  const more = useRef<HTMLButtonElement>(null);
  const add = () => onRows([...rows, waveOf(1 + Math.max(0, ...rows.map((row) => row.key)))]);
  return (
    <Stack gap="xs">
      {rows.length === 0 && <Text size="sm" c="dimmed">Without waves it is sent to all hosts at once.</Text>}
      {rows.length > 0 && (
        <ol className={classes.waves} aria-label="Waves">
          {rows.map((row, at) => (
            <Wave
              key={row.key} row={row} number={at + 1} fault={faults[`wave${at}`]} selector={selector}
              onChange={(part) => onRows(rows.map((known) => (known.key === row.key ? { ...known, ...part } : known)))}
              onRemove={() => {
                onRows(rows.filter((known) => known.key !== row.key));
                // The button that was pressed is gone.
                more.current?.focus();
              }}
            />
          ))}
        </ol>
      )}
      <Group gap="xs">
        {rows.length === 0 && <Button variant="light" size="compact-sm" onClick={() => onRows(usualWaves())}>One host, 10%, the rest</Button>}
        <Button ref={more} variant="subtle" size="compact-sm" onClick={add} disabled={rows.length >= kWaveRulesMax}>Add a wave</Button>
      </Group>
    </Stack>
  );
}

interface WaveProps {
  row: WaveRow;
  number: number;
  fault: string | undefined;
  selector: string;
  onChange: (part: Partial<WaveRow>) => void;
  onRemove: () => void;
}

function Wave({ row, number, fault, selector, onChange, onRemove }: WaveProps) {
  const plain = { spellCheck: false, autoComplete: "off", autoCapitalize: "off" } as const;
  const text = (value: string) => onChange({ text: value });
  return (
    <li className={classes.wave}>
      <span className={classes.number} aria-hidden="true">{number}</span>
      <Select
        data={kKinds} value={row.kind} allowDeselect={false} aria-label={`Kind of wave ${number}`} className={classes.kind ?? ""}
        onChange={(kind) => onChange({ kind: (kind ?? "count") as WaveKind, text: "", order: "" })}
      />
      {row.kind === "selector" ? <WaveSelector row={row} number={number} fault={fault} selector={selector} onText={text} /> : row.kind === "each_label" ? (
        <div className={classes.value}>
          <TextInput {...plain} aria-label={`Label of wave ${number}`} placeholder="site" value={row.text} error={fault} maxLength={64} classNames={{ input: classes.code ?? "" }} onChange={(event) => text(event.currentTarget.value)} />
          <TextInput {...plain} aria-label={`Values that come first in wave ${number}`} placeholder="these values first: berlin, oslo" value={row.order} mt={6} classNames={{ input: classes.code ?? "" }} onChange={(event) => onChange({ order: event.currentTarget.value })} />
        </div>
      ) : (
        <TextInput
          {...plain} className={classes.value ?? ""} aria-label={row.kind === "count" ? `Hosts of wave ${number}` : `Percentage of wave ${number}`} inputMode="numeric" value={row.text} error={fault} maxLength={6}
          rightSection={row.kind === "percent" ? <Text size="sm" c="dimmed">%</Text> : null} placeholder={row.kind === "count" ? "1" : "10"} onChange={(event) => text(event.currentTarget.value)}
        />
      )}
      <ActionIcon variant="subtle" color="gray" mt={4} aria-label={`Remove wave ${number}`} onClick={onRemove}><IconClose /></ActionIcon>
    </li>
  );
}

const kTypingMs = 300;

/** The selector of a wave, with how many of the order's hosts match it now. */
function WaveSelector({ row, number, fault, selector, onText }: Pick<WaveProps, "row" | "number" | "fault" | "selector"> & { onText: (text: string) => void }) {
  const [settled] = useDebouncedValue(row.text.trim(), kTypingMs);
  const known = useQuery({ ...selectorQuery(selector.trim() === "" ? settled : `(${selector}) and (${settled})`), enabled: settled !== "", retry: false });
  const current = settled === row.text.trim() && settled !== "";
  const wrong = fault ?? (current && known.error !== null ? faultText(messageOf(known.error)) : undefined);
  return (
    <TextInput
      className={classes.value ?? ""} aria-label={`Selector of wave ${number}`} placeholder="role=canary" value={row.text} error={wrong} maxLength={4_096} spellCheck={false} autoComplete="off" autoCapitalize="off"
      classNames={{ input: classes.code ?? "" }} inputWrapperOrder={["label", "input", "description", "error"]}
      description={wrong === undefined && current && known.data !== undefined ? counted(known.data.matched, "of the hosts matches", "of the hosts match") : undefined}
      onChange={(event) => onText(event.currentTarget.value)}
    />
  );
}

interface PartProps {
  form: RolloutForm;
  faults: RolloutFaults;
  set: (part: Partial<RolloutForm>) => void;
}

function Between({ form, faults, set }: PartProps) {
  return (
    <Group grow align="flex-start" preventGrowOverflow={false} className={classes.pair ?? ""}>
      <Select
        label="Each further wave" data={kBetween} value={form.between} allowDeselect={false} error={form.between === "wait" ? undefined : faults.wait}
        onChange={(between) => set({ between: (between ?? "go") as RolloutForm["between"] })}
      />
      {form.between === "wait" && (
        <NumberInput label="Minutes in between" value={form.waitMinutes} min={0} allowNegative={false} error={faults.wait} onChange={(value) => set({ waitMinutes: typeof value === "number" ? value : "" })} />
      )}
    </Group>
  );
}

function Failures({ form, faults, set }: PartProps) {
  return (
    <>
      <Group grow align="flex-start" preventGrowOverflow={false} className={classes.pair ?? ""}>
        <Select
          label="May fail" data={form.waves.length > 0 ? kLimits.map((limit) => (limit.value === "percent" ? { ...limit, label: "a percentage of each wave" } : limit)) : kLimits} value={form.limit} allowDeselect={false}
          error={form.limit === "none" ? faults.failures : undefined} onChange={(limit) => set({ limit: (limit ?? "count") as RolloutForm["limit"] })}
        />
        {form.limit !== "none" && (
          <NumberInput
            label={form.limit === "percent" ? "Percent that may fail" : "Hosts that may fail"} value={form.failures} min={0} allowNegative={false} allowDecimal={false} thousandSeparator="," error={faults.failures}
            onChange={(value) => set({ failures: typeof value === "number" ? value : "" })}
          />
        )}
      </Group>
      {form.limit !== "none" && (
        <>
          <Select label="When more fail" data={kThen} value={form.onFailures} allowDeselect={false} onChange={(then) => set({ onFailures: (then ?? "stop") as RolloutForm["onFailures"] })} />
          <Switch label="Hosts that cannot be reached are failures, too" checked={form.countUnreachable} onChange={(event) => set({ countUnreachable: event.currentTarget.checked })} />
        </>
      )}
    </>
  );
}
