// SPDX-License-Identifier: Apache-2.0
//
// What stands around every order: whom it reaches, and the second yes.
import { Alert, Button, Loader, Modal, Stack, Text, TextInput } from "@mantine/core";
import { type SubmitEvent, useState } from "react";

import { messageOf } from "../api/client";
import type { SelectorCheck } from "../api/types";
import { count, counted } from "../text/format";
import { visibleLine } from "../text/visible";
import { kConfirmAbove } from "./run_form";
import classes from "./run_order.module.css";

interface ReachProps {
  check: SelectorCheck | undefined;
  error: Error | null;
  selector: string;
  queue: boolean;
  /** How many it is has been said above. */
  brief: boolean;
}

/** Who is reached, and who is not: before anything else. */
export function Reach({ check, error, selector, queue, brief }: ReachProps) {
  if (error !== null) return <Alert color="red" role="alert">{messageOf(error)}</Alert>;
  if (check === undefined) return brief ? null : <Loader size="xs" aria-label="Loading" />;
  const offline = check.matched - check.online;
  const sample = check.unreachable_names.map((name) => visibleLine(name, 64));
  return (
    <>
      {!brief && (
        <div className={classes.reach}>
          <Text size="sm"><b>{counted(check.matched, "host")}</b>, {count(check.online)} online</Text>
          <Text size="xs" c="dimmed" className={classes.reachSelector}>{selector === "" ? "every host" : visibleLine(selector, 200)}</Text>
        </div>
      )}
      {offline > 0 && (
        <Alert color="orange" title={`${counted(offline, "host is", "hosts are")} offline`} p="sm">
          <Text size="sm">
            {sample.slice(0, 8).join(", ")}{offline > Math.min(8, sample.length) && sample.length > 0 ? ", …" : ""}{sample.length > 0 ? ". " : ""}
            {queue ? "They start when they come back in time." : "They will count as unreachable at once."}
          </Text>
        </Alert>
      )}
    </>
  );
}

interface ConfirmProps {
  opened: boolean;
  why: string;
  what: string;
  /** How it is rolled out, in sentences. */
  plan?: string[];
  user: string;
  matched: number;
  busy: boolean;
  /** What is done to them; as it stands on the button. */
  verb?: string;
  onNo: () => void;
  onYes: () => void;
}

export function Confirm({ opened, why, what, plan = [], user, matched, busy, verb = "Run", onNo, onYes }: ConfirmProps) {
  const [typed, setTyped] = useState("");
  const many = matched > kConfirmAbove;
  const ready = !many || typed.replace(/[,.\s]/g, "") === String(matched);
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    if (ready) onYes();
  };
  return (
    <Modal opened={opened} onClose={onNo} title={`${verb} on ${counted(matched, "host")}?`}>
      <form onSubmit={submit} aria-label="Confirm">
        <Stack>
          <Text size="sm">{why}</Text>
          <code className={classes.confirmCommand}>{what}</code>
          {user !== "" && <Text size="sm">as <b>{visibleLine(user, 64)}</b></Text>}
          {plan.length > 0 && <Text size="sm">{plan.join(" ")}</Text>}
          {many && (
            <TextInput label={`Type ${matched} to confirm`} value={typed} onChange={(event) => setTyped(event.currentTarget.value)} inputMode="numeric" autoComplete="off" data-autofocus />
          )}
          <div className={classes.confirmButtons}>
            <Button variant="default" onClick={onNo}>Back</Button>
            <Button type="submit" color="red" disabled={!ready} loading={busy}>{verb} on {counted(matched, "host")}</Button>
          </div>
        </Stack>
      </form>
    </Modal>
  );
}
