// SPDX-License-Identifier: Apache-2.0
//
// What methods have told of while they ran, newest first, as it comes.
import { Alert, Anchor, Badge, Button, Center, Group, Loader, Select, Stack, Table, Text, TextInput, Title } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { useInfiniteQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Link } from "wouter";

import { messageOf } from "../api/client";
import { hostEventsQuery } from "../api/queries";
import type { HostEvent, Severity } from "../api/types";
import { FramedTable } from "../app/framed_table";
import { useNow } from "../app/now";
import page from "../runs/page.module.css";
import { ago, moment } from "../text/format";
import { visibleLine } from "../text/visible";

const kTypingMs = 250;
const kSeverities: Severity[] = ["debug", "info", "warning", "error", "critical"];
const kColors: Record<Severity, string> = { debug: "gray", info: "blue", warning: "yellow", error: "orange", critical: "red" };

export function EventsPage() {
  const [severity, setSeverity] = useState<Severity>("info");
  const [kind, setKind] = useState("");
  const [settled] = useDebouncedValue(kind.trim(), kTypingMs);
  const list = useInfiniteQuery(hostEventsQuery({ severity, kind: settled }));
  const now = useNow(5_000);
  const events = list.data?.pages.flatMap((each) => each.events) ?? [];
  return (
    <div className={page.scroll}>
      <div className={page.column}>
        <Group mb="md" gap="md" align="flex-end">
          <Title order={1} fz={22} mr="auto">Events</Title>
          <Select
            label="At least" w={130} allowDeselect={false} data={kSeverities} value={severity}
            onChange={(next) => setSeverity(kSeverities.find((each) => each === next) ?? "info")}
          />
          <TextInput label="Kind" placeholder="any" value={kind} onChange={(event) => setKind(event.currentTarget.value)} maxLength={64} spellCheck={false} autoComplete="off" />
        </Group>
        {list.error !== null && <Alert color="red" role="alert">{messageOf(list.error)}</Alert>}
        {list.isPending && <Center p="xl"><Loader size="sm" aria-label="Loading" /></Center>}
        {list.isSuccess && events.length === 0 && (
          <Stack align="center" p="xl" gap={4}>
            <Text fw={600}>{settled === "" ? "Nothing has been told yet" : "Nothing of this kind has been told"}</Text>
            <Text c="dimmed" ta="center">Methods raise events while they run, by the call <code>event.raise</code></Text>
          </Stack>
        )}
        {events.length > 0 && (
          <FramedTable heads={["When", "How bad", "Host", "Kind", "What"]} minWidth={560} label="Events">
            {events.map((event) => <Row key={event.id} event={event} now={now} />)}
          </FramedTable>
        )}
        {list.hasNextPage && (
          <Center p="md"><Button variant="default" loading={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>Show more</Button></Center>
        )}
      </div>
    </div>
  );
}

function Row({ event, now }: { event: HostEvent; now: number }) {
  return (
    <Table.Tr>
      <Table.Td title={moment(event.taken_at)}>{ago(event.taken_at, now)}</Table.Td>
      <Table.Td><Badge color={kColors[event.severity]} variant="light">{event.severity}</Badge></Table.Td>
      <Table.Td><Anchor component={Link} size="sm" href={`/hosts?selector=${encodeURIComponent(`id=${event.endpoint}`)}`}>{visibleLine(event.name, 64)}</Anchor></Table.Td>
      <Table.Td><code>{visibleLine(event.kind, 64)}</code></Table.Td>
      <Table.Td>{visibleLine(event.text, 500)} <Anchor component={Link} size="sm" href={`/runs/${event.run}`}>run</Anchor></Table.Td>
    </Table.Tr>
  );
}
