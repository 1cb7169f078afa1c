# SPDX-License-Identifier: Apache-2.0
"""Parameters of coroutines.

A coroutine outlives the full expression of its call: a `const T&` or `T&&` may be bound
to a temporary that is gone at the first co_await. Such parameters are taken by value. A
plain `T&` cannot bind to a temporary: it names something that the caller keeps.
"""

import re

from tree import Finding

DECLARATION = re.compile(r"\bTask<(?:[^<>;(){}]|<(?:[^<>;(){}]|<[^<>;(){}]*>)*>)*>\s+[\w:~]+\(([^;{}]*?)\)\s*"
                         r"(?:const\s*|override\s*|noexcept\s*)*[;{]")
DANGEROUS = re.compile(r"\bconst\s+[\w:]+(?:<[^;(){}]*>)?\s*&|&&")


def check(tree):
    findings = []
    for path in tree.paths:
        if not path.startswith("src/") or not path.endswith((".h", ".cc")):
            continue
        text = tree.text(path)
        for match in DECLARATION.finditer(text):
            if DANGEROUS.search(match.group(1)):
                line = text.count("\n", 0, match.start()) + 1
                findings.append(Finding(path, line, "coroutine-reference",
                                        "a coroutine takes this by reference to a temporary; take it by value"))
    return findings
