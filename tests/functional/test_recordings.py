# SPDX-License-Identifier: Apache-2.0
"""Runs are recorded, exported and repeated on other hosts; what differs is told."""

import json

import pytest
from api import Refused
from process import Process, binary
from test_method_runs import method, publish_script  # noqa: F401 (a fixture)


@pytest.fixture
def hosts(region):
    return region.add_agents("web1", "web2", "test1", "test2")


def done(region, *ids):
    for run_id in ids:
        region.finished(run_id)


def test_a_series_is_recorded_and_repeated_elsewhere(region, hosts, method, tmp_path):  # noqa: F811
    flag = tmp_path / "flag"
    publish_script(method, tmp_path, "deploy",
                   '[ -n "$PT__noop" ] && { echo "would deploy $PT_to"; exit 0; }\n'
                   f'echo "deployed $PT_to"; [ ! -e {flag} ]',
                   {"supports_noop": True, "parameters": {"to": {"type": "String"}}})
    region.cli("runs", "record", "update", "--start", "--description", "the weekly update", check=0)
    region.cli("run", "--on", "web1 or web2", "--", "echo", "web1", check=0)
    region.cli("method", "run", "deploy", "--on", "web1 or web2", "to=web2", check=0)
    region.cli("runs", "record", "update", "--stop", check=0)
    region.cli("run", "--on", "web1", "--", "echo", "not in it", check=0)
    listed = region.cli("runs", "recordings", check=0).stdout
    assert "update" in listed and "the weekly update" in listed and "closed" in listed

    archive = json.loads(region.cli("runs", "export", "update", check=0).stdout)
    assert [step["request"].get("command", {}).get("argv") for step in archive["steps"]] == [["echo", "web1"], None]
    assert archive["steps"][1]["method"]["name"] == "deploy"
    assert sorted(h for a in archive["steps"][1]["answers"] for h in a["hosts"]) == ["web1", "web2"]

    # Elsewhere: the dry run first, then each step compared with its counterpart's.
    missing = region.cli("runs", "replay", "update", "--map", "web1=test1", check=2)
    assert "web2 has no counterpart" in missing.stderr and "step 2" in missing.stderr
    before = len(region.api.get("/v1/runs")["runs"])
    asked = region.cli("runs", "replay", "update", "--map", "web1=test1,web2=test2", check=2)
    assert "--yes" in asked.stderr and "dry run" in asked.stderr
    assert len(region.api.get("/v1/runs")["runs"]) == before + 1  # the dry run alone
    replayed = region.cli("runs", "replay", "update", "--map", "web1=test1,web2=test2", "--yes", check=0)
    assert "All steps went as recorded" in replayed.stderr
    newest, older, *_ = region.api.get("/v1/runs")["runs"]
    assert newest["method"]["arguments"] == {"to": "test2"}  # a host's name as a whole argument
    assert older["command"]["argv"] == ["echo", "test1"]
    assert {t["name"] for t in region.targets(newest["id"]).values()} == {"test1", "test2"}
    differs = region.cli("runs", "replay", "update", "--map", "web1=test1,web2=test2", "--yes", "--no-dry-run",
                         "--compare-output", check=1)
    assert "was another answer" in differs.stdout and "Stopped at step 1" in differs.stderr

    # As a test in a script, from a file: the same outcome, and then not.
    (tmp_path / "update.json").write_text(json.dumps(archive))
    same = ("runs", "replay", "--file", str(tmp_path / "update.json"), "--on", "test1", "--yes", "--no-dry-run")
    region.cli(*same, check=0)
    flag.touch()
    broken = region.cli(*same, "--keep-going", check=1)
    assert "test1: was succeeded, is failed, exit code 1" in broken.stdout
    assert "1 of 2 steps did not go as recorded" in broken.stderr


def test_secrets_must_be_given_again(region, hosts, method, tmp_path):  # noqa: F811
    publish_script(method, tmp_path, "login", 'echo "logged in with ${#PT_password}"',
                   {"parameters": {"password": {"type": "String", "sensitive": True}}})
    region.cli("method", "run", "login", "--on", "web1", "password=hunter2", check=0)
    [run] = region.api.get("/v1/runs")["runs"]
    archive = region.api.get(f"/v1/runs/{run['id']}/archive")
    assert archive["steps"][0]["hidden"] == ["password"] and "hunter2" not in json.dumps(archive)
    refused = region.cli("runs", "replay", run["id"], "--same-hosts", "--yes", check=2)
    assert "--set 1.password=" in refused.stderr
    region.cli("runs", "replay", run["id"], "--same-hosts", "--yes", "--set", "1.password=hunter3",
               "--compare-output", check=0)


def test_bad_input(region, hosts, tmp_path):
    done(region, region.order("web1", "true")["id"])
    [run] = region.api.get("/v1/runs")["runs"]
    for body, status in (({"name": "../x"}, 400), ({"name": ""}, 400), ({"name": "x", "runs": ["nope"]}, 404),
                         ({"name": "x", "runs": [run["id"]], "extra": 1}, 400)):
        with pytest.raises(Refused) as refused:
            region.api.post("/v1/recordings", body)
        assert refused.value.status == status, body
    region.api.post("/v1/recordings", {"name": "one", "runs": [run["id"], run["id"]], "open": True})
    assert region.api.get("/v1/recordings/one")["runs"] == 1
    for name in ("one", "two"):
        with pytest.raises(Refused) as refused:
            region.api.post("/v1/recordings", {"name": name, "open": True})
        assert refused.value.status == 409
    with pytest.raises(Refused) as absent:
        region.api.get("/v1/recordings/none/archive")
    assert absent.value.status == 404
    (tmp_path / "no.json").write_text('{"format": "other"}')
    assert "no recording" in region.cli("runs", "replay", "--file", str(tmp_path / "no.json"), "--same-hosts",
                                        check=2).stderr
    (tmp_path / "no.json").write_text("{")
    assert "not JSON" in region.cli("runs", "replay", "--file", str(tmp_path / "no.json"), "--same-hosts",
                                    check=2).stderr
    assert "no recording and no run" in region.cli("runs", "replay", "nope", "--same-hosts", check=3).stderr
    slow = region.order("web1", "sleep 1000")
    with pytest.raises(Refused) as unfinished:
        region.api.get("/v1/recordings/one/archive")
    assert unfinished.value.status == 409 and slow["id"] in unfinished.value.message
    region.api.post(f"/v1/runs/{slow['id']}/cancel")


def test_what_is_kept_is_shown_and_set(region, hosts):
    runs = [region.order("web1", f"echo {i}")["id"] for i in range(4)]
    done(region, *runs)
    region.api.post("/v1/recordings", {"name": "kept", "runs": [runs[0]]})
    shown = region.cli("runs", "retention", check=0).stdout
    assert "90d" in shown and "4 runs" in shown and "1 recorded" in shown
    region.cli("runs", "retention", "--runs", "2", check=0)
    left = {r["id"] for r in region.api.get("/v1/runs")["runs"]}
    assert left == {runs[0], max(runs[1:])}, "the recorded one and the newest"
    assert region.audit("retention.set")
    region.server.stop()
    region.restart()
    kept = region.api.get("/v1/retention")
    assert kept["runs_max"] == 2 and kept["kept"]["runs"] == 2
    viewer = region.api.with_token(None)
    with pytest.raises(Refused) as refused:
        viewer.call("PATCH", "/v1/retention", {"runs_max": 1})
    assert refused.value.status == 401


def test_a_simulated_fleet_answers_as_recorded(region, hosts, tmp_path):
    region.cli("run", "--on", "web1 or web2", "--shell", "hostname; [ $(hostname) != web2 ]", check=1)
    [run] = region.api.get("/v1/runs")["runs"]
    archive = tmp_path / "hosts.json"
    archive.write_text(region.cli("runs", "export", run["id"], check=0).stdout)
    token = region.join_token(uses=40, labels={"site": "nowhere"})
    swarm = Process("swarm", [binary("muster-swarm"), "--server", f"{region.address}:{region.port}", "--token", token,
                              "--endpoints", "40", "--replay", str(archive)], tmp_path)
    swarm.said('"connected"')
    region.cli("runs", "replay", "--file", str(archive), "--on", "site=nowhere", "--yes", "--compare-output", check=0)
    counts = region.api.get("/v1/runs")["runs"][0]["counts"]
    assert counts["succeeded"] > 5 and counts["failed"] > 5 and counts["succeeded"] + counts["failed"] == 40
