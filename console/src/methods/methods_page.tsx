// SPDX-License-Identifier: Apache-2.0
//
// What can be run: the methods of the region by their modules.
import { Alert, Badge, Button, Center, Code, Group, Loader, Stack, Switch, Text, TextInput, Title } from "@mantine/core";
import { useDebouncedValue, useHotkeys } from "@mantine/hooks";
import { useInfiniteQuery } from "@tanstack/react-query";
import { useMemo, useRef, useState } from "react";
import { Link } from "wouter";

import { messageOf } from "../api/client";
import { methodsQuery } from "../api/queries";
import type { MethodListed } from "../api/types";
import { IconSearch } from "../app/icons";
import { useNow } from "../app/now";
import page from "../runs/page.module.css";
import { ago, counted, moment } from "../text/format";
import { visibleLine } from "../text/visible";
import { groupsOf } from "./groups";
import classes from "./methods.module.css";

const kTypingMs = 150;

export function MethodsPage() {
  const [hidden, setHidden] = useState(false);
  const [search, setSearch] = useState("");
  const [settled] = useDebouncedValue(search, kTypingMs);
  const input = useRef<HTMLInputElement>(null);
  useHotkeys([["/", () => input.current?.focus()]]);
  const list = useInfiniteQuery(methodsQuery(hidden));
  const now = useNow(30_000);
  const groups = useMemo(() => groupsOf(list.data?.pages ?? [], settled), [list.data, settled]);
  const none = list.isSuccess && list.data.pages.every(({ methods }) => methods.length === 0);
  return (
    <div className={page.scroll}>
      <div className={page.column}>
        <Group mb="md" gap="md">
          <Title order={1} fz={22}>Methods</Title>
          <TextInput
            ref={input} value={search} onChange={(event) => setSearch(event.currentTarget.value)} leftSection={<IconSearch />} aria-label="Search methods"
            placeholder="part of a name or description" className={classes.search} maxLength={200} spellCheck={false} autoComplete="off"
          />
          <Switch label="Private ones, too" checked={hidden} onChange={(event) => setHidden(event.currentTarget.checked)} ml="auto" />
        </Group>
        {list.error !== null && <Alert color="red" role="alert">{messageOf(list.error)}</Alert>}
        {list.isPending && <Center p="xl"><Loader size="sm" aria-label="Loading" /></Center>}
        {none && <NoMethods hidden={hidden} />}
        {list.isSuccess && !none && groups.length === 0 && <Text c="dimmed" p="xl" ta="center">No method has “{visibleLine(settled, 80)}” in its name or description.</Text>}
        <Stack gap="sm">
          {groups.map(({ module, methods }) => (
            <ul key={module} className={classes.list} aria-label={`Methods of ${module}`}>
              {methods.map((method) => <MethodLine key={method.name} method={method} now={now} />)}
            </ul>
          ))}
        </Stack>
        {list.hasNextPage && (
          <Center p="md">
            <Button variant="default" loading={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>Show more</Button>
          </Center>
        )}
      </div>
    </div>
  );
}

function MethodLine({ method, now }: { method: MethodListed; now: number }) {
  return (
    <li>
      <Link href={`/methods/${method.name}`} className={classes.line}>
        <span className={classes.lineName}>{method.name}</span>
        <span className={classes.lineVersion}>
          {method.private && <Badge variant="light" color="gray" size="sm">private</Badge>}
          {visibleLine(method.version, 64)}
        </span>
        <span className={classes.lineAbout}>{visibleLine(method.description ?? "", 300)}</span>
        <span className={classes.lineWhen} title={moment(method.published_at)}>
          {method.versions > 1 && `${counted(method.versions, "version")} · `}
          {ago(method.published_at, now)}
        </span>
      </Link>
    </li>
  );
}

function NoMethods({ hidden }: { hidden: boolean }) {
  return (
    <Stack align="center" p="xl" gap="sm">
      <Text fw={600}>{hidden ? "There are no methods yet" : "There are no methods yet, or only private ones"}</Text>
      <Text c="dimmed" ta="center" maw={560}>
        A method is a task of a Puppet module: an executable with a description of its parameters. Methods are signed and published from the command line:
      </Text>
      <Code block className={classes.howTo}>{"muster method key --trust\nmuster method publish FOLDER"}</Code>
    </Stack>
  );
}
