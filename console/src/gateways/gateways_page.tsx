// SPDX-License-Identifier: Apache-2.0
//
// What stands between the hosts and the database: gateways with what they hold, drained and let
// back; servers, and which one leads.
import { Alert, Badge, Button, Center, Group, Loader, Modal, Progress, Stack, Table, Text, Title } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { messageOf, request } from "../api/client";
import { gatewayPath, gatewaysQuery, serversQuery } from "../api/queries";
import type { Gateway, Me } from "../api/types";
import { FramedTable } from "../app/framed_table";
import { useNow } from "../app/now";
import page from "../runs/page.module.css";
import { ago, count, counted, moment } from "../text/format";
import { visibleLine } from "../text/visible";

export function GatewaysPage({ me }: { me: Me }) {
  const { data, error, isPending } = useQuery(gatewaysQuery);
  const [draining, setDraining] = useState<Gateway | undefined>();
  return (
    <div className={page.scroll}>
      <div className={page.column}>
        <Title order={1} fz={22} mb="md">Gateways</Title>
        {error !== null && <Alert color="red" role="alert" mb="sm">{messageOf(error)}</Alert>}
        {isPending && <Center p="xl"><Loader size="sm" aria-label="Loading" /></Center>}
        {data?.gateways.length === 0 && <Text c="dimmed" p="xl" ta="center">No gateway has come yet. On another machine: <code>muster gateway --server HOST --token TOKEN</code></Text>}
        {data !== undefined && data.gateways.length > 0 && (
          <FramedTable heads={["Gateway", "State", "Hosts", "Room", ""]} minWidth={560} label="Gateways">
            {data.gateways.map((each) => <Row key={each.name} gateway={each} me={me} onDrain={() => setDraining(each)} />)}
          </FramedTable>
        )}
        <Servers />
      </div>
      <Drain gateway={draining} onClose={() => setDraining(undefined)} />
    </div>
  );
}

const kStates: Record<Gateway["state"], { color: string; word: string }> = {
  up: { color: "teal", word: "up" },
  draining: { color: "orange", word: "draining" },
  away: { color: "red", word: "away" },
};

function Row({ gateway, me, onDrain }: { gateway: Gateway; me: Me; onDrain: () => void }) {
  const client = useQueryClient();
  const undrain = useMutation({
    mutationFn: () => request<undefined>("POST", `${gatewayPath(gateway.name)}/undrain`),
    onSettled: () => client.invalidateQueries({ queryKey: gatewaysQuery.queryKey }),
  });
  const { color, word } = kStates[gateway.state];
  const name = visibleLine(gateway.name, 63);
  return (
    <Table.Tr>
      <Table.Td>
        <Text fw={600} size="sm">{name}</Text>
        {gateway.behind.length > 0 && <Text size="sm" c="dimmed">behind {visibleLine(gateway.behind.join(", "), 200)}</Text>}
        {gateway.limits.map((limit) => <Text key={limit} size="sm" c="dimmed">{visibleLine(limit, 200)}</Text>)}
      </Table.Td>
      <Table.Td>
        <Badge color={color} variant="light">{word}</Badge>
        {gateway.draining && gateway.state === "away" && <Text span size="sm" c="dimmed"> drained</Text>}
        {undrain.error !== null && <Text size="sm" c="red" role="alert">{messageOf(undrain.error)}</Text>}
      </Table.Td>
      <Table.Td>{count(gateway.links)}{gateway.expected > 0 && <Text span size="sm" c="dimmed"> and {count(gateway.expected)} on their way</Text>}</Table.Td>
      <Table.Td>
        <Progress w={140} mb={2} value={(100 * gateway.links) / Math.max(gateway.capacity, 1)} aria-label={`How full ${name} is`} />
        <Text size="xs" c="dimmed">for {count(gateway.capacity)}</Text>
      </Table.Td>
      <Table.Td ta="right">
        {me.role === "admin" && (gateway.draining
          ? <Button size="compact-sm" variant="light" loading={undrain.isPending} onClick={() => undrain.mutate()}>Let hosts back</Button>
          : <Button size="compact-sm" variant="subtle" color="red" onClick={onDrain}>Drain…</Button>)}
      </Table.Td>
    </Table.Tr>
  );
}

function Drain({ gateway, onClose }: { gateway: Gateway | undefined; onClose: () => void }) {
  const client = useQueryClient();
  const drain = useMutation({
    mutationFn: (name: string) => request<undefined>("POST", `${gatewayPath(name)}/drain`),
    onSuccess: onClose,
    onSettled: () => client.invalidateQueries({ queryKey: gatewaysQuery.queryKey }),
  });
  const close = () => {
    drain.reset();
    onClose();
  };
  return (
    <Modal opened={gateway !== undefined} onClose={close} title={`Drain ${visibleLine(gateway?.name ?? "", 63)}?`}>
      <Stack>
        {drain.error !== null && <Alert color="red" role="alert">{messageOf(drain.error)}</Alert>}
        <Text size="sm">
          Its {counted(gateway?.links ?? 0, "host moves", "hosts move")} elsewhere, at a gentle pace; running work goes on. No host is sent there until you let them back.
        </Text>
        <Group justify="flex-end">
          <Button variant="default" onClick={close} data-autofocus>Leave it</Button>
          <Button color="red" loading={drain.isPending} onClick={() => gateway !== undefined && drain.mutate(gateway.name)}>Drain it</Button>
        </Group>
      </Stack>
    </Modal>
  );
}

const kRoles = { leader: { color: "teal", word: "leads" }, standing: { color: "gray", word: "stands by" }, lost: { color: "red", word: "lost" } } as const;

function Servers() {
  const { data, error } = useQuery(serversQuery);
  const now = useNow(5_000);
  return (
    <section aria-label="Servers">
      <Title order={2} fz={18} mt="xl" mb="sm">Servers</Title>
      {error !== null && <Alert color="red" role="alert">{messageOf(error)}</Alert>}
      {data !== undefined && (
        <FramedTable heads={["Server", "Role", "Address", "Version", "Started", "Seen"]} minWidth={520}>
          {data.servers.map((each) => (
            <Table.Tr key={each.name}>
              <Table.Td fw={600}>{visibleLine(each.name, 63)}</Table.Td>
              <Table.Td><Badge color={kRoles[each.role].color} variant="light">{kRoles[each.role].word}</Badge></Table.Td>
              <Table.Td><code>{visibleLine(each.addresses[0] ?? "", 100)}</code></Table.Td>
              <Table.Td>{visibleLine(each.version, 40)}</Table.Td>
              <Table.Td title={moment(each.since)}>{ago(each.since, now)}</Table.Td>
              <Table.Td title={moment(each.last_seen)}>{ago(each.last_seen, now)}</Table.Td>
            </Table.Tr>
          ))}
        </FramedTable>
      )}
      {data !== undefined && data.term === undefined && <Text size="sm" c="dimmed" mt="xs">This server has its database alone; with PostgreSQL several can stand by.</Text>}
    </section>
  );
}
