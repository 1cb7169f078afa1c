// SPDX-License-Identifier: Apache-2.0
//
// Order a run: first whom it reaches and who is offline, then what to run, a command or a
// method, then a second yes where it is many hosts or a dangerous order.
import { Alert, Button, Drawer, Stack, Text } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type SubmitEvent, useRef, useState } from "react";
import { useLocation } from "wouter";

import { request } from "../api/client";
import { runQuery } from "../api/queries";
import type { Me, Run, RunRequest } from "../api/types";
import { IconPlay } from "../app/icons";
import { SelectorBox } from "../hosts/selector_box";
import { counted } from "../text/format";
import { Confirm, Reach } from "./order_parts";
import { rolloutWords } from "./rollout_form";
import { confirmationFor } from "./run_form";
import { type OrderStart, seekFault, useOrder } from "./use_order";
import { WhatFields } from "./what_fields";

interface Props {
  me: Me;
  /** undefined: closed. */
  start: OrderStart | undefined;
  onClose: () => void;
}

export function RunDrawer({ me, start, onClose }: Props) {
  return (
    <Drawer
      opened={start !== undefined} onClose={onClose} position="right" size="min(580px, 100vw)"
      title={start?.method === undefined ? "Run" : "Run a method"} closeButtonProps={{ "aria-label": "Close" }}
    >
      {start !== undefined && <Sheet me={me} start={start} />}
    </Drawer>
  );
}

/** Sends the order once, however often the button is pressed, and goes to its run. */
function useSend(body: () => RunRequest, settled: () => void) {
  const client = useQueryClient();
  const [, navigate] = useLocation();
  // The same order sent twice, by a second click or a lost answer, starts once.
  const key = useRef(crypto.randomUUID());
  const order = useMutation({
    mutationFn: () => request<Run>("POST", "/v1/runs", { body: body(), headers: { "Idempotency-Key": key.current } }),
    onSuccess: (run) => {
      client.setQueryData(runQuery(run.id).queryKey, run);
      void client.invalidateQueries({ queryKey: ["runs"] });
      navigate(`/runs/${run.id}`);
    },
    onError: settled,
  });
  const changed = () => {
    key.current = crypto.randomUUID();
    if (order.error !== null) order.reset();
  };
  return { order, changed };
}

function Sheet({ me, start }: { me: Me; start: OrderStart }) {
  const [asking, setAsking] = useState(false);
  const sheet = useRef<HTMLFormElement>(null);
  const order = useOrder(start, () => changed(), true);
  const { order: sending, changed } = useSend(order.body, () => {
    setAsking(false);
    seekFault(sheet);
  });
  const { form, check } = order;
  const refused = order.refusedBy(sending.error);
  const why = check === undefined ? undefined : confirmationFor(form, order.selector, check, me.role);
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    if (!order.audit()) seekFault(sheet);
    else if (why === undefined) sending.mutate();
    else setAsking(true);
  };
  const ready = check !== undefined && check.matched > 0 && !order.unapplied && order.complete;
  return (
    <>
      <form ref={sheet} onSubmit={submit} aria-label={form.kind === "method" ? "Run a method" : "Run a command"} noValidate>
        <Stack>
          {start.selector === undefined && (
            <div>
              <Text size="sm" fw={500} mb={4}>On which hosts</Text>
              <SelectorBox value={order.selector} onApply={order.setSelector} onUnapplied={order.setUnapplied} />
            </div>
          )}
          <Reach check={check} error={start.selector === undefined ? null : order.checkError} selector={order.selector} queue={form.queueMs > 0} brief={start.selector === undefined} />
          {refused.rest !== undefined && <Alert color="red" role="alert" style={{ whiteSpace: "pre-line" }}>{refused.rest}</Alert>}
          <WhatFields order={order} refused={refused} choose={start.method === undefined} someOffline={check !== undefined && check.online < check.matched} />
          <Button type="submit" size="md" leftSection={<IconPlay />} loading={sending.isPending} disabled={!ready}>
            {check === undefined ? "Run" : `${form.noop ? "Dry run" : "Run"} on ${counted(check.matched, "host")}`}
          </Button>
        </Stack>
      </form>
      {check !== undefined && why !== undefined && (
        <Confirm
          opened={asking} why={why} what={order.what} plan={rolloutWords(form.rollout, check.matched, form.noop)} user={form.user.trim()} matched={check.matched} busy={sending.isPending}
          onNo={() => setAsking(false)} onYes={() => sending.mutate()}
        />
      )}
    </>
  );
}
