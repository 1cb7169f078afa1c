// SPDX-License-Identifier: Apache-2.0
//
// Output of a host on the screen: text only, hidden characters spelt out, bounded.
import { useMemo } from "react";

import { counted } from "./format";
import classes from "./host_text.module.css";
import { kShownCharsMax, visible } from "./visible";

interface Props {
  text: string;
  /** Show no more lines than this; the rest is announced. */
  linesMax?: number;
  charsMax?: number;
  wrap?: boolean;
  label: string;
}

/** The first `linesMax` lines, and how many follow. */
export function firstLines(text: string, linesMax: number): { head: string; more: number } {
  let at = -1;
  for (let line = 0; line < linesMax; line += 1) {
    at = text.indexOf("\n", at + 1);
    if (at < 0 || at === text.length - 1) return { head: text, more: 0 };
  }
  let more = 1;
  for (let next = text.indexOf("\n", at + 1); next >= 0 && next < text.length - 1; next = text.indexOf("\n", next + 1)) {
    more += 1;
  }
  return { head: text.slice(0, at), more };
}

/** "3 more characters, 12 more lines" */
function restText(characters: number, lines: number): string {
  const parts = [];
  if (characters > 0) parts.push(counted(characters, "more character"));
  if (lines > 0) parts.push(counted(lines, "more line"));
  return parts.join(", ");
}

export function HostText({ text, linesMax, charsMax = kShownCharsMax, wrap = true, label }: Props) {
  const { head, more } = useMemo(
    () => (linesMax === undefined ? { head: text, more: 0 } : firstLines(text, linesMax)),
    [text, linesMax],
  );
  const { pieces, cut } = useMemo(() => visible(head.replace(/\n$/, ""), charsMax), [head, charsMax]);
  return (
    <pre className={classes.output} data-wrap={wrap} aria-label={label} tabIndex={0}>
      {pieces.map((piece, at) =>
        piece.control ? (
          <span key={at} className={classes.control} title="control characters, shown by name">
            {piece.text}
          </span>
        ) : (
          <span key={at}>{piece.text}</span>
        ),
      )}
      {cut + more > 0 && <span className={classes.more}>{`\n… ${restText(cut, more)}`}</span>}
    </pre>
  );
}
