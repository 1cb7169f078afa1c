# SPDX-License-Identifier: Apache-2.0
"""Each test writes a small tree with one fault and asks the rule to find it."""

import shutil
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tree import Tree  # noqa: E402

SPDX = "SPDX-License-Identifier: Apache-2.0"


@pytest.fixture
def tree(tmp_path):
    """tree({"path": "text"}) -> Tree of these files (and the earlier ones, with keep)"""

    def make(files, keep=False):
        for entry in [] if keep else tmp_path.iterdir():
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
        for path, text in files.items():
            target = tmp_path / path
            target.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(text, bytes):
                target.write_bytes(text)
            else:
                target.write_text(text)
        return Tree(tmp_path)

    return make


def rules(findings):
    return sorted({finding.rule for finding in findings})
