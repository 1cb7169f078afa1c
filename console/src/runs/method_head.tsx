// SPDX-License-Identifier: Apache-2.0
//
// What a run of a method ran: which, and with what. Secrets come as "[hidden]" from the server.
import { Badge, Group, UnstyledButton } from "@mantine/core";
import { useState } from "react";
import { Link } from "wouter";

import type { MethodRun } from "../api/types";
import { counted } from "../text/format";
import { visibleLine } from "../text/visible";
import { kHidden, packOrder } from "./folds";
import classes from "./method_head.module.css";

const kArgumentsShown = 8;

export function MethodHead({ method }: { method: MethodRun }) {
  const [all, setAll] = useState(false);
  const pack = packOrder(method);
  const given = pack === undefined ? Object.entries(method.arguments ?? {}) : [];
  const shown = all ? given : given.slice(0, kArgumentsShown);
  return (
    <div className={classes.method}>
      <Group gap="sm" align="baseline">
        <h1 className={classes.name}>
          {pack === undefined
            ? <Link href={`/methods/${method.name}/versions/${encodeURIComponent(method.version)}`}>{visibleLine(method.name, 160)}</Link>
            : <>pack {pack.command} <Link href={`/packs/${pack.name}/versions/${encodeURIComponent(method.version)}`}>{visibleLine(pack.name, 160)}</Link></>}
        </h1>
        <span className={classes.version}>{visibleLine(method.version, 64)}</span>
        {method.noop && <Badge variant="light">dry run</Badge>}
      </Group>
      {given.length > 0 && (
        <dl className={classes.arguments} aria-label="Arguments">
          {shown.map(([name, value]) => (
            <div key={name}>
              <dt>{visibleLine(name, 80)}</dt>
              <dd data-hidden={value === kHidden}>{visibleLine(typeof value === "string" ? value : JSON.stringify(value), 600)}</dd>
            </div>
          ))}
        </dl>
      )}
      {given.length > shown.length && (
        <UnstyledButton className={classes.more} onClick={() => setAll(true)}>{counted(given.length - shown.length, "more argument")}…</UnstyledButton>
      )}
    </div>
  );
}
