// SPDX-License-Identifier: Apache-2.0
//
// When a schedule fires: by the clock, once, on login, on boot; what holds it, and the next times
// as the server works them out.
import { Button, Code, Group, NumberInput, Select, Stack, Text, Textarea, TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";

import { ApiError, messageOf } from "../api/client";
import { previewQuery } from "../api/queries";
import { cutAtColumn, faultText } from "../hosts/selector";
import { visibleLine } from "../text/visible";
import { clockText, isTimed, type ScheduleFaults, type ScheduleForm, type TriggerKind, windowsOf, zonesWith } from "./schedule_form";
import classes from "./schedules.module.css";

interface Props {
  form: ScheduleForm;
  faults: ScheduleFaults;
  change: (part: Partial<ScheduleForm>) => void;
}

const kTriggers: { value: TriggerKind; label: string }[] = [
  { value: "cron", label: "Again and again, by the clock" },
  { value: "at", label: "Once" },
  { value: "login", label: "When a host logs in" },
  { value: "boot", label: "When a host has booted" },
];
const kMissed = [
  { value: "skip", label: "leave them out" },
  { value: "once", label: "make one for all of them" },
  { value: "all", label: "make each of them" },
];
const kInBlackout = [
  { value: "skip", label: "leave it out" },
  { value: "wait", label: "fire when the window ends" },
];
const kPlain = { spellCheck: false, autoComplete: "off", autoCapitalize: "off" } as const;

export function WhenFields({ form, faults, change }: Props) {
  const timed = isTimed(form);
  return (
    <Stack gap="md">
      <Select label="Fires" data={kTriggers} value={form.trigger} allowDeselect={false} onChange={(trigger) => change({ trigger: (trigger ?? "cron") as TriggerKind })} />
      {form.trigger === "cron" && <Cron form={form} faults={faults} change={change} />}
      {form.trigger === "at" && (
        <TextInput
          type="datetime-local" label="Day and time" description={`On the clocks of ${visibleLine(form.zone, 64)}`} value={form.at} error={faults.at} withAsterisk
          onChange={(event) => change({ at: event.currentTarget.value })}
        />
      )}
      {form.trigger === "login" && (
        <NumberInput
          label="At most once on a host in so many minutes" value={form.quietMinutes} min={0} allowNegative={false} thousandSeparator="," error={faults.quiet}
          onChange={(value) => change({ quietMinutes: typeof value === "number" ? value : "" })}
        />
      )}
      {(timed || windowsOf(form.blackouts).length > 0) && <Zone form={form} faults={faults} change={change} />}
      {form.trigger === "cron" && <Preview form={form} />}
    </Stack>
  );
}

const kUsual: [string, string][] = [
  ["@hourly", "each hour"], ["0 3 * * *", "each day at 3"], ["0 3 * * mon-fri", "working days"], ["0 3 * * sun", "Sundays"], ["0 3 1 * *", "first of the month"],
];
/** While one types. */
const kTypingMs = 300;

function usePreview({ trigger, cron, zone }: ScheduleForm) {
  const [settled] = useDebouncedValue(cron.trim(), kTypingMs);
  const preview = useQuery({ ...previewQuery(settled, zone), enabled: trigger === "cron" && settled !== "", retry: false });
  return { ...preview, settled, current: settled === cron.trim() };
}

function Cron({ form, faults, change }: Props) {
  const { error, current, settled } = usePreview(form);
  const aboutZone = error instanceof ApiError && /time zone/.test(error.message);
  const live = current && error !== null && !aboutZone ? <CronFault cron={settled} error={error} /> : undefined;
  return (
    <div>
      <TextInput
        {...kPlain} label="Cron expression" description="Minute, hour, day of the month, month, day of the week" value={form.cron} error={faults.cron ?? live} maxLength={256} withAsterisk
        classNames={{ input: classes.code ?? "" }} onChange={(event) => change({ cron: event.currentTarget.value })}
      />
      <Group gap={6} mt={6} role="group" aria-label="Usual times">
        {kUsual.map(([cron, words]) => <Button key={cron} variant="default" size="compact-xs" onClick={() => change({ cron })}>{words}</Button>)}
      </Group>
    </div>
  );
}

/** The server's words, and the place that they point at. */
function CronFault({ cron, error }: { cron: string; error: Error }) {
  const message = messageOf(error).replace(/^cron: /, "");
  const column = Number(/^column (\d+): /.exec(message)?.[1] ?? "0");
  if (column === 0) return <>{visibleLine(message, 600)}</>;
  const { before, at, after } = cutAtColumn(cron, column);
  return (
    <>
      Column {column}: {visibleLine(faultText(message), 600)}
      <code className={classes.place} aria-hidden="true">{before}<mark>{at === "" ? "\u00a0" : at}</mark>{after}</code>
    </>
  );
}

function Zone({ form, faults, change }: Props) {
  const zones = useMemo(() => zonesWith(form.zone), [form.zone]);
  const { error } = usePreview(form);
  const live = error instanceof ApiError && /time zone/.test(error.message) ? error.message.replace(/^zone: /, "") : undefined;
  return (
    <Select
      label="Time zone" data={zones} value={form.zone} searchable allowDeselect={false} selectFirstOptionOnChange limit={80} maxDropdownHeight={280} nothingFoundMessage="No zone is called so" error={faults.zone ?? live}
      onChange={(zone) => zone !== null && change({ zone })}
    />
  );
}

/** The next times, on the clocks of the zone. */
function Preview({ form }: { form: ScheduleForm }) {
  const { data, error, current } = usePreview(form);
  return (
    <div role="status" aria-label="Next times" className={classes.next} data-stale={!current}>
      {error !== null || data === undefined ? <Text size="sm" c="dimmed">{error === null ? "…" : "The next times stand here when the expression is right."}</Text> : data.local.length === 0 ? (
        <Text size="sm" c="orange">It never fires.</Text>
      ) : (
        <>
          <Text size="sm" fw={500}>Next, in {visibleLine(form.zone, 64)}</Text>
          <ul>{data.local.map((local) => <li key={local}>{clockText(local)}</li>)}</ul>
          {(Number(form.jitterMinutes) > 0 || windowsOf(form.blackouts).length > 0) && <Text size="xs" c="dimmed">Jitter and blackouts aside.</Text>}
        </>
      )}
    </div>
  );
}

/** What holds or delays a firing, and what becomes of it. */
export function HoldFields({ form, faults, change }: Props) {
  return (
    <Stack gap="md">
      {isTimed(form) && (
        <>
          <NumberInput
            label="Up to so many minutes later" description="So that not everything begins in the same moment; always by the same for one firing" value={form.jitterMinutes} min={0} allowNegative={false} thousandSeparator="," error={faults.jitter}
            onChange={(value) => change({ jitterMinutes: typeof value === "number" ? value : "" })}
          />
          <Select
            label="Firings that were missed" description="While no server ran, or its clock was set forward" data={kMissed} value={form.missed} allowDeselect={false}
            onChange={(missed) => change({ missed: (missed ?? "skip") as ScheduleForm["missed"] })}
          />
        </>
      )}
      <Textarea
        {...kPlain} label="Not in these times" description={<>One window a line, on the clocks of the zone: <Code>22:00-06:00</Code>, <Code>mon-fri 08:00-18:00</Code>, <Code>sat,sun</Code>, <Code>12-20..01-06</Code></>}
        value={form.blackouts} error={faults.blackouts} autosize minRows={2} maxRows={12} classNames={{ input: classes.code ?? "" }} onChange={(event) => change({ blackouts: event.currentTarget.value })}
      />
      {windowsOf(form.blackouts).length > 0 && (
        <Select
          label="A firing in such a time" data={kInBlackout} value={form.inBlackout} allowDeselect={false}
          onChange={(what) => change({ inBlackout: (what ?? "skip") as ScheduleForm["inBlackout"] })}
        />
      )}
    </Stack>
  );
}
