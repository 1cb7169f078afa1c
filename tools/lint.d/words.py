# SPDX-License-Identifier: Apache-2.0
"""What every file must say, and what none may."""

import re

from tree import Finding

SPDX = "SPDX-License-Identifier: Apache-2.0"
MARKERS = re.compile(r"\b(" + "|".join(["TO" + "DO", "FIX" + "ME", "X" + "XX"]) + r")\b")
MACHINE_PATH = re.compile(r"(?<![\w.])/(?:" + "|".join(["wo" + "rk", "ho" + "me/[a-z]", "Us" + "ers/"]) + r")"
                          r"(?:/|[a-z]*/)[\w.]")
LOCK_FILES = ("package-lock.json", "yarn.lock", "pnpm-lock.yaml")
NEEDS_SPDX = (".h", ".cc", ".proto", ".py", ".sh", ".cmake", ".ts", ".tsx", ".mjs", ".cjs", ".js")
TEXT_ENDS_MAX = 3  # findings per file and rule: more would drown the rest


def _lines(tree, path, pattern, rule, message):
    found = []
    for number, line in enumerate(tree.text(path).splitlines(), 1):
        match = pattern.search(line)
        if match and len(found) < TEXT_ENDS_MAX:
            found.append(Finding(path, number, rule, message.format(match.group(0))))
    return found


def _needs_spdx(tree, path):
    return (path.endswith(NEEDS_SPDX) or path.endswith("CMakeLists.txt") and path == "CMakeLists.txt"
            or tree.is_script(path)) and not tree.is_generated(path)


def check(tree):
    findings = []
    for path in tree.paths:
        if path.startswith("fuzz/corpus/") or tree.is_binary(path):
            continue
        if _needs_spdx(tree, path) and SPDX not in tree.text(path)[:300]:
            findings.append(Finding(path, 1, "license", f"does not begin with {SPDX}"))
        if path.endswith(LOCK_FILES):
            findings += _lines(tree, path, re.compile(r'"?resolved"?:? "?https?://[^"]*'), "lock-file",
                               "download address in a lock file; npm reads omit-lockfile-registry-"
                               "resolved from .npmrc: write the file again")
            continue
        findings += _lines(tree, path, MARKERS, "marker", "'{}': do it, or write an issue")
        findings += _lines(tree, path, MACHINE_PATH, "machine-path",
                           "'{}…' names a folder of one machine")
    return findings
