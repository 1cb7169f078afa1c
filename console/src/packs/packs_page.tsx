// SPDX-License-Identifier: Apache-2.0
//
// The file packs of the region: what can be sent, how large it is, since when.
import { Alert, Anchor, Button, Center, Code, Loader, Stack, Table, Text, Title } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import { Link } from "wouter";

import { messageOf } from "../api/client";
import { packsQuery } from "../api/queries";
import { FramedTable } from "../app/framed_table";
import { useNow } from "../app/now";
import page from "../runs/page.module.css";
import { ago, count, moment, size } from "../text/format";
import { visibleLine } from "../text/visible";

export function PacksPage() {
  const list = useInfiniteQuery(packsQuery);
  const now = useNow(30_000);
  const packs = list.data?.pages.flatMap((each) => each.packs) ?? [];
  return (
    <div className={page.scroll}>
      <div className={page.column}>
        <Title order={1} fz={22} mb="md">File packs</Title>
        {list.error !== null && <Alert color="red" role="alert">{messageOf(list.error)}</Alert>}
        {list.isPending && <Center p="xl"><Loader size="sm" aria-label="Loading" /></Center>}
        {list.isSuccess && packs.length === 0 && <NoPacks />}
        {packs.length > 0 && (
          <FramedTable heads={["Pack", "Current version", "Files", "Size", "Published", "What it is"]} minWidth={620} label="File packs">
            {packs.map((pack) => (
              <Table.Tr key={pack.name}>
                <Table.Td><Anchor component={Link} href={`/packs/${pack.name}`} size="sm" fw={600}>{pack.name}</Anchor></Table.Td>
                <Table.Td>{visibleLine(pack.version, 64)}{pack.versions > 1 && <Text span size="sm" c="dimmed"> of {pack.versions}</Text>}</Table.Td>
                <Table.Td>{pack.files === undefined ? "" : count(pack.files)}</Table.Td>
                <Table.Td>{size(pack.size_bytes)}</Table.Td>
                <Table.Td title={moment(pack.published_at)}>{ago(pack.published_at, now)}</Table.Td>
                <Table.Td>{visibleLine(pack.description ?? "", 200)}</Table.Td>
              </Table.Tr>
            ))}
          </FramedTable>
        )}
        {list.hasNextPage && (
          <Center p="md"><Button variant="default" loading={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>Show more</Button></Center>
        )}
      </div>
    </div>
  );
}

function NoPacks() {
  return (
    <Stack align="center" p="xl" gap="sm">
      <Text fw={600}>There are no file packs yet</Text>
      <Text c="dimmed" ta="center" maw={560}>
        A file pack is a set of files for hosts, with owner, mode and steps, versioned. It is signed and published from the command line, from a folder with a <Code>pack.toml</Code>:
      </Text>
      <Code block>{"muster method key --trust\nmuster pack publish FOLDER"}</Code>
    </Stack>
  );
}
