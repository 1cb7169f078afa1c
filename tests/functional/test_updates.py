# SPDX-License-Identifier: Apache-2.0
"""Agents update themselves: in waves, and whatever is wrong with the new one, the old one goes on."""

import json
import os
import platform
import shutil
import signal
from pathlib import Path

import pytest
from process import binary
from region import Agent, wait_until

TYPE = platform.machine()
MARK = b"muster-agent version: "


def renamed(agent, version):
    """The agent's program, calling itself by another version."""
    assert agent.count(MARK) == 1
    at = agent.index(MARK) + len(MARK)
    new = version.encode().ljust(24, b"\0")
    return agent[:at] + new + agent[at + len(new):]


class Builds:
    """Agents of other versions: copies of the one that was built, whose version is another; and worse."""

    def __init__(self, folder):
        self.folder = folder
        self.agent = Path(binary("muster-agent")).read_bytes()
        at = self.agent.index(MARK) + len(MARK)
        self.own = self.agent[at:self.agent.index(b"\0", at)].decode()

    def put(self, name, data):
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        (folder / f"muster-agent-{TYPE}").write_bytes(data)
        return str(folder)

    def version(self, version):
        return renamed(self.agent, version)

    def good(self, version):
        return self.put(f"good-{version}", self.version(version))

    def that_never_logs_in(self):
        """It asks for a protocol that no server speaks."""
        data = self.version("9.1.0")
        assert b"muster-link" in data
        return self.put("silent", data.replace(b"muster-link", b"muster-knil"))

    def program(self, name, version):
        """Some program of this machine that is no agent."""
        return self.put(name, Path(shutil.which(name)).read_bytes() + MARK + version.encode() + b"\0\n")

    def text(self):
        return self.put("text", b"#!/bin/sh\nexit 0\n# " + MARK + b"9.4.0\0\n")

    def foreign(self):
        data = bytearray(self.version("9.5.0"))
        data[18] ^= 0xFF  # the machine type
        return self.put("foreign", bytes(data))


class Updates:
    def __init__(self, region, builds):
        self.region, self.builds = region, builds
        self.key = str(builds.folder / "key.pem")
        self.cli("method", "key", "--trust")

    def cli(self, *words, check=0):
        return self.region.cli(*words, check=check, environment={"MUSTER_PUBLISHING_KEY": self.key})

    def update(self, folder, *more, on="all", check=0):
        """{host's name: target}; without a folder to what the server offers."""
        source = ["--from", folder] if folder else []
        ran = self.cli("agents", "update", "--on", on, *source, "--yes", "--json", *more, check=check)
        return {t["name"]: t for t in json.loads(ran.stdout)["targets"]}

    def order(self, folder, agent, **arguments):
        """A run that is not waited for; its id."""
        published = json.loads(self.cli("agents", "publish", "--from", folder, "--json").stdout)
        return self.region.api.post("/v1/runs", {"selector": f"id={agent.id}", "method": {
            "name": published["method"], "version": published["version"], "arguments": arguments}})["id"]


@pytest.fixture(scope="module")
def builds(tmp_path_factory):
    return Builds(tmp_path_factory.mktemp("builds"))


@pytest.fixture
def region(shared_region):
    return shared_region


@pytest.fixture
def updates(region, builds):
    return Updates(region, builds)


def versions(agents):
    return [a.info()["facts"]["agent_version"] for a in agents]


def test_updated_in_waves_and_still_after_a_restart(region, builds, updates):
    region.add_gateway("gw1")
    hosts = region.add_agents("web1", "web2", "web3", gateways=region.gateways)
    pids = [h.process.pid for h in hosts]
    busy = region.order(f"id={hosts[0].id}", "sleep 1; echo was not disturbed")["id"]
    region.in_state(busy, hosts[0], "running")
    targets = updates.update(builds.good("7.2.0"), "--waves", "1,1,1")
    for host in hosts:
        target = targets[host.name]
        assert target["state"] == "succeeded", target
        assert target["result"] == {"outcome": "updated", "version": "7.2.0", "before": builds.own}
    assert versions(hosts) == ["7.2.0"] * 3
    assert [h.process.pid for h in hosts] == pids and all(h.process.alive() for h in hosts)
    assert region.finished(busy)[hosts[0].id]["state"] == "succeeded"
    assert region.output(busy, hosts[0]) == b"was not disturbed\n"
    assert region.do(hosts[1], "echo still here")["state"] == "succeeded"
    # Again: there is nothing to do.
    assert {t["result"]["outcome"] for t in updates.update(builds.good("7.2.0")).values()} == {"current"}
    listed = updates.cli("agents").stdout
    assert listed.count("7.2.0") == 3 and f"newer than {builds.own}" in listed, listed
    assert "by an update" in hosts[0].run_here([hosts[0].program, "status", "--config", "/dev/null"]).stdout

    # The installed program is as it was; started, it starts the newer one. Also after a power cut.
    for host in hosts[:2]:
        if host is hosts[0]:
            host.process.stop()
        else:
            host.process.kill()
        host.start()
    assert versions(hosts) == ["7.2.0"] * 3
    # A second update, and what the first had brought may be lost: the installed one is always there.
    updates.update(builds.good("7.3.0"))
    assert versions(hosts) == ["7.3.0"] * 3
    hosts[2].process.stop()
    shutil.rmtree(hosts[2].files / "programs")
    hosts[2].start()
    assert versions(hosts) == ["7.3.0", "7.3.0", builds.own]
    # Back, only where that is meant.
    refused = updates.update(builds.good("7.1.0"), on="name=web1", check=1)["web1"]
    assert refused["state"] == "refused" and "--downgrade" in refused["reason"], refused
    assert updates.update(builds.good("7.1.0"), "--downgrade", on="name=web1")["web1"]["state"] == "succeeded"
    assert versions(hosts[:1]) == ["7.1.0"]


def test_the_first_failure_stops_the_waves_and_the_old_agent_goes_on(region, builds, updates):
    hosts = region.add_agents("a1", "a2", "a3")
    targets = updates.update(builds.program("false", "9.2.0"), check=1)
    assert targets["a1"]["state"] == "failed", targets
    assert "ended with status 1 without having logged in" in targets["a1"]["reason"]
    assert targets["a1"]["reason"].endswith(f"{builds.own} goes on")
    assert {targets[name]["state"] for name in ("a2", "a3")} == {"cancelled"}
    for folder, state, why in (
            (builds.program("true", "9.3.0"), "failed", "ended with status 0 without having logged in"),
            (builds.that_never_logs_in(), "failed", "did not log in within 2s"),
            (builds.text(), "refused", "it is no program"),
            (builds.foreign(), "refused", "for another type of machine")):
        target = updates.update(folder, "--login-within", "2s", on="name=a1", check=1)["a1"]
        assert target["state"] == state and why in target["reason"], target
        wait_until(hosts[0].is_online, "a1 is back")
    assert versions(hosts) == [builds.own] * 3
    assert all(h.process.alive() for h in hosts)
    assert not [f for f in (hosts[0].files / "programs").iterdir()]
    assert "last update" in hosts[0].run_here([hosts[0].program, "status", "--config", "/dev/null"]).stdout
    # The server offers what they have; and nothing of all that is in the way of a good one.
    assert updates.update(None, on="name=a2")["a2"]["result"]["outcome"] == "current"
    assert updates.update(builds.good("9.9.0"), on="name=a1")["a1"]["state"] == "succeeded"


def test_killed_in_the_trial_and_after_the_switch(region, builds, updates):
    host = region.add_agent("k1")
    run = updates.order(builds.that_never_logs_in(), host, login_within_s=3)

    def on_trial():
        record = host.files / "update.json"
        return record.exists() and "trial" in json.loads(record.read_text())

    wait_until(on_trial, "the new agent is on trial")
    host.process.kill()
    host.start()
    assert versions([host]) == [builds.own]
    # The order comes again, because updating twice does no harm, and comes to its end.
    target = region.finished(run)[host.id]
    assert target["state"] == "failed" and "did not log in within 3s" in target["reason"], target

    run = updates.order(builds.good("7.5.0"), host)
    wait_until(lambda: (host.files / "update.json").exists()
               and json.loads((host.files / "update.json").read_text())["programs"], "it has switched")
    os.kill(host.process.pid, signal.SIGKILL)
    host.process.ended()
    host.start()
    assert region.finished(run)[host.id]["state"] == "succeeded"
    assert versions([host]) == ["7.5.0"]


class FixedAgent(Agent):
    options = ("--no-self-update",)


def test_who_cannot_update_itself_is_told_and_left_alone(region, builds, updates):
    fixed = region.add_agent("old1", kind=FixedAgent)
    ran = updates.cli("agents", "update", "--on", "all", "--from", builds.good("7.2.0"), "--yes", check=3)
    assert "1 agent cannot update itself and is left alone" in ran.stderr and "old1" in ran.stderr
    target = region.finished(updates.order(builds.good("7.2.0"), fixed))[fixed.id]
    assert target["state"] == "failed" and "this agent cannot update itself" in target["reason"], target
    assert versions([fixed]) == [builds.own]
    offered = region.api.get("/v1/agents")["agents"]
    assert [(a["type"], a["version"]) for a in offered] == [(TYPE, builds.own)]
    assert "no agent in" in updates.cli("agents", "publish", "--from", str(builds.folder), check=None).stderr
