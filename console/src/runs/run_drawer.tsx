// SPDX-License-Identifier: Apache-2.0
//
// Order a run: first whom it reaches and who is offline, then what to run, a command or a
// method, then a second yes where it is many hosts or a dangerous order.
import { Alert, Button, Drawer, Group, SegmentedControl, Stack, Text } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type SubmitEvent, useRef, useState } from "react";
import { useLocation } from "wouter";

import { ApiError, messageOf, request } from "../api/client";
import { methodQuery, runQuery, selectorQuery } from "../api/queries";
import type { Me, Method, Run, RunRequest } from "../api/types";
import { IconPlay } from "../app/icons";
import { SelectorBox } from "../hosts/selector_box";
import { refusalOf } from "../methods/fields";
import { MethodFields } from "../methods/method_fields";
import { useArguments } from "../methods/use_arguments";
import { counted } from "../text/format";
import { visibleLine } from "../text/visible";
import { commandLine } from "./folds";
import { Confirm, Reach } from "./order_parts";
import { CommandFields, OrderFields } from "./run_fields";
import { confirmationFor, faultsOf, kRunFormStart, methodRequestOf, requestOf, type RunForm, type RunFormFaults } from "./run_form";

/** What an order begins with. */
export interface OrderStart {
  /** Whom to reach; undefined: that is asked first. */
  selector?: string;
  /** Undefined: a command, or a method that is picked. */
  method?: { name: string; version?: string };
}

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
      {start !== undefined && <Order me={me} start={start} />}
    </Drawer>
  );
}

const kKinds = [
  { value: "command", label: "Command" },
  { value: "method", label: "Method" },
];

/** The server's words about arguments, at their fields. */
function faultsFrom(error: unknown, names: string[]): { faults: Record<string, string>; rest: string | undefined } {
  if (error === null) return { faults: {}, rest: undefined };
  if (!(error instanceof ApiError) || error.code !== "invalid") return { faults: {}, rest: messageOf(error) };
  const { faults, rest } = refusalOf(error.message, names);
  return { faults, rest: rest.length === 0 ? undefined : rest.join("\n") };
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

function Order({ me, start }: { me: Me; start: OrderStart }) {
  const [form, setForm] = useState<RunForm>({ ...kRunFormStart, ...(start.method === undefined ? {} : kMethodForm) });
  const [selector, setSelector] = useState(start.selector ?? "");
  const [unapplied, setUnapplied] = useState(false);
  const [picked, setPicked] = useState(start.method);
  const [faults, setFaults] = useState<RunFormFaults>({});
  const [wrong, setWrong] = useState<Record<string, string>>({});
  const [asking, setAsking] = useState(false);
  const sheet = useRef<HTMLFormElement>(null);
  const check = useQuery({ ...selectorQuery(selector), refetchInterval: 5_000 });
  const detail = useQuery({ ...methodQuery(picked?.name ?? "", picked?.version), enabled: picked !== undefined && form.kind === "method" });
  const method = form.kind === "method" ? detail.data : undefined;

  const touched = () => {
    changed();
    setFaults({});
    setWrong({});
  };
  const args = useArguments(method, touched);
  // Arguments are read when they are sent: secrets are in no other place than their inputs.
  const body = () => (method === undefined ? requestOf(form, selector) : methodRequestOf(form, selector, { name: method.name, version: method.version, arguments: args.read().values }));
  const { order, changed } = useSend(body, () => {
    setAsking(false);
    seekFault(sheet.current);
  });
  const change = (part: Partial<RunForm>) => {
    setForm({ ...form, ...part });
    touched();
  };
  const refused = faultsFrom(order.error, method === undefined ? [] : args.fields.map((field) => field.name));
  const why = check.data === undefined ? undefined : confirmationFor(form, selector, check.data, me.role);
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    const found = faultsOf(form);
    const bad = method === undefined ? {} : args.read().faults;
    setFaults(found);
    setWrong(bad);
    if (Object.keys(found).length + Object.keys(bad).length > 0) seekFault(sheet.current);
    else if (why === undefined) order.mutate();
    else setAsking(true);
  };
  const ready = check.data !== undefined && check.data.matched > 0 && !unapplied && (form.kind === "command" || method !== undefined);
  return (
    <>
      <form ref={sheet} onSubmit={submit} aria-label={form.kind === "method" ? "Run a method" : "Run a command"} noValidate>
        <Stack>
          {start.selector === undefined && (
            <div>
              <Text size="sm" fw={500} mb={4}>On which hosts</Text>
              <SelectorBox value={selector} onApply={(next) => { setSelector(next); changed(); }} onUnapplied={setUnapplied} />
            </div>
          )}
          <Reach check={check.data} error={start.selector === undefined ? null : check.error} selector={selector} queue={form.queueMs > 0} brief={start.selector === undefined} />
          {refused.rest !== undefined && <Alert color="red" role="alert" style={{ whiteSpace: "pre-line" }}>{refused.rest}</Alert>}
          {start.method === undefined && (
            <Group justify="space-between">
              <Text size="sm" fw={500}>What to run</Text>
              <SegmentedControl
                size="xs" data={kKinds} value={form.kind} aria-label="What to run"
                onChange={(kind) => change(kind === "method" ? kMethodForm : { kind: "command", noop: false, timeoutS: kRunFormStart.timeoutS })}
              />
            </Group>
          )}
          {form.kind === "command" ? <CommandFields form={form} faults={faults} change={change} /> : (
            <MethodFields
              fixed={start.method !== undefined} picked={picked?.name} onPick={(name) => { setPicked({ name }); change({ noop: false }); }}
              method={method} error={detail.error} args={args} faults={{ ...refused.faults, ...wrong }} noop={form.noop} onNoop={(noop) => change({ noop })}
              onSecret={touched} onFault={(name, fault) => setWrong({ ...wrong, [name]: fault })}
            />
          )}
          <OrderFields form={form} faults={faults} change={change} method={method} someOffline={check.data !== undefined && check.data.online < check.data.matched} />
          <Button type="submit" size="md" leftSection={<IconPlay />} loading={order.isPending} disabled={!ready}>
            {check.data === undefined ? "Run" : `${form.noop ? "Dry run" : "Run"} on ${counted(check.data.matched, "host")}`}
          </Button>
        </Stack>
      </form>
      {check.data !== undefined && why !== undefined && (
        <Confirm
          opened={asking} why={why} what={whatOf(form, selector, method)} user={form.user.trim()} matched={check.data.matched} busy={order.isPending}
          onNo={() => setAsking(false)} onYes={() => order.mutate()}
        />
      )}
    </>
  );
}

/** A method's own time limit holds where none is given. */
const kMethodForm: Partial<RunForm> = { kind: "method", timeoutS: "" };

function whatOf(form: RunForm, selector: string, method: Method | undefined): string {
  if (method !== undefined) return visibleLine(`${method.name} ${method.version}${form.noop ? ", dry run" : ""}`, 300);
  return visibleLine(commandLine(requestOf(form, selector).command), 600);
}

/** To the first field that is wrong, once the page shows which. */
function seekFault(sheet: HTMLFormElement | null): void {
  requestAnimationFrame(() => sheet?.querySelector<HTMLElement>('[aria-invalid="true"], [data-error="true"]')?.focus());
}
