#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
import os
import sys
import time
from dataclasses import dataclass

sys.path.insert(0, os.environ["PT__installdir"] + "/muster_sdk/files")
from muster_method import CallError, Method  # noqa: E402


@dataclass
class Arguments:
    count: int
    name: str
    go: str = ""


method = Method()
arguments = method.arguments_as(Arguments)
method.progress(40, 'waiting for "go"')
while arguments.go and not os.path.exists(arguments.go):
    time.sleep(0.05)
method.log("warning", "a line of the log", count=1)
run = method.call("run.describe")
with open(method.fetch("sdk_python/files/note.txt")) as file:
    note = file.read().strip()
try:
    method.call("certificate.renew")
    method.fail("methods must not ask for certificates")
except CallError as error:
    assert error.code == "not_found", error
method.result(count=arguments.count + 1, name=arguments.name, note=note, run=run)
