// SPDX-License-Identifier: Apache-2.0
import { expect, it } from "vitest";

import { aMethodListed } from "../testing/samples";
import { groupsOf } from "./groups";

const pages = [
  { methods: [aMethodListed({ name: "greet", description: "Greets" }), aMethodListed({ name: "greet::all" })] },
  { methods: [aMethodListed({ name: "greet::all" }), aMethodListed({ name: "sum", description: "Adds numbers" })] },
];
const names = (search: string) => groupsOf(pages, search).map(({ module, methods }) => [module, ...methods.map(({ name }) => name)]);

it("groups methods by module, each once", () => {
  expect(names("")).toEqual([["greet", "greet", "greet::all"], ["sum", "sum"]]);
});

it("searches names and descriptions, every word", () => {
  expect(names(" NUMBERS add")).toEqual([["sum", "sum"]]);
  expect(names("greet greets")).toEqual([["greet", "greet"]]);
  expect(names("nothing")).toEqual([]);
});
