// SPDX-License-Identifier: Apache-2.0
//
// Order a run: first whom it reaches and who is offline, then what to run, then a second yes
// where it is many hosts or a dangerous order.
import { Alert, Button, Drawer, Loader, Modal, Stack, Text, TextInput } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type SubmitEvent, useRef, useState } from "react";
import { useLocation } from "wouter";

import { messageOf, request } from "../api/client";
import { runQuery, selectorQuery } from "../api/queries";
import type { Me, Run, SelectorCheck } from "../api/types";
import { IconPlay } from "../app/icons";
import { count, counted } from "../text/format";
import { visibleLine } from "../text/visible";
import { commandLine } from "./folds";
import { RunFields } from "./run_fields";
import { confirmationFor, faultsOf, kConfirmAbove, kRunFormStart, requestOf, type RunForm, type RunFormFaults } from "./run_form";
import classes from "./run_order.module.css";

interface Props {
  me: Me;
  /** Whom to reach; undefined: closed. */
  selector: string | undefined;
  onClose: () => void;
}

export function RunDrawer({ me, selector, onClose }: Props) {
  return (
    <Drawer
      opened={selector !== undefined} onClose={onClose} position="right" size="min(560px, 100vw)" title="Run a command"
      closeButtonProps={{ "aria-label": "Close" }}
    >
      {selector !== undefined && <Order me={me} selector={selector} />}
    </Drawer>
  );
}

function Order({ me, selector }: { me: Me; selector: string }) {
  const client = useQueryClient();
  const [, navigate] = useLocation();
  const [form, setForm] = useState<RunForm>(kRunFormStart);
  const [faults, setFaults] = useState<RunFormFaults>({});
  const [asking, setAsking] = useState(false);
  const check = useQuery({ ...selectorQuery(selector), refetchInterval: 5_000 });
  // The same order sent twice, by a second click or a lost answer, starts once.
  const key = useRef(crypto.randomUUID());
  const order = useMutation({
    mutationFn: () =>
      request<Run>("POST", "/v1/runs", { body: requestOf(form, selector), headers: { "Idempotency-Key": key.current } }),
    onSuccess: (run) => {
      client.setQueryData(runQuery(run.id).queryKey, run);
      void client.invalidateQueries({ queryKey: ["runs"] });
      navigate(`/runs/${run.id}`);
    },
    onError: () => setAsking(false),
  });
  const change = (part: Partial<RunForm>) => {
    setForm({ ...form, ...part });
    setFaults({});
    key.current = crypto.randomUUID();
  };
  const why = check.data === undefined ? undefined : confirmationFor(form, selector, check.data, me.role);
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    const found = faultsOf(form);
    setFaults(found);
    if (Object.keys(found).length > 0) return;
    if (why === undefined) order.mutate();
    else setAsking(true);
  };
  const nobody = check.data?.matched === 0;
  return (
    <>
      <form onSubmit={submit} aria-label="Run a command">
        <Stack>
          <Reach check={check.data} error={check.error} selector={selector} queue={form.queueMs > 0} />
          {order.error !== null && <Alert color="red" role="alert">{messageOf(order.error)}</Alert>}
          <RunFields form={form} faults={faults} change={change} someOffline={check.data !== undefined && check.data.online < check.data.matched} />
          <Button type="submit" size="md" leftSection={<IconPlay />} loading={order.isPending} disabled={check.data === undefined || nobody}>
            {check.data === undefined ? "Run" : `Run on ${counted(check.data.matched, "host")}`}
          </Button>
        </Stack>
      </form>
      {check.data !== undefined && why !== undefined && (
        <Confirm opened={asking} why={why} form={form} selector={selector} check={check.data} busy={order.isPending} onNo={() => setAsking(false)} onYes={() => order.mutate()} />
      )}
    </>
  );
}

/** Who is reached, and who is not: before anything else. */
function Reach({ check, error, selector, queue }: { check: SelectorCheck | undefined; error: Error | null; selector: string; queue: boolean }) {
  if (error !== null) return <Alert color="red" role="alert">{messageOf(error)}</Alert>;
  if (check === undefined) return <Loader size="xs" aria-label="Loading" />;
  const offline = check.matched - check.online;
  const sample = check.unreachable_names.map((name) => visibleLine(name, 64));
  return (
    <>
      <div className={classes.reach}>
        <Text size="sm"><b>{counted(check.matched, "host")}</b>, {count(check.online)} online</Text>
        <Text size="xs" c="dimmed" className={classes.reachSelector}>{selector === "" ? "every host" : visibleLine(selector, 200)}</Text>
      </div>
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
  form: RunForm;
  selector: string;
  check: SelectorCheck;
  busy: boolean;
  onNo: () => void;
  onYes: () => void;
}

function Confirm({ opened, why, form, selector, check, busy, onNo, onYes }: ConfirmProps) {
  const [typed, setTyped] = useState("");
  const many = check.matched > kConfirmAbove;
  const ready = !many || typed.replace(/[,.\s]/g, "") === String(check.matched);
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    if (ready) onYes();
  };
  return (
    <Modal opened={opened} onClose={onNo} title={`Run on ${counted(check.matched, "host")}?`}>
      <form onSubmit={submit} aria-label="Confirm">
        <Stack>
          <Text size="sm">{why}</Text>
          <code className={classes.confirmCommand}>{visibleLine(commandLine(requestOf(form, selector).command), 600)}</code>
          {form.user.trim() !== "" && <Text size="sm">as <b>{form.user.trim()}</b></Text>}
          {many && (
            <TextInput label={`Type ${check.matched} to confirm`} value={typed} onChange={(event) => setTyped(event.currentTarget.value)} inputMode="numeric" autoComplete="off" data-autofocus />
          )}
          <div className={classes.confirmButtons}>
            <Button variant="default" onClick={onNo}>Back</Button>
            <Button type="submit" color="red" disabled={!ready} loading={busy}>Run on {counted(check.matched, "host")}</Button>
          </div>
        </Stack>
      </form>
    </Modal>
  );
}
