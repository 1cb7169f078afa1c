# SPDX-License-Identifier: Apache-2.0
"""Gateways behind gateways: hosts work through them, content crosses each line once, nothing is lost."""

import os
import re

import certificates
import pytest
from line import Line
from process import wait_until
from region import Gateway
from test_content import Endpoint, publish
from test_gateway_apart import all_done_once, behind, refused, waiting_run
from test_packs import PackHost, Packs, results

WINDOW = 512 * 1024  # what one download has under way
PIECE = 64 * 1024
DOWNLOADS = 4  # at the same time


class Tier(Gateway):
    """A gateway that knows several ways, in order: gateways to stand behind, servers."""

    ways, more = (), ()

    @property
    def server(self):
        return self.ways[0]

    @property
    def options(self):
        return [*(word for way in self.ways[1:] for word in ("--server", way)), *self.more]

    @property
    def at(self):
        return f"{self.address}:{self.port}"

    def above(self):
        """The gateways that it says it stands behind; None while it is away."""
        known = {g["name"]: g for g in self.region.api.get("/v1/gateways")["gateways"]}
        return known[self.name]["behind"] if known.get(self.name, {}).get("state") == "up" else None

    def stands_behind(self, *names):
        wait_until(lambda: self.above() == list(names), f"{self.name} stands behind {names}")

    def metric(self, name):
        text = self.get("/metrics")[1]
        return int(re.search(rf"^muster_gateway_{name}\S* (\d+)$", text, re.M).group(1))

    def again(self, *ways):
        if self.process.alive():
            self.process.stop()
        self.ways = ways
        self.launch()
        return self

    def says(self, text):
        wait_until(lambda: text in self.process.output(), f"{self.name} says {text!r}")


@pytest.fixture
def region(shared_region):
    return shared_region


@pytest.fixture
def server(region):
    return f"{region.address}:{region.port}"


@pytest.fixture
def tier(region, server):
    """tier(name, *ways, more=options): a gateway that is ready."""
    def make(name, *ways, more=()):
        gateway = Tier(region, name)
        # Only a server enrols anybody.
        gateway.ways, gateway.more = ways if server in ways else (*ways, server), more
        region.gateways.append(gateway)
        gateway.start(region.join_token(role="gateway"))
        return gateway if server in ways else gateway.again(*ways).ready()

    return make


def sent_by_server(region):
    text = region.api.get("/metrics").decode()
    return int(re.search(r"^muster_content_sent_bytes_total\S* (\d+)$", text, re.M).group(1))


def test_a_tree_of_gateways(region, tier, server, tmp_path):
    hub = tier("hub", server, more=("--repeat",))
    soon = ("--return-after", "1s")
    far = [tier("far1", hub.at, server, more=("--repeat", *soon)), tier("far2", hub.at, server, more=soon)]
    deep = tier("deep", far[0].at, hub.at)
    for gateway, above in ((hub, ()), (far[0], ("hub",)), (far[1], ("hub",)), (deep, ("far1", "hub"))):
        gateway.stands_behind(*above)
    agents = [region.add_agents(name, gateways=[at])[0] for name, at in (("a", far[0]), ("b", far[1]), ("c", deep))]
    for agent, at in zip(agents, (far[0], far[1], deep)):
        behind(agent, at)
    run = region.order("", "head -c 300000 /dev/zero | tr '\\0' x")
    assert {(t["state"], t["stdout_bytes"]) for t in region.finished(run["id"]).values()} == {("succeeded", 300000)}
    listed = region.cli("gateways", check=0).stdout
    assert re.search(r"^hub .*\n├─ far1 .*\n│  └─ deep .*\n└─ far2 ", listed, re.M), listed

    # One copy of an object over each line.
    data = os.urandom(2_000_000)
    before = sent_by_server(region)
    digest = publish(region, data)
    by_hand = [Endpoint(region, at, name) for name, at in (("x", far[0]), ("y", far[1]), ("z", deep))]
    for endpoint in by_hand:
        assert endpoint.fetch(digest) == (data, None)
    assert sent_by_server(region) - before == len(data)
    for gateway, fetched, repeated in ((hub, 1, 2), (far[0], 1, 1), (far[1], 1, 0), (deep, 1, 0)):
        assert gateway.metric("content_fetched_bytes_total") == fetched * len(data), gateway.name
        assert gateway.metric("content_repeated_bytes_total") == repeated * len(data), gateway.name
    assert hub.metric("behind") == 3 and far[0].metric("behind") == 1  # deep's tunnel goes through both

    # The upper one dies in mid-run: those behind it find the server, or each other, and nothing is lost.
    for endpoint in by_hand:
        region.api.call("DELETE", f"/v1/hosts/{endpoint.agent.id}")
    run, gate, mark = waiting_run(region, agents, tmp_path)
    hub.process.kill()
    gate.touch()
    all_done_once(region, run, agents, mark)
    for gateway, above in ((far[0], ()), (far[1], ()), (deep, ("far1",))):
        gateway.stands_behind(*above)
    for agent in agents:
        agent.online()
    assert {t["stdout"] for t in region.finished(region.order("", "echo again")["id"]).values()} == {"again\n"}
    # They stand behind it again when it is back, also with work under way.
    (tmp_path / "again").mkdir()
    run, gate, mark = waiting_run(region, agents, tmp_path / "again")
    hub.launch()
    for gateway in far:
        gateway.stands_behind("hub")
    gate.touch()
    all_done_once(region, run, agents, mark)

    drained = agents[2].info()["gateway"]
    region.cli("gateways", "drain", drained, check=0)
    wait_until(lambda: agents[2].info().get("gateway") != drained, "a lower gateway is drained as any other")


def test_who_is_refused_hears_why(region, tier, server, tmp_path):
    closed = tier("closed", server)
    lower = tier("lower", closed.at, server)
    lower.says("the gateway closed lets no gateways stand behind it: start it with --repeat")
    lower.stands_behind()
    # Two that know only each other.
    ring = [tier(name, server, more=("--repeat",)) for name in ("ring1", "ring2")]
    for gateway in ring:
        gateway.process.stop()
    for gateway, other in zip(ring, reversed(ring)):
        gateway.again(other.at)
    ring[0].says("in a circle, ring1 -> ring2 -> ring1: give one of them a server's address")
    status, text = ring[0].get("/readyz")
    assert status == 503 and "circle" in text, text
    # Neither hosts nor gateways of another region pass this door.
    agent = region.add_agent("a", start=False)
    assert refused(closed, agent.files / "agent.pem", agent.files / "agent.key", "/repeat")
    ca, ca_key = certificates.authority(tmp_path)
    forged = certificates.leaf(tmp_path, lower.files / "gateway.key", ca, ca_key,
                               certificates.uri_of(lower.files / "gateway.pem"))
    assert refused(closed, forged, lower.files / "gateway.key", "/repeat")
    # Who is revoked is closed out by the server, whoever stands between.
    open_one = tier("open", server, more=("--repeat",))
    bad = tier("bad", open_one.at)
    bad.stands_behind("open")
    region.cli("gateways", "revoke", "bad", "--yes", check=0)
    bad.says("revoked")
    assert bad.get("/readyz")[0] == 503


def test_a_cut_line_costs_a_window(region, tier, server):
    above, below = Line(region.address, server), None
    try:
        hub = tier("top", above.address, more=("--repeat", "--gateway-rate", "4M", "--fetch-rate", "4M"))
        below = Line(region.address, hub.at)
        far = tier("far", below.address)
        far.stands_behind("top")
        assert hub.metric("rate_each_gateway_bytes") == hub.metric("rate_upstream_bytes") == 4 * 1024 * 1024
        assert "top delivers content to each gateway behind it: 4M a second" in region.cli("gateways", check=0).stdout
        data = os.urandom(6_000_000)
        sent = sent_by_server(region)
        digest = publish(region, data)
        Endpoint(region, far, "x").ask(digest)

        def cut_in_the_middle(line, moved):
            wait_until(lambda: moved() > 1_000_000, "a part is there")
            line.cut()
            assert moved() < len(data), "it was over already: nothing was cut"

        cut_in_the_middle(above, lambda: hub.metric("content_fetched_bytes_total"))
        cut_in_the_middle(below, lambda: far.metric("content_fetched_bytes_total"))
        wait_until(lambda: far.metric("content_fetched_bytes_total") == len(data), "the rest came")
        assert Endpoint(region, far, "y").fetch(digest) == (data, None)
        # What had arrived is not sent again; what was under way is.
        assert hub.metric("content_fetched_bytes_total") == far.metric("content_fetched_bytes_total") == len(data)
        for again in (sent_by_server(region) - sent - len(data),
                      hub.metric("content_repeated_bytes_total") - len(data)):
            assert 0 <= again <= WINDOW + PIECE, again
    finally:
        for line in filter(None, (above, below)):
            line.close()


@pytest.mark.skipif(os.geteuid() != 0, reason="packs are installed as root")
def test_a_whole_pack_comes_through_lines_that_break(region, tier, server, tmp_path):
    above, below = Line(region.address, server), None
    try:
        slow = ("--gateway-rate", "4M", "--fetch-rate", "4M")
        hub = tier("first", above.address, more=("--repeat", *slow))
        below = Line(region.address, hub.at)
        far = tier("second", below.address)
        far.stands_behind("first")
        host = PackHost(region, "packed")
        host.enrol(gateways=[far.at])
        region.agents.append(host)
        behind(host.start(), far)
        packs = Packs(region, tmp_path)
        for number in range(60):
            packs.write(f"app/part{number}", os.urandom(100_000))
        packs.publish("1.0")
        size, sent, cuts = 6 * 1024 * 1024 + 60 * 100_000, sent_by_server(region), 0
        run = packs.order("1.0", selector="name=packed")
        for due in (2_000_000, 5_000_000, 8_000_000):
            wait_until(lambda due=due: far.metric("content_fetched_bytes_total") > due, "a part is there")
            above.cut()
            below.cut()
            cuts += 1
        assert far.metric("content_fetched_bytes_total") < size, "it was over already: nothing was cut"
        result = results({t["name"]: t for t in region.finished(run).values()})["packed"]
        assert result["outcome"] == "installed" and host.tree() == packs.tree()
        # All of it once, with what installs it; twice only what was under way at a cut.
        whole = far.metric("content_fetched_bytes_total")
        assert size <= whole == hub.metric("content_fetched_bytes_total")
        assert 0 <= sent_by_server(region) - sent - whole <= cuts * DOWNLOADS * (WINDOW + PIECE)
        region.api.call("DELETE", f"/v1/hosts/{host.id}")
    finally:
        for line in filter(None, (above, below)):
            line.close()


def test_rates_by_the_hour_are_checked(region, tmp_path):
    config = tmp_path / "gateway.toml"
    config.write_text('send-rate = ["08:00-18:00 2 MB/s", "otherwise 20 MB/s"]\n'
                      'repeat = true\n'
                      'gateway-rate = "8:00-25:00 1M"\n'
                      'repeat-rate = "otherwise 1M, 08:00-18:00 2M"\n')
    told = region.cli("config", "check", config)
    assert told.returncode != 0
    assert "gateway.toml:3: gateway-rate: '8:00-25:00 1M' has no times from 00:00 to 24:00" in told.stdout + told.stderr
    assert "gateway.toml:4: repeat-rate: '08:00-18:00 2M' comes too late" in told.stdout + told.stderr
    assert ":1:" not in told.stdout + told.stderr
