// SPDX-License-Identifier: Apache-2.0
import { Badge, Text } from "@mantine/core";

import type { Method, MethodParameter } from "../api/types";
import { visibleLine } from "../text/visible";
import classes from "./methods.module.css";
import { Section } from "./parts";

/** What it takes: each parameter with its meaning first, its type last. */
export function Parameters({ method }: { method: Method }) {
  if (method.any_parameters) return <Section title="Parameters"><div className={classes.plainLine}>Its metadata names none: any will do, and none is checked.</div></Section>;
  if (method.parameters.length === 0) return <Section title="Parameters"><div className={classes.plainLine}>It takes none.</div></Section>;
  return (
    <Section title="Parameters">
      {method.parameters.map((parameter) => <Line key={parameter.name} parameter={parameter} />)}
    </Section>
  );
}

function Line({ parameter }: { parameter: MethodParameter }) {
  const { name, type, expected, description, required, sensitive } = parameter;
  const standard: unknown = parameter.default;
  return (
    <div className={classes.parameterLine}>
      <div className={classes.parameterName}>
        <code className={classes.parameter}>{name}</code>
        {required && <Badge size="xs" variant="light" color="red">required</Badge>}
        {sensitive && <Badge size="xs" variant="light" color="grape">secret</Badge>}
      </div>
      <div>
        {description !== undefined && <Text size="sm">{visibleLine(description, 2_000)}</Text>}
        <Text size="sm" c="dimmed">
          {visibleLine(expected.replace(/, or nothing$/, ""), 1_000)}
          {standard !== undefined && <>; default <code>{visibleLine(typeof standard === "string" ? standard : JSON.stringify(standard), 300)}</code></>}
        </Text>
        {type !== "" && <code className={classes.type}>{visibleLine(type, 1_000)}</code>}
      </div>
    </div>
  );
}
