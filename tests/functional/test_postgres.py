# SPDX-License-Identifier: Apache-2.0
"""A region whose tables are in PostgreSQL: all that it does, and what happens when that goes away."""

import threading

import pytest
from postgres_proxy import PostgresProxy
from process import Process, wait_until
from region import Refused


@pytest.fixture
def at_postgres(make_region, postgres):
    """A region on PostgreSQL that is not started."""
    region = make_region()
    region.postgres_url = postgres.url
    return region


def lines(path):
    return path.read_text().splitlines() if path.exists() else []


def refuses(region, *words):
    process = region.launch()
    status = process.ended(60)
    said = process.output()
    assert status > 0, f"exit status {status}\n{said}"
    for word in words:
        assert word.lower() in said.lower(), said


def test_a_region_does_its_work(at_postgres):
    region = at_postgres.start()
    agents = region.add_agents("a", "b", "c")
    run = region.order("", "echo hello; echo trouble >&2", rollout={"waves": [{"count": 1}, {"percent": 100}]})
    targets = region.finished(run["id"], deadline=60)
    assert [targets[a.id]["stdout"] for a in agents] == ["hello\n"] * 3
    assert region.output(run["id"], agents[0], "stderr") == b"trouble\n"
    large = region.order(f"id={agents[0].id}", "head -c 300000 /dev/zero | tr '\\0' x")["id"]
    assert region.finished(large)[agents[0].id]["stdout_bytes"] == 300000
    assert region.output(large, agents[0]) == b"x" * 300000
    region.api.post("/v1/schedules", {"name": "by-hand", "trigger": {"cron": "0 3 * * *"},
                                      "request": {"selector": "all", "command": {"shell": "echo fired"}}})
    region.api.post("/v1/schedules/by-hand/fire")
    wait_until(lambda: any(f["state"] == "ordered" for f in region.api.get(
        "/v1/schedules/by-hand/firings")["firings"]), "the schedule has fired")
    assert region.api.get("/v1/audit/verify")["ok"]
    assert not region.database.exists()

    assert region.server.stop() == 0
    region.restart()
    for agent in agents:
        agent.online(60)
    assert region.targets(run["id"]) == targets
    assert region.do(agents[1], "echo again")["stdout"] == "again\n"
    assert region.api.get("/v1/audit/verify")["ok"]


def test_a_database_that_is_not_there_yet_is_waited_for(at_postgres, postgres):
    postgres.stop()
    process = at_postgres.launch()
    process.said("waiting for the database")
    postgres.start()
    process.said("serving")


def test_what_cannot_work_is_said_at_once(make_region, postgres):
    region = make_region()
    region.postgres_url = postgres.url.replace("/postgres?", "/nowhere?")
    refuses(region, "nowhere", "does not exist")
    region.postgres_url = "mysql://there"
    refuses(region, "postgresql://")
    postgres.sql("CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0")
    region.postgres_url = postgres.url.replace("/postgres?", "/latin?")
    refuses(region, "utf-8", "createdb")


def test_a_name_for_one_server(at_postgres, make_region, postgres):
    at_postgres.start()
    second = make_region()
    second.postgres_url = postgres.url
    refuses(second, "is running on this database", "--name")  # test_servers.py: with names of their own
    at_postgres.server.kill()
    at_postgres.restart()  # the name, the lease and the lock went with the process


def test_a_newer_schema_is_refused_and_left_alone(at_postgres, postgres):
    region = at_postgres.start()
    assert region.server.stop() == 0
    postgres.sql("UPDATE muster.muster_schema SET version = version + 1 WHERE module = 'jobs'")
    before = postgres.sql("SELECT count(*) FROM muster.muster_writer")
    refuses(region, "newer Muster", "jobs")
    assert postgres.sql("SELECT count(*) FROM muster.muster_writer") == before
    postgres.sql("UPDATE muster.muster_schema SET version = version - 1 WHERE module = 'jobs'")
    region.restart()


def test_a_state_folder_with_a_database_of_its_own_is_not_passed_over(make_region, postgres):
    region = make_region().start()
    assert region.server.stop() == 0
    region.postgres_url = postgres.url
    refuses(region, "region.db", "muster state move")


def test_killed_and_restarted_in_mid_run_nothing_is_lost(at_postgres, postgres, tmp_path):
    region = at_postgres.start()
    agents = region.add_agents("a", "b", "c")
    gate, mark = tmp_path / "gate", tmp_path / "mark"
    run = region.order("", f"echo $$ >> {mark}; while [ ! -e {gate} ]; do sleep 0.05; done; echo done")
    wait_until(lambda: len(lines(mark)) == 3, "all three have started")
    kept = region.api.post("/v1/api-tokens", {"name": "kept"})
    postgres.kill()
    gate.touch()  # all finish while there is no database
    wait_until(lambda: not_ready(region), "the server says that it is not ready")
    with pytest.raises(Refused) as refused:
        region.order("", "true")
    assert refused.value.status == 503
    postgres.start()
    wait_until(lambda: not not_ready(region), "the server is ready again", 60)
    targets = region.finished(run["id"], deadline=120)
    assert [targets[a.id]["state"] for a in agents] == ["succeeded"] * 3
    assert [targets[a.id]["stdout"] for a in agents] == ["done\n"] * 3
    assert len(lines(mark)) == 3, "a command was started twice"
    assert region.api.with_token(kept["token"]).get("/v1/me")["role"] == "admin"
    assert region.do(agents[0], "echo on")["stdout"] == "on\n"
    assert region.api.get("/v1/audit/verify")["ok"]
    assert b"muster_database_lost 0" in region.api.get("/metrics")


def not_ready(region):
    try:
        region.api.get("/readyz")
    except Refused as refused:
        return refused.status == 503
    return False


def test_many_short_runs_over_kills_of_the_database(at_postgres, postgres, tmp_path):
    """What was confirmed is there, each ends once, and no command is started twice."""
    region = at_postgres.start()
    agents = region.add_agents("a", "b")
    mark, confirmed, stop = tmp_path / "mark", [], threading.Event()

    def order():
        number = 0
        while not stop.is_set() or len(confirmed) < 20:
            number += 1
            try:
                confirmed.append((number, region.order("", f"echo {number} >> {mark}")["id"]))
            except Refused as refused:
                assert refused.status == 503, refused

    orders = threading.Thread(target=order)
    orders.start()
    try:
        for _ in range(3):
            seen = len(confirmed)
            wait_until(lambda: len(confirmed) >= seen + 5, "orders are confirmed", 60)
            postgres.kill()
            postgres.start()
    finally:
        stop.set()
        orders.join()
    for _, run in confirmed:
        states = {t["state"] for t in region.finished(run, deadline=120).values()}
        assert states == {"succeeded"}, states
    for number, _ in confirmed:
        assert lines(mark).count(str(number)) == len(agents), f"run {number}"
    assert len(set(lines(mark))) == len(confirmed), "a run was begun that nobody was told of"
    assert region.api.get("/v1/audit/verify")["ok"]


@pytest.fixture
def proxy(postgres):
    made = PostgresProxy(postgres)
    yield made
    for process in reversed(Process.started):  # before what they wait for at their end
        process.end_anyway()
    made.close()


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_commit_whose_fate_is_unknown_is_asked_about(make_region, proxy, when):
    region = make_region()
    region.postgres_url = proxy.url
    region.start()

    def tokens():
        return [t["name"] for t in region.api.get("/v1/api-tokens")["tokens"]]

    proxy.arm(when, b"the-token-in-question")
    wanted = {"name": "the-token-in-question"}
    if when == "after":
        made = region.api.post("/v1/api-tokens", wanted)
        assert region.api.with_token(made["token"]).get("/v1/me")["role"] == "admin"
        assert tokens().count(wanted["name"]) == 1
    else:
        with pytest.raises(Refused) as refused:
            region.api.post("/v1/api-tokens", wanted)
        assert refused.value.status == 503
        assert wanted["name"] not in tokens()
        region.api.post("/v1/api-tokens", wanted)
    assert proxy.cut.is_set()
    assert region.api.get("/v1/audit/verify")["ok"]


def refused(region, word):
    """A write is refused as unavailable, with this word."""
    try:
        region.api.post("/v1/join-tokens", {})
    except Refused as said:
        return said.status == 503 and word in said.message
    return False


def test_a_server_that_was_cut_off_does_not_come_back_beside_another(make_region, postgres, proxy):
    first, second = make_region(), make_region()
    first.postgres_url, second.postgres_url = proxy.url, postgres.url
    first.start()
    proxy.block()
    wait_until(lambda: refused(first, "away"), "the first is cut off", 60)
    second.state.rmdir()
    first.copy_state(second.state)
    second.start()
    second.api.post("/v1/api-tokens", {"name": "by the second"})
    proxy.unblock()

    def tokens():
        return [t["name"] for t in first.api.get("/v1/api-tokens")["tokens"]]

    # What it knew is old: it asks the second, and when that ends, it begins anew.
    wait_until(lambda: "by the second" in tokens(), "the first stands by", 60)
    assert second.server.stop() == 0
    wait_until(lambda: first.api.get("/readyz") == b"ready\n", "the first leads", 60)
    assert "by the second" in tokens()
    first.api.post("/v1/api-tokens", {"name": "by the first"})


def test_a_database_of_another_region_is_refused(at_postgres, make_region, postgres):
    at_postgres.start()
    assert at_postgres.server.stop() == 0
    newcomer = make_region()
    newcomer.postgres_url = postgres.url
    refuses(newcomer, "belongs to a region", "--region-secret")
    assert not (newcomer.state / "server" / "ca.key").exists()
    newcomer.postgres_url = None
    newcomer.start()  # with keys of its own
    assert newcomer.server.stop() == 0
    newcomer.database.unlink()
    newcomer.postgres_url = postgres.url
    refuses(newcomer, "belongs to the region", "the wrong one")
    at_postgres.restart()
