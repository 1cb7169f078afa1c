# SPDX-License-Identifier: Apache-2.0
"""Shell scripts pass shellcheck, Python compiles, YAML and the API document parse."""

import json
import subprocess

import yaml

from tree import Finding

METHODS = {"get", "post", "put", "patch", "delete", "head", "options"}


def _shell(tree):
    scripts = [p for p in tree.sources() if p.endswith(".sh")
               or tree.text(p).startswith(("#!/usr/bin/env bash", "#!/bin/bash", "#!/bin/sh"))]
    if not scripts:
        return []
    ran = subprocess.run(["shellcheck", "--format=json", *scripts], cwd=tree.root,
                         capture_output=True, text=True)
    return [Finding(c["file"], c["line"], "shellcheck", f"SC{c['code']}: {c['message']}")
            for c in json.loads(ran.stdout or "[]")]


def _python(tree):
    findings = []
    for path in tree.sources():
        if path.endswith(".py") or tree.text(path).startswith(("#!/usr/bin/python3", "#!/usr/bin/env python3")):
            try:
                compile(tree.text(path), path, "exec")
            except SyntaxError as error:
                findings.append(Finding(path, error.lineno or 0, "python", error.msg))
    return findings


def _references(node, at="#"):
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "$ref" and isinstance(value, str):
                yield at, value
            else:
                yield from _references(value, f"{at}/{key}")
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from _references(value, f"{at}/{index}")


def _resolves(document, reference):
    if not reference.startswith("#/"):
        return False
    node = document
    for part in reference[2:].split("/"):
        part = part.replace("~1", "/").replace("~0", "~")
        if not isinstance(node, dict) or part not in node:
            return False
        node = node[part]
    return True


def _openapi(path, document):
    if not isinstance(document, dict) or not str(document.get("openapi", "")).startswith("3.1"):
        return [Finding(path, 0, "openapi", "is not an OpenAPI 3.1 document")]
    findings = [Finding(path, 0, "openapi", f"{at} refers to {ref}, which does not exist")
                for at, ref in _references(document) if not _resolves(document, ref)]
    for route, item in (document.get("paths") or {}).items():
        for method, operation in item.items():
            if method in METHODS and not operation.get("responses"):
                findings.append(Finding(path, 0, "openapi", f"{method} {route} describes no answer"))
    return findings


def _yaml(tree):
    findings = []
    for path in tree.paths:
        if path.endswith((".yaml", ".yml")):
            try:
                document = yaml.safe_load(tree.text(path))
            except yaml.YAMLError as error:
                mark = getattr(error, "problem_mark", None)
                findings.append(Finding(path, mark.line + 1 if mark else 0, "yaml",
                                        getattr(error, "problem", None) or str(error)))
                continue
            if path == "docs/openapi.yaml":
                findings += _openapi(path, document)
    return findings


def check(tree):
    return _shell(tree) + _python(tree) + _yaml(tree)
