// SPDX-License-Identifier: Apache-2.0
import { expect, test } from "vitest";

import type { Run } from "../api/types";
import { treeOf } from "./tree";

const run = (id: string, parent?: string) =>
  ({ id, ...(parent === undefined ? {} : { parent: { run: parent, endpoint: "e", root: "a", depth: 1 } }) }) as Run;

test("children stand behind what started them", () => {
  const lines = treeOf([run("a"), run("b", "a"), run("c", "a"), run("d", "b")]);
  expect(lines.map((line) => `${line.run.id}${String(line.depth)}`)).toEqual(["a0", "b1", "d2", "c1"]);
});

test("what lost its parent to retention is a top", () => {
  expect(treeOf([run("b", "gone"), run("c", "b")]).map((line) => line.depth)).toEqual([0, 1]);
});
