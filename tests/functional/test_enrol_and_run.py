# SPDX-License-Identifier: Apache-2.0
"""Five machines join, one command runs on all, identical answers are folded."""

import os

import pytest
from network import free_port
from process import pids_with, wait_until
from region import Refused

NAMES = ["db1", "web1", "web2", "web3", "web4"]


def test_five_hosts_enrol_and_run(region):
    agents = region.add_agents(*NAMES, labels={"site": "a"})
    listed = region.api.get("/v1/hosts")
    assert (listed["total"], listed["online"], listed["next"]) == (5, 5, None)
    assert {h["id"] for h in listed["hosts"]} == {a.id for a in agents}
    assert all(h["labels"] == {"site": "a"} and h["facts"]["os"] == "linux" for h in listed["hosts"])

    run = region.order("site=a", 'echo same; [ "$(hostname)" != db1 ] || exit 3')
    targets = region.finished(run["id"])
    assert len(targets) == 5 and all(t["stdout"] == "same\n" for t in targets.values())
    assert all(t["duration_ms"] >= 0 and t["finished_at"] >= t["started_at"] for t in targets.values())

    if region.network.isolated:  # else all have one host name
        folds = region.api.get(f"/v1/runs/{run['id']}/folds")["folds"]
        assert [(f["count"], f["hosts"], f["state"], f["exit_code"]) for f in folds] == [
            (4, "web[1-4]", "succeeded", 0), (1, "db1", "failed", 3)]
        assert {h["name"] for h in listed["hosts"]} == set(NAMES)
        assert {h["address"] for h in listed["hosts"]} == {a.host.address for a in agents}


def test_ping_needs_no_process(region):
    agents = region.add_agents("a", "b")
    targets = region.finished(region.order("")["id"])
    assert [targets[a.id]["state"] for a in agents] == ["succeeded"] * 2


def test_offline_host_is_unreachable_at_once_or_waits_when_asked(region):
    agent = region.add_agent("sleepy")
    agent.process.stop()
    agent.offline()
    assert region.do(agent, "true")["state"] == "unreachable"

    waiting = region.order(f"id={agent.id}", "echo awake", queue_for_ms=600_000)
    expiring = region.order(f"id={agent.id}", "true", queue_for_ms=300)
    assert region.target(waiting["id"], agent)["state"] == "queued"
    assert region.finished(expiring["id"])[agent.id]["state"] == "expired"
    agent.start()
    assert region.finished(waiting["id"])[agent.id]["stdout"] == "awake\n"


def test_stdout_and_stderr_are_kept_apart_and_large_results_arrive_whole(region):
    agent = region.add_agent("a")
    done = region.do(agent, "echo out; echo err >&2")
    assert (done["stdout"], done["stderr"]) == ("out\n", "err\n")

    run = region.order(f"id={agent.id}", "seq 1 60000; seq 1 20000 >&2")
    region.finished(run["id"])
    assert region.output(run["id"], agent) == b"".join(b"%d\n" % i for i in range(1, 60001))
    assert region.output(run["id"], agent, "stderr") == b"".join(b"%d\n" % i for i in range(1, 20001))


def test_same_idempotency_key_starts_one_run(region, tmp_path):
    agent, mark = region.add_agent("a"), tmp_path / "mark"
    first = region.order(f"id={agent.id}", f"echo once >> {mark}", key="k1")
    second = region.order(f"id={agent.id}", f"echo once >> {mark}", key="k1")
    assert first["id"] == second["id"]
    region.finished(first["id"])
    assert mark.read_text() == "once\n"


def test_live_events_show_output_before_the_end(region, tmp_path):
    """Also what was said before anybody watched."""
    agent, gate, said = region.add_agent("a"), tmp_path / "gate", tmp_path / "said"
    os.mkfifo(gate)
    run = region.order(f"id={agent.id}", f"echo early; touch {said}; cat {gate}; echo late", live_output=True)
    wait_until(said.exists, "the command said something")
    seen, text = [], ""
    for event, data in region.api.events(f"/v1/runs/{run['id']}/events"):
        seen.append(event)
        if event == "output":
            if not text:
                gate.write_text("")  # the command waits at the other end
            text += data["text"]
    assert seen[0] == "run" and seen[-1] == "end" and text.startswith("early\n")
    assert region.finished(run["id"])[agent.id]["stdout"] == "early\nlate\n"


def test_ping_has_no_exit_code(region):
    agent = region.add_agent("a")
    target = region.finished(region.order(f"id={agent.id}")["id"])[agent.id]
    assert target["state"] == "succeeded" and "exit_code" not in target


def test_whole_region_on_one_machine_runs_on_itself(make_region):
    """`muster up`: the machine is its own first endpoint."""
    region = make_region("up").start()
    host = wait_until(lambda: region.api.get("/v1/hosts", selector="online")["hosts"], "it is its own host")[0]
    targets = region.finished(region.order("", "echo here")["id"])
    assert targets[host["id"]]["stdout"] == "here\n"

    mark = f"sleep 1000.{os.getpid()}"
    region.order("", mark)
    wait_until(lambda: pids_with(mark), "a command runs")
    assert region.server.stop() == 0
    assert not pids_with(mark), "the stopped region left a command behind"
    assert not pids_with(str(region.state)), "the stopped region left its agent behind"


def test_whole_region_moves_to_another_port(make_region):
    """The local agent follows `muster up` to where that listens now."""
    region = make_region("up").start()
    host = wait_until(lambda: region.api.get("/v1/hosts", selector="online")["hosts"], "it is its own host")[0]
    assert region.server.stop() == 0
    region.port = free_port(region.address)
    region.start()
    again = wait_until(lambda: region.api.get("/v1/hosts", selector="online")["hosts"], "it is its own host again")
    assert [h["id"] for h in again] == [host["id"]]


def test_agent_lists_facts_and_labels_can_be_changed(region):
    agent = region.add_agent("a", labels={"role": "web", "site": "a"})
    changed = region.api.call("PATCH", f"/v1/hosts/{agent.id}",
                              {"labels": {"set": {"role": "db"}, "remove": ["site"]}})
    assert changed["labels"] == {"role": "db"}
    check = region.api.get("/v1/selectors/check", selector="role=db and not has_no_such=1")
    assert check["matched"] == 1
    facts = agent.info()["facts"]
    assert facts["kernel"] and facts["cpus"] >= 1 and facts["memory_bytes"] > 1 << 20


def test_labels_of_a_selector_change_in_one_request(region):
    """One request, one entry in the log, all hosts or none; only hosts within one's rights."""
    red, blue, green = region.add_agents("red", "blue", "green", labels={"site": "a"})
    ids = f"id in ({red.id},{blue.id})"
    assert "shared_names" not in region.api.get("/v1/selectors/check", selector=red.id)
    shared = region.api.get("/v1/selectors/check", selector="").get("shared_names", [])
    names = [h["name"] for h in region.api.get("/v1/hosts")["hosts"]]
    assert shared == sorted({name for name in names if names.count(name) > 1})
    change = {"selector": ids, "labels": {"set": {"role": "db"}, "remove": ["site"]}}
    assert region.api.post("/v1/hosts/labels", change) == {"matched": 2, "changed": 2}
    assert region.api.post("/v1/hosts/labels", change) == {"matched": 2, "changed": 0}
    labels = {h["id"]: h["labels"] for h in region.api.get("/v1/hosts")["hosts"]}
    assert labels == {red.id: {"role": "db"}, blue.id: {"role": "db"}, green.id: {"site": "a"}}
    entries = region.audit("host.label")
    assert len(entries) == 2 and entries[0]["detail"]["matched"] == "2" and entries[0]["detail"]["hosts"]

    dbs = region.api.with_token(
        region.api.post("/v1/api-tokens", {"name": "dbs", "role": "operator", "selector": "role=db"})["token"])
    assert dbs.post("/v1/hosts/labels", {"selector": "", "labels": {"set": {"x": "1"}}})["matched"] == 2
    for wrong, status in (({"selector": "nosuch=1", "labels": {}}, 409), ({"selector": "os="}, 400),
                          ({"selector": "", "labels": {"set": {"0": "bad"}}}, 400)):
        with pytest.raises(Refused) as caught:
            region.api.post("/v1/hosts/labels", wrong)
        assert caught.value.status == status, wrong
    said = region.cli("hosts", "label", ids, "role=db", "site=b", "--yes", check=0).stderr
    assert "Labels changed on 2 hosts" in said
    assert region.api.get(f"/v1/hosts/{red.id}")["labels"]["site"] == "b"
