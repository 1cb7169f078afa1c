// SPDX-License-Identifier: Apache-2.0
//
// Thousands of hosts, of which only those on the screen are in the page. Rows are absolute
// inside a tall body; ARIA roles say what the boxes are, arrow keys walk from row to row.
import { Checkbox, Loader, Tooltip, UnstyledButton } from "@mantine/core";
import { type Column, type ColumnDef, flexRender, getCoreRowModel, type Row, useReactTable } from "@tanstack/react-table";
import { useVirtualizer } from "@tanstack/react-virtual";
import { type Dispatch, type KeyboardEvent, type ReactNode, useEffect, useMemo, useRef } from "react";

import type { Host, HostSort } from "../api/types";
import { IconAlert, IconDown, IconUp } from "../app/icons";
import { useNow } from "../app/now";
import { ago, moment } from "../text/format";
import { visibleLine } from "../text/visible";
import classes from "./hosts.module.css";
import { kPickedMax } from "./selector";
import { isEmpty, isPicked, type Selection, type SelectionAction } from "./selection";

const kRowPx = 40;
/** The head stands over the scroller: what is scrolled into view must clear it. */
const kHeadPx = 39;
const kNearEnd = 30;

interface Props {
  hosts: Host[];
  total: number;
  sort: HostSort;
  selection: Selection;
  dispatch: Dispatch<SelectionAction>;
  loading: boolean;
  more: boolean;
  onMore: () => void;
  onSort: (sort: HostSort) => void;
  onOpen: (id: string) => void;
  empty: ReactNode;
}

export function OnlineMark({ host }: { host: Pick<Host, "online" | "state"> }) {
  const word = host.state !== "active" ? host.state : host.online ? "online" : "offline";
  return (
    <span className={classes.mark} data-word={word}>
      <span className={classes.dot} />
      {word}
    </span>
  );
}

export function osText(host: Host): string {
  const { distribution, distribution_version, os, machine } = host.facts;
  const name = [distribution ?? os, distribution_version].filter((part) => part !== undefined && part !== "").join(" ");
  return visibleLine([name, machine].filter((part) => part !== undefined && part !== "").join(" · "), 80);
}

function Labels({ host }: { host: Host }) {
  const labels = Object.entries(host.labels);
  const text = labels.map(([name, value]) => visibleLine(`${name}=${value}`, 80));
  return (
    <span className={classes.labels} title={text.join("\n")}>
      {text.map((label) => <span key={label} className={classes.label}>{label}</span>)}
    </span>
  );
}

function columnsOf(now: number, onOpen: (id: string) => void): ColumnDef<Host>[] {
  return [
    {
      id: "name",
      header: "Name",
      cell: ({ row: { original: host } }) => (
        <span className={classes.nameCell}>
          <UnstyledButton className={classes.name} data-walk="name" onClick={() => onOpen(host.id)}>{visibleLine(host.name, 120)}</UnstyledButton>
          {host.warning !== undefined && (
            <Tooltip label={visibleLine(host.warning, 300)} multiline maw={320}>
              <span className={classes.warning} tabIndex={0} aria-label={`Warning: ${visibleLine(host.warning, 300)}`}><IconAlert size={15} /></span>
            </Tooltip>
          )}
        </span>
      ),
    },
    { id: "online", header: "Status", cell: ({ row }) => <OnlineMark host={row.original} /> },
    { id: "os", header: "System", cell: ({ row }) => osText(row.original) },
    { id: "labels", header: "Labels", enableSorting: false, cell: ({ row }) => <Labels host={row.original} /> },
    { id: "address", header: "Address", cell: ({ row }) => <span className={classes.mono}>{visibleLine(row.original.address ?? "", 64)}</span> },
    {
      id: "last_contact",
      header: "Last contact",
      cell: ({ row: { original: host } }) =>
        host.last_contact === undefined ? "never" : (
          <span title={moment(host.last_contact)}>{host.online ? "now" : ago(host.last_contact, now)}</span>
        ),
    },
  ];
}

/** Arrow keys move the focus to the same control of the next row, into view if need be. */
function useWalk(rows: number, show: (index: number) => void) {
  return (event: KeyboardEvent<HTMLDivElement>) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const from = event.target instanceof HTMLElement ? event.target.closest<HTMLElement>("[data-walk]") : null;
    const row = from?.closest<HTMLElement>("[data-index]");
    if (step === undefined || from === null || row === undefined || row === null) return;
    const to = Number(row.dataset.index) + step;
    if (to < 0 || to >= rows) return;
    event.preventDefault();
    show(to);
    const body = event.currentTarget;
    const walk = from.dataset.walk ?? "";
    requestAnimationFrame(() =>
      body.querySelector<HTMLElement>(`[data-index="${to}"] [data-walk="${walk}"]`)?.focus());
  };
}

export function HostsTable(props: Props) {
  const { hosts, total, sort, selection, dispatch, loading, more, onMore, onSort, onOpen, empty } = props;
  const now = useNow(5_000);
  const columns = useMemo(() => columnsOf(now, onOpen), [now, onOpen]);
  const sortId = sort.replace(/^-/, "");
  const table = useReactTable({
    data: hosts, columns, getCoreRowModel: getCoreRowModel(), getRowId: (host) => host.id, manualSorting: true,
    state: { sorting: [{ id: sortId, desc: sort.startsWith("-") }] },
    onSortingChange: (update) => {
      const next = (typeof update === "function" ? update([{ id: sortId, desc: sort.startsWith("-") }]) : update)[0];
      onSort((next === undefined ? "name" : `${next.desc ? "-" : ""}${next.id}`) as HostSort);
    },
    enableSortingRemoval: false, sortDescFirst: false,
  });
  const scroller = useRef<HTMLDivElement>(null);
  const rows = table.getRowModel().rows;
  const virtual = useVirtualizer({ count: rows.length, getScrollElement: () => scroller.current, estimateSize: () => kRowPx, scrollPaddingEnd: kHeadPx, overscan: 12 });
  const items = virtual.getVirtualItems();
  const last = items.at(-1)?.index ?? 0;
  useEffect(() => {
    if (more && rows.length > 0 && last >= rows.length - kNearEnd) onMore();
  }, [more, last, rows.length, onMore]);
  const walk = useWalk(rows.length, (index) => virtual.scrollToIndex(index));
  const matching = selection.mode === "matching";
  const all = matching || (hosts.length > 0 && selection.hosts.size >= Math.min(hosts.length, kPickedMax));
  const some = !all && !isEmpty(selection);
  return (
    <div className={classes.table} role="table" aria-label="Hosts" aria-rowcount={total + 1}>
      <div ref={scroller} className={classes.scroller} role="presentation">
        <div role="rowgroup" className={classes.head}>
          <div role="row" className={classes.row} aria-rowindex={1}>
            <div role="columnheader" className={classes.cell}>
              <Checkbox
                size="xs" aria-label="Select all loaded hosts" checked={all} indeterminate={some} disabled={hosts.length === 0}
                onChange={() => dispatch(all ? { type: "clear" } : { type: "add", hosts })}
              />
            </div>
            {table.getFlatHeaders().map((header) => <HeaderCell key={header.id} column={header.column} />)}
          </div>
        </div>
        <div role="rowgroup" onKeyDown={walk}>
          {rows.length === 0 && <div className={classes.empty}>{loading ? <Loader size="sm" aria-label="Loading" /> : empty}</div>}
          <div role="presentation" style={{ height: virtual.getTotalSize(), position: "relative" }}>
            {items.map((item) => {
              const row = rows[item.index];
              return row && (
                <HostRow
                  key={row.id} row={row} index={item.index} top={item.start} picked={isPicked(selection, row.id)} fixed={matching}
                  onToggle={() => dispatch({ type: "toggle", host: row.original })}
                />
              );
            })}
          </div>
        </div>
      </div>
      <div className={classes.foot}>
        {rows.length < total ? `${rows.length.toLocaleString("en-US")} of ${total.toLocaleString("en-US")} loaded; scroll for more` : ""}
      </div>
    </div>
  );
}

function HeaderCell({ column }: { column: Column<Host> }) {
  const sorted = column.getIsSorted();
  const label = column.columnDef.header as string;
  const aria = sorted === "asc" ? "ascending" : sorted === "desc" ? "descending" : undefined;
  return (
    <div role="columnheader" className={classes.cell} aria-sort={aria}>
      {column.columnDef.enableSorting === false ? label : (
        <UnstyledButton className={classes.sort} data-sorted={sorted !== false} onClick={() => column.toggleSorting(sorted === "asc")}>
          {label}
          {sorted === "desc" ? <IconDown size={14} /> : <IconUp size={14} />}
        </UnstyledButton>
      )}
    </div>
  );
}

interface RowProps {
  row: Row<Host>;
  index: number;
  top: number;
  picked: boolean;
  fixed: boolean;
  onToggle: () => void;
}

function HostRow({ row, index, top, picked, fixed, onToggle }: RowProps) {
  return (
    <div
      role="row" aria-rowindex={index + 2} aria-selected={picked} data-index={index} data-picked={picked}
      className={classes.row} style={{ position: "absolute", top: 0, left: 0, right: 0, height: kRowPx, transform: `translateY(${top}px)` }}
    >
      <div role="cell" className={classes.cell}>
        <Checkbox size="xs" data-walk="box" checked={picked} disabled={fixed} onChange={onToggle} aria-label={`Select ${visibleLine(row.original.name, 120)}`} />
      </div>
      {row.getVisibleCells().map((cell) => (
        <div key={cell.id} role="cell" className={classes.cell}>{flexRender(cell.column.columnDef.cell, cell.getContext())}</div>
      ))}
    </div>
  );
}
