// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "vitest";

import { outputText, textOfBytes, visible, visibleLine } from "./visible";

const shown = (text: string, max?: number) => visible(text, max).pieces.map((p) => (p.control ? `[${p.text}]` : p.text)).join("");

describe("visible", () => {
  it("leaves text, newlines and tabs as they are", () => {
    expect(visible("a\tb\nü 漢 🙂")).toEqual({ pieces: [{ text: "a\tb\nü 漢 🙂", control: false }], cut: 0 });
  });
  it("spells escape sequences out", () => {
    expect(shown("\u001b[31mred\u001b[0m\u0007")).toBe("[^[][31mred[^[][0m[^G]");
  });
  it("spells out what turns, hides or ends text", () => {
    expect(shown("a\u202eb\u200bc\u2066d\ufeff\u0085\u007f\u0000")).toBe("a[<U+202E>]b[<U+200B>]c[<U+2066>]d[<U+FEFF><U+0085>^?^@]");
  });
  it("takes CRLF as a line end, and a lone carriage return as a trick", () => {
    expect(shown("a\r\nb\rc")).toBe("a\nb[^M]c");
  });
  it("spells out lone halves of surrogate pairs", () => {
    expect(shown("a\ud83d b\udc00")).toBe("a[<U+D83D>] b[<U+DC00>]");
  });
  it("is bounded, counts what it cuts, and cuts no character in two", () => {
    expect(visible("abcdef", 4)).toEqual({ pieces: [{ text: "abcd", control: false }], cut: 2 });
    expect(visible("abc🙂d", 4)).toEqual({ pieces: [{ text: "abc", control: false }], cut: 3 });
    expect(visible("x".repeat(10_000_000)).cut).toBe(10_000_000 - 65_536);
  });
  it("does not interpret markup", () => {
    expect(shown("<script>alert(1)</script>")).toBe("<script>alert(1)</script>");
  });
});

describe("visibleLine", () => {
  it("is one line, shortened with an ellipsis", () => {
    expect(visibleLine("web1\nroot\t\u001b")).toBe("web1^Jroot^I^[");
    expect(visibleLine("abcdef", 3)).toBe("abc…");
  });
});

describe("bytes that are not UTF-8", () => {
  it("keeps what can be read and spells out the rest", () => {
    expect(textOfBytes(Uint8Array.of(0xff, 0x41, 0xc3, 0xa4, 0x80, 0xe2, 0x82))).toBe("\\xffAä\\x80\\xe2\\x82");
  });
  it("takes no overlong form, no surrogate and nothing beyond Unicode", () => {
    expect(textOfBytes(Uint8Array.of(0xc0, 0xaf))).toBe("\\xc0\\xaf");
    expect(textOfBytes(Uint8Array.of(0xed, 0xa0, 0x80))).toBe("\\xed\\xa0\\x80");
    expect(textOfBytes(Uint8Array.of(0xf4, 0x90, 0x80, 0x80))).toBe("\\xf4\\x90\\x80\\x80");
  });
  it("comes as text, as base 64, or not at all", () => {
    expect(outputText("a", undefined)).toBe("a");
    expect(outputText(undefined, btoa("\xff\n"))).toBe("\\xff\n");
    expect(outputText(undefined, undefined)).toBeUndefined();
    expect(outputText(undefined, "%%%")).toContain("not base 64");
  });
});
