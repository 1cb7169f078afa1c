// SPDX-License-Identifier: Apache-2.0
//
// What a method answered, taken apart for the screen: its error first, its text as text, the
// rest as a table where it is flat and as JSON where it is not. Pure.

export type Result = Readonly<Record<string, unknown>>;

export interface ResultError {
  msg: string;
  kind: string;
  /** JSON, in lines; "" where there is none. */
  details: string;
}

export type Rest =
  | { form: "nothing" }
  /** Name and value, both as text. */
  | { form: "pairs"; pairs: [string, string][] }
  /** A list of alike flat objects. */
  | { form: "rows"; name: string; columns: string[]; rows: string[][] }
  | { form: "json"; text: string };

export interface ResultView {
  error: ResultError | undefined;
  /** What it wrote that was no JSON. */
  output: string | undefined;
  /** It returned something that is kept, and shown to nobody. */
  secret: boolean;
  rest: Rest;
}

const kPairsMax = 24;
const kColumnsMax = 6;
const kRowsMax = 100;
const kCellCharsMax = 80;

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isFlat(value: unknown): boolean {
  return value === null || typeof value !== "object";
}

/** As JSON has it, but texts without quotes: in a table they need none. */
function cell(value: unknown): string {
  return typeof value === "string" ? value : (JSON.stringify(value) as string | undefined) ?? "";
}

/** A text of several lines is read in a block, not in a cell. */
function fitsCell(value: unknown): boolean {
  return isFlat(value) && !(typeof value === "string" && value.trimEnd().includes("\n"));
}

function rowsOf(name: string, list: unknown): Rest | undefined {
  if (!Array.isArray(list) || list.length === 0 || list.length > kRowsMax || !list.every(isObject)) return undefined;
  const columns = [...new Set(list.flatMap((row) => Object.keys(row)))];
  const short = (value: unknown) => fitsCell(value) && cell(value).length <= kCellCharsMax;
  if (columns.length === 0 || columns.length > kColumnsMax || !list.every((row) => Object.values(row).every(short))) return undefined;
  return { form: "rows", name, columns, rows: list.map((row) => columns.map((column) => (column in row ? cell(row[column]) : ""))) };
}

function restOf(rest: Record<string, unknown>): Rest {
  const entries = Object.entries(rest);
  if (entries.length === 0) return { form: "nothing" };
  if (entries.length <= kPairsMax && entries.every(([, value]) => fitsCell(value))) {
    return { form: "pairs", pairs: entries.map(([name, value]) => [name, cell(value)]) };
  }
  const [only] = entries;
  const rows = entries.length === 1 && only !== undefined ? rowsOf(only[0], only[1]) : undefined;
  return rows ?? { form: "json", text: JSON.stringify(rest, null, 2) };
}

function errorOf(error: unknown): ResultError | undefined {
  if (error === undefined) return undefined;
  if (!isObject(error)) return { msg: cell(error), kind: "", details: "" };
  const { msg, kind, details } = error;
  const empty = details === undefined || details === null || (isObject(details) && Object.keys(details).length === 0);
  return { msg: typeof msg === "string" ? msg : "It failed and did not say why", kind: typeof kind === "string" ? kind : "", details: empty ? "" : JSON.stringify(details, null, 2) };
}

export function resultView(result: Result): ResultView {
  const { _error, _output, _sensitive, ...rest } = result;
  return {
    error: errorOf(_error),
    output: typeof _output === "string" ? _output : _output === undefined ? undefined : JSON.stringify(_output, null, 2),
    secret: _sensitive !== undefined,
    rest: restOf(rest),
  };
}

/** One line of it, for a list of hosts. */
export function resultLine(result: Result): string {
  const { error, output, rest } = resultView(result);
  if (error !== undefined) return error.msg;
  if (output !== undefined && output.trim() !== "") return output.trimStart().split("\n", 1)[0] ?? "";
  if (rest.form === "pairs") return rest.pairs.map(([name, value]) => `${name}=${value}`).join("  ");
  if (rest.form === "nothing") return "";
  return JSON.stringify(Object.fromEntries(Object.entries(result).filter(([name]) => name !== "_output" && name !== "_sensitive")));
}
