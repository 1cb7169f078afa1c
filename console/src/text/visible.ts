// SPDX-License-Identifier: Apache-2.0
//
// What comes from a host is hostile: it may hold escape sequences, characters that turn the
// direction of text round, or nothing that is text at all. Here it becomes pieces of plain
// text, in which everything that would not be seen, or would change how its neighbours are
// seen, is spelt out. Nothing is removed silently; what is cut is counted.

export interface Piece {
  text: string;
  /** Spelt out: not the character itself. */
  control: boolean;
}

export interface Visible {
  pieces: Piece[];
  /** Characters left out at the end. */
  cut: number;
}

/** More is not laid out: a browser that renders megabytes in one element stops answering. */
export const kShownCharsMax = 65_536;

// Controls but newline and tab; C1; soft hyphen; marks, embeddings, overrides and isolates of
// direction; zero-width characters, joiners and fillers; line and paragraph separators; the
// byte order mark; variation tags; lone surrogates.
const kHidden =
  // eslint-disable-next-line no-control-regex
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u115f\u1160\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb]|\u034f|\u17b4|\u17b5|[\u180b-\u180f]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]|\udb40[\udc00-\udfff]/g;

/** The spelling of one hidden character: ^[ for ESC, ^@ for NUL, <U+202E> for the rest, as terminals and less have it. */
export function spelling(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  if (code < 0x20) return `^${String.fromCodePoint(0x40 + code)}`;
  if (code === 0x7f) return "^?";
  return `<U+${code.toString(16).toUpperCase().padStart(4, "0")}>`;
}

/** `text` in pieces; carriage returns before a newline are line ends and stay unseen. */
export function visible(text: string, charsMax: number = kShownCharsMax): Visible {
  let end = Math.min(text.length, charsMax);
  // Do not cut a surrogate pair in two.
  if (end < text.length && /[\ud800-\udbff]/.test(text.charAt(end - 1))) end -= 1;
  const shown = text.slice(0, end).replace(/\r\n/g, "\n");
  const pieces: Piece[] = [];
  const add = (part: string, control: boolean) => {
    const last = pieces.at(-1);
    if (part === "") return;
    if (last?.control === control) last.text += part;
    else pieces.push({ text: part, control });
  };
  let from = 0;
  for (const match of shown.matchAll(kHidden)) {
    add(shown.slice(from, match.index), false);
    add(spelling(match[0]), true);
    from = match.index + match[0].length;
  }
  add(shown.slice(from), false);
  return { pieces, cut: text.length - end };
}

/** A name, an address, a label: one line, hidden characters spelt out, shortened with an ellipsis. */
export function visibleLine(text: string, charsMax = 256): string {
  const { pieces, cut } = visible(text.replace(/[\n\t]/g, (c) => spelling(c)), charsMax);
  return pieces.map((piece) => piece.text).join("") + (cut > 0 ? "…" : "");
}

/** Bytes that are not UTF-8 as text: what can be read is read, every other byte becomes \xNN. */
export function textOfBytes(bytes: Uint8Array): string {
  const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  let text = "";
  let at = 0;
  while (at < bytes.length) {
    const size = sequenceLength(bytes, at);
    if (size > 0) {
      try {
        text += strict.decode(bytes.subarray(at, at + size));
        at += size;
        continue;
      } catch {
        // not a character; spelt out below
      }
    }
    text += `\\x${(bytes[at] ?? 0).toString(16).padStart(2, "0")}`;
    at += 1;
  }
  return text;
}

/** How long a UTF-8 sequence that begins with this byte would be; 0 if none does. */
function sequenceLength(bytes: Uint8Array, at: number): number {
  const first = bytes[at] ?? 0;
  const size = first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
  return at + size <= bytes.length ? size : 0;
}

export function bytesOfBase64(base64: string): Uint8Array {
  return Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
}

/** One stream of an answer as text, whichever way it came; undefined where there is none. */
export function outputText(text: string | undefined, base64: string | undefined): string | undefined {
  if (text !== undefined) return text;
  if (base64 === undefined) return undefined;
  try {
    return textOfBytes(bytesOfBase64(base64));
  } catch {
    return "(the server sent bytes that are not base 64)";
  }
}
