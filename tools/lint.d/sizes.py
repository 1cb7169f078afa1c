# SPDX-License-Identifier: Apache-2.0
"""Files and functions stay small enough to be read at once."""

import ast

import cpp
from tree import Finding

FILE_LINES_WARN = 400
FILE_LINES_MAX = 600
FUNCTION_LINES_MAX = 70


def _python_functions(text):
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node.name, node.lineno, node.end_lineno


def _functions(tree, path):
    if path.endswith((".h", ".cc")):
        return cpp.functions(tree.text(path))
    if path.endswith(".py") or tree.text(path).startswith(("#!/usr/bin/python3",)):
        try:
            return _python_functions(tree.text(path))
        except SyntaxError:
            return []  # the rule about scripts reports it
    return []


def check(tree):
    findings = []
    for path in tree.sources():
        if tree.is_generated(path):
            continue
        lines = tree.text(path).count("\n")
        if lines > FILE_LINES_WARN:
            findings.append(Finding(
                path, 0, "file-size", f"{lines} lines (aim below {FILE_LINES_WARN}, "
                f"{FILE_LINES_MAX} fail): split it by concept", lines <= FILE_LINES_MAX))
        for name, first, last in _functions(tree, path):
            if last - first + 1 > FUNCTION_LINES_MAX:
                findings.append(Finding(
                    path, first, "function-size",
                    f"{name} has {last - first + 1} lines, {FUNCTION_LINES_MAX} are allowed"))
    return findings
