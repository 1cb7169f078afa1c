// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "vitest";

import type { MethodParameter } from "../api/types";
import { argumentsFrom, argumentsFromObject, argumentsOf, type Field, fieldOf, filledFrom, kWholeObject, refusalOf, typed } from "./fields";

function parameter(type: string, part: Partial<MethodParameter> = {}): MethodParameter {
  return { name: "p", type, expected: "something", required: false, sensitive: false, ...part };
}
const field = (type: string, part: Partial<MethodParameter> = {}): Field => fieldOf(parameter(type, part));
const readAs = (type: string, text: string, part: Partial<MethodParameter> = {}) => argumentsFrom([field(type, part)], { p: text });

describe("the field of a type", () => {
  it.each([
    ["String[1]", "text"], ["Optional[String]", "text"], ["Sensitive[String[1]]", "text"], ["Pattern[/a, ]b/]", "text"], ["Timestamp", "text"],
    ["Integer[1, 10]", "whole"], ["Optional[Integer[1]]", "whole"], ["Float", "number"], ["Numeric", "number"], ["Variant[Integer, Float]", "number"],
    ["Boolean", "boolean"], ["Optional[Boolean]", "boolean"], ["Variant[Undef, Boolean]", "boolean"],
    ["Array[String[1], 1]", "lines"], ["Array[Enum['a', 'b']]", "lines"], ["Array[Integer]", "json"], ["Array", "json"],
    ["Hash[String, Any]", "json"], ["Struct[{'a' => Integer}]", "json"], ["Tuple[String, Integer]", "json"], ["Optional[Hash]", "json"],
    ["", "any"], ["Any", "any"], ["Data", "any"], ["Variant[String, Integer]", "any"], ["Variant[Boolean, Enum['x']]", "any"], ["Mine::Type", "any"],
    ["Variant[Pattern[/[,]/], String]", "text"], ["nonsense[[", "any"],
  ])("%s is %s", (type, kind) => {
    expect(field(type, { choices: type.includes("Enum") ? ["x"] : [] }).kind).toBe(kind);
  });

  it.each([
    ["Enum[en, de]", ["en", "de"], "one of 'en', 'de'", "choices"],
    ["Optional[Enum[en, de]]", ["en", "de"], "one of 'en', 'de', or nothing", "choices"],
    ["Stdlib::Ensure::Service", ["stopped", "running"], "one of 'stopped', 'running'", "choices"],
    ["Stdlib::Ensure::Package", ["present", "absent"], "one of 'present', 'absent', or text that is not empty", "text"],
    ["Variant[Enum['latest'], String[1]]", ["latest"], "'latest', or text that is not empty", "text"],
    ["Stdlib::Port", [], "a port from 0 to 65535", "whole"],
    ["Stdlib::Absolutepath", [], "an absolute path", "text"],
    ["Optional[Stdlib::Absolutepath]", [], "an absolute path, or nothing", "text"],
    ["Stdlib::CreateResources", [], "an object, each value an object", "json"],
  ] as const)("%s with its words", (type, choices, expected, kind) => {
    expect(field(type, { choices: [...choices], expected }).kind).toBe(kind);
  });

  it("cuts at outer commas only", () => {
    expect(argumentsOf(`Enum['a,]', "b"], Struct[{'x' => Array[A, 1]}], Pattern[/[,]\\//]`)).toEqual([`Enum['a,]', "b"]`, "Struct[{'x' => Array[A, 1]}]", "Pattern[/[,]\\//]"]);
    expect(argumentsOf(" ")).toEqual([]);
  });
});

describe("what was filled in", () => {
  it.each([
    ["String", " a b ", " a b "], ["String", "3", "3"], ["Integer", " 42 ", 42], ["Integer", "-1", -1], ["Float", "1e3", 1000], ["Numeric", ".5", 0.5],
    ["Boolean", "true", true], ["Boolean", "false", false], ["Array[String]", "a\n\nb c\r\n", ["a", "b c"]],
    ["Hash", '{"a": [1]}', { a: [1] }], ["Any", "3", 3], ["Any", '"3"', "3"], ["Any", "web1", "web1"], ["Any", "[1]", [1]], ["Any", "true", true],
    ["Any", "9007199254740993", "9007199254740993"],
  ])("%s from %j", (type, text, value) => {
    expect(readAs(type, text)).toEqual({ values: { p: value }, faults: {} });
  });

  it.each([
    ["Integer", "1.5", /whole number/], ["Integer", "x", /whole number/], ["Float", "1,5", /number/], ["Float", "0x10", /number/], ["Float", "1e999", /Too large/],
    ["Integer", "9007199254740993", /Too large/], ["Hash", "{a: 1}", /not JSON/], ["Any", "[1", /not JSON/],
  ])("%s refuses %j", (type, text, fault) => {
    const { values, faults } = readAs(type, text);
    expect(values).toEqual({});
    expect(faults.p).toMatch(fault);
  });

  it("is left out where it is empty, and missed where it is required", () => {
    expect(readAs("String", "")).toEqual({ values: {}, faults: {} });
    expect(readAs("Hash", " \n")).toEqual({ values: {}, faults: {} });
    expect(readAs("Integer", "", { required: true, expected: "a whole number" }).faults).toEqual({ p: "Required: a whole number" });
  });

  it("is one object where the method takes any", () => {
    expect(argumentsFromObject('{"a": 1}')).toEqual({ values: { a: 1 }, faults: {} });
    expect(argumentsFromObject(" ")).toEqual({ values: {}, faults: {} });
    for (const wrong of ["[1]", "3", "null", "{"]) expect(argumentsFromObject(wrong).faults[kWholeObject]).toBeTruthy();
  });

  it("shows defaults as they would be typed", () => {
    expect([typed("en", "choices"), typed(3, "whole"), typed({ a: 1 }, "json"), typed(["a", "b"], "lines"), typed("x", "json"), typed(undefined, "text")]).toEqual(
      ["en", "3", '{"a":1}', "a\nb", '"x"', ""]);
  });
});

describe("arguments that were given before", () => {
  const parameters = [
    ["text", "String"], ["many", "Array[String]"], ["whole", "Integer"], ["yes", "Boolean"], ["deep", "Hash"], ["some", "Any"], ["digits", "Any"], ["list", "Any"],
  ] as const;
  const fields = parameters.map(([name, type]) => fieldOf({ name, type, expected: "", required: false, sensitive: false }));
  it("stand in their fields so that the same is sent again", () => {
    const given = { text: "3", many: ["a", "b"], whole: 3, yes: false, deep: { a: [1] }, some: "plain", digits: "3", list: [1, "x"] };
    const filled = filledFrom(fields, false, given);
    expect(filled.digits).toBe('"3"');
    expect(argumentsFrom(fields, filled)).toEqual({ values: given, faults: {} });
    expect(argumentsFromObject(filledFrom([], true, given)[kWholeObject] ?? "").values).toEqual(given);
  });

  it("are not shown where they are secret, and not made up", () => {
    const secret = fieldOf({ name: "key", type: "String", expected: "", required: false, sensitive: true });
    expect(filledFrom([secret, ...fields], false, { key: "x", unknown: 1 })).toEqual({});
  });
});

describe("a refusal", () => {
  // As the server writes it: src/methods/parameters.cc, Parameters::check().
  const names = ["name", "times", "options"];

  it("is told at the fields that it is about", () => {
    const message = "greet: 'name' is missing: text that is not empty\n'times': expected a whole number from 1 to 10, got the number 99\n'options'.rounds: expected a whole number";
    expect(refusalOf(message, names)).toEqual({
      faults: { name: "is missing: text that is not empty", times: "expected a whole number from 1 to 10, got the number 99", options: ".rounds: expected a whole number" },
      rest: [],
    });
  });

  it("stays above the form where it is about no field", () => {
    const unknown = "a::b: there is no parameter 'nam'; did you mean 'name'?";
    expect(refusalOf(`${unknown}\n'_x': names that begin with _ are the runner's\n'times': no`, names)).toEqual({
      faults: { times: "no" }, rest: [unknown, "'_x': names that begin with _ are the runner's"],
    });
    expect(refusalOf("greet 1.4.2 has no dry run (supports_noop)", names).rest).toEqual(["greet 1.4.2 has no dry run (supports_noop)"]);
  });
});
