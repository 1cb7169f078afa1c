// SPDX-License-Identifier: Apache-2.0
//
// One file pack: where it goes, its versions, its files, who may install it by themselves; and
// sending it to hosts, or taking them back to what they had.
import { Alert, Anchor, Badge, Button, Center, Code, Group, Loader, Stack, Table, Text, Title, Tooltip } from "@mantine/core";
import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Link } from "wouter";

import { messageOf, request } from "../api/client";
import { methodPath, packFilesQuery, packQuery } from "../api/queries";
import type { Me, Pack } from "../api/types";
import { useNow } from "../app/now";
import { Section } from "../methods/parts";
import page from "../runs/page.module.css";
import { mayRun } from "../runs/run_form";
import { ago, counted, moment, size } from "../text/format";
import { visibleLine } from "../text/visible";
import { PackOrder, type PackAction } from "./pack_order";
import { PackRules } from "./pack_rules";

export function PackPage({ name, version, me }: { name: string; version?: string; me: Me }) {
  const { data, error, isPending } = useQuery(packQuery(name, version));
  const [action, setAction] = useState<PackAction | undefined>();
  const allowed = mayRun(me.role);
  return (
    <div className={page.scroll}>
      <div className={page.column}>
        <Link href="/packs" className={page.back}>File packs</Link>
        {error !== null && <Alert color="red" role="alert" mt="sm">{messageOf(error)}</Alert>}
        {isPending && <Center p="xl"><Loader size="sm" aria-label="Loading" /></Center>}
        {data !== undefined && (
          <Stack gap="lg">
            <Group justify="space-between" align="flex-start">
              <div>
                <Title order={1} fz={22}>{data.name} <Text span c="dimmed" fz={18}>{visibleLine(data.version, 64)}</Text></Title>
                <Text c="dimmed">{visibleLine(data.description ?? "", 500)}</Text>
              </div>
              <Tooltip label="Viewers may look, not order: ask an administrator for the role operator" disabled={allowed}>
                <Group gap="sm">
                  <Button variant="default" disabled={!allowed} onClick={() => setAction("rollback")}>Roll back…</Button>
                  <Button disabled={!allowed} onClick={() => setAction("apply")}>Send…</Button>
                </Group>
              </Tooltip>
            </Group>
            <Goes pack={data} />
            <PackVersions pack={data} me={me} />
            <PackRules pack={data} me={me} />
            <Files name={data.name} version={data.version} />
            <PackOrder key={action ?? "none"} pack={data} action={action} onClose={() => setAction(undefined)} />
          </Stack>
        )}
      </div>
    </div>
  );
}

function Goes({ pack }: { pack: Pack }) {
  return (
    <Text size="sm" component="div">
      {counted(pack.files, "file")}, {size(pack.files_bytes)}, to{" "}
      {pack.targets.map(({ path, owned }, at) => (
        <span key={path}>{at > 0 && ", "}<Code>{visibleLine(path, 300)}</Code>{owned && " (the whole folder)"}</span>
      ))}
      {pack.pre !== undefined && <>; before the switch <Code>{visibleLine(pack.pre, 200)}</Code></>}
      {pack.post !== undefined && <>; after it <Code>{visibleLine(pack.post, 200)}</Code></>}
    </Text>
  );
}

function PackVersions({ pack, me }: { pack: Pack; me: Me }) {
  const client = useQueryClient();
  const now = useNow(30_000);
  const use = useMutation({
    mutationFn: (version: string) => request("PUT", `${methodPath(`pack::${pack.name}`)}/current`, { body: { version } }),
    onSettled: () => Promise.all([client.invalidateQueries({ queryKey: ["pack", pack.name] }), client.invalidateQueries({ queryKey: ["packs"] })]),
  });
  return (
    <Section title="Versions">
      {use.error !== null && <Alert color="red" role="alert">{messageOf(use.error)}</Alert>}
      <Table.ScrollContainer minWidth={480} type="native">
        <Table verticalSpacing={6} horizontalSpacing="md">
          <Table.Tbody>
            {pack.versions.map((each) => (
              <Table.Tr key={each.version} bg={each.version === pack.version ? "var(--muster-picked)" : undefined}>
                <Table.Td>
                  <Anchor component={Link} size="sm" href={each.current ? `/packs/${pack.name}` : `/packs/${pack.name}/versions/${encodeURIComponent(each.version)}`}>{visibleLine(each.version, 64)}</Anchor>
                  {each.current && <Badge ml="sm" color="teal" variant="light" size="sm">current</Badge>}
                </Table.Td>
                <Table.Td>{size(each.size_bytes)}</Table.Td>
                <Table.Td c="dimmed" title={moment(each.published_at)}>{ago(each.published_at, now)} by {visibleLine(each.published_by, 64)}</Table.Td>
                <Table.Td ta="right">
                  {me.role === "admin" && !each.current && (
                    <Button variant="light" size="compact-sm" loading={use.isPending && use.variables === each.version} onClick={() => use.mutate(each.version)}>Make current</Button>
                  )}
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
    </Section>
  );
}

function Files({ name, version }: { name: string; version: string }) {
  const list = useInfiniteQuery(packFilesQuery(name, version));
  const files = list.data?.pages.flatMap((each) => each.files) ?? [];
  return (
    <Section title="Files">
      {list.error !== null && <Alert color="red" role="alert">{messageOf(list.error)}</Alert>}
      <Table.ScrollContainer minWidth={560} type="native">
        <Table verticalSpacing={4} horizontalSpacing="md">
          <Table.Thead><Table.Tr><Table.Th>Path</Table.Th><Table.Th>Mode</Table.Th><Table.Th>Owner</Table.Th><Table.Th>Size</Table.Th></Table.Tr></Table.Thead>
          <Table.Tbody>
            {files.map((file) => (
              <Table.Tr key={`${file.kind} ${file.path}`}>
                <Table.Td><code>{visibleLine(file.path, 500)}{file.link === undefined ? "" : ` → ${visibleLine(file.link, 300)}`}</code></Table.Td>
                <Table.Td><code>{file.mode ?? ""}</code></Table.Td>
                <Table.Td>{[file.owner, file.group].filter((each) => each !== undefined).map((each) => visibleLine(each, 40)).join(":")}</Table.Td>
                <Table.Td>{file.size_bytes === undefined ? <Text span c="dimmed">{file.kind}</Text> : size(file.size_bytes)}</Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
      {list.hasNextPage && (
        <Center p="sm"><Button variant="default" size="compact-sm" loading={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>Show more</Button></Center>
      )}
    </Section>
  );
}
