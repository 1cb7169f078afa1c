# SPDX-License-Identifier: Apache-2.0
"""clang-format on everything; the console's own lint."""

import re
import subprocess

from tree import Finding

FORMATTER = "clang-format-19"


def _sources(tree):
    return tree.sources(".h", ".cc")


def check(tree):
    files = _sources(tree)
    if not files:
        return []
    ran = subprocess.run([FORMATTER, "--dry-run", "--Werror", *files], cwd=tree.root,
                         capture_output=True, text=True)
    findings, seen = [], set()
    for match in re.finditer(r"^(\S+?):(\d+):\d+: error:", ran.stderr, re.M):
        if match.group(1) not in seen:
            seen.add(match.group(1))
            findings.append(Finding(match.group(1), int(match.group(2)), "format",
                                    "is not formatted: run `tools/lint --fix`"))
    if ran.returncode != 0 and not findings:
        findings.append(Finding(".clang-format", 0, "format", ran.stderr.strip()[:300]))
    return findings


def fix(tree):
    if _sources(tree):
        subprocess.run([FORMATTER, "-i", *_sources(tree)], cwd=tree.root, check=True)


def check_console(tree):
    """TypeScript's own rules, by the console's lint script."""
    if "console/package.json" not in tree.paths:
        return []
    for command in (["tools/console", "packages"], ["npm", "run", "--silent", "lint"]):
        cwd = tree.root / "console" if command[0] == "npm" else tree.root
        ran = subprocess.run(command, cwd=cwd, capture_output=True, text=True,
                             stdin=subprocess.DEVNULL)
        if ran.returncode != 0:
            return [Finding("console", 0, "console",
                            f"`{' '.join(command)}` fails:\n{(ran.stdout + ran.stderr)[-6000:]}")]
    return []
