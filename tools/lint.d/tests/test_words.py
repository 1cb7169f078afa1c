# SPDX-License-Identifier: Apache-2.0
import words
from conftest import SPDX, rules


def test_missing_license_fails(tree):
    for path in ("src/core/a.cc", "src/core/a.h", "src/wire/a.proto", "tools/a.py", "console/src/a.tsx"):
        assert rules(words.check(tree({path: "int a;\n"}))) == ["license"], path
    assert rules(words.check(tree({"tools/run": "#!/bin/sh\n"}))) == ["license"]


def test_license_is_seen(tree):
    assert words.check(tree({"src/core/a.cc": f"// {SPDX}\n"})) == []


def test_markers_fail(tree):
    for word in ("TO" + "DO", "FIX" + "ME", "X" + "XX"):
        assert rules(words.check(tree({"docs/a.md": f"later: {word}: this\n"}))) == ["marker"]
    assert words.check(tree({"docs/a.md": "mktemp /tmp/aXXXXXX\n"})) == []


def test_machine_paths_fail(tree):
    for path in ("/wo" + "rk/main/src", "/ho" + "me/anna/x", "/Us" + "ers/anna/x"):
        assert rules(words.check(tree({"docs/a.md": f"see {path}\n"}))) == ["machine-path"], path
    assert words.check(tree({"docs/a.md": "see /usr/bin/x and ~/.local\n"})) == []


def test_lock_file_with_addresses_fails(tree):
    lock = '{"packages": {"a": {"resolved": "https://registry.example/a.tgz"}}}\n'
    assert rules(words.check(tree({"console/package-lock.json": lock}))) == ["lock-file"]
    assert words.check(tree({"console/package-lock.json": '{"a": {"version": "1"}}\n'})) == []
