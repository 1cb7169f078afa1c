// SPDX-License-Identifier: Apache-2.0
//
// An order while it is filled in: whom it reaches, what it runs, how it is rolled out; for a run
// that starts now and for one that is kept in a schedule.
import { useQuery } from "@tanstack/react-query";
import { type RefObject, useMemo, useState } from "react";

import { ApiError, messageOf } from "../api/client";
import { methodQuery, selectorQuery } from "../api/queries";
import type { Method, RunRequest, SelectorCheck } from "../api/types";
import { refusalOf } from "../methods/fields";
import { type ArgumentsForm, useArguments } from "../methods/use_arguments";
import { visibleLine } from "../text/visible";
import { commandLine, kHidden, orderLine } from "./folds";
import { type RolloutFaults, rolloutFaults, rolloutRefusal } from "./rollout_form";
import { commonOf, faultsOf, isFixed, kRunFormStart, methodRequestOf, requestOf, runFormOf, type RunForm, type RunFormFaults, withRest } from "./run_form";

/** What an order begins with. */
export interface OrderStart {
  /** Whom to reach; undefined: that is asked first. */
  selector?: string;
  /** Undefined: a command, or a method that is picked. */
  method?: { name: string; version?: string };
  /** An order that was made before, to be changed. */
  before?: RunRequest;
}

/** Faults by field, and the words that are about none of them. */
export interface Refused {
  args: Readonly<Record<string, string>>;
  rollout: RolloutFaults;
  rest: string | undefined;
}

export interface Order {
  form: RunForm;
  change: (part: Partial<RunForm>) => void;
  selector: string;
  setSelector: (selector: string) => void;
  /** What stands in the box of the selector is being checked, or wrong. */
  unapplied: boolean;
  setUnapplied: (unapplied: boolean) => void;
  /** Whom it reaches now. */
  check: SelectorCheck | undefined;
  checkError: Error | null;
  /** What it runs can be kept only. */
  fixed: string | undefined;
  picked: { name: string; version?: string } | undefined;
  pick: (method: { name: string; version?: string }) => void;
  /** The version that is seen is the one that runs; otherwise the one that is current then. */
  pinned: boolean;
  pin: (pinned: boolean) => void;
  /** Secrets that were given before, and are not shown. */
  hidden: string[];
  method: Method | undefined;
  methodError: Error | null;
  args: ArgumentsForm;
  faults: RunFormFaults;
  wrong: Readonly<Record<string, string>>;
  setWrong: (faults: Record<string, string>) => void;
  wrongRollout: RolloutFaults;
  touched: () => void;
  /** Shows what is missing or wrong; true where nothing is. */
  audit: () => boolean;
  /** REQUIRES: audit() was true. With its secrets: read it when it is sent. */
  body: () => RunRequest;
  refusedBy: (error: unknown) => Refused;
  /** What it runs is known. */
  complete: boolean;
  /** In a line, for the second yes. */
  what: string;
}

/** A method's own time limit holds where none is given. */
export const kMethodForm: Partial<RunForm> = { kind: "method", timeoutS: "" };
const kNobody: Refused = { args: {}, rollout: {}, rest: undefined };

/** What was not hidden of the arguments. */
function argumentsShown(before: RunRequest | undefined): Record<string, unknown> | undefined {
  const given = before?.method?.arguments;
  return given === undefined ? undefined : Object.fromEntries(Object.entries(given).filter(([, value]) => value !== kHidden));
}

function argumentsHidden(before: RunRequest | undefined): string[] {
  return Object.entries(before?.method?.arguments ?? {}).flatMap(([name, value]) => (value === kHidden ? [name] : []));
}

function methodOf(start: OrderStart): Order["picked"] {
  const { name, version } = start.before?.method ?? {};
  return name === undefined ? start.method : { name, ...(version === undefined ? {} : { version }) };
}

function refusal(error: unknown, names: string[]): Refused {
  if (error === null || error === undefined) return kNobody;
  if (!(error instanceof ApiError) || (error.code !== "invalid" && error.code !== "limit")) return { ...kNobody, rest: messageOf(error) };
  const message = error.message.replace(/^request: /, "");
  const rollout = rolloutRefusal(message);
  if (rollout !== undefined) return { ...kNobody, rollout };
  if (error.code === "limit") return { ...kNobody, rest: message };
  const { faults, rest } = refusalOf(message, names);
  return { args: faults, rollout: {}, rest: rest.length === 0 ? undefined : rest.join("\n") };
}

/** `changed` is called when something was changed that would be sent. `now`: it runs now, so the version that is seen is the one that runs. */
export function useOrder(start: OrderStart, changed: () => void, now: boolean): Order {
  const { before } = start;
  const fixed = before !== undefined && isFixed(before) ? visibleLine(orderLine(before), 600) : undefined;
  const [form, setForm] = useState<RunForm>(() => (before !== undefined ? runFormOf(before) : { ...kRunFormStart, ...(start.method === undefined ? {} : kMethodForm) }));
  const [selector, setSelector] = useState(before?.selector ?? start.selector ?? "");
  const [unapplied, setUnapplied] = useState(false);
  const [picked, setPicked] = useState(methodOf(start));
  const [pinned, setPinned] = useState(now || picked?.version !== undefined);
  const [faults, setFaults] = useState<RunFormFaults>({});
  const [wrong, setWrong] = useState<Record<string, string>>({});
  const [wrongRollout, setWrongRollout] = useState<RolloutFaults>({});
  const check = useQuery({ ...selectorQuery(selector), refetchInterval: 5_000 });
  const detail = useQuery({ ...methodQuery(picked?.name ?? "", picked?.version), enabled: picked !== undefined && form.kind === "method" });
  const method = form.kind === "method" ? detail.data : undefined;
  const touched = () => {
    changed();
    setFaults({});
    setWrong({});
    setWrongRollout({});
  };
  const shown = useMemo(() => argumentsShown(before), [before]);
  const args = useArguments(method, touched, before?.method?.name === picked?.name ? shown : undefined);
  const choice = () => ({
    name: method?.name ?? "", arguments: args.read().values,
    ...(pinned ? { version: method?.version ?? "" } : {}),
  });
  return {
    pinned, hidden: before?.method?.name === picked?.name ? argumentsHidden(before) : [],
    form, selector, unapplied, setUnapplied, fixed, picked, method, args, faults, wrong, setWrong, wrongRollout, touched,
    check: check.data, checkError: check.error, methodError: detail.error,
    change: (part) => {
      setForm((known) => ({ ...known, ...part }));
      touched();
    },
    setSelector: (next) => {
      setSelector(next);
      changed();
    },
    pick: (next) => {
      setPicked(next);
      setForm((known) => ({ ...known, noop: false }));
      touched();
    },
    pin: (next) => {
      setPinned(next);
      touched();
    },
    audit: () => {
      const found = fixed === undefined ? faultsOf(form) : {};
      const bad = method === undefined ? {} : args.read().faults;
      const held = rolloutFaults(form.rollout);
      setFaults(found);
      setWrong(bad);
      setWrongRollout(held);
      return [found, bad, held].every((some) => Object.keys(some).length === 0);
    },
    // Arguments are read when they are sent: secrets are in no other place than their inputs.
    body: () => {
      if (fixed === undefined) return withRest(before, method === undefined ? requestOf(form, selector) : methodRequestOf(form, selector, choice()));
      const { command, method: kept, ping } = before ?? {};
      return withRest(before, { ...commonOf(form, selector), ...(command === undefined ? {} : { command }), ...(kept === undefined ? {} : { method: kept }), ...(ping === undefined ? {} : { ping }) } as RunRequest);
    },
    refusedBy: (error) => refusal(error, method === undefined ? [] : args.fields.map((field) => field.name)),
    complete: fixed !== undefined || form.kind === "command" || method !== undefined,
    what: fixed ?? (method !== undefined ? visibleLine(`${method.name} ${method.version}${form.noop ? ", dry run" : ""}`, 300) : visibleLine(commandLine(requestOf(form, selector).command), 600)),
  };
}

const kFrames = 20;

/** To the first field that is wrong, once the page shows which: a part that was closed opens first. */
export function seekFault(sheet: RefObject<HTMLFormElement | null>, frames = kFrames): void {
  requestAnimationFrame(() => {
    const field = sheet.current?.querySelector<HTMLElement>('input[aria-invalid="true"], textarea[aria-invalid="true"]');
    field?.focus();
    if (document.activeElement !== field && frames > 1) seekFault(sheet, frames - 1);
  });
}
