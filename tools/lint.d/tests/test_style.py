# SPDX-License-Identifier: Apache-2.0
import shutil
import subprocess
from pathlib import Path

import modmap
import pytest
import style
import tidy
from conftest import rules
from tree import Tree

ROOT = Path(__file__).resolve().parents[3]
FILES = {"src/core/a.h": "", "src/net/a.cc": '#include "core/a.h"\n',
         "src/net/README.md": "# net\n\nSpeaks TLS. And more.\n"}


@pytest.mark.skipif(not shutil.which(style.FORMATTER), reason=f"{style.FORMATTER} is not installed")
def test_unformatted_source_fails_and_fix_mends_it(tree, tmp_path):
    made = tree({"src/core/a.cc": "int   a ;\n", ".clang-format": "BasedOnStyle: Google\n"})
    assert rules(style.check(made)) == ["format"]
    style.fix(made)
    assert style.check(Tree(tmp_path)) == []


def test_module_map_missing_or_stale_fails(tree, tmp_path):
    assert rules(modmap.check(tree(FILES))) == ["module-map"]
    modmap.fix(Tree(tmp_path))
    assert modmap.check(Tree(tmp_path)) == []
    more = tree({"src/jobs/a.cc": '#include "net/b.h"\n'}, keep=True)
    assert rules(modmap.check(more)) == ["module-map"]


def test_module_map_shows_edges_and_purpose(tree):
    drawn = modmap.draw(tree(FILES))
    assert "  net --> core" in drawn and "| `net` | `core` | Speaks TLS. |" in drawn


@pytest.mark.skipif(not shutil.which(tidy.TIDY), reason=f"{tidy.TIDY} is not installed")
def test_tidy_finds_a_use_after_move(tmp_path):
    bad = tmp_path / "bad.cc"
    bad.write_text("#include <string>\n#include <utility>\nvoid take(std::string);\n"
                   "unsigned long f(std::string s) {\n  take(std::move(s));\n  return s.size();\n}\n")
    ran = subprocess.run([tidy.TIDY, "--quiet", f"--config-file={ROOT / '.clang-tidy'}", str(bad), "--",
                          "-std=c++23"], capture_output=True, text=True)
    assert ran.returncode != 0 and "bugprone-use-after-move" in ran.stdout


def test_tidy_takes_changed_files_only(tmp_path):
    def git(*words):
        subprocess.run(["git", "-c", "user.name=t", "-c", "user.email=t@t", *words], cwd=tmp_path,
                       check=True, capture_output=True)

    (tmp_path / "src/core").mkdir(parents=True)
    for name in ("a", "b"):
        (tmp_path / f"src/core/{name}.cc").write_text("int x;\n")
    git("init", "-q", "-b", "main")
    git("add", "-A")
    git("commit", "-qm", "one")
    git("checkout", "-qb", "topic")
    (tmp_path / "src/core/b.cc").write_text("int y;\n")
    git("commit", "-qam", "two")
    (tmp_path / "src/core/c.cc").write_text("int z;\n")
    assert tidy.changed(Tree(tmp_path)) == ["src/core/b.cc", "src/core/c.cc"]
