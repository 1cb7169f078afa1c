// SPDX-License-Identifier: Apache-2.0
//
// The answer of a method as a person reads it.
import { Text, UnstyledButton } from "@mantine/core";
import { useId, useMemo, useState } from "react";

import { IconDown, IconRight } from "../app/icons";
import { HostText } from "../text/host_text";
import { visibleLine } from "../text/visible";
import { type Rest, type Result, type ResultError, resultView } from "./result";
import classes from "./result.module.css";

const kCellChars = 4_000;

export function ResultView({ result, linesMax }: { result: Result; linesMax: number }) {
  const view = useMemo(() => resultView(result), [result]);
  const { error, output, rest, secret } = view;
  const said = output !== undefined && output.trim() !== "";
  return (
    <div className={classes.result} data-result="">
      {error !== undefined && <ErrorPart error={error} />}
      {said && <HostText text={output} linesMax={linesMax} label="output" />}
      <RestPart rest={rest} linesMax={linesMax} />
      {secret && <Text size="sm" c="dimmed">It also returned something secret, which is kept and shown to nobody.</Text>}
      {!said && error === undefined && rest.form === "nothing" && !secret && <Text size="sm" c="dimmed">It returned nothing.</Text>}
    </div>
  );
}

function ErrorPart({ error }: { error: ResultError }) {
  const [open, setOpen] = useState(false);
  const id = useId();
  const more = error.kind !== "" || error.details !== "";
  return (
    <div className={classes.error}>
      <div className={classes.message}>{visibleLine(error.msg, 2_000)}</div>
      {more && (
        <UnstyledButton className={classes.more} aria-expanded={open} aria-controls={id} onClick={() => setOpen(!open)}>
          {open ? <IconDown size={13} /> : <IconRight size={13} />} kind and details
        </UnstyledButton>
      )}
      {more && open && (
        <div id={id}>
          {error.kind !== "" && <Text size="sm" mt={4}>kind <code>{visibleLine(error.kind, 200)}</code></Text>}
          {error.details !== "" && <HostText text={error.details} linesMax={60} label="details of the error" />}
        </div>
      )}
    </div>
  );
}

function RestPart({ rest, linesMax }: { rest: Rest; linesMax: number }) {
  switch (rest.form) {
    case "nothing":
      return null;
    case "json":
      return <HostText text={rest.text} linesMax={linesMax} label="result" />;
    case "pairs":
      return (
        <table className={classes.table} aria-label="result">
          <tbody>
            {rest.pairs.map(([name, value]) => (
              <tr key={name}>
                <th scope="row">{visibleLine(name, 120)}</th>
                <td>{visibleLine(value.trimEnd(), kCellChars)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      );
    case "rows":
      return (
        <div className={classes.wide}>
          <table className={classes.table} aria-label={visibleLine(rest.name, 80)}>
            <caption>{visibleLine(rest.name, 80)}</caption>
            <thead>
              <tr>{rest.columns.map((column) => <th key={column} scope="col">{visibleLine(column, 80)}</th>)}</tr>
            </thead>
            <tbody>
              {rest.rows.slice(0, linesMax).map((row, at) => (
                <tr key={at}>{row.map((text, column) => <td key={column}>{visibleLine(text, kCellChars)}</td>)}</tr>
              ))}
            </tbody>
          </table>
          {rest.rows.length > linesMax && <Text size="xs" c="dimmed" mt={4}>… {rest.rows.length - linesMax} more rows</Text>}
        </div>
      );
  }
}
