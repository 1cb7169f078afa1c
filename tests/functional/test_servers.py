# SPDX-License-Identifier: Apache-2.0
"""Two servers and more over one PostgreSQL: one leads, all are useful, and the loss of any of them
loses nothing."""

import hashlib
import hmac
import json
import os
import shutil
import signal
import socket
import ssl
from datetime import datetime, timedelta, timezone
from functools import partial
from pathlib import Path

import pytest
import raw
from postgres_proxy import PostgresProxy
from process import Process, wait_until
from region import Refused
from servers import Server, TwoWays, leader, never_refused, patiently
from test_chains import STARTER
from test_method_runs import publish_script
from test_packs import PackHost, Packs

TASKS = Path(__file__).resolve().parents[1] / "tasks"


@pytest.fixture
def make_server(network, tmp_path, postgres, processes):
    made = []

    def make(name, first=None, url=None):
        made.append(Server(network, tmp_path / name, name, url or postgres.url, first))
        return made[-1]

    yield make
    for server in made:
        server.close()


@pytest.fixture
def pair(make_server):
    first = make_server("one").start()
    return first, make_server("two", first).start()


def lines(path):
    return path.read_text().splitlines() if path.exists() else []


def entered(path, count):
    wait_until(lambda: len(lines(path)) == count, f"{count} have started")


def test_the_second_serves_all_that_the_first_does(pair, tmp_path):
    one, two = pair
    assert one.leads() and two.readiness() == (200, "ready; one leads\n")
    wait_until(lambda: {s["name"]: s["role"] for s in two.api.get("/v1/servers")["servers"]}
               == {"one": "leader", "two": "standing"}, "the leader has seen the second")
    shown = one.cli("servers", check=0).stdout
    assert "leader" in shown and "standing" in shown and f":{two.port}" in shown
    # The console is its own, the API the leader's.
    assert two.get("/")[0] == 200
    assert two.get("/v1/hosts")[0] == 401
    # Enrolled and run by the standing server, with a large result and live events.
    agent = two.add_agent("a")
    assert two.do(agent, "echo hello")["stdout"] == "hello\n"
    large = two.order(f"id={agent.id}", "head -c 1000000 /dev/zero | tr '\\0' x")["id"]
    assert two.finished(large)[agent.id]["stdout_bytes"] == 1000000
    assert two.output(large, agent) == b"x" * 1000000
    assert not list((one.state / "server").glob("results/*/*")), "large results are in the database"
    gateways = {g["name"]: g["links"] for g in two.api.get("/v1/gateways")["gateways"]}
    assert gateways == {"main": 0, "main-two": 1}
    token = two.api.post("/v1/api-tokens", {"name": "by-two"})
    # Its management interface, too: the leader's report about itself and both.
    head = f"Muster-Management: 1\r\nAuthorization: Bearer {token['token']}\r\nContent-Length: 0\r\nConnection: close"
    report = json.loads(raw.http(two, f"POST /status HTTP/1.1\r\nHost: x\r\n{head}\r\n\r\n".encode()).split(b"\r\n\r\n")[1])
    assert report["host"] == "one" and report["database"]["kind"] == "postgresql" and report["lease"]["held"]
    assert {(s["name"], s["leads"]) for s in report["lease"]["servers"]} == {("one", True), ("two", False)}
    assert one.api.with_token(token["token"]).get("/v1/me")["role"] == "admin"
    with pytest.raises(Refused) as refused:
        two.api.get("/v1/hosts/none")
    assert refused.value.status in (400, 404)
    metrics = two.api.get("/metrics").decode()
    assert "muster_leader 0" in metrics and "muster_term 1" in metrics
    assert "muster_leader 1" in one.api.get("/metrics").decode()


def test_another_region_asks_through_any_of_them(pair, make_region, tmp_path):
    one, two = pair
    west = make_region().start()
    ours, theirs = tmp_path / "west.card", tmp_path / "pair.card"
    ours.write_text(west.cli("regions", "card", "--name", "west", check=0).stdout)
    wait_until(lambda: len(one.api.get("/v1/servers")["servers"]) == 2, "the leader has seen the second")
    card = one.cli("regions", "card", "--name", "pair", check=0).stdout
    assert f":{one.port}\n" in card and f":{two.port}\n" in card
    # By the one that stands by alone: it passes on who asks, and the leader decides.
    theirs.write_text("".join(line for line in card.splitlines(True) if f":{one.port}" not in line))
    west.cli("regions", "add", theirs, "--yes", check=0)

    def state():
        return west.api.get("/v1/regions/pair")["state"]

    wait_until(lambda: state() == "refused", "the leader refuses whom it does not know")
    two.api.post("/v1/regions", {"card": ours.read_text(), "may": ["run"]})
    wait_until(lambda: state() == "up", "the leader lets it in")
    agent = two.add_agent("a")
    ran = west.cli("run", "--region", "pair", "--on", "all", "-q", "--", "echo", "through two", check=0)
    assert ran.stdout == "through two\n"
    one.server.kill()
    leader([two])
    wait_until(lambda: state() == "up", "the second is asked")
    agent.online()
    assert west.cli("run", "--region", "pair", "--on", "all", "-q", "--", "echo", "again", check=0).stdout == "again\n"


def test_both_are_found_by_those_who_ask_the_network(isolated, pair, network):
    one, two = pair
    key = hashlib.sha256(ssl.PEM_cert_to_DER_cert(one.ca_file.read_text())).digest()
    head, room = b"MUSTERD1Q\x02" + os.urandom(16), bytes(512 - 58)
    tag = hmac.digest(key, b"muster discovery 1 Q\n" + head + room, "sha256")
    found = set()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        asking.settimeout(0.1)

        def both():
            asking.sendto(head + tag + room, (network.broadcast, 7443))
            try:
                while True:
                    found.add(asking.recv(512)[58:].decode())
            except TimeoutError:
                return found == {f"server {s.address} {s.port}\n" for s in pair}

        wait_until(both, "both have answered")


def test_without_the_regions_secret_a_server_is_refused(pair, make_server, tmp_path):
    one, _ = pair

    def refuses(server, *words):
        process = server.launch()
        assert process.ended() > 0
        for word in words:
            assert word in process.output(), process.output()

    refuses(make_server("three"), "muster server secret", "--region-secret")
    wrong = make_server("four", one)
    wrong.launch().ended  # makes given.secret
    wrong.server.end_anyway()
    wrong.first = None
    shutil.rmtree(wrong.state)
    wrong.state.mkdir(mode=0o700)
    own = wrong.state / "server"
    own.mkdir(mode=0o700)
    (own / "region.secret").write_text("mrs1." + "0" * 52 + "\n")
    (own / "region.secret").chmod(0o600)
    refuses(wrong, "another secret")
    assert not (own / "ca.key").exists()
    refuses(make_server("one", one), "named one", "--name")
    assert one.leads()


def test_the_leader_is_killed_in_mid_run(pair, tmp_path):
    """Every run ends once, a large result and a method outlive the leader's disk."""
    one, two = pair
    relayed, direct = two.add_gateway("edge"), TwoWays(one, "far", two)
    one.gateways.append(direct)
    direct.start(one.join_token(role="gateway"))
    agents = (two.add_agents("a", gateways=[relayed]) + two.add_agents("b", gateways=[direct])
              + [two.add_agent("c")])
    gate, mark = tmp_path / "gate", tmp_path / "mark"
    large = one.order("", "head -c 200000 /dev/zero | tr '\\0' y")["id"]
    one.finished(large)
    key = {"MUSTER_PUBLISHING_KEY": str(tmp_path / "key.pem")}
    for words in (("key", "--trust"), ("publish", str(TASKS / "greet"))):
        one.cli("method", *words, check=0, environment=key)
    due = datetime.now(timezone.utc) + timedelta(seconds=3)
    one.api.post("/v1/schedules", {"name": "once", "missed": "once",
                                   "trigger": {"at": due.strftime("%Y-%m-%dT%H:%M:%SZ")},
                                   "request": {"selector": "all",
                                               "command": {"shell": f"echo x >> {tmp_path / 'fired'}"}}})
    run = one.order("", f"echo $$ >> {mark}; while [ ! -e {gate} ]; do sleep 0.05; done; echo done")
    entered(mark, 3)
    one.server.kill()
    shutil.rmtree(one.state)
    gate.touch()
    leader([two], 20)
    ordered = patiently(lambda: two.order("", "echo again", key="once"))
    assert two.order("", "echo again", key="once")["id"] == ordered["id"]
    targets = two.finished(run["id"], deadline=90)
    assert [targets[a.id]["state"] for a in agents] == ["succeeded"] * 3
    assert [targets[a.id]["stdout"] for a in agents] == ["done\n"] * 3
    assert len(lines(mark)) == 3, "a command was started twice"
    for agent in agents:
        assert two.output(large, agent) == b"y" * 200000
    greeted = two.api.post("/v1/runs", {"selector": f"id={agents[0].id}",
                                        "method": {"name": "greet", "arguments": {"name": "you"}}})
    assert two.finished(greeted["id"], deadline=60)[agents[0].id]["state"] == "succeeded"
    fired = wait_until(lambda: [f for f in two.api.get("/v1/schedules/once/firings")["firings"]
                                if f["state"] == "ordered"], "the schedule has fired")
    assert len(fired) == 1
    two.finished(fired[0]["run"], deadline=60)
    assert len(lines(tmp_path / "fired")) <= 3, "a host was ordered to twice"
    assert two.api.get("/v1/audit/verify")["ok"]


def test_nobody_is_refused_while_a_standing_server_takes_the_lead(pair):
    """Its port goes on listening: who comes meanwhile waits for the answer of the new leader."""
    one, two = pair
    with never_refused(two):
        one.server.kill()
        leader([two], 20)
    # And it does not stay open for nobody: a server that has ended refuses at once.
    two.server.stop()
    with pytest.raises(ConnectionRefusedError):
        two.get("/healthz")


def test_chains_and_packs_over_a_change_of_leader(pair, tmp_path):
    """A method starts a run at the next leader, and waits for one of the last; a pack's content is where both are."""
    one, two = pair
    starting, = two.add_agents("starting", gateways=[one, two])
    started = two.add_agent("started", kind=PackHost)
    packs = Packs(one, tmp_path)
    packs.publish("1")
    method = partial(packs, command="method")
    publish_script(method, tmp_path, "leaf", "until [ -e \"$PT_go\" ]; do [ -d \"${PT_go%/*}\" ] || exit 9; sleep 0.05; done; "
                   "echo leaf")
    publish_script(method, tmp_path, "starter", STARTER)
    early, late = ({"selector": "name=started", "method": {"name": "leaf", "arguments": {"go": str(tmp_path / go)}}}
                   for go in ("early", "late"))
    waits = two.api.post("/v1/runs", {"selector": "name=starting", "chain": {"methods": ["leaf"], "selector": "all"},
                                      "method": {"name": "starter", "arguments": {
                                          "first": json.dumps(early), "go": str(tmp_path / "end")}}})["id"]
    starts = two.api.post("/v1/runs", {"selector": "name=starting", "chain": {"methods": ["leaf"], "selector": "all"},
                                       "method": {"name": "starter", "arguments": {
                                           "before": str(tmp_path / "before"), "first": json.dumps(late),
                                           "go": str(tmp_path / "end")}}})["id"]

    def children(run):
        return [r["id"] for r in two.api.get(f"/v1/runs/{run}/tree")["runs"] if "parent" in r]

    child, = wait_until(lambda: children(waits), "the first has a child")
    wait_until(lambda: two.run(child)["counts"]["running"] and two.run(starts)["counts"]["running"], "all go on")
    one.server.kill()
    leader([two], 20)
    for agent in (starting, started):
        agent.region = two
        agent.online(60)
    (tmp_path / "before").touch()
    second, = wait_until(lambda: children(starts), "the second has a child")
    for name in ("early", "late"):
        (tmp_path / name).touch()
    for run in (child, second):
        assert two.finished(run, deadline=60)[started.id]["stdout"] == "leaf\n"
    (tmp_path / "end").touch()
    for run in (waits, starts):
        assert two.finished(run, deadline=60)[starting.id]["state"] == "succeeded"
    packs.region = two
    assert packs.do("1", selector="name=started")["started"]["state"] == "succeeded"
    assert started.tree() == packs.tree()


def test_two_of_three_servers_are_lost(make_server):
    one = make_server("one").start()
    servers = [one, make_server("two", one).start(), make_server("three", one).start()]
    agent, = one.add_agents("a", gateways=servers)
    for number in range(2):
        lost = leader(servers)
        servers.remove(lost)
        lost.server.kill()
        last = leader(servers, 30)
        agent.region = last
        agent.online(60)
        for server in servers:
            assert patiently(lambda server=server: server.do(agent, f"echo {number}"))["stdout"] == f"{number}\n"
    assert last.api.get("/v1/audit/verify")["ok"]
    assert len(list(last.api.pages("/v1/runs", "runs"))) == 3


def test_a_leader_that_sleeps_is_replaced_and_wakes_as_a_standing_server(pair, tmp_path):
    one, two = pair
    agent = two.add_agent("a")
    one.server.signal(signal.SIGSTOP)
    leader([two], 20)
    agent.online(60)
    assert two.do(agent, "echo on")["stdout"] == "on\n"
    one.server.signal(signal.SIGCONT)
    wait_until(lambda: one.readiness() == (200, "ready; two leads\n"), "the first stands by", 30)
    assert "does not lead" in one.server.output()
    assert one.do(agent, "echo back")["stdout"] == "back\n"
    assert one.api.get("/v1/audit/verify")["ok"]


def test_a_leader_that_is_cut_from_the_database_ends_its_lead(make_server, postgres):
    proxy = PostgresProxy(postgres)
    try:
        one = make_server("one", url=proxy.url).start()
        two = make_server("two", one).start()
        agent = two.add_agent("a")
        with never_refused(one):
            proxy.block()
            leader([two], 30)
            agent.online(60)
            assert two.do(agent, "echo on")["stdout"] == "on\n"
            wait_until(lambda: one.readiness()[0] == 503, "the first says that it is not ready")
            proxy.unblock()
            wait_until(lambda: one.readiness() == (200, "ready; two leads\n"), "the first stands by", 30)
    finally:
        for process in reversed(Process.started):
            process.end_anyway()
        proxy.close()


def test_the_database_is_restarted_and_the_standing_server_killed(pair, postgres, tmp_path):
    one, two = pair
    agent, = two.add_agents("a", gateways=[one, two])
    one.api.post("/v1/schedules", {"name": "often", "trigger": {"cron": "0 3 1 1 *"},
                                   "request": {"selector": "all",
                                               "command": {"shell": f"echo x >> {tmp_path / 'fired'}"}}})
    one.api.post("/v1/schedules/often/fire")
    two.server.kill()
    entered(tmp_path / "fired", 1)
    assert one.do(agent, "echo one")["stdout"] == "one\n"
    postgres.kill()
    postgres.start()
    two.restart()
    leader([one, two], 30)
    assert patiently(lambda: two.do(agent, "echo both"), 60)["stdout"] == "both\n"
    assert len(lines(tmp_path / "fired")) == 1
    assert one.server.stop() == 0  # in good order: the other need not wait
    leader([two])
    agent.online(60)
    assert len(lines(tmp_path / "fired")) == 1, "it fired again"
    assert two.api.get("/v1/audit/verify")["ok"]


def test_the_red_button_works_on_every_server(pair):
    one, two = pair
    agent, = two.add_agents("a", gateways=[one, two])  # which knows both
    two.cli("stop-everything", "--local", "--reason", "enough", check=0)
    wait_until(lambda: "stopped" in one.api.get("/v1/region"), "everything is stopped")
    one.server.kill()
    leader([two], 20)
    assert "stopped" in two.api.get("/v1/region")
    two.cli("stop-everything", "--local", "--lift", check=0)
    wait_until(lambda: "stopped" not in two.api.get("/v1/region"), "it goes on")
    agent.online(60)
    assert two.do(agent, "echo on")["stdout"] == "on\n"
