// SPDX-License-Identifier: Apache-2.0
//
// The arguments of one order while they are filled in. Values of sensitive parameters stand in
// their inputs alone, never in the state of the page; they are read when the order is sent.
import { useCallback, useMemo, useRef, useState } from "react";

import type { Method } from "../api/types";
import { type Arguments, argumentsFrom, argumentsFromObject, type Field, fieldOf, type Filled, filledFrom, kWholeObject } from "./fields";

type Secret = HTMLInputElement | HTMLTextAreaElement;

export interface ArgumentsForm {
  fields: Field[];
  /** It names no parameters: all arguments are one object. */
  open: boolean;
  filled: Filled;
  fill: (name: string, text: string) => void;
  /** What hangs on the input of a sensitive parameter. */
  secret: (name: string) => (input: Secret | null) => void;
  /** As they are now, with the secrets. */
  read: () => Arguments;
}

const kNone: Field[] = [];

/** `given`: what an order that was made before says of this method; its secrets are not among it. */
export function useArguments(method: Method | undefined, changed: () => void, given?: Readonly<Record<string, unknown>>): ArgumentsForm {
  const key = method === undefined ? "" : `${method.name}@${method.version}`;
  const [kept, setKept] = useState<{ key: string; filled: Filled } | undefined>();
  const secrets = useRef(new Map<string, Secret>());
  const fields = useMemo(() => method?.parameters.map(fieldOf) ?? kNone, [method]);
  const open = method?.any_parameters ?? false;
  // What was filled in for another method is not this one's.
  const start = useMemo(() => (given === undefined ? {} : filledFrom(fields, open, given)), [fields, open, given]);
  const filled = kept?.key === key ? kept.filled : start;
  const secret = useCallback((name: string) => (input: Secret | null) => {
    if (input === null) secrets.current.delete(name);
    else secrets.current.set(name, input);
  }, []);
  return {
    fields,
    open,
    filled,
    fill: (name, text) => {
      setKept({ key, filled: { ...filled, [name]: text } });
      changed();
    },
    secret,
    read: () => {
      if (open) return argumentsFromObject(filled[kWholeObject] ?? "");
      const typed = Object.fromEntries([...secrets.current].map(([name, input]) => [name, input.value]));
      return argumentsFrom(fields, { ...filled, ...typed });
    },
  };
}
