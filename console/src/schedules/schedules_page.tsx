// SPDX-License-Identifier: Apache-2.0
//
// What runs by itself: when, what, on whom, how it went; switched on and off and fired by hand.
// Schedules are made from the command line.
import { Alert, Anchor, Button, Center, Code, Group, Loader, Modal, Stack, Switch, Text, Title } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Link, useLocation } from "wouter";

import { messageOf, request } from "../api/client";
import { schedulesQuery } from "../api/queries";
import type { Firing, Me, Schedule } from "../api/types";
import { IconPlay } from "../app/icons";
import { useNow } from "../app/now";
import { orderLine } from "../runs/folds";
import page from "../runs/page.module.css";
import { mayRun } from "../runs/run_form";
import { ago, moment } from "../text/format";
import { visibleLine } from "../text/visible";
import classes from "./schedules.module.css";
import { lastText, nextText, triggerText } from "./words";

const pathOf = (name: string) => `/v1/schedules/${encodeURIComponent(name)}`;

export function SchedulesPage({ me }: { me: Me }) {
  const { data, error, isPending } = useQuery(schedulesQuery);
  const [firing, setFiring] = useState<Schedule | undefined>();
  return (
    <div className={page.scroll}>
      <div className={page.column}>
        <Title order={1} fz={22} mb="md">Schedules</Title>
        {error !== null && <Alert color="red" role="alert" mb="sm">{messageOf(error)}</Alert>}
        {isPending && <Center p="xl"><Loader size="sm" aria-label="Loading" /></Center>}
        {data?.schedules.length === 0 && <NoSchedules />}
        {data !== undefined && data.schedules.length > 0 && (
          <ul className={classes.list} aria-label="Schedules">
            {data.schedules.map((schedule) => <Line key={schedule.name} schedule={schedule} me={me} onFire={() => setFiring(schedule)} />)}
          </ul>
        )}
      </div>
      <Fire schedule={firing} onClose={() => setFiring(undefined)} />
    </div>
  );
}

function Line({ schedule, me, onFire }: { schedule: Schedule; me: Me; onFire: () => void }) {
  const client = useQueryClient();
  const now = useNow(15_000);
  const allowed = mayRun(me.role);
  const enable = useMutation({
    mutationFn: (enabled: boolean) => request<Schedule>("PATCH", pathOf(schedule.name), { body: { enabled } }),
    onSettled: () => client.invalidateQueries({ queryKey: schedulesQuery.queryKey }),
  });
  const { last, request: order } = schedule;
  return (
    <li className={classes.line} data-enabled={schedule.enabled}>
      <div className={classes.what}>
        <Group gap="sm" wrap="nowrap">
          <span className={classes.name}>{visibleLine(schedule.name, 64)}</span>
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
      <Group gap="md" wrap="nowrap" justify="flex-end">
        <Button variant="light" size="compact-sm" leftSection={<IconPlay size={14} />} disabled={!allowed} onClick={onFire}>Fire now…</Button>
        <Switch
          checked={enable.isPending ? enable.variables : schedule.enabled} disabled={!allowed || enable.isPending} aria-label={`${visibleLine(schedule.name, 64)} is enabled`}
          onChange={(event) => enable.mutate(event.currentTarget.checked)}
        />
      </Group>
      {enable.error !== null && <Alert color="red" role="alert" className={classes.fault}>{messageOf(enable.error)}</Alert>}
    </li>
  );
}

function Fire({ schedule, onClose }: { schedule: Schedule | undefined; onClose: () => void }) {
  const client = useQueryClient();
  const [, navigate] = useLocation();
  const fire = useMutation({
    mutationFn: (name: string) => request<Firing>("POST", `${pathOf(name)}/fire`),
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

function NoSchedules() {
  return (
    <Stack align="center" p="xl" gap="sm">
      <Text fw={600}>There are no schedules yet</Text>
      <Text c="dimmed" ta="center">Commands and methods run by themselves at a time, or when a host logs in or boots. Schedules are made from the command line:</Text>
      <Code block>muster schedule --help</Code>
    </Stack>
  );
}
