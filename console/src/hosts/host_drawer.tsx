// SPDX-License-Identifier: Apache-2.0
//
// One host: what it says about itself, where it is, its labels.
import { Alert, Button, Drawer, Group, Loader, Stack, Table, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";

import { messageOf } from "../api/client";
import { agentsQuery, hostQuery } from "../api/queries";
import type { AgentProgramList, Host, Me } from "../api/types";
import { IconPlay } from "../app/icons";
import { mayRun } from "../runs/run_form";
import { moment, size } from "../text/format";
import { visibleLine } from "../text/visible";
import classes from "./hosts.module.css";
import { OnlineMark } from "./hosts_table";

interface Props {
  id: string | undefined;
  me: Me;
  onClose: () => void;
  onRun: (id: string) => void;
}

export function HostDrawer({ id, me, onClose, onRun }: Props) {
  return (
    <Drawer opened={id !== undefined} onClose={onClose} position="right" size={480} title="Host" closeButtonProps={{ "aria-label": "Close" }}>
      {id !== undefined && <HostDetails id={id} me={me} onRun={onRun} />}
    </Drawer>
  );
}

function HostDetails({ id, me, onRun }: { id: string; me: Me; onRun: (id: string) => void }) {
  const { data: host, error } = useQuery(hostQuery(id));
  const { data: offered } = useQuery(agentsQuery);
  if (error !== null) return <Alert color="red" role="alert">{messageOf(error)}</Alert>;
  if (host === undefined) return <Loader size="sm" />;
  return (
    <Stack>
      <Group justify="space-between" wrap="nowrap" align="flex-start">
        <Text fw={650} size="lg" style={{ overflowWrap: "anywhere" }}>{visibleLine(host.name)}</Text>
        <OnlineMark host={host} />
      </Group>
      {host.warning !== undefined && <Alert color="orange">{visibleLine(host.warning, 500)}</Alert>}
      <Group gap={6}>
        {Object.entries(host.labels).map(([name, value]) => (
          <span key={name} className={classes.label}>{visibleLine(`${name}=${value}`)}</span>
        ))}
      </Group>
      {mayRun(me.role) && host.state === "active" && (
        <Button variant="light" leftSection={<IconPlay />} onClick={() => onRun(host.id)}>Run here</Button>
      )}
      <Table verticalSpacing={5} fz="sm" layout="fixed">
        <Table.Tbody>
          {rowsOf(host, offered).map(([name, value]) => (
            <Table.Tr key={name}>
              <Table.Td c="dimmed" w={130}>{name}</Table.Td>
              <Table.Td style={{ overflowWrap: "anywhere" }}>{value}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Stack>
  );
}

/** The agent's version, and what the server offers where that is another one. */
function agentOf({ facts }: Host, offered: AgentProgramList | undefined): string | undefined {
  const offer = offered?.agents.find((agent) => agent.type === facts.machine)?.version;
  const other = offer !== undefined && facts.agent_version !== undefined && offer !== facts.agent_version;
  return other ? `${facts.agent_version} (the server offers ${offer})` : facts.agent_version;
}

function rowsOf(host: Host, offered: AgentProgramList | undefined): [string, string][] {
  const { facts } = host;
  const rows: [string, string | undefined][] = [
    ["Id", host.id],
    ["Host name", facts.hostname],
    ["System", [facts.distribution ?? facts.os, facts.distribution_version].filter(Boolean).join(" ")],
    ["Kernel", facts.kernel],
    ["Machine", facts.machine],
    ["Processors", facts.cpus?.toString()],
    ["Memory", facts.memory_bytes === undefined ? undefined : size(facts.memory_bytes)],
    ["Addresses", facts.addresses?.join(", ")],
    ["Link from", host.address],
    ["Gateway", host.gateway],
    ["Agent", agentOf(host, offered)],
    ["Features", facts.features?.join(", ")],
    ["Booted", facts.booted_at && moment(facts.booted_at)],
    ["Enrolled", moment(host.enrolled_at)],
    ["Last contact", host.online ? "now" : host.last_contact && moment(host.last_contact)],
  ];
  return rows.flatMap(([name, value]): [string, string][] => (value === undefined || value === "" ? [] : [[name, visibleLine(value, 1_000)]]));
}
