# SPDX-License-Identifier: Apache-2.0
"""Three regions that know each other: asked as one, each within what it grants, and one that hangs
keeps nobody waiting."""

import http.client
import json
import signal
import socket
import ssl
import threading

import certificates
import pytest
from conftest import end
from network import free_port
from process import Process, wait_until
from region import Refused, Region

PEER = "muster-peer/1"


class CuttingProxy:
    """A way to a server. armed: the next answer on a connection that was open before is lost, and the
    connection with it, after the server has done what it was asked."""

    def __init__(self, address, port):
        self.behind, self.address, self.port = (address, port), address, free_port(address)
        self.listener = socket.create_server((address, self.port))
        self.armed, self.cut, self.open = set(), 0, []
        threading.Thread(target=self.accept, daemon=True).start()

    def arm(self):
        self.armed = {id(server) for _, server in self.open}

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(self.behind)
            except OSError:
                client.close()
                continue
            self.open.append((client, server))
            for source, sink in ((client, server), (server, client)):
                threading.Thread(target=self.pump, args=(source, sink), daemon=True).start()

    def pump(self, source, sink):
        try:
            while data := source.recv(65536):
                if id(source) in self.armed:
                    self.cut += 1
                    break
                sink.sendall(data)
        except OSError:
            pass
        for end_of in (source, sink):
            try:
                end_of.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def close(self):
        self.listener.close()


def fingerprint_in(text):
    return text.split("compare:")[1].strip()


class Fleet:
    """west asks, the others are asked: east grants the hosts of one site, north all."""

    def __init__(self, network, folder):
        self.folder = folder
        self.west, self.east, self.north = self.all = [Region(network, folder / name)
                                                       for name in ("west", "east", "north")]
        for region in self.all:
            region.start()
            region.server.keep()
        self.w1 = self.west.add_agent("w1")
        self.a1 = self.east.add_agent("a1", labels={"site": "berlin"})
        self.a2 = self.east.add_agent("a2", labels={"site": "paris"})
        self.n1 = self.north.add_agent("n1")
        for agent in (self.w1, self.a1, self.a2, self.n1):
            agent.process.keep()
        self.prints = {}
        for region, name in zip(self.all, ("west", "east", "north")):
            card = region.cli("regions", "card", "--name", name, check=0)
            self.card(name).write_text(card.stdout)
            self.prints[name] = fingerprint_in(card.stderr)
        self.trust_west()
        for name in ("east", "north"):
            self.west.cli("regions", "add", self.card(name), "--fingerprint", self.prints[name], check=0)
            self.in_state(name, "up")

    def card(self, name):
        return self.folder / f"{name}.card"

    def trust_west(self):
        self.east.cli("regions", "add", self.card("west"), "--yes", "--may", "see,run", "--on", "site=berlin", check=0)
        self.north.cli("regions", "add", self.card("west"), "--yes", "--may", "run", check=0)

    def known(self, name):
        return self.west.api.get(f"/v1/regions/{name}")

    def in_state(self, name, state):
        wait_until(lambda: self.known(name)["state"] == state, f"{name} is {state}")
        return self.known(name)

    def ask(self, name, path, **query):
        return self.west.api.get(f"/v1/regions/{name}{path}", **query)

    def order(self, name, selector, shell, key=None, api=None):
        return (api or self.west.api).post(f"/v1/regions/{name}/v1/runs", {"selector": selector, "command": {"shell": shell}},
                                           headers={"Idempotency-Key": key} if key else None)

    def finished(self, name, run):
        wait_until(lambda: self.ask(name, f"/v1/runs/{run}")["state"] == "finished", f"{run} in {name} is finished")
        return list(self.west.api.pages(f"/v1/regions/{name}/v1/runs/{run}/targets", "targets"))

    def overview(self, **query):
        return {each["name"]: each for each in self.west.api.get("/v1/regions/hosts", **query)["regions"]}


@pytest.fixture(scope="module")
def lasting_fleet(network, tmp_path_factory):
    made = None
    try:
        made = Fleet(network, tmp_path_factory.mktemp("regions"))
        yield made
    finally:
        for region in made.all if made else []:
            region.close()
        kept, Process.lasting[:] = list(Process.lasting), []
        end(kept)


@pytest.fixture
def fleet(lasting_fleet):
    yield lasting_fleet
    lasting_fleet.north.server.signal(signal.SIGCONT)


def refusal(call, status):
    with pytest.raises(Refused) as refused:
        call()
    assert refused.value.status == status, str(refused.value)
    return refused.value.message


def names(page):
    return sorted(host["name"] for host in page["hosts"])


def test_two_administrators_exchange_cards(fleet):
    shown = json.loads(fleet.west.cli("regions", "--json", check=0).stdout)["regions"]
    east = next(each for each in shown if each["name"] == "east")
    assert east["may"] == [] and east["granted"] == {"may": ["see", "run"], "selector": "site=berlin"}
    assert east["fingerprint"] == fleet.prints["east"].replace("-", "")
    assert east["addresses"][0].endswith(f":{fleet.east.port}")
    text = fleet.west.cli("regions", check=0).stdout
    assert "see,run on site=berlin" in text and "up" in text
    assert fleet.prints["east"] in fleet.west.cli("regions", "show", "east", check=0).stdout
    # Another fingerprint, one's own card, the same again, a file that is none: each is told.
    wrong = fleet.west.cli("regions", "add", fleet.card("east"), "--fingerprint", fleet.prints["north"], check=4)
    assert "not the one given" in wrong.stderr
    own = fleet.west.cli("regions", "add", fleet.card("west"), "--yes")
    assert own.returncode != 0 and "this region itself" in own.stderr
    again = fleet.west.cli("regions", "add", fleet.card("east"), "--yes", "--name", "other")
    assert again.returncode != 0 and "known already, as east" in again.stderr
    assert "no region's card" in fleet.west.cli("regions", "add", fleet.west.ca_file, "--yes", check=2).stderr
    assert "no name of a region" in fleet.west.cli("--region", "a/../b", "hosts", check=2).stderr
    assert "east,north" in fleet.west.cli("--region", "mars", "hosts").stderr
    added = [e for e in fleet.east.audit("region.") if e["action"] == "region.add"]
    assert added[0]["object"] == "west" and added[0]["detail"]["on"] == "site=berlin"
    looked = fleet.west.api.post("/v1/regions/inspect", {"card": fleet.card("east").read_text()})
    assert looked["known_as"] == "east" and looked["region"] == east["region"]


def test_hosts_of_all_regions_and_runs_in_them(fleet):
    west = fleet.west
    listed = west.cli("--region", "east", "hosts", check=0).stdout
    assert "a1" in listed.split() and "a2" not in listed.split()  # not as a part of some id
    everywhere = west.cli("hosts", "--region", "all", check=0).stdout
    assert all(f"{name} " in everywhere for name in ("w1", "a1", "n1")) and "a2" not in everywhere.split()
    assert names(fleet.overview(selector="name=n1")["north"]) == ["n1"]
    ran = west.cli("run", "--region", "east,north", "--on", "all", "--", "echo", "hello from there", check=0)
    assert ran.stdout.count("hello from there") == 2, ran.stdout + ran.stderr
    one = west.cli("run", "--region", "north", "--on", "name=n1", "-q", "--", "echo", "only north", check=0)
    assert one.stdout == "only north\n"
    # It is the other region's run, in its ledger and its audit log, by who asked.
    theirs = fleet.east.api.get("/v1/runs")["runs"][0]
    assert theirs["created_by"] == "west/admin" and theirs["state"] == "finished" and theirs["targets"] == 1
    assert any(e["actor"].startswith("west/admin") and e["object"] == theirs["id"] for e in fleet.east.audit("run.create"))
    assert any(e["object"] == "east" and e["detail"]["command"] == "echo hello from there" for e in west.audit("region.run"))
    # This region remembers that it asked, and hears of the end by itself.
    wait_until(lambda: all(r["state"] == "finished" for r in west.api.get("/v1/regions/runs")["runs"]), "all is heard of")
    mine = next(r for r in west.api.get("/v1/regions/runs")["runs"] if r.get("run") == theirs["id"])
    assert mine["region"] == "east" and mine["user"] == "admin" and mine["counts"]["succeeded"] == 1
    assert theirs["id"] in west.cli("regions", "runs", check=0).stdout
    assert west.api.get("/v1/runs")["runs"] == []
    assert fleet.east.cli("audit", "verify").returncode == west.cli("audit", "verify").returncode == 0


def test_following_results_and_cancelling(fleet):
    run = fleet.order("east", "all", "echo begun; sleep 600")["id"]
    events = fleet.west.api.events(f"/v1/regions/east/v1/runs/{run}/events")
    assert next(events)[0] == "run"
    fleet.east.in_state(run, fleet.a1, "running")
    cancelled = fleet.west.api.post(f"/v1/regions/east/v1/runs/{run}/cancel")
    assert cancelled["id"] == run
    assert [name for name, _ in events][-1] == "end", "the stream ends with the run"
    (target,) = fleet.finished("east", run)
    assert target["state"] == "cancelled"
    assert any(e["actor"].startswith("west/admin") for e in fleet.east.audit("run.cancel"))
    assert any("/cancel" in e["detail"]["what"] for e in fleet.west.audit("region.ask"))
    large = fleet.order("east", "all", "head -c 1000000 /dev/zero | tr '\\0' x")["id"]
    fleet.finished("east", large)
    assert fleet.ask("east", f"/v1/runs/{large}/targets/{fleet.a1.id}/stdout") == b"x" * 1000000
    shown = fleet.west.cli("--region", "east", "runs", "show", run, check=0).stdout
    assert "cancelled" in shown


def test_nobody_gets_beyond_what_is_granted(fleet):
    assert names(fleet.ask("east", "/v1/hosts")) == ["a1"]
    assert "no host has the id" in refusal(lambda: fleet.ask("east", f"/v1/hosts/{fleet.a2.id}"), 404)
    assert "no host matches" in refusal(lambda: fleet.order("east", "site=paris", "true"), 409)
    own = fleet.east.order(f"id={fleet.a2.id}", "true")["id"]
    refusal(lambda: fleet.ask("east", f"/v1/runs/{own}"), 404)  # runs of others, on other hosts
    for method, path in (("GET", "/v1/users"), ("POST", "/v1/join-tokens"), ("POST", f"/v1/hosts/{fleet.a1.id}/revoke"),
                         ("GET", "/v1/audit"), ("GET", "/v1/regions"), ("POST", "/v1/stop-everything"), ("POST", "/v1/schedules")):
        said = refusal(lambda m=method, p=path: fleet.west.api.call(m, f"/v1/regions/east{p}", {} if m == "POST" else None), 403)
        assert "cannot be asked of another region" in said
    assert "leave 'chain' out" in refusal(
        lambda: fleet.west.api.post("/v1/regions/north/v1/runs", {"selector": "all", "method": {"name": "a::b", "arguments": {}},
                                                                  "chain": {"methods": ["a::b"], "selector": "all"}}), 403)
    # What the other region grants is not more than what this one's user may here.
    fleet.west.api.post("/v1/users", {"name": "vera", "password": "a long password", "role": "viewer"})
    fleet.west.api.post("/v1/users", {"name": "nora", "password": "a long password", "role": "operator", "selector": "name=w1"})
    vera, nora = (fleet.west.api.login(name, "a long password") for name in ("vera", "nora"))
    assert names(vera.get("/v1/regions/east/v1/hosts")) == ["a1"]
    assert vera.get("/v1/regions/east/v1/me") == {"user": "west/vera", "role": "viewer", "selector": "(site=berlin)"}
    assert "the right run" in refusal(lambda: fleet.order("east", "all", "true", api=vera), 403)
    assert "narrowed" in refusal(lambda: nora.get("/v1/regions/east/v1/hosts"), 403)
    assert "manage_region" in refusal(lambda: vera.call("DELETE", "/v1/regions/east"), 403)
    fleet.west.cli("regions", "change", "east", "--for", "operator", check=0)
    assert "for the role operator" in refusal(lambda: vera.get("/v1/regions/east/v1/hosts"), 403)
    fleet.west.cli("regions", "change", "east", "--for", "viewer", check=0)
    # Less is granted: it holds with the next request.
    fleet.east.cli("regions", "change", "west", "--may", "see", check=0)
    assert "does not grant 'run'" in refusal(lambda: fleet.order("east", "all", "true"), 403)
    assert names(fleet.ask("east", "/v1/hosts")) == ["a1"]
    fleet.east.cli("regions", "change", "west", "--may", "run", check=0)
    refused = [r for r in fleet.west.api.get("/v1/regions/runs")["runs"] if r["state"] == "refused"]
    assert {r["region"] for r in refused} == {"east", "north"} and all("run" not in r for r in refused)
    assert "nothing to change" in fleet.east.cli("regions", "change", "west", check=2).stderr


def test_trust_that_ends_ends_at_once(fleet):
    run = fleet.order("east", "all", "sleep 600")["id"]
    events = fleet.west.api.events(f"/v1/regions/east/v1/runs/{run}/events")
    assert next(events)[0] == "run"
    fleet.east.cli("regions", "remove", "west", "--yes", check=0)
    assert "end" not in [name for name, _ in events], "it is cut, and has not ended"
    assert "does not know the region" in refusal(lambda: fleet.ask("east", "/v1/hosts"), 403)
    assert "does not know" in fleet.in_state("east", "refused")["why"]
    assert fleet.east.run(run)["state"] == "running", "runs go on"
    fleet.east.cli("regions", "add", fleet.card("west"), "--yes", "--may", "run", "--on", "site=berlin", check=0)
    fleet.west.api.post(f"/v1/regions/east/v1/runs/{run}/cancel")
    fleet.finished("east", run)
    # A grant that is over.
    fleet.east.cli("regions", "change", "west", "--expires", "1s", check=0)
    wait_until(lambda: fleet.west.cli("--region", "east", "hosts").returncode == 4, "the grant is over")
    assert "something until" in refusal(lambda: fleet.ask("east", "/v1/hosts"), 403)
    assert "nothing any more" in fleet.east.cli("regions", check=0).stdout
    fleet.east.cli("regions", "change", "west", "--no-end", check=0)
    assert names(fleet.ask("east", "/v1/hosts")) == ["a1"]
    # What east may here is another matter: its end does not cut what is asked of east.
    large = fleet.order("east", "all", "head -c 300000 /dev/zero | tr '\\0' x")["id"]
    fleet.finished("east", large)
    fleet.west.cli("regions", "change", "east", "--may", "see", "--expires", "1s", check=0)
    wait_until(lambda: "nothing any more" in fleet.west.cli("regions", check=0).stdout, "east's grant is over")
    assert fleet.ask("east", f"/v1/runs/{large}/targets/{fleet.a1.id}/stdout") == b"x" * 300000
    fleet.west.cli("regions", "change", "east", "--may", "", "--no-end", check=0)


def raw(region, path, certificate=None, key=None, alpn=PEER, headers=None):
    """(status, message) of a request with any certificate."""
    context = ssl.create_default_context(cafile=str(region.ca_file))
    context.check_hostname = False
    context.set_alpn_protocols([alpn])
    if certificate:
        context.load_cert_chain(str(certificate), str(key))
    connection = http.client.HTTPSConnection(region.address, region.port, context=context, timeout=20)
    try:
        connection.request("GET", path, headers=headers or {})
        answer = connection.getresponse()
        body = answer.read()
        return answer.status, json.loads(body)["error"]["message"] if answer.status >= 400 else body.decode()
    finally:
        connection.close()


def test_impostors_are_refused(fleet, tmp_path):
    east, state = fleet.east, fleet.west.state / "server"
    good = state / "server.pem", state / "server.key"
    uri = certificates.uri_of(good[0])
    assert raw(east, "/v1/peer", *good)[0] == 200
    with pytest.raises((ssl.SSLError, OSError)):
        raw(east, "/v1/peer")
    ca, ca_key = certificates.authority(tmp_path)
    key = certificates.key(tmp_path)

    def leaf(uri, ca=ca, ca_key=ca_key, **more):
        return certificates.leaf(tmp_path, key, ca, ca_key, uri, name=f"leaf{len(list(tmp_path.iterdir()))}", **more)

    # Somebody else's authority says that this is west; nobody's says that it is elsewhere.
    assert raw(east, "/v1/peer", leaf(uri), key) == (403, "the certificate is of another region's authority")
    elsewhere = certificates.uri_of(fleet.north.state / "server/server.pem")
    status, said = raw(east, "/v1/peer", leaf(elsewhere), key)
    assert status == 403 and "does not know the region" in said
    assert raw(east, "/v1/peer", leaf("https://example.org"), key)[0] == 403
    # west's own authority, but no server; or a server whose time is over.
    status, said = raw(east, "/v1/peer", fleet.w1.files / "agent.pem", fleet.w1.files / "agent.key")
    assert status == 403 and "only a server" in said
    over = leaf(uri, state / "ca.pem", state / "ca.key", hours=(-48, -24))
    assert "expired" in raw(east, "/v1/peer", over, key)[1]
    # The right certificate opens what is for regions, and nothing else.
    for path in ("/v1/users", "/v1/regions", "/metrics", "/install.sh", "/", "/nowhere"):
        status, said = raw(east, path, *good)
        assert status == 403 and "to other regions" in said, path
    for headers in ({"x-muster-peer-user": "../x", "x-muster-peer-role": "admin"}, {"x-muster-peer-role": "admin"},
                    {"x-muster-peer-user": "ann"}, {"x-muster-peer-user": "ann", "x-muster-peer-role": "god"}):
        assert raw(east, "/v1/hosts", *good, headers=headers)[0] == 403, headers
    admin = {"x-muster-peer-user": "ann", "x-muster-peer-role": "admin"}
    assert json.loads(raw(east, "/v1/me", *good, headers=admin)[1])["role"] == "operator"
    # Without that protocol the headers are nobody's.
    der = ssl.PEM_cert_to_DER_cert(good[0].read_text().split("-----BEGIN", 2)[1].join(["-----BEGIN", ""])).hex()
    for alpn in ("http/1.1",):
        assert raw(east, "/v1/hosts", alpn=alpn, headers={**admin, "x-muster-forwarded-peer": der})[0] == 401
    with pytest.raises((ssl.SSLError, OSError)):  # west's certificate is no server's of east
        raw(east, "/v1/hosts", *good, alpn="muster-server/1")
    with pytest.raises((ssl.SSLError, OSError)):
        raw(east, "/v1/hosts", *good, alpn="muster-link/1")
    # And west believes nobody but east's servers.
    card = fleet.card("east").read_text()
    wrong = card.replace(f":{fleet.east.port}\n", f":{fleet.north.port}\n")
    fleet.west.api.call("PATCH", "/v1/regions/east", {"card": wrong})
    down = fleet.in_state("east", "down")
    assert "authority" in down["why"] or "certificate" in down["why"], down["why"]
    assert "another region" in refusal(
        lambda: fleet.west.api.call("PATCH", "/v1/regions/east", {"card": fleet.card("north").read_text()}), 409)
    fleet.west.cli("regions", "change", "east", "--card", fleet.card("east"), check=0)
    fleet.in_state("east", "up")


def test_one_that_hangs_keeps_nobody_waiting(fleet):
    north = fleet.north.server
    north.signal(signal.SIGSTOP)
    # It is not known yet: the others' answers are there all the same.
    seen = fleet.overview()
    assert names(seen["here"]) == ["w1"] and names(seen["east"]) == ["a1"]
    assert "hosts" not in seen["north"] and seen["north"]["error"]["message"]
    down = fleet.in_state("north", "down")
    assert down["why"] and down["since"]
    # From now on nobody asks it but one probe at a time: what follows is answered while it hangs.
    said = refusal(lambda: fleet.order("north", "all", "true"), 503)
    assert "is down since" in said and down["why"] in said
    assert "is down since" in fleet.overview()["north"]["error"]["message"]
    both = fleet.west.api.post("/v1/regions/runs", {"regions": ["north", "east"],
                                                    "order": {"selector": "all", "command": {"shell": "echo there"}}})
    outcome = {each["name"]: each for each in both["regions"]}
    assert "is down since" in outcome["north"]["error"]["message"] and "run" not in outcome["north"]
    assert fleet.finished("east", outcome["east"]["run"]["id"])[0]["stdout"] == "there\n"
    listed = fleet.west.cli("hosts", "--region", "all")
    assert listed.returncode != 0 and "a1" in listed.stdout and "is down since" in listed.stderr
    assert fleet.west.do(fleet.w1, "echo here")["stdout"] == "here\n"
    assert not north.popen.poll() and fleet.known("north")["state"] == "down", "it hangs still"
    metrics = fleet.west.api.get("/metrics").decode()
    assert 'muster_region_up{region="north"} 0\n' in metrics and 'muster_region_up{region="east"} 1\n' in metrics
    assert 'muster_region_downs_total{region="north"} 1\n' in metrics
    north.signal(signal.SIGCONT)
    back = fleet.in_state("north", "up")
    assert back["since"] > down["since"] and "why" not in back
    assert names(fleet.ask("north", "/v1/hosts")) == ["n1"]


def test_a_start_that_is_repeated_runs_once(fleet, tmp_path):
    proxy = CuttingProxy(fleet.north.address, fleet.north.port)
    try:
        text = fleet.card("north").read_text().replace(f":{fleet.north.port}\n", f":{proxy.port}\n")
        fleet.west.api.call("PATCH", "/v1/regions/north", {"card": text})
        fleet.in_state("north", "up")
        fleet.ask("north", "/v1/hosts")  # leaves a connection open
        before = len(fleet.north.api.get("/v1/runs")["runs"])
        proxy.arm()
        marks = tmp_path / "marks"
        run = fleet.order("north", "all", f"echo x >>{marks}")
        assert proxy.cut >= 1, "the answer was lost"
        fleet.finished("north", run["id"])
        assert len(fleet.north.api.get("/v1/runs")["runs"]) == before + 1
        assert marks.read_text() == "x\n"
        # A person who repeats it by its key gets the same; with another order it is refused.
        again = fleet.order("north", "all", "true", key="mine")
        assert fleet.order("north", "all", "true", key="mine")["id"] == again["id"]
        refusal(lambda: fleet.order("north", "all", "false", key="mine"), 409)
    finally:
        fleet.west.cli("regions", "change", "north", "--card", fleet.card("north"), check=0)
        proxy.close()
    fleet.in_state("north", "up")


def test_what_is_known_outlives_restarts(fleet):
    run = fleet.order("north", "all", "sleep 600")["id"]
    fleet.north.server.kill()
    fleet.in_state("north", "down")
    Process.lasting.remove(fleet.north.server)
    fleet.north.start()
    fleet.north.server.keep()
    fleet.in_state("north", "up")
    Process.lasting.remove(fleet.west.server)
    fleet.west.server.stop()
    fleet.west.start()
    fleet.west.server.keep()
    assert fleet.in_state("east", "up")["granted"]["selector"] == "site=berlin"
    fleet.in_state("north", "up")
    fleet.n1.online()
    fleet.west.api.post(f"/v1/regions/north/v1/runs/{run}/cancel")
    mine = lambda: next(r for r in fleet.west.api.get("/v1/regions/runs")["runs"] if r.get("run") == run)  # noqa: E731
    wait_until(lambda: mine()["state"] == "finished", "its end is heard of")
    fleet.west.cli("regions", "remove", "north", "--yes", check=0)
    assert "no region is called 'north'" in refusal(lambda: fleet.known("north"), 404)
    assert sorted(fleet.overview()) == ["east", "here"]
