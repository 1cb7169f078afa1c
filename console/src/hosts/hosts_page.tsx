// SPDX-License-Identifier: Apache-2.0
//
// The fleet: which hosts, how they are, and a command for some of them. Selector and sort
// stand in the address, so that a view can be sent to a colleague.
import { Alert, Button, Group, Text, Tooltip } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import { useMemo, useReducer, useState } from "react";
import { Link, useLocation, useSearch } from "wouter";

import { ApiError, messageOf } from "../api/client";
import { hostsQuery } from "../api/queries";
import type { HostSort, Me } from "../api/types";
import { IconPlay, IconRefresh } from "../app/icons";
import { mayRun } from "../runs/run_form";
import { RunDrawer } from "../runs/run_drawer";
import { counted } from "../text/format";
import { HostDrawer } from "./host_drawer";
import { HostsTable } from "./hosts_table";
import { isEmpty, kNothingPicked, reduceSelection, type Selection, selectorOf } from "./selection";
import { SelectionBar } from "./selection_bar";
import { SelectorBox } from "./selector_box";
import classes from "./hosts.module.css";

const kSorts: readonly string[] = ["name", "online", "os", "address", "last_contact", "enrolled_at"];

function sortOf(text: string | null): HostSort {
  return text !== null && kSorts.includes(text.replace(/^-/, "")) ? (text as HostSort) : "name";
}

/** Selector and sort as the address says them, and how to change it. */
function useView() {
  const search = useSearch();
  const [, navigate] = useLocation();
  return useMemo(() => {
    const params = new URLSearchParams(search);
    const selector = params.get("selector") ?? "";
    const sort = sortOf(params.get("sort"));
    const show = (next: { selector?: string; sort?: HostSort }) => {
      const text = new URLSearchParams();
      const to = { selector, sort, ...next };
      if (to.selector !== "") text.set("selector", to.selector);
      if (to.sort !== "name") text.set("sort", to.sort);
      navigate(`/hosts${text.size === 0 ? "" : `?${text.toString()}`}`, { replace: true });
    };
    return { selector, sort, show };
  }, [search, navigate]);
}

export function HostsPage({ me }: { me: Me }) {
  const { selector, sort, show } = useView();
  const list = useInfiniteQuery(hostsQuery(selector, sort));
  const [selection, select] = useReducer(reduceSelection, kNothingPicked);
  const [running, setRunning] = useState<string | undefined>();
  const [unapplied, setUnapplied] = useState(false);
  const [opened, setOpened] = useState<string | undefined>();
  const hosts = useMemo(() => {
    const byId = new Map((list.data?.pages ?? []).flatMap((page) => page.hosts).map((host) => [host.id, host]));
    return [...byId.values()];
  }, [list.data]);
  const total = list.data?.pages.at(-1)?.total ?? 0;
  const apply = (next: string) => {
    select({ type: "clear" });
    show({ selector: next });
  };
  return (
    <div className={classes.page}>
      <Group align="flex-start" gap="sm" wrap="nowrap" className={classes.toolbar}>
        <SelectorBox value={selector} onApply={apply} onUnapplied={setUnapplied} />
        <Tooltip label="Read the list again">
          <Button variant="default" size="md" px="sm" aria-label="Refresh" loading={list.isRefetching && !list.isFetchingNextPage} onClick={() => void list.refetch()}>
            <IconRefresh />
          </Button>
        </Tooltip>
        {me.role === "admin" && <Button component={Link} href="/discovery" variant="default" size="md" className={classes.find}>Find machines</Button>}
        <RunButton me={me} selection={selection} total={total} unapplied={unapplied} onRun={() => setRunning(isEmpty(selection) ? selector : selectorOf(selection))} />
      </Group>
      <SelectionBar selection={selection} loaded={hosts} total={total} selector={selector} dispatch={select} />
      {list.error !== null && !(list.error instanceof ApiError && list.error.code === "invalid") && (
        <Alert color="red" role="alert" mb="sm">{messageOf(list.error)}</Alert>
      )}
      <HostsTable
        hosts={hosts} total={total} sort={sort} selection={selection} dispatch={select}
        loading={list.isPending} more={list.hasNextPage && !list.isFetchingNextPage}
        onMore={() => void list.fetchNextPage()} onSort={(next) => show({ sort: next })} onOpen={setOpened}
        empty={<EmptyList selector={selector} />}
      />
      <RunDrawer me={me} start={running === undefined ? undefined : { selector: running }} onClose={() => setRunning(undefined)} />
      <HostDrawer id={opened} me={me} onClose={() => setOpened(undefined)} onRun={(id) => { setOpened(undefined); setRunning(`id=${id}`); }} />
    </div>
  );
}

interface RunButtonProps {
  me: Me;
  selection: Selection;
  total: number;
  unapplied: boolean;
  onRun: () => void;
}

function RunButton({ me, selection, total, unapplied, onRun }: RunButtonProps) {
  const allowed = mayRun(me.role);
  // The list below is still that of the last good selector: not what the box says.
  const stale = unapplied && (isEmpty(selection) || selection.mode === "matching");
  const label =
    isEmpty(selection) || selection.mode === "matching"
      ? `Run on ${total === 1 ? "this host" : `all ${counted(total, "host")}`}`
      : `Run on ${counted(selection.hosts.size, "host")}`;
  return (
    <Tooltip label="Viewers may look, not run: ask an administrator for the role operator" disabled={allowed}>
      <Button size="md" leftSection={<IconPlay />} disabled={!allowed || stale || total === 0} onClick={onRun} miw={190}>
        {total === 0 ? "Run" : label}
      </Button>
    </Tooltip>
  );
}

function EmptyList({ selector }: { selector: string }) {
  if (selector !== "") return <Text c="dimmed">No host matches this selector.</Text>;
  return (
    <Text c="dimmed" ta="center">
      No host has enrolled yet. Make a token with <code>muster token create</code>, then start{" "}
      <code>muster-agent</code> with it on a machine.
    </Text>
  );
}
