# SPDX-License-Identifier: Apache-2.0
"""clang-tidy with the short list of .clang-tidy: on what changed, or on everything.

Slow (some seconds a file), therefore bounded: without --all it stops taking new files
after a number and a time, and says what it left out.
"""

import os
import re
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

from tree import Finding

TIDY = "clang-tidy-19"
FILES_MAX = 40
SECONDS_MAX = 420
SECONDS_PER_FILE_MAX = 240
_LINE = re.compile(r"^(\S+?):(\d+):\d+: (?:error|warning): (.*)$", re.M)


def _base(tree):
    """What to compare with: where this branch left main, else the commit before."""
    for reference in ("origin/main", "main", "HEAD~1"):
        try:
            base = tree.git("merge-base", "HEAD", reference).strip()
            if base != tree.git("rev-parse", "HEAD").strip():
                return base
        except subprocess.CalledProcessError:
            continue
    return None


def changed(tree):
    """Sources that differ from the base, committed or not. Without any earlier commit: all of them."""
    base = _base(tree)
    listed = tree.git("diff", "--name-only", base) if base else "\n".join(tree.paths)
    listed += tree.git("ls-files", "--others", "--exclude-standard")
    return [p for p in dict.fromkeys(listed.split()) if p in tree.paths and _checkable(p)]


def _checkable(path):
    return path.endswith(".cc") and path.split("/")[0] in ("src", "tests", "bench")


def _prepare(tree):
    """A configured tree with the generated headers; None, or what went wrong."""
    ran = subprocess.run(["tools/build", "asan", "muster_precompiled", "muster_wire_generated"],
                         cwd=tree.root, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    return None if ran.returncode == 0 else (ran.stdout + ran.stderr)[-3000:]


def _one(tree, path):
    try:
        ran = subprocess.run([TIDY, "--quiet", "-p", "build/asan", path], cwd=tree.root,
                             capture_output=True, text=True, timeout=SECONDS_PER_FILE_MAX)
    except subprocess.TimeoutExpired:
        return [Finding(path, 0, "tidy", f"took more than {SECONDS_PER_FILE_MAX} s")]
    root = str(tree.root) + "/"
    findings = [Finding(m.group(1).removeprefix(root), int(m.group(2)), "tidy", m.group(3))
                for m in _LINE.finditer(ran.stdout)]
    if ran.returncode != 0 and not findings:
        findings.append(Finding(path, 0, "tidy", ran.stderr.strip()[-500:]))
    return findings


def check(tree, everything=False, say=print):
    files = [p for p in tree.paths if _checkable(p)] if everything else changed(tree)
    if not files:
        return []
    wrong = _prepare(tree)
    if wrong:
        return [Finding("CMakeLists.txt", 0, "tidy", f"the tree does not configure:\n{wrong}")]
    deadline = None if everything else time.monotonic() + SECONDS_MAX
    taken = files if everything else files[:FILES_MAX]
    left = len(files) - len(taken)

    def work(path):
        if deadline and time.monotonic() > deadline:
            return None
        return _one(tree, path)

    with ThreadPoolExecutor(os.cpu_count() or 2) as pool:
        results = list(pool.map(work, taken))
    left += sum(result is None for result in results)
    if left:
        say(f"   clang-tidy left out {left} of {len(files)} changed files (limits: {FILES_MAX} "
            f"files, {SECONDS_MAX} s); `make lint-all` takes them all")
    found = [finding for result in results if result for finding in result]
    return list(dict.fromkeys(found))  # a header's finding comes once per includer
