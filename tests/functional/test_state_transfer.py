# SPDX-License-Identifier: Apache-2.0
"""muster state: a region is moved to PostgreSQL, backed up and restored, and is the same afterwards."""

import json
import sqlite3

import pytest


@pytest.fixture
def worked(make_region):
    """A region with hosts, runs, users, methods' keys, schedules, and an audit log of all that."""
    region = make_region().start()
    agents = region.add_agents("a", "b", labels={"site": "north"})
    run = region.order("", "echo hello; echo trouble >&2", rollout={"waves": [{"count": 1}, {"percent": 100}]})
    region.finished(run["id"])
    large = region.order(f"id={agents[0].id}", "head -c 300000 /dev/urandom | base64 -w 0")
    region.finished(large["id"])
    region.api.post("/v1/users", {"name": "ada", "password": "correct horse", "role": "operator"})
    region.api.post("/v1/api-tokens", {"name": "für später"})
    region.api.post("/v1/schedules", {"name": "nightly", "trigger": {"cron": "0 3 * * *"},
                                      "request": {"selector": "all", "command": {"shell": "true"}}})
    assert region.server.stop() == 0  # what hosts said of themselves is saved now, else every two seconds
    region.start()
    for agent in agents:
        agent.online()
    region.large = large["id"]
    region.agent = agents[0]
    return region


def answers(region):
    """What the API says about everything that is kept."""
    get = region.api.get
    runs = [r["id"] for r in get("/v1/runs")["runs"]]
    hosts = [{k: h[k] for k in ("id", "name", "labels", "enrolled_at")} for h in get("/v1/hosts")["hosts"]]
    return {
        "hosts": sorted(hosts, key=lambda h: h["id"]),
        "runs": get("/v1/runs"),
        "targets": {run: sorted(region.targets(run).items()) for run in runs},
        "large": get(f"/v1/runs/{region.large}/targets/{region.agent.id}/stdout"),
        "folds": {run: get(f"/v1/runs/{run}/folds") for run in runs},
        "users": [{**u, "last_login": None} for u in get("/v1/users")["users"]],
        "tokens": [{**t, "last_used": None} for t in get("/v1/api-tokens")["tokens"]],
        "join_tokens": get("/v1/join-tokens"),
        "schedules": get("/v1/schedules"),
        "audit": [e for e in region.audit() if not e["action"].startswith(("state.", "session."))],
    }


def same_region(region, before):
    """All is there, the audit log's chain holds, hosts come back and do more."""
    after = answers(region)
    for what, said in before.items():
        assert after[what] == said, what
    assert region.api.get("/v1/audit/verify")["ok"]
    for agent in region.agents:
        agent.online(60)
    assert region.do(region.agent, "echo on")["stdout"] == "on\n"


def stop(region):
    """A server that has saved what it knows; its hosts wait for it."""
    before = answers(region)
    assert region.server.stop() == 0
    return before


def test_moved_to_postgresql_everything_is_the_same(worked, postgres):
    refused = worked.cli("state", "move", "--to", postgres.url, check=1)
    assert "running" in refused.stderr
    assert postgres.sql("SELECT count(*) FROM pg_namespace WHERE nspname = 'muster'") == "0"
    before = stop(worked)
    said = worked.cli("state", "move", "--to", postgres.url, "--json", check=0)
    done = json.loads(said.stdout)
    assert done["tables"]["jobs_runs"] == 2 and done["tables"]["jobs_targets"] == 3
    assert not worked.database.exists() and worked.database.with_name("region.db.moved").exists()

    worked.launch().ended()  # without --database it would go on with nothing
    assert "was moved to PostgreSQL" in worked.server.output()
    worked.postgres_url = postgres.url
    worked.start()
    same_region(worked, before)
    assert worked.audit("state.move")[0]["actor"].startswith("local:")

    again = worked.cli("state", "move", "--to", postgres.url)
    assert again.returncode != 0 and "already" in again.stderr


def test_a_move_never_overwrites_and_never_stays_half(worked, make_region, postgres):
    other = make_region()
    other.postgres_url = postgres.url
    other.start()
    kept = other.api.get("/v1/region")["region"]
    assert other.server.stop() == 0
    before = stop(worked)
    refused = worked.cli("state", "move", "--to", postgres.url, check=1)
    assert "choose an empty one" in refused.stderr
    assert worked.database.exists()
    other.start()
    assert other.api.get("/v1/region")["region"] == kept
    assert other.api.get("/v1/runs")["runs"] == []
    worked.start()
    same_region(worked, before)


@pytest.mark.parametrize("source", ["sqlite", "postgresql"])
@pytest.mark.parametrize("target", ["sqlite", "postgresql"])
def test_backed_up_and_restored_everything_is_the_same(worked, postgres, tmp_path, source, target):
    file = tmp_path / "backup"
    postgres.sql("CREATE DATABASE target")
    if source == "postgresql":
        assert worked.server.stop() == 0
        worked.cli("state", "move", "--to", postgres.url, check=0)
        worked.postgres_url = postgres.url
        worked.start()
    where = ["--database", postgres.url] if source == "postgresql" else []
    before = answers(worked)
    worked.cli("state", "backup", str(file), *where, check=0)  # while it runs
    assert file.stat().st_mode & 0o777 == 0o600
    assert sorted(p.name for p in tmp_path.glob("backup*")) == ["backup"]
    assert "exists" in worked.cli("state", "backup", str(file), *where, check=1).stderr

    where = ["--database", postgres.url.replace("/postgres?", "/target?")] if target == "postgresql" else []
    assert "move it away" in worked.cli("state", "restore", str(file), *where, check=1).stderr
    worked.server.kill()  # the machine is lost
    (worked.state / "server").rename(worked.state / "lost")
    worked.cli("state", "restore", str(file), *where, check=0)
    worked.postgres_url = where[1] if where else None
    worked.start()
    same_region(worked, before)
    assert [e["object"] for e in worked.audit("state.restore")] == ["backup"]


def test_a_damaged_backup_is_found_and_leaves_nothing(worked, tmp_path):
    file = tmp_path / "backup"
    worked.cli("state", "backup", str(file), check=0)
    assert worked.server.stop() == 0
    (worked.state / "server").rename(worked.state / "lost")
    for damage in ("UPDATE access_users SET role = 2 WHERE name = 'ada'",
                   "DELETE FROM jobs_targets WHERE slot = 1",
                   "UPDATE backup_blocks SET data = x'00' WHERE path = 'ca.key'",
                   "UPDATE backup_files SET path = '../ca.key' WHERE path = 'ca.key'"):
        copy = tmp_path / "damaged"
        copy.write_bytes(file.read_bytes())
        with sqlite3.connect(copy) as database:
            database.execute(damage)
        database.close()
        refused = worked.cli("state", "restore", str(copy), check=1)
        assert "backup" in refused.stderr, damage
        assert not (worked.state / "server").exists(), damage
        assert not (worked.state / "ca.key").exists()
    assert worked.cli("state", "restore", str(tmp_path / "none")).returncode != 0
    worked.cli("state", "restore", str(file), check=0)
    worked.start()
