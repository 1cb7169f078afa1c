// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "vitest";

import { kShownCharsMax, outputText, textOfBytes, visible, visibleLine } from "./visible";

const shown = (text: string) => visible(text).pieces.map((piece) => piece.text).join("");

describe("visible", () => {
  it.each([
    ["an ANSI escape", "\u001b[31mred", "^[[31mred"],
    ["NUL", "a\u0000b", "a^@b"],
    ["a bell", "\u0007", "^G"],
    ["a backspace", "safe\b\b\b\bevil", "safe^H^H^H^Hevil"],
    ["DEL", "\u007f", "^?"],
    ["a C1 control", "\u009b31m", "<U+009B>31m"],
    ["a lone carriage return", "good\rbad", "good^Mbad"],
    ["a right-to-left override", "a\u202eb", "a<U+202E>b"],
    ["an isolate", "\u2066x\u2069", "<U+2066>x<U+2069>"],
    ["a right-to-left mark", "\u200f", "<U+200F>"],
    ["a zero-width space", "ro\u200bot", "ro<U+200B>ot"],
    ["a line separator", "a\u2028b", "a<U+2028>b"],
    ["a byte order mark", "\ufeffa", "<U+FEFF>a"],
    ["a combining joiner", "a\u034fb", "a<U+034F>b"],
    ["a Hangul filler", "a\u3164b", "a<U+3164>b"],
    ["a tag character", "a\u{e0041}b", "a<U+E0041>b"],
    ["half a surrogate pair", "a\ud800b", "a<U+D800>b"],
    ["the other half", "a\udc00b", "a<U+DC00>b"],
  ])("spells out %s", (_what, text, expected) => {
    expect(shown(text)).toBe(expected);
  });

  it("leaves text, newlines, tabs, line ends of Windows and emoji as they are", () => {
    expect(visible("Grüße, 世界 🎉\n\ttab\r\nend").pieces).toEqual([{ text: "Grüße, 世界 🎉\n\ttab\nend", control: false }]);
  });

  it("tells a control apart from the same sign as text", () => {
    expect(visible("^@\u0000").pieces).toEqual([{ text: "^@", control: false }, { text: "^@", control: true }]);
  });

  it("bounds what is shown and counts the rest", () => {
    const { pieces, cut } = visible("x".repeat(kShownCharsMax + 1_234));
    expect(pieces).toHaveLength(1);
    expect(pieces[0]?.text).toHaveLength(kShownCharsMax);
    expect(cut).toBe(1_234);
  });

  it("does not cut a character in two", () => {
    expect(visible("ab🎉", 3)).toEqual({ pieces: [{ text: "ab", control: false }], cut: 2 });
    expect(visible("ab🎉c", 4)).toEqual({ pieces: [{ text: "ab🎉", control: false }], cut: 1 });
  });
});

describe("visibleLine", () => {
  it("keeps names on one line and short", () => {
    expect(visibleLine("web1\nroot: ok\t\u202e")).toBe("web1^Jroot: ok^I<U+202E>");
    expect(visibleLine("abcdef", 3)).toBe("abc…");
    expect(visibleLine("abc", 3)).toBe("abc");
  });
});

describe("bytes that are not text", () => {
  it.each([
    ["bytes that begin nothing", [0xff, 0xfe, 0x61], "\\xff\\xfea"],
    ["a sequence that stops early", [0x61, 0xe2, 0x82], "a\\xe2\\x82"],
    ["an overlong slash", [0xc0, 0xaf], "\\xc0\\xaf"],
    ["an overlong sequence of three", [0xe0, 0x80, 0xaf], "\\xe0\\x80\\xaf"],
    ["an encoded surrogate", [0xed, 0xa0, 0x80], "\\xed\\xa0\\x80"],
    ["too high a number", [0xf4, 0x90, 0x80, 0x80], "\\xf4\\x90\\x80\\x80"],
    ["text around it", [0xc3, 0xa4, 0x80, 0xf0, 0x9f, 0x8e, 0x89], "ä\\x80🎉"],
  ])("spells out %s", (_what, bytes, expected) => {
    expect(textOfBytes(Uint8Array.from(bytes))).toBe(expected);
  });

  it("reads a stream whichever way it came", () => {
    expect(outputText("plain", undefined)).toBe("plain");
    expect(outputText("", undefined)).toBe("");
    expect(outputText(undefined, btoa("\xffplain"))).toBe("\\xffplain");
    expect(outputText(undefined, undefined)).toBeUndefined();
  });

  it("says so when the server sends no base 64", () => {
    expect(outputText(undefined, "%%%")).toContain("not base 64");
  });
});

describe("hidden characters", () => {
  it("that stand side by side are one mark", () => {
    const marked = visible("d\ufeff\u0085\u007f\u0000\u001b[0m").pieces.map((p) => (p.control ? `[${p.text}]` : p.text)).join("");
    expect(marked).toBe("d[<U+FEFF><U+0085>^?^@^[][0m");
  });

  it("are bounded in very long text", () => {
    expect(visible("x".repeat(10_000_000)).cut).toBe(10_000_000 - kShownCharsMax);
  });
});
