// SPDX-License-Identifier: Apache-2.0
//
// Make a schedule or change one: what it is called, when it fires, on whom, what it runs.
import { Alert, Button, Collapse, Drawer, Stack, Switch, Text, TextInput, Title, UnstyledButton } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, type SubmitEvent, useId, useRef, useState } from "react";

import { ApiError, request } from "../api/client";
import { schedulePath, schedulesQuery } from "../api/queries";
import type { Me, Schedule } from "../api/types";
import { IconDown, IconRight } from "../app/icons";
import { SelectorBox } from "../hosts/selector_box";
import { Confirm } from "../runs/order_parts";
import { rolloutWords } from "../runs/rollout_form";
import { confirmationFor } from "../runs/run_form";
import orderClasses from "../runs/run_order.module.css";
import { seekFault, useOrder } from "../runs/use_order";
import { WhatFields } from "../runs/what_fields";
import { visibleLine } from "../text/visible";
import { ownZone, scheduleFaults, type ScheduleFaults, scheduleFormOf, scheduleRefusal, scheduleRequestOf, scheduleStart } from "./schedule_form";
import classes from "./schedules.module.css";
import { HoldFields, WhenFields } from "./when_fields";

interface Props {
  me: Me;
  /** "new", or what is changed; undefined: closed. */
  editing: Schedule | "new" | undefined;
  onClose: () => void;
}

export function ScheduleDrawer({ me, editing, onClose }: Props) {
  const before = editing === "new" ? undefined : editing;
  return (
    <Drawer
      opened={editing !== undefined} onClose={onClose} closeOnClickOutside={false} position="right" size="min(640px, 100vw)" closeButtonProps={{ "aria-label": "Close" }}
      title={before === undefined ? "New schedule" : `Change ${visibleLine(before.name, 64)}`}
    >
      {editing !== undefined && <Sheet me={me} before={before} onDone={onClose} />}
    </Drawer>
  );
}

function Part({ title, children }: { title: string; children: ReactNode }) {
  return (
    <section aria-label={title} className={classes.part}>
      <Title order={3} fz={15} mb="sm">{title}</Title>
      <Stack gap="md">{children}</Stack>
    </section>
  );
}

/** The server's words about the schedule itself, where they are not about its run. */
function refusedFields(error: Error | null): ScheduleFaults | undefined {
  return error instanceof ApiError && (error.code === "invalid" || error.code === "exists") ? scheduleRefusal(error.message) : undefined;
}

function Sheet({ me, before, onDone }: { me: Me; before: Schedule | undefined; onDone: () => void }) {
  const client = useQueryClient();
  const [form, setForm] = useState(() => (before === undefined ? scheduleStart(ownZone()) : scheduleFormOf(before)));
  const [faults, setFaults] = useState<ScheduleFaults>({});
  const [asking, setAsking] = useState(false);
  const sheet = useRef<HTMLFormElement>(null);
  const save = useMutation({
    mutationFn: () => {
      const body = scheduleRequestOf(form, order.body(), before);
      return before === undefined ? request<Schedule>("POST", "/v1/schedules", { body }) : request<Schedule>("PUT", schedulePath(before.name), { body });
    },
    onSuccess: onDone,
    onError: () => {
      setAsking(false);
      seekFault(sheet);
    },
    onSettled: () => client.invalidateQueries({ queryKey: schedulesQuery.queryKey }),
  });
  const order = useOrder(before === undefined ? kNew : { before: before.request }, () => save.error !== null && save.reset(), false);
  const refused = refusedFields(save.error);
  const about = order.refusedBy(refused === undefined ? save.error : null);
  const shown = { ...refused, ...faults };
  const { check } = order;
  const why = check === undefined ? undefined : confirmationFor(order.form, order.selector, check, me.role);
  const change = (part: Partial<typeof form>) => {
    setForm({ ...form, ...part });
    setFaults({});
    if (save.error !== null) save.reset();
  };
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    const found = scheduleFaults(form);
    setFaults(found);
    const complete = order.audit();
    if (!complete || Object.keys(found).length > 0) seekFault(sheet);
    else if (why === undefined) save.mutate();
    else setAsking(true);
  };
  return (
    <>
      <form ref={sheet} onSubmit={submit} aria-label={before === undefined ? "New schedule" : "Change the schedule"} noValidate>
        <Stack gap="lg">
          {before !== undefined && before.author !== me.user && (
            <Alert color="orange" p="sm">It fires in the name of {visibleLine(before.author, 64)}. When you save it, it will fire in yours, with your rights.</Alert>
          )}
          <Stack gap="md">
            <TextInput
              label="Name" description={before === undefined ? "Letters, digits, '.', '_' and '-'" : "A schedule keeps its name"} value={form.name} disabled={before !== undefined} error={shown.name} maxLength={64} withAsterisk
              spellCheck={false} autoComplete="off" autoCapitalize="off" data-autofocus classNames={{ input: classes.code ?? "" }} onChange={(event) => change({ name: event.currentTarget.value })}
            />
            <TextInput label="What is it for" value={form.description} maxLength={1_024} onChange={(event) => change({ description: event.currentTarget.value })} />
          </Stack>
          <Part title="When">
            <WhenFields form={form} faults={shown} change={change} />
            <More open={["jitter", "blackouts"].some((field) => field in shown)}><HoldFields form={form} faults={shown} change={change} /></More>
          </Part>
          <Part title="On which hosts">
            <SelectorBox value={order.selector} onApply={order.setSelector} onUnapplied={order.setUnapplied} />
            <Text size="sm" c="dimmed" mt={-10}>Whoever matches when it fires.</Text>
          </Part>
          <Part title="What">
            <WhatFields order={order} refused={about} choose someOffline scheduled />
          </Part>
          <Switch label="Enabled" description="Otherwise it is kept, and fires by hand only" checked={form.enabled} onChange={(event) => change({ enabled: event.currentTarget.checked })} />
          {about.rest !== undefined && <Alert color="red" role="alert" style={{ whiteSpace: "pre-line" }}>{visibleLine(about.rest, 2_000)}</Alert>}
          <Button type="submit" size="md" loading={save.isPending} disabled={order.unapplied || !order.complete}>
            {before === undefined ? "Make the schedule" : "Save"}
          </Button>
        </Stack>
      </form>
      {check !== undefined && why !== undefined && (
        <Confirm
          opened={asking} verb="Schedule" why={why} what={order.what} plan={rolloutWords(order.form.rollout, check.matched, order.form.noop)} user={order.form.user.trim()} matched={check.matched} busy={save.isPending}
          onNo={() => setAsking(false)} onYes={() => save.mutate()}
        />
      )}
    </>
  );
}

const kNew = {};

/** What few need; open where something in it is wrong. */
function More({ open, children }: { open: boolean; children: ReactNode }) {
  const [opened, setOpened] = useState(false);
  const id = useId();
  const shown = opened || open;
  return (
    <div>
      <UnstyledButton className={orderClasses.more} aria-expanded={shown} aria-controls={id} onClick={() => setOpened(!shown)}>
        {shown ? <IconDown size={14} /> : <IconRight size={14} />} Jitter, blackouts, missed firings
      </UnstyledButton>
      <Collapse in={shown} id={id}><div className={classes.more}>{children}</div></Collapse>
    </div>
  );
}
