// SPDX-License-Identifier: Apache-2.0
import { Collapse, Group, NumberInput, SegmentedControl, Select, Stack, Switch, Text, Textarea, TextInput, UnstyledButton } from "@mantine/core";
import { useState } from "react";

import type { Method } from "../api/types";
import { IconDown, IconRight } from "../app/icons";
import { duration } from "../text/format";
import { visibleLine } from "../text/visible";
import type { RunForm, RunFormFaults } from "./run_form";
import classes from "./run_order.module.css";

interface Props {
  form: RunForm;
  faults: RunFormFaults;
  change: (part: Partial<RunForm>) => void;
}

/** As it is now, and as it can be chosen. */
function queuesWith(queueMs: number) {
  const value = String(queueMs);
  return kQueues.some((queue) => queue.value === value) ? kQueues : [...kQueues, { value, label: `up to ${duration(queueMs)}` }];
}

const kModes = [
  { value: "shell", label: "Shell" },
  { value: "argv", label: "Arguments" },
];

const kQueues = [
  { value: "0", label: "no: count as unreachable" },
  { value: "600000", label: "up to 10 minutes" },
  { value: "3600000", label: "up to an hour" },
  { value: "86400000", label: "up to a day" },
  { value: "604800000", label: "up to a week" },
];

export function CommandFields({ form, faults, change }: Props) {
  const shell = form.mode === "shell";
  return (
    <Stack gap={6}>
      <Group justify="space-between">
        <Text size="sm" fw={500}>Command</Text>
        <SegmentedControl size="xs" data={kModes} value={form.mode} onChange={(mode) => change({ mode: mode as RunForm["mode"] })} aria-label="How the command is given" />
      </Group>
      <Textarea
        key={form.mode}
        aria-label={shell ? "Command line" : "Program and arguments, one a line"}
        description={shell ? "Run by /bin/sh -c on each host" : "One a line, passed as they are: no shell in between"}
        placeholder={shell ? "systemctl is-active nginx" : "uname\n-a"}
        value={shell ? form.shell : form.argv}
        onChange={(event) => change(shell ? { shell: event.currentTarget.value } : { argv: event.currentTarget.value })}
        error={faults.command}
        autosize minRows={shell ? 2 : 3} maxRows={14} spellCheck={false} autoCapitalize="off" data-autofocus
        inputWrapperOrder={["label", "input", "description", "error"]}
        classNames={{ input: classes.commandInput ?? "" }}
      />
    </Stack>
  );
}

interface OrderProps extends Props {
  /** Whose limits hold where none are given; undefined: a command's. */
  method: Method | undefined;
  /** It may find hosts offline: ask what then. */
  someOffline: boolean;
  /** It says nothing of what it is for, and shows nothing while it runs: nobody is there. */
  scheduled?: boolean;
}

/** What every order may say, whatever it runs. */
export function OrderFields({ form, faults, change, method, someOffline, scheduled = false }: OrderProps) {
  const [more, setMore] = useState(false);
  const ownLimit = method?.timeout_ms === undefined ? "the host's own" : `the method's own: ${Math.round(method.timeout_ms / 1_000)}`;
  return (
    <Stack gap="md">
      <Group grow align="flex-start">
        <NumberInput
          label="Time limit, seconds" value={form.timeoutS} min={0} allowNegative={false} thousandSeparator="," error={faults.timeoutS} placeholder={ownLimit}
          onChange={(value) => change({ timeoutS: typeof value === "number" ? value : "" })}
        />
        <TextInput
          label="Run as user" value={form.user} placeholder={method?.user === undefined ? "the agent's own" : visibleLine(method.user, 64)} maxLength={64} autoComplete="off" spellCheck={false}
          onChange={(event) => change({ user: event.currentTarget.value })}
        />
      </Group>
      {someOffline && (
        <Select label="Wait for hosts that are offline" data={queuesWith(form.queueMs)} value={String(form.queueMs)} allowDeselect={false} onChange={(value) => change({ queueMs: Number(value ?? 0) })} />
      )}
      <div>
        <UnstyledButton className={classes.more} aria-expanded={more} onClick={() => setMore(!more)}>
          {more ? <IconDown size={14} /> : <IconRight size={14} />} More
        </UnstyledButton>
        <Collapse in={more}>
          <Stack gap="md" pt="sm">
            {!scheduled && <TextInput label="What is it for" description="Shown in the list of runs and in the audit log" value={form.description} onChange={(event) => change({ description: event.currentTarget.value })} maxLength={1024} />}
            {form.kind === "command" && <TextInput label="Working directory" placeholder="the user's home" value={form.directory} onChange={(event) => change({ directory: event.currentTarget.value })} maxLength={4096} spellCheck={false} />}
            <Switch label={scheduled ? "Keep output to look at while it runs" : "Show output while it runs"} checked={form.liveOutput} onChange={(event) => change({ liveOutput: event.currentTarget.checked })} />
          </Stack>
        </Collapse>
      </div>
    </Stack>
  );
}
