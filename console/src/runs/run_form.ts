// SPDX-License-Identifier: Apache-2.0
//
// From what a person filled in to the order that is sent, with the faults by field.
import type { Role, RunRequest, SelectorCheck } from "../api/types";
import { kRolloutStart, planOf, type RolloutForm, rolloutFormOf } from "./rollout_form";

export interface RunForm {
  kind: "command" | "method";
  /** Of a method: say what would be done, do nothing. */
  noop: boolean;
  mode: "shell" | "argv";
  shell: string;
  /** One argument a line. */
  argv: string;
  timeoutS: number | "";
  user: string;
  directory: string;
  description: string;
  queueMs: number;
  liveOutput: boolean;
  rollout: RolloutForm;
}

export const kRunFormStart: RunForm = {
  kind: "command", noop: false, mode: "shell", shell: "", argv: "", timeoutS: 60, user: "", directory: "", description: "", queueMs: 0, liveOutput: false,
  rollout: kRolloutStart,
};

/** More hosts than this, and the person says so twice. */
export const kConfirmAbove = 100;
const kTimeoutSMax = 4_294_967;

export type RunFormFaults = Partial<Record<"command" | "timeoutS", string>>;

export function argvOf(text: string): string[] {
  const lines = text.split("\n");
  while (lines.length > 0 && lines.at(-1) === "") lines.pop();
  return lines;
}

export function faultsOf(form: RunForm): RunFormFaults {
  const faults: RunFormFaults = {};
  const command = form.kind === "command";
  if (command && form.mode === "shell" && form.shell.trim() === "") faults.command = "Type the command line to run";
  if (command && form.mode === "argv") {
    const argv = argvOf(form.argv);
    if ((argv[0] ?? "").trim() === "") faults.command = "The first line names the program";
  }
  if (form.timeoutS !== "" && (form.timeoutS < 1 || form.timeoutS > kTimeoutSMax)) {
    faults.timeoutS = `Between 1 and ${kTimeoutSMax} seconds, or empty for the host's own limit`;
  }
  return faults;
}

/** A method with the version that the person saw, or, without one, as it is current when it runs. */
export interface MethodChoice {
  name: string;
  version?: string;
  arguments: Record<string, unknown>;
}

/** What every kind of order says, where it was filled in. */
export function commonOf(form: RunForm, selector: string) {
  const rollout = planOf(form.rollout);
  return {
    selector,
    ...(form.timeoutS === "" ? {} : { limits: { timeout_ms: Math.round(form.timeoutS * 1000) } }),
    ...(form.queueMs > 0 ? { queue_for_ms: form.queueMs } : {}),
    ...(form.liveOutput ? { live_output: true } : {}),
    ...(form.description.trim() === "" ? {} : { description: form.description.trim() }),
    ...(rollout === undefined ? {} : { rollout }),
  };
}

function userOf(form: RunForm) {
  return form.user.trim() === "" ? {} : { user: form.user.trim() };
}

/** REQUIRES: faultsOf(form) is empty. */
export function requestOf(form: RunForm, selector: string): RunRequest {
  const command = {
    ...(form.mode === "shell" ? { shell: form.shell } : { argv: argvOf(form.argv) }),
    ...userOf(form),
    ...(form.directory.trim() === "" ? {} : { directory: form.directory.trim() }),
  };
  return { ...commonOf(form, selector), command } as RunRequest;
}

export function methodRequestOf(form: RunForm, selector: string, choice: MethodChoice): RunRequest {
  const method = { ...choice, ...(form.noop ? { noop: true } : {}), ...userOf(form) };
  return { ...commonOf(form, selector), method } as RunRequest;
}

/** An order that was made before, as it stands in the form. REQUIRES: isFixed(request) is false. */
export function runFormOf(request: RunRequest): RunForm {
  const { command, method, limits } = request;
  return {
    kind: method === undefined ? "command" : "method",
    noop: method?.noop ?? false,
    mode: command?.argv === undefined ? "shell" : "argv",
    shell: command?.shell ?? "",
    argv: (command?.argv ?? []).join("\n"),
    timeoutS: limits?.timeout_ms === undefined ? "" : limits.timeout_ms / 1_000,
    user: command?.user ?? method?.user ?? "",
    directory: command?.directory ?? "",
    description: request.description ?? "",
    queueMs: request.queue_for_ms ?? 0,
    liveOutput: request.live_output ?? false,
    rollout: rolloutFormOf(request.rollout),
  };
}

/** Whether the form cannot say what this order runs: a ping, a package by its digest, arguments of several lines. */
export function isFixed({ command, method }: Pick<RunRequest, "command" | "method">): boolean {
  if (command?.argv !== undefined) return JSON.stringify(argvOf(command.argv.join("\n"))) !== JSON.stringify(command.argv);
  return command?.shell === undefined && method?.name === undefined;
}

/** What the form does not show of an order that was made before stays as it was. */
export function withRest(before: RunRequest | undefined, next: RunRequest): RunRequest {
  if (before === undefined) return next;
  const limits = { ...before.limits };
  delete limits.timeout_ms;
  Object.assign(limits, next.limits);
  const { environment, stdin_base64 } = before.command ?? {};
  const kept = { ...(environment === undefined ? {} : { environment }), ...(stdin_base64 === undefined ? {} : { stdin_base64 }) };
  return {
    ...next,
    ...(Object.keys(limits).length === 0 ? {} : { limits }),
    ...(next.command === undefined ? {} : { command: { ...kept, ...next.command } }),
    ...(before.idempotent === true && next.method === undefined ? { idempotent: true } : {}),
  } as RunRequest;
}

export function mayRun(role: Role): boolean {
  return role !== "viewer";
}

/** Why this order wants a second yes; undefined where it does not. */
export function confirmationFor(form: RunForm, selector: string, check: SelectorCheck, role: Role): string | undefined {
  if (check.matched > kConfirmAbove) return `This runs on more than ${kConfirmAbove} hosts.`;
  if (selector.trim() === "" && check.matched > 1) return "No selector is set: this runs on every host that you may reach.";
  if (form.user.trim() === "root" && check.matched > 1) return "This runs as root on more than one host.";
  if (role === "admin" && check.matched > 10) return "You are an administrator: nothing narrows what you may do.";
  return undefined;
}
