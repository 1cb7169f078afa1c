// SPDX-License-Identifier: Apache-2.0
//
// Other regions: who is there, what is granted each way, their hosts, and runs that were started
// there from here.
import { Alert, Anchor, Button, Code, Group, Modal, Stack, Table, Tabs, Text, TextInput, Title } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { messageOf, request } from "../api/client";
import { baseOf } from "../api/place";
import { regionCardQuery, regionHostsQuery, regionRunsQuery, regionsQuery } from "../api/queries";
import type { HostsOfRegion, Me, Neighbour } from "../api/types";
import { FramedTable } from "../app/framed_table";
import { useNow } from "../app/now";
import page from "../runs/page.module.css";
import { ago, count, counted, moment } from "../text/format";
import { visibleLine } from "../text/visible";
import { AddRegion } from "./add_region";
import { grantText, grouped, RegionState } from "./region_state";

export function RegionsPage({ me }: { me: Me }) {
  const { data, error } = useQuery(regionsQuery);
  const [adding, setAdding] = useState(false);
  const [showing, setShowing] = useState(false);
  return (
    <div className={page.scroll}>
      <div className={page.column}>
        <Group justify="space-between" mb="md">
          <Title order={1} fz={22}>Regions</Title>
          <Group gap="sm">
            <Button variant="default" onClick={() => setShowing(true)}>Card of this region</Button>
            {me.role === "admin" && <Button onClick={() => setAdding(true)}>Add a region</Button>}
          </Group>
        </Group>
        {error !== null && <Alert color="red" role="alert" mb="sm">{messageOf(error)}</Alert>}
        {data !== undefined && data.regions.length === 0 && (
          <Text c="dimmed">No other region is known here. Its administrator and you exchange cards: yours is behind the button above.</Text>
        )}
        {data !== undefined && data.regions.length > 0 && (
          <>
            <RegionsTable regions={data.regions} admin={me.role === "admin"} />
            <Tabs defaultValue="hosts" mt="xl" keepMounted={false}>
              <Tabs.List><Tabs.Tab value="hosts">Hosts of all regions</Tabs.Tab><Tabs.Tab value="runs">Runs started there</Tabs.Tab></Tabs.List>
              <Tabs.Panel value="hosts" pt="md"><AllHosts /></Tabs.Panel>
              <Tabs.Panel value="runs" pt="md"><RemoteRuns /></Tabs.Panel>
            </Tabs>
          </>
        )}
        <AddRegion opened={adding} close={() => setAdding(false)} />
        <Modal opened={showing} onClose={() => setShowing(false)} title="Card of this region" size="lg"><OwnCard /></Modal>
      </div>
    </div>
  );
}

function RegionsTable({ regions, admin }: { regions: readonly Neighbour[]; admin: boolean }) {
  const now = useNow(10_000);
  const [removing, setRemoving] = useState<string | undefined>();
  return (
    <>
      <FramedTable heads={["Region", "State", "They may here", "We may there", ""]} minWidth={720} label="Regions">
        {regions.map((each) => (
          <Table.Tr key={each.name}>
            <Table.Td><Anchor href={`${baseOf(each.name)}/hosts`} size="sm" fw={600}>{each.name}</Anchor></Table.Td>
            <Table.Td>
              <Group gap="xs" wrap="nowrap"><RegionState state={each.state} /><Text size="sm" c="dimmed" title={moment(each.since)}>{ago(each.since, now)}</Text></Group>
              {each.why !== undefined && <Text size="xs" c="dimmed" maw={360}>{visibleLine(each.why, 300)}</Text>}
            </Table.Td>
            <Table.Td>
              <Text size="sm">{visibleLine(grantText(each), 200)}</Text>
              {each.expires_at !== undefined && <Text size="xs" c="dimmed">until {moment(each.expires_at)}</Text>}
            </Table.Td>
            <Table.Td><Text size="sm">{visibleLine(grantText(each.granted), 200)}</Text></Table.Td>
            <Table.Td ta="right">{admin && <Button size="compact-sm" variant="subtle" color="red" onClick={() => setRemoving(each.name)} aria-label={`Remove ${each.name}`}>Remove</Button>}</Table.Td>
          </Table.Tr>
        ))}
      </FramedTable>
      <Modal opened={removing !== undefined} onClose={() => setRemoving(undefined)} title={`Remove ${removing ?? ""}?`}>
        {removing !== undefined && <Removal name={removing} done={() => setRemoving(undefined)} />}
      </Modal>
    </>
  );
}

function Removal({ name, done }: { name: string; done: () => void }) {
  const client = useQueryClient();
  const remove = useMutation({
    mutationFn: () => request<undefined>("DELETE", `/v1/regions/${encodeURIComponent(name)}`),
    onSuccess: done,
    onSettled: () => client.invalidateQueries({ queryKey: regionsQuery.queryKey }),
  });
  return (
    <Stack>
      {remove.error !== null && <Alert color="red" role="alert">{messageOf(remove.error)}</Alert>}
      <Text size="sm">It sees and runs nothing here any more, at once, and is not asked any more. Runs that it has started go on.</Text>
      <Group justify="flex-end">
        <Button variant="default" onClick={done}>Keep it</Button>
        <Button color="red" loading={remove.isPending} onClick={() => remove.mutate()}>Remove {name}</Button>
      </Group>
    </Stack>
  );
}

function OwnCard() {
  const { data, error } = useQuery(regionCardQuery);
  if (error !== null) return <Alert color="red" role="alert">{messageOf(error)}</Alert>;
  if (data === undefined) return null;
  return (
    <Stack>
      <Text size="sm">Public: send it to the other administrator as you like, and read out the fingerprint by another way.</Text>
      <Code block>{data.card}</Code>
      <Text size="sm">Fingerprint</Text>
      <Code block>{grouped(data.fingerprint)}</Code>
    </Stack>
  );
}

function AllHosts() {
  const [text, setText] = useState("");
  const [selector, setSelector] = useState("");
  const { data, error } = useQuery(regionHostsQuery(selector));
  return (
    <Stack>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          setSelector(text);
        }}
      >
        <TextInput label="Selector" placeholder="all hosts" value={text} onChange={(event) => setText(event.currentTarget.value)} maw={480} />
      </form>
      {error !== null && <Alert color="red" role="alert">{messageOf(error)}</Alert>}
      {data?.regions.map((each) => <RegionHosts key={each.name} region={each} selector={selector} />)}
    </Stack>
  );
}

function RegionHosts({ region, selector }: { region: HostsOfRegion; selector: string }) {
  const own = region.name === "here";
  const base = own ? "" : baseOf(region.name);
  const hosts = region.hosts ?? [];
  const more = (region.total ?? 0) - hosts.length;
  return (
    <section aria-label={own ? "this region" : region.name}>
      <Group gap="xs" mb={4}>
        <Text fw={600}>{own ? "this region" : region.name}</Text>
        {!own && <RegionState state={region.state} />}
        {region.error === undefined && <Text size="sm" c="dimmed">{count(region.online ?? 0)} of {counted(region.total ?? 0, "host")} online</Text>}
      </Group>
      {region.error !== undefined && <Text size="sm" c="dimmed">{visibleLine(region.error.message, 400)}</Text>}
      <Group gap={6}>
        {hosts.map((host) => (
          <Anchor key={host.id} size="sm" c={host.online ? undefined : "dimmed"} href={`${base}/hosts?selector=${encodeURIComponent(`id=${host.id}`)}`}>
            {visibleLine(host.name, 64)}{host.online ? "" : " (offline)"}
          </Anchor>
        ))}
        {more > 0 && <Anchor size="sm" href={`${base}/hosts${selector === "" ? "" : `?selector=${encodeURIComponent(selector)}`}`}>and {count(more)} more</Anchor>}
      </Group>
    </section>
  );
}

function RemoteRuns() {
  const now = useNow(10_000);
  const { data, error } = useQuery(regionRunsQuery);
  if (error !== null) return <Alert color="red" role="alert">{messageOf(error)}</Alert>;
  if (data !== undefined && data.runs.length === 0) return <Text c="dimmed">No run was started in another region from here.</Text>;
  return (
    <FramedTable heads={["What", "Region", "On", "State", "By", "Asked"]} minWidth={640} label="Runs in other regions">
      {data?.runs.map((run) => (
        <Table.Tr key={run.id}>
          <Table.Td>
            {run.run === undefined
              ? <code>{visibleLine(run.what, 80)}</code>
              : <Anchor href={`${baseOf(run.region)}/runs/${encodeURIComponent(run.run)}`}><code>{visibleLine(run.what, 80)}</code></Anchor>}
          </Table.Td>
          <Table.Td>{run.region}</Table.Td>
          <Table.Td>{run.selector === "" ? "all" : visibleLine(run.selector, 60)}</Table.Td>
          <Table.Td>{run.state}</Table.Td>
          <Table.Td>{visibleLine(run.user, 64)}</Table.Td>
          <Table.Td title={moment(run.asked_at)}>{ago(run.asked_at, now)}</Table.Td>
        </Table.Tr>
      ))}
    </FramedTable>
  );
}
