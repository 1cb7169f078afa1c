# SPDX-License-Identifier: Apache-2.0
import shutil

import pytest
import scripts
from conftest import rules

GOOD = "openapi: 3.1.0\npaths:\n  /a:\n    get: {responses: {'200': {$ref: '#/components/responses/A'}}}\n"


@pytest.mark.skipif(not shutil.which("shellcheck"), reason="shellcheck is not installed")
def test_bad_shell_fails(tree):
    assert rules(scripts.check(tree({"tools/a": "#!/usr/bin/env bash\ncd $1\n"}))) == ["shellcheck"]


def test_python_that_does_not_compile_fails(tree):
    assert rules(scripts.check(tree({"tools/a.py": "def f(:\n"}))) == ["python"]
    assert rules(scripts.check(tree({"tools/b": "#!/usr/bin/python3\nx = (\n"}))) == ["python"]


def test_yaml_that_does_not_parse_fails(tree):
    assert rules(scripts.check(tree({"docs/a.yaml": "a: [1\n"}))) == ["yaml"]


def test_openapi_is_checked(tree):
    good = GOOD + "components: {responses: {A: {description: a}}}\n"
    assert scripts.check(tree({"docs/openapi.yaml": good})) == []
    assert rules(scripts.check(tree({"docs/openapi.yaml": GOOD}))) == ["openapi"]  # dangling reference
    assert rules(scripts.check(tree({"docs/openapi.yaml": "openapi: 3.0.3\npaths: {}\n"}))) == ["openapi"]
    assert rules(scripts.check(tree({"docs/openapi.yaml": "openapi: 3.1.0\npaths: {/a: {get: {}}}\n"}))) == ["openapi"]
