// SPDX-License-Identifier: Apache-2.0
//
// Identical answers folded together, as the server folds them: what one fold is called,
// which of them are answers, and what they say in one line.
import type { Command, Fold, MethodRun, Run, RunRequest } from "../api/types";
import { outputText } from "../text/visible";
import { ending, kStates } from "./states";

/** A name that stays while the fold grows, so that an opened fold stays open. */
export function foldKey(fold: Fold): string {
  if (fold.id !== undefined) return fold.id;
  const { state, exit_code, signal, reason, result, stdout, stderr, stdout_base64, stderr_base64, stdout_bytes, stderr_bytes, truncated } = fold;
  return JSON.stringify([
    state, exit_code, signal, reason, result, stdout, stderr, stdout_base64, stderr_base64, stdout_bytes, stderr_bytes, truncated,
  ]);
}

/** Folds of targets that have ended, without repetitions: pages that were read at different moments may overlap. */
export function answers(pages: { folds: Fold[] }[]): Fold[] {
  const seen = new Map<string, Fold>();
  for (const page of pages) {
    for (const fold of page.folds) {
      if (kStates[fold.state].final) seen.set(foldKey(fold), fold);
    }
  }
  return [...seen.values()].sort((a, b) => b.count - a.count);
}

export interface FoldView {
  /** undefined: it wrote nothing to this stream. */
  stdout: string | undefined;
  stderr: string | undefined;
  stdoutLeft: number;
  stderrLeft: number;
  /** "exit code 3", "SIGKILL", or "". */
  ending: string;
  reason: string | undefined;
  /** stdout holds what is shown to nobody. */
  secret: boolean;
  /** It ended as it should and wrote nothing. */
  silent: boolean;
}

/** How much of a stream of `whole` bytes is not in `text`; the server cuts at a limit. */
function left(text: string | undefined, base64: string | undefined, whole: number): number {
  const here =
    text !== undefined ? new TextEncoder().encode(text).length
    : base64 !== undefined ? Math.floor((base64.replace(/=+$/, "").length * 3) / 4)
    : 0;
  return Math.max(0, whole - here);
}

export function foldView(fold: Omit<Fold, "count" | "hosts" | "sample_endpoint">): FoldView {
  const stdout = fold.stdout_bytes > 0 ? outputText(fold.stdout, fold.stdout_base64) : undefined;
  const stderr = fold.stderr_bytes > 0 ? outputText(fold.stderr, fold.stderr_base64) : undefined;
  return {
    stdout,
    stderr,
    stdoutLeft: left(fold.stdout, fold.stdout_base64, fold.stdout_bytes),
    stderrLeft: left(fold.stderr, fold.stderr_base64, fold.stderr_bytes),
    ending: ending(fold),
    // The reason of a method that failed is its own error, which is shown as such.
    reason: fold.reason === "" || fold.result?._error !== undefined ? undefined : fold.reason,
    secret: fold.result?._sensitive !== undefined,
    silent: fold.stdout_bytes === 0 && fold.stderr_bytes === 0,
  };
}

/** The command as a person would type it. */
export function commandLine(command: Command | undefined): string {
  if (command === undefined) return "ping";
  if (command.shell !== undefined) return command.shell;
  return (command.argv ?? []).map(quoted).join(" ");
}

/** What the server says in the place of a secret. */
export const kHidden = "[hidden]";

/** One argument in the words of the command line: name=text, or name:=JSON. */
function argumentWord([name, value]: [string, unknown]): string {
  if (value === kHidden) return `${name}=${kHidden}`;
  return typeof value === "string" ? quoted(`${name}=${value}`) : `${name}:=${quoted(JSON.stringify(value))}`;
}

const kPackPrefix = "pack::";

/** The actions of a pack's method, as `muster pack` calls them. */
const kPackCommands = new Map<unknown, string>([["apply", "send"], ["rollback", "rollback"], ["remove", "take-away"], ["verify", "verify"]]);

export interface PackOrder {
  name: string;
  /** The command behind `muster pack`. */
  command: string;
}

/** The file pack that a method is about; undefined where it is none. */
export function packOrder(method: Partial<Pick<MethodRun, "name" | "arguments">>): PackOrder | undefined {
  const command = kPackCommands.get(method.arguments?.action ?? "apply");
  if (method.name?.startsWith(kPackPrefix) !== true || command === undefined) return undefined;
  return { name: method.name.slice(kPackPrefix.length), command };
}

/** A method with its arguments, as they would stand behind `muster method run`; a pack, as behind `muster pack`. */
export function methodLine(method: Partial<Pick<MethodRun, "name" | "version" | "digest" | "arguments">>): string {
  const pack = packOrder(method);
  if (pack !== undefined) return `pack ${pack.command} ${pack.name}${method.version === undefined ? "" : `@${method.version}`}`;
  return [method.name ?? (method.digest ?? "").slice(0, 12), ...Object.entries(method.arguments ?? {}).map(argumentWord)].join(" ");
}

/** What a run runs, in one line. */
export function orderLine(run: Pick<Run | RunRequest, "command" | "method">): string {
  return run.method === undefined ? commandLine(run.command) : methodLine(run.method);
}

function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replace(/'/g, `'\\''`)}'`;
}
