// SPDX-License-Identifier: Apache-2.0
//
// One method in one version: what it takes, where it runs, who answers for it, what other
// versions there are.
import { Alert, Anchor, Badge, Button, Center, Group, Loader, Stack, Text, Tooltip, UnstyledButton } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { Link } from "wouter";

import { ApiError, messageOf } from "../api/client";
import { methodQuery, publishingKeysQuery } from "../api/queries";
import type { Me, Method } from "../api/types";
import { IconBack, IconDown, IconPlay, IconRight } from "../app/icons";
import { useNow } from "../app/now";
import page from "../runs/page.module.css";
import { RunDrawer } from "../runs/run_drawer";
import { mayRun } from "../runs/run_form";
import { ago, count, duration, moment, size } from "../text/format";
import { visibleLine } from "../text/visible";
import classes from "./methods.module.css";
import { Parameters } from "./parameters";
import { Hash, Section } from "./parts";
import { Versions } from "./versions";

interface Props {
  name: string;
  /** undefined: the current one. */
  version?: string | undefined;
  me: Me;
}

export function MethodPage({ name, version, me }: Props) {
  const { data: method, error } = useQuery(methodQuery(name, version));
  const [running, setRunning] = useState(false);
  if (method === undefined) {
    return (
      <Center p="xl">
        {error === null ? <Loader aria-label="Loading" /> : (
          <Alert color="red" role="alert">
            {error instanceof ApiError && error.status === 404 ? "There is no such method: it may have been removed." : messageOf(error)}{" "}
            <Anchor component={Link} href="/methods" size="sm">To all methods</Anchor>
          </Alert>
        )}
      </Center>
    );
  }
  return (
    <div className={page.scroll}>
      <div className={page.column}>
        <Stack gap="lg">
          <Head method={method} me={me} onRun={() => setRunning(true)} />
          <Parameters method={method} />
          <Implementations method={method} />
          <Versions method={method} me={me} />
          <Origin method={method} me={me} />
        </Stack>
      </div>
      <RunDrawer me={me} start={running ? { method: { name: method.name, version: method.version } } : undefined} onClose={() => setRunning(false)} />
    </div>
  );
}

function Head({ method, me, onRun }: { method: Method; me: Me; onRun: () => void }) {
  const now = useNow(30_000);
  const allowed = mayRun(me.role);
  return (
    <section className={page.head} aria-label="Method">
      <Group justify="space-between" wrap="nowrap" align="flex-start" gap="xl" className={page.headTop}>
        <div className={page.headText}>
          <Link href="/methods" className={page.back}><IconBack size={14} /> Methods</Link>
          <h1 className={page.command}>{method.name}</h1>
          {method.description !== undefined && <Text mb={6} style={{ overflowWrap: "anywhere" }}>{visibleLine(method.description, 2_000)}</Text>}
          <Group gap="xs">
            <Text size="sm" className={classes.code}>{visibleLine(method.version, 64)}</Text>
            {method.current ? <Badge color="teal" variant="light">current</Badge> : <Badge color="orange" variant="light">not the current version</Badge>}
            {method.private && <Badge color="gray" variant="light">private</Badge>}
            {method.supports_noop && <Tooltip label="It can say what it would do, and do nothing"><Badge color="indigo" variant="light">dry run</Badge></Tooltip>}
            {method.idempotent && <Tooltip label="It may be started again where nobody knows whether it ran"><Badge color="indigo" variant="light">idempotent</Badge></Tooltip>}
            <Text size="sm" c="dimmed" title={moment(method.published_at)}>published {ago(method.published_at, now)} by {visibleLine(method.published_by, 64)}</Text>
          </Group>
        </div>
        <Tooltip label="Viewers may look, not run: ask an administrator for the role operator" disabled={allowed}>
          <Button size="md" leftSection={<IconPlay />} disabled={!allowed} onClick={onRun} flex="none">Run…</Button>
        </Tooltip>
      </Group>
    </section>
  );
}

const kWays: Readonly<Record<string, string>> = {
  default: "arguments on standard input and in the environment", both: "arguments on standard input and in the environment",
  stdin: "arguments on standard input", environment: "arguments in the environment", powershell: "arguments by name, to PowerShell",
};

function Implementations({ method }: { method: Method }) {
  const none = method.implementations.length === 0;
  return (
    <Section title="Where it runs" aside={<Text size="sm" c="dimmed">{none ? "" : "the first that fits the host"}</Text>}>
      {none && <div className={classes.plainLine}>On every host that can run its one executable; {kWays[method.input_method]}.</div>}
      {method.implementations.map((implementation) => (
        <div key={implementation.name} className={classes.implementation}>
          <span className={classes.code}>{visibleLine(implementation.name, 200)}</span>
          <Group gap={5}>
            {implementation.requirements.length === 0 && <Text size="sm" c="dimmed">any host</Text>}
            {implementation.requirements.map((feature) => <span key={feature} className={classes.feature}>{visibleLine(feature, 64)}</span>)}
          </Group>
          <Text size="sm" c="dimmed">{kWays[implementation.input_method]}</Text>
        </div>
      ))}
    </Section>
  );
}

/** Who answers for it, and what exactly it is. */
function Origin({ method, me }: { method: Method; me: Me }) {
  const [files, setFiles] = useState(false);
  const keys = useQuery({ ...publishingKeysQuery, enabled: me.role === "admin" });
  const note = keys.data?.keys.find(({ id }) => id === method.key)?.note;
  const distrusted = keys.data?.keys.every(({ id }) => id !== method.key) ?? false;
  const facts: [string, ReactNode][] = [
    ["Published", <>{moment(method.published_at)} by {visibleLine(method.published_by, 64)}</>],
    ["Signed by key", <><Hash text={method.key} what="key" />{note !== undefined && note !== "" && <Text span size="sm" c="dimmed"> {visibleLine(note, 256)}</Text>}{distrusted && <Badge color="red" variant="light" ml={8}>not trusted any more</Badge>}</>],
    ["Digest", <Hash key="digest" text={method.digest} what="digest" />],
    ["Time limit", method.timeout_ms === undefined ? "the host's own" : duration(method.timeout_ms)],
    ["Runs as", method.user === undefined ? "the agent's own user" : visibleLine(method.user, 64)],
    ["Output kept", method.output_bytes_max === undefined ? "the host's own limit" : `${size(method.output_bytes_max)} of each stream`],
  ];
  return (
    <Section title="Package">
      <dl className={classes.facts}>
        {facts.map(([name, value]) => <div key={name}><dt>{name}</dt><dd>{value}</dd></div>)}
      </dl>
      <UnstyledButton className={classes.fold} aria-expanded={files} onClick={() => setFiles(!files)}>
        {files ? <IconDown size={14} /> : <IconRight size={14} />} {count(method.files.length)} {method.files.length === 1 ? "file" : "files"}, {size(method.size_bytes)}
      </UnstyledButton>
      {files && (
        <ul className={classes.files}>
          {method.files.map((file) => (
            <li key={file.path}><span className={classes.code}>{visibleLine(file.path, 1_024)}</span> <Text span size="sm" c="dimmed">{size(file.size_bytes)}{file.executable ? ", executable" : ""}</Text></li>
          ))}
        </ul>
      )}
    </Section>
  );
}
