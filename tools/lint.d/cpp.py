# SPDX-License-Identifier: Apache-2.0
"""Just enough C++ to find where functions begin and end.

Not a parser: comments, literals and preprocessor lines are blanked, then braces are
classified by the text in front of them. What counts as one function is what stands in
a namespace or class; lambdas and local classes belong to the function around them.
"""

import re

_TOKEN = re.compile(
    r'//[^\n]*'
    r'|/\*.*?\*/'
    r'|R"(?P<raw>[^\s()\\]{0,16})\(.*?\)(?P=raw)"'
    r'|"(?:\\.|[^"\\\n])*"'
    r"|(?<![0-9A-Fa-f])'(?:\\.|[^'\\\n])+'"
    r'|^[ \t]*#(?:[^\n\\]|\\.|\\\n)*',
    re.S | re.M)


def blank(text):
    """The text with comments, literals and preprocessor lines as spaces; lines stay."""

    def spaces(match):
        word = match.group(0)
        fill = '"' if word[0] in "\"'R" else " "
        return re.sub(r"[^\n]", fill if fill == " " else "_", word)

    return _TOKEN.sub(spaces, text)


_SCOPE = re.compile(r"^\s*(?:template\b.*?>\s*)?(?:inline\s+|export\s+|typedef\s+)*"
                    r"(?:namespace|class|struct|union|enum)\b", re.S)
_EXTERN = re.compile(r"^\s*extern\s+_+\s*$")
_MEMBER_INIT = re.compile(r"\)\s*(?:noexcept\s*)?:(?!:)")
_NAME = re.compile(r"(~?[A-Za-z_][\w:~<>]*|operator\s*\S{1,3})\s*\($")


def _classify(head, depth):
    """What a `{` opens, by what stands before it: 'scope', 'function' or 'value'."""
    if depth > 0:
        return "value"  # inside parentheses: a default argument or an argument
    stripped = head.rstrip()
    if _EXTERN.match(head):
        return "scope"
    flat = _outside_parentheses(head)
    if _SCOPE.match(head) and "(" not in re.sub(r"(alignas|__attribute__|MUSTER_\w+)\s*\(.*?\)", "", flat):
        return "scope"
    if "(" not in head:
        return "value"
    if re.search(r"(?<![=!<>])=(?!=)", re.sub(r"operator\s*[=!<>+\-*/]*=+", "", flat)):
        # A variable; its value may be a lambda.
        return "function" if re.search(r"\]\s*(\(|$|<)", flat) else "value"
    if _MEMBER_INIT.search(head) and not re.search(r"[)}]\s*(noexcept|try)?$", stripped):
        return "value"  # a_{1} in a constructor's list
    return "function"


def _outside_parentheses(text):
    out, depth = [], 0
    for char in text:
        if char == "(":
            depth += 1
            if depth == 1:
                out.append(char)
        elif char == ")":
            depth -= 1
            if depth == 0:
                out.append(char)
        elif depth <= 0:
            out.append(char)
    return "".join(out)


def _name(head):
    variable = re.search(r"(\w+)\s*=\s*\[", head)
    if variable:
        return variable.group(1)
    at = head.find("(")
    match = _NAME.search(head[:at + 1]) if at >= 0 else None
    if match and re.fullmatch(r"TEST|TEST_F|TEST_P|TYPED_TEST", match.group(1)):
        return " ".join(head[match.start():].split())
    return match.group(1) if match else " ".join(head.split())[-40:] or "?"


class _Scanner:
    """Walks once over blanked text and collects functions."""

    def __init__(self, text):
        self.text = text
        self.functions = []
        self.stack = []  # (kind, start line of what it belongs to, name)
        self.head_start = 0
        self.depth = [0]  # open parentheses, per brace
        self.line = 1

    def scan(self):
        inside = 0  # braces that are inside a function
        for at, char in enumerate(self.text):
            if char == "\n":
                self.line += 1
            elif inside:
                inside += (char == "{") - (char == "}")
                if inside == 0:
                    self.close(at)
            elif char == "(":
                self.depth[-1] += 1
            elif char == ")":
                self.depth[-1] = max(0, self.depth[-1] - 1)
            elif char == "{":
                inside = self.open(at)
            elif char == "}":
                self.close(at)
            elif char == ";" and self.depth[-1] == 0:
                self.head_start = at + 1
            elif char == ":" and self.is_access(at):
                self.head_start = at + 1
        return self.functions

    def is_access(self, at):
        return re.search(r"(?:^|[\s;{}])(public|private|protected)\s*$",
                         self.text[self.head_start:at]) is not None

    def open(self, at):
        head = self.text[self.head_start:at]
        kind = _classify(head, self.depth[-1])
        first = self.line - head.lstrip().count("\n")
        self.stack.append((kind, first, _name(head) if kind == "function" else ""))
        if kind == "scope":
            self.head_start = at + 1
        self.depth.append(0)
        return 1 if kind == "function" else 0

    def close(self, at):
        if not self.stack:
            return
        kind, first, name = self.stack.pop()
        self.depth.pop()
        if kind == "function":
            self.functions.append((name, first, self.line))
        if kind != "value":
            self.head_start = at + 1


def functions(text):
    """[(name, first line, last line)] of the functions in C++ source text."""
    return _Scanner(blank(text)).scan()
