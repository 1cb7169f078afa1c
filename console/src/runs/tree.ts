// SPDX-License-Identifier: Apache-2.0
import type { Run } from "../api/types";

export interface TreeLine {
  run: Run;
  depth: number;
}

/** The runs of a tree in the order in which to show them, children behind what started them. */
export function treeOf(runs: readonly Run[]): TreeLine[] {
  const known = new Set(runs.map((run) => run.id));
  const children = new Map<string, Run[]>();
  for (const run of runs) {
    // What is not kept any more leaves its children as tops.
    const parent = run.parent !== undefined && known.has(run.parent.run) ? run.parent.run : "";
    children.set(parent, [...(children.get(parent) ?? []), run]);
  }
  const lines: TreeLine[] = [];
  const add = (parent: string, depth: number) => {
    for (const run of children.get(parent) ?? []) {
      lines.push({ run, depth });
      add(run.id, depth + 1);
    }
  };
  add("", 0);
  return lines;
}
