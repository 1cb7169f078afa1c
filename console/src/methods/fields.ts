// SPDX-License-Identifier: Apache-2.0
//
// From the parameters of a method to the fields of a form, and from what was filled in to the
// arguments that are sent. Pure.
//
// The types are Puppet's, and the server alone checks values against them. Here only the shape
// of the field is chosen; what is not recognised becomes a field that takes text or JSON, so
// that no type keeps a method from being run.
import type { MethodParameter } from "../api/types";

export type FieldKind = "text" | "number" | "whole" | "boolean" | "choices" | "lines" | "json" | "any";

export interface Field {
  name: string;
  kind: FieldKind;
  /** In plain words, as the server says them. */
  expected: string;
  description: string;
  required: boolean;
  /** Its value is shown nowhere and never in the state of the page. */
  sensitive: boolean;
  choices: string[];
  /** undefined: there is none. */
  fallback: unknown;
}

/** What stands in the fields, as text; absent: nothing was filled in, and nothing is sent. */
export type Filled = Readonly<Record<string, string>>;

const kText = /^(String|Pattern|Enum|Regexp|Timestamp|Timespan|SemVer|SemVerRange|URI|Binary|Target)$/;
const kTextAliases = /^(text|an? (absolute|e-mail|IP|IPv[46]|https?|s3|gs|file|hardware|DNS|path|size|host)|yes or no)/;

/** `Name[a, b]` as its name and what stands in the brackets; the arguments of anything else are empty. */
function parted(type: string): { name: string; inside: string } {
  const match = /^\s*([A-Za-z:_0-9]+)\s*(?:\[([\s\S]*)\])?\s*$/.exec(type);
  return { name: match?.[1] ?? "", inside: match?.[2] ?? "" };
}

/** "A, B[C, D]" at its outer commas; those in brackets, quotes and expressions are not. */
export function argumentsOf(inside: string): string[] {
  const parts: string[] = [];
  let part = "";
  let depth = 0;
  for (const [token] of inside.matchAll(/'(?:\\[\s\S]|[^'\\])*'|"(?:\\[\s\S]|[^"\\])*"|\/(?:\\[\s\S]|[^/\\])*\/|[\s\S]/g)) {
    if (token === "[" || token === "{") depth += 1;
    if (token === "]" || token === "}") depth -= 1;
    if (token === "," && depth === 0) {
      parts.push(part.trim());
      part = "";
    } else part += token;
  }
  return [...parts, part.trim()].filter((text) => text !== "");
}

/** A type that the server knows by another name: its words tell what it is. */
function kindOfAlias(expected: string, choices: number): FieldKind {
  if (/^an object|^a list/.test(expected)) return "json";
  if (/^(a whole number|a port|an HTTP status)/.test(expected)) return "whole";
  if (choices > 0) return /, or (?!nothing)/.test(expected) ? "text" : "choices";
  return kTextAliases.test(expected) ? "text" : "any";
}

function kindOfList(inside: string): FieldKind {
  const of = parted(argumentsOf(inside)[0] ?? "");
  return kText.test(of.name) ? "lines" : "json";
}

function kindOf(type: string, expected: string, choices: number): FieldKind {
  const { name, inside } = parted(type);
  switch (name) {
    case "Optional":
    case "NotUndef":
    case "Sensitive":
      return kindOf(argumentsOf(inside)[0] ?? "", expected, choices);
    case "Boolean":
      return "boolean";
    case "Integer":
      return "whole";
    case "Float":
    case "Numeric":
      return "number";
    case "Enum":
      return "choices";
    case "Array":
      return kindOfList(inside);
    case "Hash":
    case "Struct":
    case "Tuple":
    case "Collection":
      return "json";
    case "Variant":
      return kindOfVariant(argumentsOf(inside), expected, choices);
    default:
      if (kText.test(name)) return "text";
      return name.startsWith("Stdlib::") ? kindOfAlias(expected, choices) : "any";
  }
}

/** One kind where all that it may be are of that kind; nothing at all is no kind. */
function kindOfVariant(types: string[], expected: string, choices: number): FieldKind {
  const kinds = new Set(types.filter((type) => parted(type).name !== "Undef").map((type) => kindOf(type, expected, choices)));
  if (kinds.size === 1) return [...kinds][0] ?? "any";
  if ([...kinds].every((kind) => kind === "text" || kind === "choices")) return "text";
  if ([...kinds].every((kind) => kind === "number" || kind === "whole")) return "number";
  return "any";
}

export function fieldOf(parameter: MethodParameter): Field {
  const choices = parameter.choices ?? [];
  const kind = kindOf(parameter.type, parameter.expected, choices.length);
  return {
    name: parameter.name,
    // Words that are the whole of the type, or suggestions for a text.
    kind: kind === "choices" && choices.length === 0 ? "text" : kind,
    expected: parameter.expected,
    description: parameter.description ?? "",
    required: parameter.required,
    sensitive: parameter.sensitive,
    choices: kind === "boolean" ? ["true", "false"] : choices,
    fallback: parameter.default,
  };
}

/** A value as it would be typed into the field. */
export function typed(value: unknown, kind: FieldKind): string {
  if (value === undefined || value === null) return "";
  if (kind === "lines" && Array.isArray(value)) return value.map(String).join("\n");
  return typeof value === "string" && kind !== "json" ? value : JSON.stringify(value);
}

/** The text that is read as this value again. */
function typedExactly(value: unknown, kind: FieldKind): string {
  const text = typed(value, kind);
  if (kind !== "any" || typeof value !== "string") return text;
  const again = readAny(text);
  return "value" in again && again.value === value ? text : JSON.stringify(value);
}

/** What stands in the fields of an order that was made before; what is not shown is given again. */
export function filledFrom(fields: readonly Field[], open: boolean, given: Readonly<Record<string, unknown>>): Filled {
  if (open) return Object.keys(given).length === 0 ? {} : { [kWholeObject]: JSON.stringify(given, null, 2) };
  const shown = fields.filter((field) => !field.sensitive && Object.hasOwn(given, field.name));
  return Object.fromEntries(shown.map((field) => [field.name, typedExactly(given[field.name], field.kind)]));
}

type Read = { value: unknown } | { fault: string };

function readNumber(text: string, whole: boolean): Read {
  const trimmed = text.trim();
  if (!/^[-+]?(\d+(\.\d*)?|\.\d+)(e[-+]?\d+)?$/i.test(trimmed) || (whole && !/^[-+]?\d+$/.test(trimmed))) {
    return { fault: whole ? "A whole number, such as 3" : "A number, such as 3 or 0.5" };
  }
  const value = Number(trimmed);
  // What a browser cannot hold exactly would reach the method as another number.
  if (!Number.isFinite(value) || (whole && !Number.isSafeInteger(value))) return { fault: "Too large for the console; the command line sends it" };
  return { value };
}

function readJson(text: string): Read {
  try {
    return { value: JSON.parse(text) as unknown };
  } catch (error) {
    return { fault: `This is not JSON: ${error instanceof Error ? error.message : String(error)}` };
  }
}

/** Numbers, lists, objects, true, false and quoted text are JSON; all else is the text that it is. */
function readAny(text: string): Read {
  const read = readJson(text);
  if ("value" in read) return typeof read.value === "number" && !Number.isSafeInteger(read.value) && Number.isInteger(read.value) ? { value: text } : read;
  return /^\s*[[{"]/.test(text) ? read : { value: text };
}

/** REQUIRES: `text` is not empty. */
function read(kind: FieldKind, text: string): Read {
  switch (kind) {
    case "text":
    case "choices":
      return { value: text };
    case "boolean":
      return { value: text === "true" };
    case "number":
    case "whole":
      return readNumber(text, kind === "whole");
    case "lines":
      return { value: text.split("\n").map((line) => line.replace(/\r$/, "")).filter((line) => line !== "") };
    case "json":
      return readJson(text);
    case "any":
      return readAny(text);
  }
}

/** The name under which arguments of a method stand that names no parameters. */
export const kWholeObject = "(arguments)";

export interface Arguments {
  values: Record<string, unknown>;
  /** By the name of the field. */
  faults: Record<string, string>;
}

/** What is sent. Fields that are empty are left out: the server fills in defaults. */
export function argumentsFrom(fields: readonly Field[], filled: Filled): Arguments {
  const values: Record<string, unknown> = {};
  const faults: Record<string, string> = {};
  for (const field of fields) {
    const text = filled[field.name] ?? "";
    if (text === "" || (field.kind !== "text" && text.trim() === "")) {
      if (field.required) faults[field.name] = `Required: ${field.expected}`;
      continue;
    }
    const got = read(field.kind, text);
    if ("fault" in got) faults[field.name] = got.fault;
    else values[field.name] = got.value;
  }
  return { values, faults };
}

/** All arguments as one JSON object, for a method that takes any. */
export function argumentsFromObject(text: string): Arguments {
  if (text.trim() === "") return { values: {}, faults: {} };
  const got = readJson(text);
  if ("fault" in got) return { values: {}, faults: { [kWholeObject]: got.fault } };
  if (typeof got.value !== "object" || got.value === null || Array.isArray(got.value)) {
    return { values: {}, faults: { [kWholeObject]: 'A JSON object, such as {"name": "value"}' } };
  }
  return { values: got.value as Record<string, unknown>, faults: {} };
}

export interface Refusal {
  /** The server's words about one field, by its name. */
  faults: Record<string, string>;
  /** What is about no field of this form. */
  rest: string[];
}

/**
 * A refusal of arguments, which tells every mistake in a line of its own:
 * "greet: 'times': expected …\n'name' is missing: …\n'options'.rounds: expected …".
 */
export function refusalOf(message: string, names: readonly string[]): Refusal {
  const faults: Record<string, string> = {};
  const rest: string[] = [];
  for (const [at, line] of message.split("\n").entries()) {
    // The first line begins with the method's name.
    const match = /^'([a-z][a-z0-9_]*)'(.*)$/.exec(at === 0 ? line.replace(/^[a-z0-9_:]+: (?=')/, "") : line);
    const name = match?.[1];
    if (match === null || name === undefined || !names.includes(name)) {
      rest.push(line);
      continue;
    }
    const words = (match[2] ?? "").replace(/^(?:: | )/, "");
    faults[name] = faults[name] === undefined ? words : `${faults[name]}; ${words}`;
  }
  return { faults, rest };
}
