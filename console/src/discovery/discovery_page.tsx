// SPDX-License-Identifier: Apache-2.0
//
// Machines on networks that the site policy opens: which are hosts, which could become one.
import { Alert, Anchor, Button, Code, Group, Loader, Progress, Stack, Switch, Table, TagsInput, Text, Title } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Link } from "wouter";

import { messageOf, request } from "../api/client";
import { discoveriesQuery, discoveryPath, discoveryQuery } from "../api/queries";
import type { Discovery, FoundMachine, Me } from "../api/types";
import { FramedTable } from "../app/framed_table";
import page from "../runs/page.module.css";
import { count, counted } from "../text/format";
import { visibleLine } from "../text/visible";

export function DiscoveryPage({ me }: { me: Me }) {
  const client = useQueryClient();
  const list = useQuery({ ...discoveriesQuery, enabled: me.role === "admin" });
  const [networks, setNetworks] = useState<string[]>([]);
  const [chosen, setChosen] = useState<number | undefined>();
  const shown = chosen ?? list.data?.discoveries[0]?.id;
  const start = useMutation({
    mutationFn: (wanted: string[]) => request<Discovery>("POST", "/v1/discoveries", { body: { networks: wanted } }),
    onSuccess: (begun) => setChosen(begun.id),
    onSettled: () => client.invalidateQueries({ queryKey: discoveriesQuery.queryKey, exact: true }),
  });
  const allowed = list.data?.allowed_networks ?? [];
  const wanted = networks.length > 0 ? networks : allowed;
  const running = list.data?.discoveries.some(({ state }) => state === "running") ?? false;
  if (me.role !== "admin") return <Text p="xl" ta="center" c="dimmed">Looking through networks takes the role admin.</Text>;
  return (
    <div className={page.scroll}>
      <div className={page.column}>
        <Title order={1} fz={22} mb="md">Find machines</Title>
        {list.error !== null && <Alert color="red" role="alert" mb="sm">{messageOf(list.error)}</Alert>}
        {list.data !== undefined && allowed.length === 0 && <NoNetworks />}
        {allowed.length > 0 && (
          <form
            onSubmit={(event) => {
              event.preventDefault();
              start.mutate(wanted);
            }}
          >
            <Group align="flex-end" gap="sm" mb="md">
              <TagsInput
                label="Networks" description="Empty: all that the site policy opens" flex={1} miw={260} data={allowed} value={networks} onChange={setNetworks}
                placeholder={networks.length === 0 ? allowed.join(", ") : ""} maxTags={64} acceptValueOnBlur
              />
              <Button type="submit" loading={start.isPending} disabled={running}>Look through</Button>
            </Group>
          </form>
        )}
        {start.error !== null && <Alert color="red" role="alert" mb="sm">{messageOf(start.error)}</Alert>}
        {shown !== undefined && <Sweep key={shown} id={shown} />}
      </div>
    </div>
  );
}

function NoNetworks() {
  return (
    <Stack gap={4}>
      <Text fw={600}>The site policy opens no network to discovery</Text>
      <Text c="dimmed">Add a line such as <Code>discover = ["10.1.0.0/16"]</Code> to it: <Code>muster policy show</Code>, then <Code>muster policy set</Code>.</Text>
    </Stack>
  );
}

function Sweep({ id }: { id: number }) {
  const client = useQueryClient();
  const { data, error } = useQuery(discoveryQuery(id));
  const [fresh, setFresh] = useState(false);
  const stop = useMutation({
    mutationFn: () => request<undefined>("POST", `${discoveryPath(id)}/stop`),
    onSettled: () => client.invalidateQueries({ queryKey: discoveriesQuery.queryKey }),
  });
  if (error !== null) return <Alert color="red" role="alert">{messageOf(error)}</Alert>;
  if (data === undefined) return <Loader size="sm" aria-label="Loading" />;
  const machines = data.found ?? [];
  const hosts = machines.filter(({ kind }) => kind === "endpoint").length;
  const rows = fresh ? machines.filter(({ kind }) => kind !== "endpoint") : machines;
  return (
    <section aria-label="What was found">
      <Group justify="space-between" mb="xs">
        <Text size="sm" role="status">
          {data.state === "running" ? `${count(data.looked_at)} of ${counted(data.addresses, "address", "addresses")}` : counted(data.looked_at, "address", "addresses")}
          {` in ${visibleLine(data.networks.join(", "), 200)} · ${counted(data.machines, "machine")} · ${counted(hosts, "host")} of the region`}
          {data.state === "stopped" ? " · stopped before its end" : ""}
        </Text>
        {data.state === "running"
          ? <Button size="compact-sm" variant="default" loading={stop.isPending} onClick={() => stop.mutate()}>Stop</Button>
          : <Switch label="Leave out hosts of the region" checked={fresh} onChange={(event) => setFresh(event.currentTarget.checked)} />}
      </Group>
      {data.state === "running" && <Progress value={(100 * data.looked_at) / Math.max(data.addresses, 1)} aria-label="How far" mb="sm" />}
      {rows.length > 0 && (
        <FramedTable heads={["Address", "What", "More"]} minWidth={480}>
          {rows.map((machine) => <Row key={machine.address} machine={machine} />)}
        </FramedTable>
      )}
      {rows.length === 0 && data.state !== "running" && <Text c="dimmed">Nobody {fresh ? "else " : ""}answers there.</Text>}
    </section>
  );
}

function Row({ machine }: { machine: FoundMachine }) {
  return (
    <Table.Tr>
      <Table.Td><code>{machine.address}</code></Table.Td>
      <Table.Td>{machine.kind === "endpoint" ? (machine.online === true ? "host" : "host, offline") : machine.kind === "ssh" ? "SSH" : "other"}</Table.Td>
      <Table.Td>
        {machine.endpoint !== undefined
          ? <Anchor component={Link} size="sm" href={`/hosts?selector=${encodeURIComponent(`id=${machine.endpoint}`)}`}>{visibleLine(machine.name ?? machine.endpoint, 64)}</Anchor>
          : <Text size="sm" c="dimmed">{machine.ssh !== undefined ? <>{visibleLine(machine.ssh, 100)} · <code>muster adopt root@{machine.address}</code></> : portsText(machine.open_ports)}</Text>}
        {machine.agent !== undefined && <Text span size="sm" c="dimmed"> its agent answers, {machine.agent}</Text>}
      </Table.Td>
    </Table.Tr>
  );
}

const portsText = (ports: number[]) => (ports.length === 0 ? "answers, with no port open that was tried" : `ports open: ${ports.join(", ")}`);
