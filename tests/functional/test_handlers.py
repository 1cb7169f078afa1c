# SPDX-License-Identifier: Apache-2.0
"""An application's own calls: answered by executables on the gateway, and by nothing else."""

import json
import os
import re

import pytest
from process import wait_until
from region import Gateway
from test_chains import CALL
from test_method_runs import order, publish_script

TELL = CALL + r"""
printf '%s\n' "$PT_lines" | while read -r name body; do ask "$name" "$body"; done
"""
HANDLERS = {
    "echo": "read -r question; printf '{\"verb\":\"%s\",\"question\":%s}' \"$1\" \"$question\"",
    "refuses": "printf '{\"_error\":{\"code\":\"denied\",\"message\":\"no licence is left\"}}'",
    "fails": "echo 'the store is away' >&2; exit 3",
    "babbles": "echo hello",
    "floods": "head -c 100000 /dev/zero | tr '\\0' 7",
    "run": "echo '\"never\"'",
    "event": "echo '\"never\"'",
}


@pytest.fixture(scope="module")
def site(lasting_region, tmp_path_factory):
    region, folder = lasting_region, tmp_path_factory.mktemp("handlers")
    publish = {"MUSTER_PUBLISHING_KEY": str(folder / "key.pem")}
    region.cli("method", "key", "--trust", check=0, environment=publish)
    publish_script(lambda *words: region.cli("method", *words, check=0, environment=publish), folder, "tell", TELL)
    handlers = folder / "handlers"
    handlers.mkdir(mode=0o755)
    for name, script in HANDLERS.items():
        (handlers / name).write_text("#!/bin/sh\n" + script + "\n")
        (handlers / name).chmod(0o755)
    gateway = Gateway(region, "gw1")
    gateway.options = ("--handlers", str(handlers))
    region.gateways.append(gateway)
    gateway.start(region.join_token(role="gateway"))
    gateway.process.keep()
    agent, = region.add_agents("web1", gateways=[gateway])
    agent.process.keep()
    return region, gateway, agent, handlers


def ask(region, *lines):
    run = order(region, "tell", "name=web1", arguments={"lines": "\n".join(lines)})
    target, = region.finished(run["id"]).values()
    assert target["state"] == "succeeded", target
    return run["id"], [json.loads(line) for line in target["stdout"].splitlines()]


def test_a_handler_answers(site):
    region, gateway, agent, handlers = site
    run, (reply, none) = ask(region, 'echo.say {"a":[1,"two"]}', "nobody.there {}")
    assert reply["body"] == {"verb": "say", "question": {
        "call": "echo.say", "endpoint": agent.id, "run": run, "gateway": "gw1", "body": {"a": [1, "two"]}}}
    assert none["error"]["code"] == "not_found"
    # Put in while it runs.
    (handlers / "late").write_text("#!/bin/sh\necho 42\n")
    (handlers / "late").chmod(0o755)
    assert ask(region, "late.comer null")[1][0]["body"] == 42
    assert re.search(r'muster_gateway_handlers_asked_total{gateway="gw1"} [1-9]', gateway.get("/metrics")[1])


def test_what_goes_wrong_is_told(site):
    region, gateway, _, handlers = site
    for name, mode in (("open", 0o777), ("plain", 0o644)):
        (handlers / name).write_text("#!/bin/sh\necho 1\n")
        (handlers / name).chmod(mode)
    os.symlink(handlers / "echo", handlers / "link")
    cases = [
        ("refuses.all {}", "denied", "no licence is left"),
        ("fails.now {}", "internal", "status 3: the store is away"),
        ("babbles.on {}", "internal", "answered no JSON"),
        ("floods.us {}", "limit", "more than 61440 bytes"),
        ("open.all {}", "unavailable", "its log says why"),
        ("plain.file {}", "unavailable", "its log says why"),
        ("link.followed {}", "unavailable", "its log says why"),
        ("../echo.say {}", "not_found", ""),
        ("echo.../x {}", "not_found", ""),
        ("Echo.say {}", "not_found", ""),
        ("echo {}", "not_found", ""),
        ("run.any {}", "not_found", ""),
        ("event.any {}", "not_found", ""),
    ]
    replies = [reply for part in (cases[:7], cases[7:]) for reply in ask(region, *(line for line, _, _ in part))[1]]
    for (line, code, why), reply in zip(cases, replies):
        assert reply["error"]["code"] == code and why in reply["error"]["message"], (line, reply)
    log = gateway.process.output()
    assert "open can be changed by others" in log and "plain cannot be executed" in log and "link is no file" in log


def test_a_folder_that_others_can_change_is_refused(site, tmp_path):
    region, gateway, _, _ = site
    folder = tmp_path / "open"
    folder.mkdir()
    folder.chmod(0o777)
    other = Gateway(region, "gw2")
    other.options = ("--handlers", str(folder))
    region.gateways.append(other)
    other.launch(region.join_token(role="gateway"))
    wait_until(lambda: not other.process.alive(), "it does not start")
    assert "can be changed by others" in other.process.output()
