# SPDX-License-Identifier: Apache-2.0
"""Events and inventory: taken by the gateway, also without a server, and kept once."""

import json

import pytest
from process import wait_until
from region import Refused
from test_chains import CALL
from test_method_runs import order, publish_script

# Asks each line of its argument, once the file `before` is there; stays until `go` is there.
TELL = CALL + r"""
if [ -n "$PT_before" ]; then until [ -e "$PT_before" ]; do sleep 0.05; done; fi
printf '%s\n' "$PT_lines" | while read -r name body; do ask "$name" "$body"; done
if [ -n "$PT_done" ]; then : >"$PT_done"; fi
if [ -n "$PT_go" ]; then until [ -e "$PT_go" ]; do sleep 0.05; done; fi
"""


@pytest.fixture(scope="module")
def site(lasting_region, tmp_path_factory):
    """A region with a gateway apart, and a host behind it."""
    region, folder = lasting_region, tmp_path_factory.mktemp("intake")
    publish = {"MUSTER_PUBLISHING_KEY": str(folder / "key.pem")}
    region.cli("method", "key", "--trust", check=0, environment=publish)
    publish_script(lambda *words: region.cli("method", *words, check=0, environment=publish), folder, "tell", TELL)
    gateway = region.add_gateway("gw1")
    gateway.process.keep()
    agent, = region.add_agents("web1", gateways=[gateway])
    agent.process.keep()
    return region, gateway, agent


def event(kind, **more):
    return "event.raise " + json.dumps({"kind": kind, **more})


def tell(region, *lines, on="name=web1", **arguments):
    return order(region, "tell", on, arguments={"lines": "\n".join(lines), **arguments})


def said(region, run):
    target, = region.finished(run["id"]).values()
    assert target["state"] == "succeeded", target
    return [json.loads(line) for line in target["stdout"].splitlines()]


def kinds(region, **query):
    return [e["kind"] for e in region.api.pages("/v1/host-events", "events", **query)]


def came(region, *wanted):
    """Waits until these have come, and nothing of them twice."""
    wait_until(lambda: set(wanted) <= set(kinds(region)), f"{wanted} are there")
    found = kinds(region)
    assert [found.count(kind) for kind in wanted] == [1] * len(wanted), found


def test_events_and_inventory_arrive(site):
    region, gateway, agent = site
    run = tell(region, event("disk.full", severity="error", text="no room on \u0007sda1", data={"free": 0}),
               event("backup.done", key="b1"), event("backup.done", key="b1"),
               'inventory.report {"table":"disks","data":[{"name":"sda","size":42},{"name":"sdb","size":7}]}')
    assert [reply["body"] for reply in said(region, run)] == [{"taken": True}] * 4
    came(region, "disk.full", "backup.done")
    found, = [e for e in region.api.pages("/v1/host-events", "events", severity="error") if e["kind"] == "disk.full"]
    assert (found["endpoint"], found["name"], found["gateway"], found["run"]) == (agent.id, "web1", "gw1", run["id"])
    assert found["data"] == {"free": 0} and "\u0007" not in found["text"], found
    assert kinds(region, endpoint=agent.id, kind="backup.done") == ["backup.done"]
    shown = region.cli("events", "--severity", "error", "--host", "web1", check=0).stdout
    assert "disk.full" in shown and "backup" not in shown, shown

    def tables():
        return region.api.get(f"/v1/hosts/{agent.id}/inventory")["tables"]

    wait_until(tables, "the table is there")
    table, = tables()
    assert (table["table"], table["run"], table["data"][1]) == ("disks", run["id"], {"name": "sdb", "size": 7})
    shown = region.cli("hosts", "inventory", "web1", check=0).stdout
    assert "disks" in shown and "sdb   7" in shown, shown
    data = region.cli("hosts", "inventory", "web1", "disks", "--json", check=0).stdout
    assert json.loads(data)[0] == {"name": "sda", "size": 42}
    assert region.cli("hosts", "inventory", "web1", "nothing", check=3).stderr.startswith("muster: the host has")
    assert "muster_gateway_intake_total" in gateway.get("/metrics")[1]
    # Who sees other hosts only, sees nothing of this.
    region.api.post("/v1/users", {"name": "sam", "password": "a long password", "role": "viewer", "selector": "name=x"})
    sam = region.api.login("sam", "a long password")
    assert list(sam.pages("/v1/host-events", "events")) == []
    with pytest.raises(Refused):
        sam.get(f"/v1/hosts/{agent.id}/inventory")


def test_bad_input_is_refused_by_the_gateway(site):
    region, _, _ = site
    cases = [
        ("event.raise {}", "invalid", "kind must be"),
        ("event.raise null", "invalid", "JSON object"),
        ('event.raise {"kind":"x","severity":"loud"}', "invalid", "severity must be"),
        (event("x", text="y" * 1025), "limit", "1024 are allowed"),
        (event("x", colour=1), "invalid", "no member 'colour'"),
        ('inventory.report {"table":"../../etc","data":1}', "invalid", "table must be"),
        ('inventory.report {"table":"t"}', "invalid", "data is missing"),
        ("event.shout {}", "not_found", "no call"),
    ]
    replies = said(region, tell(region, *(line for line, _, _ in cases)))
    for (line, code, why), reply in zip(cases, replies):
        assert reply["error"]["code"] == code and why in reply["error"]["message"], (line, reply)
    for query in ({"severity": "loud"}, {"after": "x"}, {"run": "x"}):
        with pytest.raises(Refused) as refused:
            region.api.get("/v1/host-events", **query)
        assert refused.value.status == 400, query


def test_the_server_may_be_away(site, tmp_path):
    region, gateway, agent = site
    before, done, go = (tmp_path / name for name in ("before", "done", "go"))
    run = tell(region, *(event(f"away.{i}") for i in range(5)), before=str(before), done=str(done), go=str(go))
    wait_until(lambda: region.run(run["id"])["counts"]["running"] == 1, "it runs")
    region.server.kill()
    before.touch()
    wait_until(done.exists, "all was taken without a server")
    # Neither does the gateway's end lose anything.
    gateway.process.kill()
    gateway.launch()
    gateway.process.keep()
    region.start()
    region.server.keep()
    gateway.ready()
    agent.online()
    came(region, *(f"away.{i}" for i in range(5)))
    go.touch()
    assert [reply.get("body") for reply in said(region, run)] == [{"taken": True}] * 5
    # Once more from the beginning: what is known stays known.
    gateway.process.kill()
    gateway.launch()
    gateway.process.keep()
    gateway.ready()
    agent.online()
    said(region, tell(region, event("last")))
    came(region, "last", *(f"away.{i}" for i in range(5)))


def test_the_servers_own_gateway_takes_them_too(site):
    region, _, _ = site
    agent, = region.add_agents("db1")
    assert said(region, tell(region, event("direct"), on="name=db1"))[0]["body"] == {"taken": True}
    came(region, "direct")
    assert region.api.get(f"/v1/hosts/{agent.id}")["online"]
