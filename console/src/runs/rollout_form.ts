// SPDX-License-Identifier: Apache-2.0
//
// From what a person filled in to the plan of a rollout, back again, and in plain words what it
// will do. Pure. The rules are those of docs/rollouts.md; the server alone holds them.
import type { RolloutPlan, WaveRule } from "../api/types";
import { count, counted, duration } from "../text/format";
import { visibleLine } from "../text/visible";

export type WaveKind = "count" | "percent" | "selector" | "each_label";

export interface WaveRow {
  /** Names the row while it is edited. */
  key: number;
  kind: WaveKind;
  /** A number, a percentage, a selector or the name of a label. */
  text: string;
  /** Of a label: these values first, between commas. */
  order: string;
}

export interface RolloutForm {
  waves: WaveRow[];
  /** "": no ceiling. */
  parallel: number | "";
  /** How failures are counted; "none": they stop nothing. */
  limit: "none" | "count" | "percent";
  failures: number | "";
  onFailures: "stop" | "pause";
  countUnreachable: boolean;
  between: "go" | "pause" | "wait";
  waitMinutes: number | "";
}

export const kRolloutStart: RolloutForm = {
  waves: [], parallel: "", limit: "count", failures: 0, onFailures: "stop", countUnreachable: false, between: "go", waitMinutes: 10,
};

/** By the name of a field; a wave's is wave0, wave1, … */
export type RolloutFaults = Readonly<Record<string, string>>;

export const kWaveRulesMax = 100;
const kWavesMax = 1_000;
const kTargetsMax = 200_000;
const kWaitMinutesMax = 7 * 24 * 60;

export function waveOf(key: number, kind: WaveKind = "percent", text = "", order = ""): WaveRow {
  return { key, kind, text, order };
}

/** One host, a tenth, the rest. */
export function usualWaves(): WaveRow[] {
  return [waveOf(1, "count", "1"), waveOf(2, "percent", "10"), waveOf(3, "percent", "100")];
}

export function isPlanned(form: RolloutForm): boolean {
  return form.waves.length > 0 || form.parallel !== "";
}

function whole(text: string, most: number): number | undefined {
  if (!/^\d{1,6}$/.test(text.trim())) return undefined;
  const value = Number(text);
  return value >= 1 && value <= most ? value : undefined;
}

function isWithin(value: number | "", least: number, most: number): boolean {
  return value !== "" && Number.isInteger(value) && value >= least && value <= most;
}

function waveFault({ kind, text }: WaveRow): string | undefined {
  if (kind === "count" && whole(text, kTargetsMax) === undefined) return `How many hosts: a whole number from 1 to ${count(kTargetsMax)}`;
  if (kind === "percent" && whole(text, 100) === undefined) return "A whole number from 1 to 100";
  if (kind === "selector" && text.trim() === "") return "Which hosts? Such as role=canary";
  if (kind === "each_label" && text.trim() === "") return "Which label? Such as site";
  return undefined;
}

export function rolloutFaults(form: RolloutForm): RolloutFaults {
  const faults: Record<string, string> = {};
  for (const [at, wave] of form.waves.entries()) {
    const fault = waveFault(wave);
    if (fault !== undefined) faults[`wave${at}`] = fault;
  }
  if (form.parallel !== "" && !isWithin(form.parallel, 1, kTargetsMax)) faults.parallel = `A whole number from 1 to ${count(kTargetsMax)}, or empty`;
  if (!isPlanned(form)) return faults;
  const most = form.limit === "percent" ? 100 : kTargetsMax;
  if (form.limit !== "none" && !isWithin(form.failures, 0, most)) faults.failures = `A whole number from 0 to ${count(most)}`;
  if (form.waves.length > 0 && form.between === "wait" && !(Number(form.waitMinutes) > 0 && Number(form.waitMinutes) <= kWaitMinutesMax)) faults.wait = "More than 0 minutes, and at most 10,080, which is a week";
  return faults;
}

function listOf(text: string): string[] {
  return text.split(",").map((word) => word.trim()).filter((word) => word !== "");
}

function ruleOf({ kind, text, order }: WaveRow): WaveRule {
  if (kind === "count") return { count: Number(text) } as WaveRule;
  if (kind === "percent") return { percent: Number(text) } as WaveRule;
  if (kind === "selector") return { selector: text.trim() } as WaveRule;
  const first = listOf(order);
  return { each_label: text.trim(), ...(first.length === 0 ? {} : { order: first }) } as WaveRule;
}

/**
 * What is sent; undefined where nothing was asked for. That failures stop nothing has no word of
 * its own beside waves: all of them may fail.
 * REQUIRES: rolloutFaults(form) is empty.
 */
export function planOf(form: RolloutForm): RolloutPlan | undefined {
  if (!isPlanned(form)) return undefined;
  const inWaves = form.waves.length > 0;
  const limit =
    form.limit === "none" ? (inWaves ? { failures_percent_max: 100 } : {})
    : { [form.limit === "count" ? "failures_max" : "failures_percent_max"]: form.failures, on_failures: form.onFailures, ...(form.countUnreachable ? { count_unreachable: true } : {}) };
  return {
    ...(inWaves ? { waves: form.waves.map(ruleOf) } : {}),
    ...(form.parallel === "" ? {} : { parallel_max: form.parallel }),
    ...limit,
    ...(inWaves && form.between === "pause" ? { pause_between: true } : {}),
    ...(inWaves && form.between === "wait" ? { wait_between_ms: Math.round(Number(form.waitMinutes) * 60_000) } : {}),
  } as RolloutPlan;
}

function rowOf(rule: WaveRule, key: number): WaveRow {
  if (rule.count !== undefined) return waveOf(key, "count", String(rule.count));
  if (rule.percent !== undefined) return waveOf(key, "percent", String(rule.percent));
  if (rule.selector !== undefined) return waveOf(key, "selector", rule.selector);
  return waveOf(key, "each_label", rule.each_label ?? "", (rule.order ?? []).join(","));
}

/** A plan as it stands in the form. */
export function rolloutFormOf(plan: RolloutPlan | undefined): RolloutForm {
  if (plan === undefined) return kRolloutStart;
  const waves = (plan.waves ?? []).map((rule, at) => rowOf(rule, at + 1));
  const limited = plan.failures_max !== undefined || plan.failures_percent_max !== undefined;
  const none = limited ? plan.failures_percent_max === 100 && plan.count_unreachable !== true : waves.length === 0;
  return {
    waves,
    parallel: plan.parallel_max ?? "",
    limit: none ? "none" : plan.failures_percent_max !== undefined ? "percent" : "count",
    failures: none ? 0 : plan.failures_percent_max ?? plan.failures_max ?? 0,
    onFailures: plan.on_failures ?? "stop",
    countUnreachable: plan.count_unreachable ?? false,
    between: plan.pause_between === true ? "pause" : (plan.wait_between_ms ?? 0) > 0 ? "wait" : "go",
    waitMinutes: (plan.wait_between_ms ?? 0) > 0 ? (plan.wait_between_ms ?? 0) / 60_000 : kRolloutStart.waitMinutes,
  };
}

/** Words for one wave, and how many hosts are left behind it; undefined: that depends on who they are. */
interface Step {
  words: string;
  left: number | undefined;
  waves: number | undefined;
}

function partOf(row: WaveRow, total: number): number {
  return row.kind === "percent" ? Math.ceil((total * Number(row.text)) / 100) : Number(row.text);
}

function stepOf(row: WaveRow, total: number, left: number | undefined): Step {
  if (row.kind === "selector") return { words: `those that match ${visibleLine(row.text.trim(), 80)}`, left: undefined, waves: undefined };
  if (row.kind === "each_label") {
    const first = listOf(row.order).map((value) => visibleLine(value, 40));
    const order = first.length === 0 ? "" : ` (${first.slice(0, 3).join(", ")}${first.length > 3 ? ", …" : ""} first)`;
    return { words: `one value of the label ${visibleLine(row.text.trim(), 64)} after the other${order}`, left: undefined, waves: undefined };
  }
  const part = partOf(row, total);
  const percent = row.kind === "percent" ? ` (${Number(row.text)}%)` : "";
  if (left === undefined) return { words: part >= total ? "all others" : `up to ${counted(part, "host")}${percent}`, left: part >= total ? 0 : undefined, waves: 1 };
  const taken = Math.min(part, left);
  const rest = left - taken;
  return { words: rest === 0 && left < total ? `the other ${count(taken)}` : `${counted(taken, "host")}${percent}`, left: rest, waves: 1 };
}

/** What becomes of hosts that no wave took: the last one is repeated where it is a number or a percentage. */
function repeated(row: WaveRow, total: number, left: number | undefined): Step | undefined {
  if (left === 0) return undefined;
  if (row.kind === "selector") return { words: "the others", left: 0, waves: 1 };
  if (row.kind === "each_label") return undefined;
  const part = Math.max(1, partOf(row, total));
  if (left === undefined) return { words: `up to ${count(part)} at a time until all had their turn`, left: 0, waves: undefined };
  if (left <= part) return { words: `the other ${count(left)}`, left: 0, waves: 1 };
  return { words: `${count(part)} at a time until all had their turn`, left: 0, waves: Math.ceil(left / part) };
}

function steps(rows: readonly WaveRow[], total: number): Step[] {
  const made: Step[] = [];
  let left: number | undefined = total;
  for (const row of rows) {
    const step = stepOf(row, total, left);
    // Nobody is left for what stands behind it.
    if (left === 0) break;
    made.push(step);
    left = step.left;
  }
  const last = rows.at(-1);
  const rest = last === undefined ? undefined : repeated(last, total, left);
  return rest === undefined ? made : [...made, rest];
}

function failureWords(form: RolloutForm): string {
  const what = form.countUnreachable ? "fail or cannot be reached" : "fail";
  const then = form.onFailures === "stop"
    ? "nothing more is sent, and what was sent goes on to its end"
    : "the run is paused until somebody resumes it, which forgives the failures so far";
  if (form.limit === "none") return "Failures stop nothing.";
  const most = Number(form.failures);
  if (form.limit === "percent") return `If more than ${most}% of ${form.waves.length > 0 ? "a wave" : "the hosts"} ${what}, ${then}.`;
  if (most === 0) return `If a single host ${form.countUnreachable ? "fails or cannot be reached" : "fails"}, ${then}.`;
  return `If more than ${counted(most, "host")} ${what}, ${then}.`;
}

function betweenWords(form: RolloutForm): string {
  const when = "The next wave begins when every host of the one before has ended";
  if (form.between === "pause") return `${when} and somebody has pressed Resume.`;
  if (form.between === "wait") return `${when} and ${duration(Number(form.waitMinutes) * 60_000)} have passed.`;
  return `${when}.`;
}

/**
 * What will happen, in sentences; empty where nothing was asked for. `matched` is how many hosts
 * it is about now, undefined: that is not known.
 * REQUIRES: rolloutFaults(form) is empty.
 */
export function rolloutWords(form: RolloutForm, matched: number | undefined, noop = false): string[] {
  if (!isPlanned(form) || matched === undefined || matched === 0) return [];
  const words: string[] = [];
  const does = noop ? "It asks what would be done" : "It runs";
  if (form.waves.length > 0) {
    const made = steps(form.waves, matched);
    const [first, ...later] = made.map((step) => step.words);
    words.push(`${does} on ${first === undefined ? "nobody" : first}${later.length > 0 ? " first" : ""}${later.map((text) => `, then on ${text}`).join("")}.`);
    if (made.length > 1) words.push(betweenWords(form));
    const known = made.reduce<number>((sum, step) => sum + (step.waves ?? 0), 0);
    if (known > kWavesMax) words.push(`That is more than the ${count(kWavesMax)} waves that there may be: make them larger.`);
  } else words.push(`${does} on ${counted(matched, "host")}.`);
  if (form.parallel !== "") words.push(`At most ${counted(form.parallel, "host")} at a time.`);
  words.push(failureWords(form));
  return words;
}

/** One line for the closed part of a form. */
export function rolloutBrief(form: RolloutForm): string {
  const waves = form.waves.length === 0 ? "" : counted(form.waves.length, "wave rule");
  const most = form.parallel === "" ? "" : `at most ${count(form.parallel)} at a time`;
  return [waves, most].filter((text) => text !== "").join(", ");
}

const kFieldOf: readonly (readonly [RegExp, string])[] = [
  [/rollout\.parallel_max/, "parallel"],
  [/rollout\.failures|a limit of failures|rollout\.on_failures|rollout\.count_unreachable/, "failures"],
  [/rollout\.(wait|pause)_between|a pause between waves/, "wait"],
  [/rollout\.waves|the rollout has more than|each of 'rollout|a wave's|a wave (for|has)/, "waves"],
];

/** The server's words about a rollout, at the field that they are about; undefined: they are about something else. */
export function rolloutRefusal(message: string): RolloutFaults | undefined {
  const wave = /rollout\.waves\[(\d{1,3})\]: ([\s\S]*)$/.exec(message);
  if (wave !== null) return { [`wave${wave[1] ?? ""}`]: wave[2] ?? "" };
  const field = kFieldOf.find(([pattern]) => pattern.test(message))?.[1];
  return field === undefined ? undefined : { [field]: message };
}
