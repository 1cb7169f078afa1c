// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "vitest";

import { methodLine, orderLine, packOrder } from "./folds";
import { resultLine, resultView } from "./result";

describe("what a method answered", () => {
  it("is text, pairs, rows or JSON, as it reads best", () => {
    expect(resultView({ _output: "hello\n" })).toMatchObject({ output: "hello\n", rest: { form: "nothing" }, error: undefined, secret: false });
    expect(resultView({ a: 1, b: "x\n", c: null, d: true }).rest).toEqual({ form: "pairs", pairs: [["a", "1"], ["b", "x\n"], ["c", "null"], ["d", "true"]] });
    expect(resultView({ disks: [{ name: "sda", size: 1 }, { name: "sdb", full: true }] }).rest).toEqual({
      form: "rows", name: "disks", columns: ["name", "size", "full"], rows: [["sda", "1", ""], ["sdb", "", "true"]],
    });
    expect(resultView({ deep: { a: [1] } }).rest).toEqual({ form: "json", text: '{\n  "deep": {\n    "a": [\n      1\n    ]\n  }\n}' });
    expect(resultView({ text: "two\nlines\n" }).rest.form).toBe("json");
    expect(resultView({ list: [1, 2] }).rest.form).toBe("json");
    expect(resultView({ list: [{ a: "x".repeat(81) }] }).rest.form).toBe("json");
    expect(resultView({ list: [] }).rest.form).toBe("json");
  });

  it("has its error first, whatever its shape", () => {
    expect(resultView({ _error: { msg: "it is full", kind: "disk/full", details: { free: 0 } }, free: 0 })).toMatchObject({
      error: { msg: "it is full", kind: "disk/full", details: '{\n  "free": 0\n}' }, rest: { form: "pairs" },
    });
    expect(resultView({ _error: { msg: "x", details: {} } }).error).toEqual({ msg: "x", kind: "", details: "" });
    expect(resultView({ _error: "just words" }).error?.msg).toBe("just words");
    expect(resultView({ _error: {} }).error?.msg).toMatch(/did not say why/);
  });

  it("does not show what is secret", () => {
    const result = { _sensitive: "[hidden]", _output: "rotated", length: 16 };
    expect(resultView(result)).toMatchObject({ secret: true, output: "rotated", rest: { form: "pairs", pairs: [["length", "16"]] } });
    expect(resultLine(result)).toBe("rotated");
  });

  it("is one line in a list", () => {
    expect(resultLine({ a: 1, b: "x" })).toBe("a=1  b=x");
    expect(resultLine({ _error: { msg: "no" }, a: 1 })).toBe("no");
    expect(resultLine({ _output: "\nfirst\nsecond" })).toBe("first");
    expect(resultLine({ deep: { a: 1 }, _output: "" })).toBe('{"deep":{"a":1}}');
    expect(resultLine({})).toBe("");
  });
});

it("says what a method ran as the command line would", () => {
  const method = { name: "greet", version: "1", digest: "0".repeat(64), noop: false, arguments: { name: "Ada L", times: 2, tags: ["a b"], key: "[hidden]" } };
  expect(methodLine(method)).toBe(`greet 'name=Ada L' times:=2 tags:='["a b"]' key=[hidden]`);
  expect(orderLine({ method })).toBe(methodLine(method));
  const pack = { name: "pack::webapp", version: "2.0", arguments: { action: "remove" } };
  expect(methodLine(pack)).toBe("pack take-away webapp@2.0");
  expect(packOrder(pack)).toEqual({ name: "webapp", command: "take-away" });
  expect(packOrder({ ...pack, arguments: { action: "dance" } })).toBeUndefined();
  expect(packOrder({ name: "service::restart", arguments: {} })).toBeUndefined();
  expect(orderLine({ command: { shell: "uptime" } })).toBe("uptime");
});
