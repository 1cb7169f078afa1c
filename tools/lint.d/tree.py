# SPDX-License-Identifier: Apache-2.0
"""The source tree as the linter sees it: its files, and what is wrong with them."""

import subprocess
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

CODE = (".h", ".cc", ".proto", ".py", ".sh", ".cmake", ".ts", ".tsx", ".mjs", ".cjs", ".js", ".css")


@dataclass(frozen=True)
class Finding:
    """One thing wrong. A warning is shown but does not fail."""

    path: str
    line: int
    rule: str
    message: str
    warning: bool = False

    def __str__(self):
        where = f"{self.path}:{self.line}" if self.line else self.path
        kind = "warning" if self.warning else "error"
        return f"{where}: {kind}: {self.message} [{self.rule}]"


class Tree:
    """Files below `root`, by their path relative to it. Without git, all files."""

    def __init__(self, root):
        self.root = Path(root)
        if (self.root / ".git").exists():
            listed = self.git("ls-files", "-z", "--cached", "--others", "--exclude-standard")
            paths = [p for p in listed.split("\0") if p and (self.root / p).is_file()]
        else:
            paths = [str(p.relative_to(self.root)) for p in self.root.rglob("*") if p.is_file()]
        self.paths = sorted(set(paths))
        self.text = lru_cache(maxsize=None)(self._text)

    def git(self, *arguments):
        return subprocess.run(["git", *arguments], cwd=self.root, capture_output=True, text=True,
                              check=True).stdout

    def _text(self, path):
        """The file's text; bytes that are not UTF-8 are kept out of the way."""
        return (self.root / path).read_bytes().decode("utf-8", "replace")

    def is_binary(self, path):
        with open(self.root / path, "rb") as file:
            return b"\0" in file.read(8192)

    def is_script(self, path):
        """Programs without a suffix, known by their first line."""
        return "." not in Path(path).name and self.text(path).startswith("#!")

    def is_generated(self, path):
        head = self.text(path)[:400].lower()
        return "auto-generated" in head or "@generated" in head

    def sources(self, *suffixes):
        """Source files by suffix (all code by default, scripts without a suffix too)."""
        wanted = suffixes or CODE
        return [p for p in self.paths
                if p.endswith(wanted) or (not suffixes and self.is_script(p))]
