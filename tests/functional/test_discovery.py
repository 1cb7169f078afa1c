# SPDX-License-Identifier: Apache-2.0
"""How a machine finds its region: by asking its networks, by DNS, by what its gateway told it."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from network import free_port
from process import Process, wait_until
from region import Agent

PORT = 7443
NAME_SERVER = Path(__file__).resolve().parent / "name_server.py"


@pytest.fixture
def region(isolated, shared_region):
    """Its server answers on UDP port 7443, as the gateways do; hosts are on its bridge."""
    return shared_region


def enrol_without_server(agent, token, *more):
    return agent.run_here([agent.program, "enrol", "--token", token, *more])


def metric(text, name):
    return int(float(re.search(rf"^{name}(?:{{[^}}]*}})? ([0-9.e+]+)$", text, re.M).group(1)))


def point_at(agent, *servers):
    """As if those were the only ones that it was ever told."""
    file = agent.files / "agent.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "servers": list(servers), "last_good": ""}))


def nobody(region):
    return f"{region.address}:{free_port(region.address)}"


def test_a_machine_enrols_where_nobody_told_it_the_server(region):
    agent = Agent(region, "new")
    ran = enrol_without_server(agent, region.join_token())
    assert ran.returncode == 0, ran.stdout + ran.stderr
    agent.id = re.match(r"enrolled as (\w+)", ran.stdout).group(1)
    region.agents.append(agent)
    agent.start()
    assert region.do(agent, "hostname")["state"] == "succeeded"
    servers = json.loads((agent.files / "agent.json").read_text())["servers"]
    assert servers == [f"{region.address}:{region.port}"]


def test_a_stranger_is_not_answered(region, make_region):
    """Another region's token finds nobody here; nor does a machine that may not ask."""
    other = make_region().start()
    token = other.join_token()
    assert other.server.stop() == 0
    stranger = Agent(region, "stranger")
    try:
        ran = enrol_without_server(stranger, token)
        assert ran.returncode == 1 and "no server or gateway of the token's region answers" in ran.stderr
        assert "--server HOST" in ran.stderr
        ran = enrol_without_server(stranger, region.join_token(), "--no-discovery")
        assert ran.returncode == 2 and "enrol needs --server HOST with --no-discovery" in ran.stderr
        assert not stranger.files.joinpath("agent.pem").exists()
    finally:
        region.network.remove(stranger.host)


def test_an_agent_that_was_told_wrong_finds_a_gateway(region):
    """Nobody is where its file says; a gateway is near, and is preferred to the server."""
    gateway = region.add_gateway("near")
    agent = region.add_agent("lost", start=False)
    point_at(agent, nobody(region))
    agent.start()
    assert agent.info()["gateway"] == "near"
    wait_until(lambda: json.loads((agent.files / "agent.json").read_text())["last_good"]
               == f"{gateway.address}:{gateway.port}", "it remembers the gateway")
    assert region.do(agent, "true")["state"] == "succeeded"
    assert metric(gateway.get("/metrics")[1], "muster_discovery_answered_total") >= 1
    deaf = region.add_agent("deaf", start=False)
    deaf.options = ("--no-discovery",)
    point_at(deaf, nobody(region))
    deaf.start(wait=False)
    wait_until(lambda: deaf.process.output().count("next attempt") >= 2, "it tried in vain")
    assert not deaf.is_online()
    gateway.process.stop()


def test_the_gateway_of_an_agent_tells_it_of_others(region):
    """Its gateway and the server's address are gone; it knows the other gateway by its welcome."""
    first, second = region.add_gateway("first"), region.add_gateway("second")
    agent = Agent(region, "told")
    agent.options = ("--no-discovery",)
    agent.enrol(gateways=[f"{first.address}:{first.port}"])
    region.agents.append(agent)
    agent.start()
    assert agent.info()["gateway"] == "first"
    point_at(agent, f"{first.address}:{first.port}")
    agent.process.stop()
    agent.start()
    first.process.kill()
    wait_until(lambda: agent.is_online() and agent.info()["gateway"] == "second", "it is at the second")
    second.process.stop()


def test_floods_and_forged_datagrams_neither_are_answered_nor_do_harm(region):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sending:
        for i in range(6000):
            junk = os.urandom(512) if i % 2 else b"MUSTERD1Q" + os.urandom(503)
            sending.sendto(junk, (region.address, PORT))
        sending.settimeout(0.2)
        with pytest.raises(TimeoutError):
            sending.recv(2048)
    assert metric(region.api.get("/metrics").decode(), "muster_discovery_strange_total") >= 1
    agent = Agent(region, "after")
    ran = enrol_without_server(agent, region.join_token())
    region.network.remove(agent.host)
    assert ran.returncode == 0, ran.stderr


@pytest.fixture
def names(region):
    """name_servers(host, records): the host asks a name server of its own."""
    folders = []

    def serve(host, *records):
        folder = Path("/etc/netns") / host.namespace
        folder.mkdir(parents=True)
        folders.append(folder)
        (folder / "resolv.conf").write_text("nameserver 127.0.0.1\noptions timeout:1\n")
        process = Process(f"names-{host.name}", host.inside([sys.executable, NAME_SERVER, "127.0.0.1", *records]),
                          region.folder)
        process.said("ready")

    yield serve
    for folder in folders:
        shutil.rmtree(folder)


def enrol_by(agent, service, *more):
    return agent.run_here([agent.program, "enrol", *more, "--server", service, "--token", agent.region.join_token()])


def works(agent, ran):
    """It has enrolled, and does what is ordered."""
    assert ran.returncode == 0, ran.stdout + ran.stderr
    agent.id = re.match(r"enrolled as (\w+)", ran.stdout).group(1)
    agent.region.agents.append(agent)
    agent.options = ("--no-discovery",)
    agent.start()
    assert agent.region.do(agent, "true")["state"] == "succeeded"


def test_servers_by_dns(region, names):
    """The first by priority does not answer, the second does."""
    agent = Agent(region, "dns")
    names(agent.host, "_muster._tcp.fleet.test=SRV:5:0:1:a.fleet.test",
          f"_muster._tcp.fleet.test=SRV:9:1:{region.port}:a.fleet.test", f"a.fleet.test=A:{region.address}")
    works(agent, enrol_by(agent, "_muster._tcp.fleet.test"))
    agent.process.stop()
    ran = enrol_by(agent, "_muster._tcp.no.test", "--again")
    assert ran.returncode == 1 and "the service '_muster._tcp.no.test' is not known" in ran.stderr


def test_a_captured_name_server_leads_nobody_astray(region, make_region, names):
    """It names another region's server, alone, and before the true one."""
    impostor = make_region().start()
    agent = Agent(region, "astray")
    names(agent.host, f"_muster._tcp.fleet.test=SRV:5:1:{impostor.port}:a.fleet.test",
          f"_muster._tcp.fleet.test=SRV:9:1:{region.port}:a.fleet.test",
          f"_muster._tcp.captured.test=SRV:5:1:{impostor.port}:a.fleet.test", f"a.fleet.test=A:{region.address}")

    refused = enrol_by(agent, "_muster._tcp.captured.test")
    assert refused.returncode == 1 and "somebody is in between" in refused.stderr, refused.stderr
    works(agent, enrol_by(agent, "_muster._tcp.fleet.test"))
    assert not impostor.api.get("/v1/hosts")["hosts"], "it talked to the wrong one"


def test_machines_are_found_on_the_networks_that_the_policy_opens(region, network, tmp_path):
    """One host whose agent answers, one that only is known, one machine with SSH alone, one with nothing open."""
    subnet = network.add_subnet()
    answering = Agent(region, "answering", network.add("answering", subnet))
    answering.options = ("--answer-discovery",)
    known, stranger, bare = (Agent(region, n, network.add(n, subnet)) for n in ("known", "stranger", "bare"))
    token = region.join_token(uses=2)
    for agent in (answering, known):
        agent.enrol(token)
        region.agents.append(agent)
        agent.start()
    banner = "import socket; s = socket.create_server(('', 22)); print('ready', flush=True)\n" \
             "while True: s.accept()[0].sendall(b'SSH-2.0-Test_1.0 \\x1b[31mred\\r\\n')"
    Process("ssh", stranger.host.inside([sys.executable, "-c", banner]), region.folder).said("ready")
    refused = region.cli("discover", f"{subnet}.0/24")
    assert refused.returncode != 0 and f'discover = ["{subnet}.0/24"]' in refused.stderr
    policy = tmp_path / "policy.toml"
    policy.write_text(f'discover = ["{subnet}.0/24"]\n')
    region.cli("policy", "set", policy, check=0)
    try:
        found = json.loads(region.cli("discover", f"{subnet}.0/24", "--json", check=0).stdout)
        assert found["state"] == "finished" and found["looked_at"] == 254
        machines = {m["address"]: m for m in found["found"]}
        assert machines[answering.host.address]["agent"] == "link open"
        assert machines[answering.host.address]["endpoint"] == answering.id
        assert machines[known.host.address]["name"] == "known" and "agent" not in machines[known.host.address]
        assert machines[stranger.host.address]["ssh"] == "Test_1.0 \\x1b[31mred"
        assert machines[bare.host.address]["kind"] == "other"
        assert set(machines) - {f"{subnet}.1"} == {a.host.address for a in (answering, known, stranger, bare)}
        told = region.cli("discover", "--new", "--port", "22", f"{stranger.host.address}/32", check=0)
        assert "SSH" in told.stdout and "Test_1.0" in told.stdout and "1 machine answers at 1 address" in told.stderr
        assert region.audit("discovery.start")
        for bad in (["10.1.1.1/16"], ["x"], ["10.0.0.0/8"], ["--port", "0", f"{subnet}.0/24"]):
            assert region.cli("discover", *bad).returncode != 0, bad
    finally:
        policy.write_text("")
        region.cli("policy", "set", policy, check=0)
        for agent in (stranger, bare):
            network.remove(agent.host)
