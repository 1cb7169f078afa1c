# SPDX-License-Identifier: Apache-2.0
"""kill -9 of the server in mid-run: afterwards every target is final, nothing ran twice."""

import pytest
from process import wait_until


def lines(path):
    return path.read_text().splitlines() if path.exists() else []


def test_every_target_ends_once_after_kill_9(region, tmp_path):
    agents = region.add_agents("a", "b", "c")
    gate, mark = tmp_path / "gate", tmp_path / "mark"
    run = region.order("", f"echo $$ >> {mark}; while [ ! -e {gate} ]; do sleep 0.05; done; echo done")
    wait_until(lambda: len(lines(mark)) == 3, "all three have started")
    region.server.kill()
    gate.touch()  # all finish while there is no server
    region.restart()
    targets = region.finished(run["id"], deadline=120)
    assert [targets[a.id]["state"] for a in agents] == ["succeeded"] * 3
    assert [targets[a.id]["stdout"] for a in agents] == ["done\n"] * 3
    assert len(lines(mark)) == 3, "a command was started twice"


@pytest.mark.parametrize("when", ["at once", "some done"])
def test_many_short_runs_over_a_kill(region, tmp_path, when):
    """Runs that the server had confirmed exist after the restart, and each ended once."""
    agents = region.add_agents("a", "b")
    mark = tmp_path / "mark"
    runs = [region.order("", f"echo {number} >> {mark}")["id"] for number in range(20)]
    if when == "some done":
        wait_until(lambda: len(lines(mark)) >= 5, "some have run")
    region.server.kill()
    region.restart()
    for run in runs:
        states = {t["state"] for t in region.finished(run, deadline=120).values()}
        assert states <= {"succeeded", "unreachable", "unknown"}, states
    for number in range(20):
        assert lines(mark).count(str(number)) <= len(agents), f"run {number} was started twice"


def test_server_stops_in_good_order_and_hosts_come_back(region):
    agent = region.add_agent("a")
    assert region.server.stop() == 0
    region.restart()
    agent.online(60)
    assert region.do(agent, "echo back")["stdout"] == "back\n"


def test_what_was_acknowledged_is_there_after_kill_9(region):
    agent = region.add_agent("a")
    run = region.order(f"id={agent.id}", "echo kept")
    region.finished(run["id"])
    token = region.api.post("/v1/api-tokens", {"name": "t"})
    region.server.kill()
    region.restart()
    assert region.target(run["id"], agent)["stdout"] == "kept\n"
    assert region.api.with_token(token["token"]).get("/v1/me")["role"] == "admin"
    assert region.api.get("/v1/audit/verify")["ok"]
