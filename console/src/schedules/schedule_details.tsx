// SPDX-License-Identifier: Apache-2.0
//
// One schedule: when it fires next, what holds it, and what came of it.
import { Alert, Anchor, Drawer, Loader, Stack, Text, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "wouter";

import { ApiError, messageOf } from "../api/client";
import { firingsQuery, scheduleQuery } from "../api/queries";
import type { Firing, Schedule } from "../api/types";
import { orderLine } from "../runs/folds";
import { rolloutBrief, rolloutFormOf } from "../runs/rollout_form";
import { moment } from "../text/format";
import { visibleLine } from "../text/visible";
import { ownZone } from "./schedule_form";
import classes from "./schedules.module.css";
import { causeText, lastText, nextText, termsOf, triggerText } from "./words";

export function ScheduleDetails({ name, onClose }: { name: string | undefined; onClose: () => void }) {
  return (
    <Drawer opened={name !== undefined} onClose={onClose} position="right" size="min(560px, 100vw)" title={visibleLine(name ?? "", 64)} closeButtonProps={{ "aria-label": "Close" }}>
      {name !== undefined && <Details name={name} />}
    </Drawer>
  );
}

function Details({ name }: { name: string }) {
  const { data: schedule, error } = useQuery(scheduleQuery(name));
  const firings = useQuery(firingsQuery(name));
  if (error !== null && schedule === undefined) {
    return <Alert color="red" role="alert">{error instanceof ApiError && error.status === 404 ? "There is no such schedule any more." : messageOf(error)}</Alert>;
  }
  if (schedule === undefined) return <Loader size="sm" aria-label="Loading" />;
  return (
    <Stack gap="lg">
      <Facts schedule={schedule} />
      <section aria-label="Next times">
        <Title order={3} fz={15} mb={6}>Next</Title>
        {schedule.next.length > 0 && schedule.zone !== ownZone() && <Text size="sm" c="dimmed">As your own clock shows it, in {ownZone()}:</Text>}
        {schedule.next.length === 0 ? <Text size="sm" c="dimmed">{nextText(schedule) === "" ? "When hosts do so." : `It is ${nextText(schedule)}.`}</Text> : (
          <ul className={classes.firings}>{schedule.next.map((time) => <li key={time}>{moment(time)}</li>)}</ul>
        )}
      </section>
      <section aria-label="History">
        <Title order={3} fz={15} mb={6}>History</Title>
        {firings.error !== null && <Alert color="red" role="alert">{messageOf(firings.error)}</Alert>}
        {firings.data?.firings.length === 0 && <Text size="sm" c="dimmed">It has never fired.</Text>}
        <ul className={classes.firings}>{firings.data?.firings.map((firing) => <FiringLine key={`${firing.due} ${firing.fired_at}`} firing={firing} />)}</ul>
        {typeof firings.data?.next === "string" && <Text size="sm" c="dimmed">Older ones: <code>muster schedule show {visibleLine(name, 64)} --limit 0</code></Text>}
      </section>
    </Stack>
  );
}

function Facts({ schedule }: { schedule: Schedule }) {
  const { request } = schedule;
  const brief = rolloutBrief(rolloutFormOf(request.rollout));
  const facts: [string, string][] = [
    ["Fires", triggerText(schedule)], ...termsOf(schedule),
    ["On", request.selector === "" ? "every host" : visibleLine(request.selector, 400)],
    ...(brief === "" ? [] : [["Rolled out", brief] satisfies [string, string]]),
    ["In the name of", visibleLine(schedule.author, 64)],
    ["Changed", `${moment(schedule.changed_at)} by ${visibleLine(schedule.changed_by, 64)}`],
  ];
  return (
    <div>
      {schedule.description !== undefined && <Text mb="xs">{visibleLine(schedule.description, 1_024)}</Text>}
      <code className={classes.order}>{visibleLine(orderLine(request), 2_000)}</code>
      <dl className={classes.facts}>{facts.map(([what, text]) => <div key={what}><dt>{what}</dt><dd>{text}</dd></div>)}</dl>
    </div>
  );
}

function FiringLine({ firing }: { firing: Firing }) {
  const cause = causeText(firing);
  return (
    <li>
      {moment(firing.fired_at)}{" · "}
      {firing.run === undefined
        ? <Text span size="sm" c={firing.state === "failed" ? "red" : "dimmed"}>{lastText(firing)}</Text>
        : <Anchor component={Link} href={`/runs/${firing.run}`} size="sm">{lastText(firing)}</Anchor>}
      {cause !== "" && <Text span size="sm" c="dimmed"> · {cause}</Text>}
      {firing.reason !== undefined && <Text size="sm" c="dimmed">{visibleLine(firing.reason, 600)}</Text>}
    </li>
  );
}
