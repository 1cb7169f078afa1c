// SPDX-License-Identifier: Apache-2.0
//
// What runs by itself: when, what, on whom, how it went; switched on and off, fired by hand,
// made, changed and removed.
import { ActionIcon, Alert, Anchor, Button, Center, Group, Loader, Menu, Modal, Stack, Switch, Text, Title, Tooltip, UnstyledButton } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Link, useLocation } from "wouter";

import { messageOf, request } from "../api/client";
import { schedulePath, schedulesQuery } from "../api/queries";
import type { Firing, Me, Schedule } from "../api/types";
import { IconMore, IconPlay } from "../app/icons";
import { useNow } from "../app/now";
import { orderLine } from "../runs/folds";
import page from "../runs/page.module.css";
import { mayRun } from "../runs/run_form";
import { ago, moment } from "../text/format";
import { visibleLine } from "../text/visible";
import { ScheduleDetails } from "./schedule_details";
import { ScheduleDrawer } from "./schedule_drawer";
import classes from "./schedules.module.css";
import { lastText, nextText, triggerText } from "./words";

export function SchedulesPage({ me }: { me: Me }) {
  const { data, error, isPending } = useQuery(schedulesQuery);
  const [firing, setFiring] = useState<Schedule | undefined>();
  const [removing, setRemoving] = useState<Schedule | undefined>();
  const [editing, setEditing] = useState<Schedule | "new" | undefined>();
  const [seen, setSeen] = useState<string | undefined>();
  const allowed = mayRun(me.role);
  return (
    <div className={page.scroll}>
      <div className={page.column}>
        <Group justify="space-between" mb="md">
          <Title order={1} fz={22}>Schedules</Title>
          <Tooltip label="Viewers may look, not order: ask an administrator for the role operator" disabled={allowed}>
            <Button disabled={!allowed} onClick={() => setEditing("new")}>New schedule…</Button>
          </Tooltip>
        </Group>
        {error !== null && <Alert color="red" role="alert" mb="sm">{messageOf(error)}</Alert>}
        {isPending && <Center p="xl"><Loader size="sm" aria-label="Loading" /></Center>}
        {data?.schedules.length === 0 && <NoSchedules />}
        {data !== undefined && data.schedules.length > 0 && (
          <ul className={classes.list} aria-label="Schedules">
            {data.schedules.map((schedule) => (
              <Line
                key={schedule.name} schedule={schedule} me={me} onFire={() => setFiring(schedule)} onSee={() => setSeen(schedule.name)}
                onEdit={() => setEditing(schedule)} onRemove={() => setRemoving(schedule)}
              />
            ))}
          </ul>
        )}
      </div>
      <Fire schedule={firing} onClose={() => setFiring(undefined)} />
      <Remove schedule={removing} onClose={() => setRemoving(undefined)} />
      <ScheduleDrawer me={me} editing={editing} onClose={() => setEditing(undefined)} />
      <ScheduleDetails name={seen} onClose={() => setSeen(undefined)} />
    </div>
  );
}

interface LineProps {
  schedule: Schedule;
  me: Me;
  onFire: () => void;
  onSee: () => void;
  onEdit: () => void;
  onRemove: () => void;
}

function Line({ schedule, me, onFire, onSee, onEdit, onRemove }: LineProps) {
  const client = useQueryClient();
  const now = useNow(15_000);
  const allowed = mayRun(me.role);
  const enable = useMutation({
    mutationFn: (enabled: boolean) => request<Schedule>("PATCH", schedulePath(schedule.name), { body: { enabled } }),
    onSettled: () => client.invalidateQueries({ queryKey: schedulesQuery.queryKey }),
  });
  const { last, request: order } = schedule;
  return (
    <li className={classes.line} data-enabled={schedule.enabled}>
      <div className={classes.what}>
        <Group gap="sm" wrap="nowrap">
          <UnstyledButton className={classes.name} onClick={onSee}>{visibleLine(schedule.name, 64)}</UnstyledButton>
          <Text size="sm" c="dimmed" truncate>{visibleLine(schedule.description ?? "", 300)}</Text>
        </Group>
        <code className={classes.order}>{visibleLine(orderLine(order), 200)}</code>
        <Text size="sm" c="dimmed" truncate>on <code>{order.selector === "" ? "every host" : visibleLine(order.selector, 120)}</code> as {visibleLine(schedule.author, 64)}</Text>
      </div>
      <div className={classes.when}>
        <Text size="sm">{triggerText(schedule)}</Text>
        <Text size="sm" c="dimmed">{nextText(schedule)}</Text>
        <Text size="sm" c={last?.state === "failed" ? "red" : "dimmed"} title={last?.reason === undefined ? undefined : visibleLine(last.reason, 500)}>
          {last?.run === undefined ? lastText(last) : <Anchor component={Link} href={`/runs/${last.run}`} size="sm">{lastText(last)}</Anchor>}
          {last !== undefined && <span title={moment(last.fired_at)}> {ago(last.fired_at, now)}</span>}
        </Text>
      </div>
      <Group gap="sm" wrap="nowrap" className={classes.acts}>
        <Button variant="light" size="compact-sm" leftSection={<IconPlay size={14} />} disabled={!allowed} onClick={onFire}>Fire now…</Button>
        <Switch
          checked={enable.isPending ? enable.variables : schedule.enabled} disabled={!allowed || enable.isPending} aria-label={`${visibleLine(schedule.name, 64)} is enabled`}
          onChange={(event) => enable.mutate(event.currentTarget.checked)}
        />
        <Menu position="bottom-end" withArrow shadow="md">
          <Menu.Target>
            <ActionIcon variant="subtle" color="gray" aria-label={`More about ${visibleLine(schedule.name, 64)}`}><IconMore /></ActionIcon>
          </Menu.Target>
          <Menu.Dropdown>
            <Menu.Item onClick={onSee}>Times and history</Menu.Item>
            <Menu.Item disabled={!allowed} onClick={onEdit}>Change…</Menu.Item>
            <Menu.Item disabled={!allowed} color="red" onClick={onRemove}>Delete…</Menu.Item>
          </Menu.Dropdown>
        </Menu>
      </Group>
      {enable.error !== null && <Alert color="red" role="alert" className={classes.fault}>{messageOf(enable.error)}</Alert>}
    </li>
  );
}

function Fire({ schedule, onClose }: { schedule: Schedule | undefined; onClose: () => void }) {
  const client = useQueryClient();
  const [, navigate] = useLocation();
  const fire = useMutation({
    mutationFn: (name: string) => request<Firing>("POST", `${schedulePath(name)}/fire`),
    onSuccess: (firing) => {
      onClose();
      if (firing.run !== undefined) navigate(`/runs/${firing.run}`);
    },
    onSettled: () => client.invalidateQueries({ queryKey: schedulesQuery.queryKey }),
  });
  const close = () => {
    fire.reset();
    onClose();
  };
  return (
    <Modal opened={schedule !== undefined} onClose={close} title={`Fire ${visibleLine(schedule?.name ?? "", 64)} now?`}>
      {schedule !== undefined && (
        <Stack>
          {fire.error !== null && <Alert color="red" role="alert">{messageOf(fire.error)}</Alert>}
          <code className={classes.order}>{visibleLine(orderLine(schedule.request), 600)}</code>
          <Text size="sm">
            on <code>{schedule.request.selector === "" ? "every host" : visibleLine(schedule.request.selector, 300)}</code>, in the name of {visibleLine(schedule.author, 64)}
            {schedule.enabled ? "" : ". It is disabled, and stays so"}.
          </Text>
          <Group justify="flex-end">
            <Button variant="default" onClick={close} data-autofocus>Not now</Button>
            <Button loading={fire.isPending} onClick={() => fire.mutate(schedule.name)}>Fire</Button>
          </Group>
        </Stack>
      )}
    </Modal>
  );
}

function Remove({ schedule, onClose }: { schedule: Schedule | undefined; onClose: () => void }) {
  const client = useQueryClient();
  const remove = useMutation({
    mutationFn: (name: string) => request<undefined>("DELETE", schedulePath(name)),
    onSuccess: onClose,
    onSettled: () => client.invalidateQueries({ queryKey: schedulesQuery.queryKey, exact: true }),
  });
  const close = () => {
    remove.reset();
    onClose();
  };
  return (
    <Modal opened={schedule !== undefined} onClose={close} title={`Delete ${visibleLine(schedule?.name ?? "", 64)}?`}>
      {schedule !== undefined && (
        <Stack>
          {remove.error !== null && <Alert color="red" role="alert">{messageOf(remove.error)}</Alert>}
          <div>
            <code className={classes.order}>{visibleLine(orderLine(schedule.request), 600)}</code>
            <Text size="sm" c="dimmed">{triggerText(schedule)}</Text>
          </div>
          <Text size="sm">It will fire no more, and its history goes with it. Runs that it has ordered stay.</Text>
          <Group justify="flex-end">
            <Button variant="default" onClick={close} data-autofocus>Keep it</Button>
            <Button color="red" loading={remove.isPending} onClick={() => remove.mutate(schedule.name)}>Delete it</Button>
          </Group>
        </Stack>
      )}
    </Modal>
  );
}

function NoSchedules() {
  return (
    <Stack align="center" p="xl" gap="sm">
      <Text fw={600}>There are no schedules yet</Text>
      <Text c="dimmed" ta="center">Commands and methods run by themselves at a time, or when a host logs in or boots.</Text>
    </Stack>
  );
}
