# SPDX-License-Identifier: Apache-2.0
"""The site policy: who gets which gateway, who leaves it and when, and who is let in at all."""

import re
from pathlib import Path

import pytest
from region import Agent, Refused, wait_until

PAGE = Path(__file__).resolve().parents[2] / "docs/sites.md"


def set_policy(region, text):
    return region.api.call("PUT", "/v1/policy", {"text": text})


def at(agent, gateway, deadline=60):
    wait_until(lambda: agent.info().get("gateway") == gateway, f"{agent.name} is at {gateway}", deadline)


def gateways(region):
    return {g["name"]: g for g in region.api.get("/v1/gateways")["gateways"]}


class Sites:
    """Two subnets with a gateway each; the server is in a third."""

    def __init__(self, region, network):
        self.region, self.network = region, network
        self.subnets = {"north": network.add_subnet(), "south": network.add_subnet()}
        self.gateways = {site: region.add_gateway(f"{site}-1", network.add(f"{site}-1", subnet))
                         for site, subnet in self.subnets.items()}
        set_policy(region, "".join(
            f'[[site]]\nname = "{site}"\nsubnets = ["{subnet}.0/24"]\ngateways = ["{site}-*"]\n'
            f'fallback = ["server"]\n' for site, subnet in self.subnets.items())
            + '[[site]]\nname = "server"\ngateways = ["main"]\n')

    def agent(self, site, name):
        return self.region.add_agent(name, host=self.network.add(name, self.subnets[site]))


@pytest.fixture
def sites(isolated, region, network):
    return Sites(region, network)


def test_hosts_land_at_the_gateway_of_their_subnet(region, sites):
    """All are pointed at the server; where they log in the next time, they remember."""
    north, south, near = sites.agent("north", "n"), sites.agent("south", "s"), region.add_agent("near")
    at(north, "north-1")
    at(south, "south-1")
    at(near, "main")
    assert {t["state"] for t in region.finished(region.order("", "hostname")["id"]).values()} == {"succeeded"}
    told = region.cli("policy", "explain", "n", check=0).stdout
    assert re.search(r"^Site +north$", told, re.M) and re.search(r"^Gateway +north-1$", told, re.M), told
    assert f"is in {sites.subnets['north']}.0/24" in told and "the host is there already" in told
    assert gateways(region)["north-1"]["links"] == 1
    assert "north-1" in region.cli("gateways", check=0).stdout
    north.process.stop()
    north.start()
    at(north, "north-1")
    assert north.process.output().count("logged in") == 1, "it went straight there"


def test_drain_moves_hosts_and_loses_no_run(region, sites, tmp_path):
    agents = [sites.agent("north", f"n{i}") for i in range(3)]
    for agent in agents:
        at(agent, "north-1")
    gate, mark = tmp_path / "gate", tmp_path / "mark"
    run = region.order("", f"echo begun >> {mark}; while [ ! -e {gate} ]; do sleep 0.05; done")
    for agent in agents:
        region.in_state(run["id"], agent, "running")
    region.cli("gateways", "drain", "north-1", check=0)
    for agent in agents:
        at(agent, "main")
    assert gateways(region)["north-1"]["state"] == "draining" and gateways(region)["north-1"]["links"] == 0
    gate.touch()
    assert {t["state"] for t in region.finished(run["id"]).values()} == {"succeeded"}
    assert mark.read_text() == "begun\n" * len(agents)  # each did it once
    region.restart()
    sites.gateways["north"].ready()
    assert gateways(region)["north-1"]["draining"], "it holds over a restart"
    region.cli("gateways", "undrain", "north-1", check=0)
    late = sites.agent("north", "late")
    at(late, "north-1")
    assert [e["object"] for e in region.audit("gateway.") if e["action"].endswith("drain")] == ["north-1"] * 2
    assert "there is no gateway nobody" in region.cli("gateways", "drain", "nobody").stderr


def test_gateway_killed_its_hosts_are_elsewhere(region, sites):
    agent = sites.agent("south", "s")
    at(agent, "south-1")
    sites.gateways["south"].process.kill()
    at(agent, "main")
    wait_until(lambda: gateways(region)["south-1"]["state"] == "away", "the server knows that it is gone")
    assert region.do(agent, "echo fine")["stdout"] == "fine\n"


def test_host_that_cannot_reach_its_gateway_is_taken_where_it_asks(region):
    region.add_gateway("edge")
    nobody = f"{region.address}:1"  # refuses every connection
    set_policy(region, f'[[gateway]]\nname = "edge"\naddresses = ["{nobody}"]\n'
                       '[[site]]\nname = "all"\ngateways = ["edge"]\n')
    agent = region.add_agent("a")
    at(agent, "main")
    assert nobody in agent.process.output(), "it went and looked"
    told = region.cli("policy", "explain", "a", check=0).stdout
    assert "could not be reached by this host" in told


def test_held_host_gets_no_work_until_it_is_approved(region):
    set_policy(region, 'new_hosts = "hold"\n[[admission]]\nselector = "role=web"\nnew_hosts = "add"\n')
    web, other, third = region.add_agent("web", labels={"role": "web"}), region.add_agent("other"), \
        region.add_agent("third")
    assert (web.info()["state"], other.info()["state"]) == ("active", "held")
    assert {h["name"] for h in region.api.get("/v1/hosts", selector="state=held")["hosts"]} == {"other", "third"}
    pending = region.cli("hosts", "pending", check=0).stdout
    assert "other" in pending and "third" in pending and "web" not in pending
    with pytest.raises(Refused) as refused:
        region.order("name=other", "echo no")
    assert "wait for approval" in str(refused.value)
    assert list(region.finished(region.order("", "echo yes")["id"])) == [web.id]

    region.cli("hosts", "approve", "other", check=0)
    wait_until(lambda: other.is_online() and other.info()["state"] == "active", "it is a host like any other")
    assert region.do(other, "echo now")["stdout"] == "now\n"
    assert region.cli("hosts", "approve", "other").returncode != 0
    region.restart()
    third.online(deadline=120)
    assert third.info()["state"] == "held", "it holds over a restart"
    region.cli("hosts", "refuse", "third", check=0)
    third.process.said("enrol it anew")
    assert region.cli("hosts", "pending", check=0).stdout == ""
    assert [e["action"] for e in reversed(region.audit("host."))] == ["host.approve", "host.refuse"]


def test_refused_host_uses_up_no_token(region):
    agent = region.add_agent("known")
    set_policy(region, 'new_hosts = "refuse"\n')
    token = region.join_token()
    stranger = Agent(region, "stranger")
    region.agents.append(stranger)
    ran = stranger.enrol(token, check=False)
    assert ran.returncode != 0 and "refuses new hosts" in ran.stderr
    told = region.cli("policy", "explain", "--address", "192.0.2.1", check=0).stdout
    assert "refuse: new_hosts is refuse" in told
    assert region.do(agent, "echo fine")["stdout"] == "fine\n"
    set_policy(region, "")
    stranger.enrol(token)


def test_policy_is_checked_set_shown_and_restored(region, tmp_path):
    good, bad = tmp_path / "good.toml", tmp_path / "bad.toml"
    good.write_text('# ours\nnew_hosts = "hold"\n')
    bad.write_text('new_hosts = "hold"\n\n[[site]]\nname = "a"\ngateway = ["main"]\n')
    assert "No policy is set" in region.cli("policy", "show", check=0).stderr
    for command in (["check", bad], ["set", bad], ["explain", "--address", "192.0.2.1", "--file", bad]):
        ran = region.cli("policy", *command, check=2)
        assert "line 5, column 1: 'gateway' is not known here; a site has name, subnets" in ran.stderr
    with pytest.raises(Refused) as refused:
        set_policy(region, bad.read_text())
    assert refused.value.status == 400 and "line 5, column 1" in str(refused.value)
    region.cli("policy", "set", good, check=0)
    assert region.cli("policy", "show", check=0).stdout == good.read_text()
    region.cli("policy", "set", "-", stdin="", check=0)
    assert region.cli("policy", "show", check=0).stdout == ""
    region.cli("policy", "restore", "1", check=0)
    assert region.cli("policy", "show", check=0).stdout == good.read_text()
    region.restart()
    assert region.cli("policy", "show", check=0).stdout == good.read_text()
    versions = region.api.get("/v1/policy/versions")["versions"]
    assert [(v["version"], v["set_by"]) for v in versions] == [(3, "admin"), (2, "admin"), (1, "admin")]
    assert "admin" in region.cli("policy", "versions", check=0).stdout
    with pytest.raises(Refused) as refused:
        region.api.call("PUT", "/v1/policy", {"text": "", "made_from": 2})
    assert refused.value.status == 409 and "version 3" in str(refused.value)
    with pytest.raises(Refused) as refused:
        region.api.get("/v1/policy", version=9)
    assert refused.value.status == 404
    assert [e["object"] for e in reversed(region.audit("policy.set"))] == ["1", "2", "3"]


def test_page_tells_the_truth(region, tmp_path):
    """The example of docs/sites.md, word for word."""
    page = PAGE.read_text()
    policy = tmp_path / "policy.toml"
    policy.write_text(re.search(r"```toml\n(.*?)```", page, re.S).group(1))
    for command, answer in re.findall(r"^\$ muster (.*)\n((?:(?!\$|```).*\n)*)", page, re.M):
        ran = region.cli(*command.split(), check=0, folder=tmp_path)
        assert (ran.stdout + ran.stderr).strip() == answer.strip(), command
