#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
import os
import sys

sys.path.insert(0, os.environ["PT__installdir"] + "/muster_sdk/files")
from muster_method import Method  # noqa: E402

method = Method()
run = method.start("name=" + method.arg("on"), "leaf", {"name": "chain_python"})
if method.wait(run)["counts"].get("succeeded") != 1:
    method.fail("leaf has failed", run=run)
host, = method.results(run)
method.result(said=host["stdout"].strip())
