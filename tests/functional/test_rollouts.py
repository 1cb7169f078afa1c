# SPDX-License-Identifier: Apache-2.0
"""Rollouts with real agents: waves, ceilings, thresholds, pauses, cancels, restarts, and the red button."""

import json
import signal
import threading

import pytest
from process import wait_until
from region import Refused

NAMES = ("a", "b", "c", "d")


@pytest.fixture
def region(shared_region):
    return shared_region


@pytest.fixture
def agents(region):
    return {agent.name: agent for agent in region.add_agents(*NAMES)}


def order(region, agents, shell, **more):
    ids = ", ".join(agent.id for agent in agents.values())
    return region.order(f"id in ({ids})", shell, **more)


def restart(region, agents):
    region.server.stop()
    region.restart()
    region.server.keep()
    for agent in agents.values():
        agent.online()


def by_name(region, agents, run):
    return {name: region.target(run["id"], agent) for name, agent in agents.items()}


def states(region, agents, run):
    return {name: target["state"] for name, target in by_name(region, agents, run).items()}


def wait_for(region, run, what, predicate):
    wait_until(lambda: predicate(region.run(run["id"])), what)
    return region.run(run["id"])


def test_a_canary_goes_first_and_the_rest_follows(region, agents, tmp_path):
    gate = tmp_path / "gate"
    run = order(region, agents, f"while [ ! -e {gate} ]; do sleep 0.05; done", rollout={"waves": [{"count": 1}, {"percent": 100}]})
    assert run["rollout"] == {
        "waves": [{"count": 1}, {"percent": 100}], "failures_max": 0, "on_failures": "stop", "count_unreachable": False,
        "wave": 1, "waves_total": 2, "wave_name": "1 host", "wave_targets": 1,
    }
    wait_for(region, run, "the canary works", lambda r: r["counts"]["running"] == 1)
    assert region.run(run["id"])["counts"]["queued"] == 3
    waves = region.api.get(f"/v1/runs/{run['id']}/waves")["waves"]
    assert [(w["name"], w["targets"], w["state"]) for w in waves] == [("1 host", 1, "under_way"), ("100%", 3, "waiting")]
    gate.touch()
    assert {t["state"] for t in region.finished(run["id"]).values()} == {"succeeded"}
    assert [w["state"] for w in region.api.get(f"/v1/runs/{run['id']}/waves")["waves"]] == ["done", "done"]


def test_a_failing_canary_stops_it(region, agents):
    done = region.cli("run", "--on", "all", "--waves", "1,100%", "--", "false", check=1)
    assert "Stopped: 1 of 4 failed, 0 are allowed" in done.stderr
    run = region.api.get("/v1/runs", limit=1)["runs"][0]
    assert run["counts"]["failed"] == 1 and run["counts"]["cancelled"] == 3
    assert run["stopped"]["by"] == "rollout"
    reasons = {t.get("reason") for t in region.targets(run["id"], state="cancelled").values()}
    assert reasons == {"stopped before it was sent: 1 of 4 failed, 0 are allowed"}
    shown = region.cli("runs", "show", run["id"], check=0)
    assert "Stopped" in shown.stdout and "1 host" in shown.stdout and "100%" in shown.stdout
    stops = [e for e in region.audit("run.stop") if e["object"] == run["id"]]
    assert [e["detail"]["reason"] for e in stops] == ["1 of 4 failed, 0 are allowed"]


def test_waves_by_selector_and_label(region, agents):
    for name, site in (("a", "north"), ("b", "south"), ("c", "south")):
        region.api.call("PATCH", f"/v1/hosts/{agents[name].id}", {"labels": {"set": {"site": site}}})
    run = order(region, agents, "true", rollout={"waves": [{"selector": f"id={agents['c'].id}"}, {"each_label": "site", "order": ["south"]}]})
    region.finished(run["id"])
    waves = region.api.get(f"/v1/runs/{run['id']}/waves")["waves"]
    assert [w["name"] for w in waves] == [f"id={agents['c'].id}", "site=south", "site=north", "without site"]
    assert [w["counts"]["succeeded"] for w in waves] == [1, 1, 1, 1]
    started = {name: target["started_at"] for name, target in by_name(region, agents, run).items()}
    assert sorted(started, key=started.get) == ["c", "b", "a", "d"]


def test_no_more_at_a_time_than_the_ceiling(region, agents, tmp_path):
    """Each command counts those that are at work beside it."""
    (tmp_path / "at-work").mkdir()
    shell = f"cd {tmp_path}/at-work && touch $$ && ls | wc -l && sleep 0.3 && rm $$"
    run = order(region, agents, shell, rollout={"parallel_max": 2})
    done = region.finished(run["id"])
    assert {t["state"] for t in done.values()} == {"succeeded"}
    assert max(int(t["stdout"]) for t in done.values()) <= 2


def test_pause_and_resume_over_a_restart_of_the_server(region, agents, tmp_path):
    gate = tmp_path / "gate"
    run = order(region, agents, f"while [ ! -e {gate} ]; do sleep 0.05; done", rollout={"waves": [{"count": 1}]})
    wait_for(region, run, "the first works", lambda r: r["counts"]["running"] == 1)
    paused = region.api.post(f"/v1/runs/{run['id']}/pause", {"reason": "lunch"})
    assert (paused["state"], paused["paused"]["reason"]) == ("running", "lunch")
    gate.touch()
    wait_for(region, run, "the first is done", lambda r: r["counts"]["succeeded"] == 1)
    restart(region, agents)
    held = region.run(run["id"])
    assert held["paused"]["reason"] == "lunch" and held["counts"]["queued"] == 3
    assert "paused" in region.cli("runs", check=0).stdout
    assert "Goes on" in region.cli("runs", "resume", run["id"], check=0).stderr
    assert {t["state"] for t in region.finished(run["id"]).values()} == {"succeeded"}
    with pytest.raises(Refused) as refused:
        region.api.post(f"/v1/runs/{run['id']}/resume")
    assert refused.value.status == 409
    assert {e["action"] for e in region.audit() if e["object"] == run["id"]} >= {"run.create", "run.pause", "run.resume"}


def test_somebody_begins_each_wave(region, agents):
    run = order(region, agents, "true", rollout={"waves": [{"count": 2}], "pause_between": True})
    held = wait_for(region, run, "it waits for somebody", lambda r: "paused" in r)
    assert held["paused"]["reason"] == "wave 1 of 2 is done" and held["counts"]["succeeded"] == 2
    region.api.post(f"/v1/runs/{run['id']}/resume")
    assert {t["state"] for t in region.finished(run["id"]).values()} == {"succeeded"}


def test_a_cancel_says_what_it_found(region, agents):
    run = order(region, agents, "sleep 300", rollout={"waves": [{"count": 2}]})
    wait_for(region, run, "two are at work", lambda r: r["counts"]["running"] == 2)
    done = region.cli("runs", "cancel", run["id"], check=0)
    assert "Cancelled: 2 were never sent, 2 were stopped" in done.stderr
    ended = region.run(run["id"])
    assert ended["cancelled"]["found"] == {"queued": 2, "sent": 0, "running": 2, "finished": 0}
    reasons = [t["reason"] for t in by_name(region, agents, run).values()]
    assert reasons.count("cancelled before it was sent") == 2


def test_idempotent_work_goes_to_a_restarted_agent(region, agents, tmp_path):
    """Others end as unknown: nobody can know how far they came."""
    agent = {"a": agents["a"]}
    for idempotent in (True, False):
        marks = tmp_path / f"marks-{idempotent}"
        shell = f"echo x >> {marks}; [ $(wc -l < {marks}) -gt 1 ] || sleep 300"
        run = order(region, agent, shell, **({"idempotent": True} if idempotent else {}))
        wait_until(marks.exists, "the command began")
        region.in_state(run["id"], agent["a"], "running")
        agent["a"].process.kill()
        agent["a"].start()
        done = region.finished(run["id"])[agent["a"].id]
        assert done["state"] == ("succeeded" if idempotent else "unknown"), done
        assert len(marks.read_text().split()) == (2 if idempotent else 1)


@pytest.mark.parametrize("rollout, told", [
    ({}, "needs waves or parallel_max"),
    ({"waves": [{}]}, "exactly one of"),
    ({"waves": [{"count": 1, "percent": 2}]}, "exactly one of"),
    ({"waves": [{"count": 0}]}, "rollout.waves.count"),
    ({"waves": [{"percent": 101}]}, "rollout.waves.percent"),
    ({"waves": [{"selector": "((("}]}, "rollout.waves[0]"),
    ({"waves": [{"each_label": "a b"}]}, "rollout.waves[0]"),
    ({"waves": [{"count": 1, "order": ["x"]}]}, "each_label"),
    ({"waves": 3}, "list of at most 100"),
    ({"waves": [{"count": 1}] * 101}, "list of at most 100"),
    ({"parallel_max": 0}, "rollout.parallel_max"),
    ({"failures_max": 3}, "sent at once"),
    ({"parallel_max": 1, "failures_max": 1, "failures_percent_max": 1}, "only one of"),
    ({"parallel_max": 1, "failures_max": -1}, "rollout.failures_max"),
    ({"parallel_max": 1, "on_failures": "cry"}, "rollout.on_failures"),
    ({"parallel_max": 1, "pause_between": True}, "needs rollout.waves"),
    ({"waves": [{"count": 1}], "pause_between": True, "wait_between_ms": 5}, "only one of"),
    ({"waves": [{"count": 1}], "wait_between_ms": 10**12}, "rollout.wait_between_ms"),
    ({"parallel_max": 1, "speed": "high"}, "rollout.speed"),
])
def test_bad_rollouts_are_refused_with_the_place(region, agents, rollout, told):
    with pytest.raises(Refused) as refused:
        order(region, agents, "true", rollout=rollout)
    assert refused.value.status == 400 and told in str(refused.value)


def test_bad_options_are_told_by_the_command_line(region, agents):
    for words, told in (
        (["--waves", "1,,2"], "empty wave"),
        (["--waves", "1", "--max-failures", "many"], "neither a number"),
        (["--waves", "1", "--on-failures", "cry"], "stop"),
        (["--max-failures", "3"], "sent at once"),
    ):
        done = region.cli("run", "--on", "all", *words, "--", "true", check=2)
        assert told in done.stderr, words


def test_stop_everything_and_lift(region, agents):
    running = order(region, agents, "sleep 300")
    waiting = order(region, {"a": agents["a"]}, "sleep 300", queue_for_ms=60_000)
    wait_for(region, running, "all are at work", lambda r: r["counts"]["running"] == 4)
    done = region.cli("stop-everything", "--reason", "wrong package", check=0)
    assert "EVERYTHING IS STOPPED by admin" in done.stdout and "2 runs were open" in done.stdout
    try:
        for run in (running, waiting):
            assert {t["state"] for t in region.finished(run["id"]).values()} == {"cancelled"}
        with pytest.raises(Refused) as refused:
            order(region, agents, "true")
        assert refused.value.status == 409
        assert "by admin: wrong package" in str(refused.value) and "--lift" in str(refused.value)
        assert region.api.get("/v1/region")["stopped"]["reason"] == "wrong package"
        assert b"muster_stopped 1" in region.api.get("/metrics")
        restart(region, agents)
        assert region.api.get("/v1/stop-everything")["stopped"] is True, "it holds over a restart"
        with pytest.raises(Refused):
            order(region, agents, "true")
    finally:
        assert "Nothing is stopped" in region.cli("stop-everything", "--lift", check=0).stdout
    assert {t["state"] for t in region.finished(order(region, agents, "true")["id"]).values()} == {"succeeded"}
    acts = [e["action"] for e in region.audit() if e["object"] == "everything"]
    assert acts[:2] == ["region.resume", "region.stop"]
    with pytest.raises(Refused) as refused:
        region.api.call("DELETE", "/v1/stop-everything")
    assert refused.value.status == 404


def test_stop_everything_on_the_servers_machine(region, agents):
    """Without the API: by the file that the server watches."""
    state = str(region.state)
    run = order(region, agents, "sleep 300")
    wait_for(region, run, "all are at work", lambda r: r["counts"]["running"] == 4)
    done = region.cli("stop-everything", "--local", "--state", state, "--reason", "now", "--json", check=0)
    try:
        told = json.loads(done.stdout)
        assert (told["stopped"], told["taken"], told["runs"], told["reason"]) == (True, True, 1, "now")
        assert told["by"].startswith("local:")
        assert {t["state"] for t in region.finished(run["id"]).values()} == {"cancelled"}
        assert region.api.get("/v1/stop-everything")["reason"] == "now"
    finally:
        region.cli("stop-everything", "--local", "--state", state, "--lift", check=0)
    wait_until(lambda: not region.api.get("/v1/stop-everything")["stopped"], "the server noticed")
    assert "no server keeps its state" in region.cli("stop-everything", "--local", "--state", "/nowhere", check=3).stderr


def test_only_administrators_stop_everything(region, agents):
    token = region.api.post("/v1/api-tokens", {"name": "op", "role": "operator"})["token"]
    operator = region.api.with_token(token)
    for method in ("POST", "DELETE"):
        with pytest.raises(Refused) as refused:
            operator.call(method, "/v1/stop-everything")
        assert refused.value.status == 403
    assert operator.get("/v1/stop-everything")["stopped"] is False


def test_stop_everything_while_the_server_is_busy(region, agents):
    """Readers that keep every reader of the database at work, and a stream of orders."""
    run = order(region, agents, "sleep 300")
    wait_for(region, run, "all are at work", lambda r: r["counts"]["running"] == 4)
    ended = threading.Event()

    def read():
        api = region.api.with_token(region.api.token)
        while not ended.is_set():
            api.get("/v1/audit/verify")
            api.get("/v1/runs", limit=100)

    def write():
        api = region.api.with_token(region.api.token)
        while not ended.is_set():
            try:
                api.post("/v1/runs", {"selector": f"id={agents['a'].id}", "ping": {}})
            except Refused as refused:
                assert refused.status == 409
    threads = [threading.Thread(target=work) for work in (read, read, read, read, write, write)]
    for thread in threads:
        thread.start()
    try:
        assert region.api.post("/v1/stop-everything", {"reason": "busy"})["kept"] is True
        last = region.api.get("/v1/runs", limit=1)["runs"][0]["id"]
        with pytest.raises(Refused):
            order(region, agents, "true")
        assert region.api.get("/v1/runs", limit=1)["runs"][0]["id"] == last, "nothing began since"
        assert {t["state"] for t in region.finished(run["id"]).values()} == {"cancelled"}
    finally:
        ended.set()
        for thread in threads:
            thread.join()
        region.api.call("DELETE", "/v1/stop-everything")


def test_a_stopped_server_process_takes_the_order_when_it_goes_on(region, agents):
    """SIGSTOP is the busiest that a server can be: the order waits for it, and nothing slips past."""
    run = order(region, agents, "sleep 300", rollout={"waves": [{"count": 1}]})
    wait_for(region, run, "the first works", lambda r: r["counts"]["running"] == 1)
    region.server.signal(signal.SIGSTOP)
    try:
        done = region.cli("stop-everything", "--local", "--state", str(region.state), check=0)
        assert "has not answered yet" in done.stderr
    finally:
        region.server.signal(signal.SIGCONT)
    try:
        done = region.finished(run["id"])
        assert {t["state"] for t in done.values()} == {"cancelled"}
    finally:
        region.cli("stop-everything", "--lift", check=0)
