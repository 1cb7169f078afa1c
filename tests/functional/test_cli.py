# SPDX-License-Identifier: Apache-2.0
"""The command line as people and scripts use it: words, exit codes, JSON."""

import json
import os

import pytest
from region import Agent

OK, FAILED, USAGE, NO_MATCH, DENIED, UNREACHABLE = 0, 1, 2, 3, 4, 5


@pytest.fixture
def region(shared_region):
    return shared_region


def test_tour(region):
    """The README's tour, command by command."""
    made = region.cli("token", "create", "--uses", "2", "--label", "role=web", check=OK).stdout
    token = next(word for word in made.split() if word.startswith("mjt1."))
    for name in ("web1", "web2"):
        agent = Agent(region, name)
        agent.enrol(token)
        agent.start()
        region.agents.append(agent)
    listed = region.cli("hosts", check=OK).stdout
    assert listed.count("web") >= 2 if region.network.isolated else listed
    ran = region.cli("run", "--on", "role=web", "--", "sh", "-c", "echo same", check=OK)
    assert "same" in ran.stdout and ran.stdout.count("same") == 1  # folded
    if region.network.isolated:
        assert "web[1-2]" in ran.stdout
    region.cli("runs", check=OK)
    runs = json.loads(region.cli("runs", "list", "--json", check=OK).stdout)["runs"]
    assert runs[0]["counts"]["succeeded"] == 2
    shown = region.cli("runs", "show", runs[0]["id"], check=OK).stdout
    assert shown.count("same") >= 1
    assert "whole" in region.cli("audit", "verify", check=OK).stdout


def test_exit_codes(make_region):
    region = make_region().start()
    agent = region.add_agent("a")
    on = ["run", "--on", f"id={agent.id}"]
    region.cli(*on, "--", "true", check=OK)
    region.cli(*on, "--", "false", check=FAILED)
    ran = region.cli("run", "--on", "os=", "--", "true", check=USAGE)
    assert "^" in ran.stderr or "column" in ran.stderr
    ran = region.cli("run", "--on", "name=nosuch", "--", "true", check=NO_MATCH)
    assert "no host" in (ran.stdout + ran.stderr)
    region.cli("frobnicate", check=USAGE)
    region.cli("hosts", "show", "nosuch", check=NO_MATCH)
    wrong = {"MUSTER_SERVER": region.url, "MUSTER_CA": str(region.ca_file), "MUSTER_TOKEN": "mat1.wrong.wrong"}
    region.cli("hosts", environment=wrong, check=DENIED)
    agent.process.stop()
    agent.offline()
    region.cli(*on, "--", "true", check=FAILED)
    region.server.kill()
    ran = region.cli("hosts", check=UNREACHABLE)
    assert region.url.split("//")[1] in ran.stderr


def test_half_the_fleet_offline_is_said_first(region):
    here, gone = region.add_agents("here", "gone")
    gone.process.stop()
    gone.offline()
    ran = region.cli("run", "--on", f"id in ({here.id},{gone.id})", "--", "echo", "hi")
    assert ran.returncode == FAILED and "1 of 2" in ran.stderr
    assert "gone" in ran.stderr if region.network.isolated else True
    assert "hi\n" in ran.stdout


def test_json_is_json_and_nothing_else(region):
    agent = region.add_agent("a")
    for words in (["hosts"], ["hosts", "show", agent.id], ["runs"], ["token", "list"], ["user", "list"], ["whoami"],
                  ["run", "--on", f"id={agent.id}", "--", "echo", "x"]):
        at = words.index("--") if "--" in words else len(words)
        ran = region.cli(*words[:at], "--json", *words[at:], check=OK)
        assert isinstance(json.loads(ran.stdout), (dict, list)), words


def test_labels_users_tokens_by_command_line(region):
    agent = region.add_agent("a")
    region.cli("hosts", "label", f"id={agent.id}", "role=db", "--yes", check=OK)
    assert agent.info()["labels"] == {"role": "db"}
    made = region.cli("api-token", "create", "ci", "--role", "viewer", check=OK).stdout
    token = next(word for word in made.split() if word.startswith("mat1."))
    as_viewer = {"MUSTER_SERVER": region.url, "MUSTER_CA": str(region.ca_file), "MUSTER_TOKEN": token}
    region.cli("hosts", environment=as_viewer, check=OK)
    region.cli("run", "--on", "all", "--", "true", environment=as_viewer, check=DENIED)


def test_output_cannot_steer_the_terminal(region):
    agent = region.add_agent("a")
    ran = region.cli("run", "--on", f"id={agent.id}", "--", "printf", r"\033]0;owned\007\033[2J", check=OK, text=False)
    if not os.isatty(1):
        assert b"owned" in ran.stdout
    assert b"\x07" not in ran.stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion(region, shell):
    script = region.cli("completion", shell, check=OK).stdout
    assert "hosts" in script and "token" in script


def test_help_has_examples(region):
    assert "muster run --on" in region.cli("run", "--help", check=OK).stdout
    top = region.cli("--help", check=OK).stdout
    for word in ("up", "hosts", "run", "runs", "token", "audit"):
        assert word in top


def test_nothing_configured_says_what_to_do(region, tmp_path):
    ran = region.cli("hosts", environment={"MUSTER_STATE": str(tmp_path), "HOME": str(tmp_path)}, check=DENIED)
    assert "muster login" in ran.stderr
