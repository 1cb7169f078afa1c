// SPDX-License-Identifier: Apache-2.0
//
// The selector of the page: typed, checked by the server while one types, applied when it
// holds. A fault is shown with the place that it points at.
import { ActionIcon, Code, Kbd, Popover, Table, Text, TextInput } from "@mantine/core";
import { useDebouncedValue, useHotkeys } from "@mantine/hooks";
import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useEffect, useRef, useState } from "react";

import { ApiError, messageOf } from "../api/client";
import { selectorQuery } from "../api/queries";
import type { SelectorCheck } from "../api/types";
import { IconHelp, IconSearch } from "../app/icons";
import { count, counted } from "../text/format";
import { visibleLine } from "../text/visible";
import { cutAtColumn, faultText } from "./selector";
import classes from "./hosts.module.css";

const kTypingMs = 250;

interface Props {
  /** The applied selector. */
  value: string;
  onApply: (selector: string) => void;
  /** What stands in the box is not what is applied: it is being checked, or wrong. */
  onUnapplied: (unapplied: boolean) => void;
}

export function SelectorBox({ value, onApply, onUnapplied }: Props) {
  const [draft, setDraft] = useState(value);
  const [settled] = useDebouncedValue(draft, kTypingMs);
  const input = useRef<HTMLInputElement>(null);
  useHotkeys([["/", () => input.current?.focus()]]);
  useEffect(() => setDraft(value), [value]);
  const check = useQuery({ ...selectorQuery(settled), retry: false });
  const good = check.data !== undefined && check.error === null;
  const apply = useRef(onApply);
  useEffect(() => {
    apply.current = onApply;
  });
  useEffect(() => {
    if (good && settled === draft && settled !== value) apply.current(settled);
  }, [good, settled, draft, value]);
  useEffect(() => onUnapplied(draft !== value), [draft, value, onUnapplied]);
  const fault = settled === draft && check.error !== null ? check.error : null;
  return (
    <div className={classes.selector}>
      <TextInput
        ref={input}
        value={draft}
        onChange={(event) => setDraft(event.currentTarget.value)}
        placeholder="every host — or: os=linux and site in (a,b) and not role=db"
        aria-label="Selector"
        aria-invalid={fault !== null}
        aria-describedby="selector-state"
        error={fault !== null}
        spellCheck={false}
        autoComplete="off"
        autoCapitalize="off"
        maxLength={5_000}
        size="md"
        leftSection={<IconSearch />}
        rightSection={<SelectorHelp />}
        classNames={{ input: classes.selectorInput ?? "" }}
      />
      <div id="selector-state" className={classes.selectorState} aria-live="polite">
        {fault !== null ? <SelectorFault selector={settled} error={fault} /> : <SelectorMatch check={check.data} />}
      </div>
    </div>
  );
}

function SelectorMatch({ check }: { check: SelectorCheck | undefined }) {
  if (check === undefined) return <Text size="sm" c="dimmed">checking…</Text>;
  const offline = check.matched - check.online;
  if (check.matched === 0) return <Text size="sm" c="orange">No host matches</Text>;
  return (
    <Text size="sm" c="dimmed">
      <b className={classes.strong}>{counted(check.matched, "host matches", "hosts match")}</b>, {count(check.online)} online
      {offline > 0 && (
        <span title={check.unreachable_names.map((name) => visibleLine(name, 64)).join(", ")}>
          {" · "}{count(offline)} offline
        </span>
      )}
    </Text>
  );
}

/** What is wrong, and where: the selector again with the place marked. */
export function SelectorFault({ selector, error }: { selector: string; error: unknown }): ReactNode {
  const column = error instanceof ApiError ? error.column : undefined;
  const message = messageOf(error);
  if (column === undefined) return <Text size="sm" c="red">{message}</Text>;
  const { before, at, after } = cutAtColumn(selector, column);
  return (
    <Text size="sm" c="red" component="div">
      <span>Column {column}: {faultText(message)}</span>
      <code className={classes.fault} aria-hidden="true">
        {before}
        <mark>{at === "" ? "\u00a0" : at}</mark>
        {after}
      </code>
    </Text>
  );
}

const kExamples: [string, string][] = [
  ["os=linux", "a fact"],
  ["role=db", "a label"],
  ["site in (a,b)", "one of several values"],
  ["web*,db[01-12]", "names, by glob or as a set"],
  ["online and not role=db", "and, or, not, ( )"],
  ["seen>7d", "not heard of for a week"],
];

function SelectorHelp() {
  return (
    <Popover position="bottom-end" width={400} withArrow shadow="md" trapFocus>
      <Popover.Target>
        <ActionIcon variant="subtle" color="gray" aria-label="How selectors are written"><IconHelp /></ActionIcon>
      </Popover.Target>
      <Popover.Dropdown>
        <Table verticalSpacing={4} fz="sm">
          <Table.Tbody>
            {kExamples.map(([text, meaning]) => (
              <Table.Tr key={text}>
                <Table.Td><Code>{text}</Code></Table.Td>
                <Table.Td c="dimmed">{meaning}</Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
        <Text size="xs" c="dimmed" mt="xs">Empty is every host. <Kbd size="xs">/</Kbd> brings you here from anywhere on the page.</Text>
      </Popover.Dropdown>
    </Popover>
  );
}
