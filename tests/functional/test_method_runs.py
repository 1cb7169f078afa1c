# SPDX-License-Identifier: Apache-2.0
"""Methods run on hosts that had nothing of them before: fetched, verified, started, answered."""

import json
import os
import shutil
from pathlib import Path

import pytest
from api import Refused
from process import binary, wait_until

TASKS = Path(binary("muster")).parents[1] / "tasks"  # tests/tasks, and what was compiled for them


@pytest.fixture
def method(region, tmp_path):
    """The command line; its publishing key is trusted."""

    def run(*words, check=0):
        return region.cli("method", *words, check=check,
                          environment={"MUSTER_PUBLISHING_KEY": str(tmp_path / "key.pem")})

    run("key", "--trust")
    return run


def order(region, name, selector="all", **more):
    method = {"name": name, **{key: more.pop(key) for key in
                               ("arguments", "noop", "user", "version", "digest") if key in more}}
    return region.api.post("/v1/runs", {"selector": selector, "method": method, **more})


def answers(region, run):
    return {t["name"]: t for t in region.finished(run["id"]).values()}


def publish_script(method, folder, name, script, metadata=None, task="init"):
    """A task of the module of this name."""
    tasks = folder / name / "tasks"
    tasks.mkdir(parents=True, exist_ok=True)
    (tasks / f"{task}.sh").write_text(script)
    (tasks / f"{task}.json").write_text(json.dumps(metadata or {}))
    method("publish", str(folder / name), "--task", task)


def test_answers_that_others_could_not_read_spoil_nothing(region, method, tmp_path):
    """Each in the run's own answer, and in the command line's, beside a host that is well."""
    region.add_agents("web1", "web2")
    for name, answer in (("huge", '{"x": 1e400}'), ("deep", '{"x": ' + "[" * 90 + "]" * 90 + "}"),
                         ("deeper", '{"x": ' + "[" * 5000 + "]" * 5000 + "}")):
        publish_script(method, tmp_path, name, f"""
if [ "$(hostname)" = web1 ]; then echo '{answer}'; else echo '{{"fine": true}}'; fi
printf '{{"type":"call","id":1,"name":"event.raise","body":{{"kind":"{name}","data":{answer}}}}}\\n' >&8
""")
        run = order(region, name)
        got = answers(region, run)
        assert {t["state"] for t in got.values()} == {"succeeded"} and got["web2"]["result"] == {"fine": True}
        right = got["web1"]["result"] == (json.loads(answer) if name == "deep" else {"_output": answer + "\n"})
        assert right, (name, str(got["web1"]["result"])[:200])  # without a comparison of 10,000 brackets
        shown = region.cli("runs", "show", run["id"], "--json", check=0).stdout
        assert {t["name"] for t in json.loads(shown)["targets"]} == {"web1", "web2"}
        assert '{"fine"' in region.cli("runs", "show", run["id"], check=0).stdout
    assert not region.api.get("/v1/host-events")["events"], "none of them can be told to others"


def test_every_way_of_the_format(region, method, tmp_path):
    region.add_agents("web1", "web2")
    for module in ("greet", "sum", "motd", "service_state", "legacy", "probe"):
        method("publish", str(TASKS / module))
    method("publish", str(TASKS / "fails"), "--task", "own_error", "--task", "error_with_success",
           "--task", "not_utf8", "--task", "killed")
    got = answers(region, order(region, "greet", arguments={"name": "Ada"}))
    assert {t["state"] for t in got.values()} == {"succeeded"}, got
    assert {json.dumps(t["result"]) for t in got.values()} == {json.dumps(got["web1"]["result"])}
    assert "Ada" in json.dumps(got["web1"]["result"])

    shown = method("run", "sum", "--on", "web1", "numbers:=[1,2,39]", "--json").stdout
    assert json.loads(shown)["targets"][0]["result"]["total"] == 42
    plain = method("run", "greet", "--on", "all", "name=Bob", "times=2")
    assert "Bob" in plain.stdout and "web[1-2]" in plain.stdout

    failed = answers(region, order(region, "fails::own_error"))["web1"]
    assert failed["state"] == "failed" and failed["result"]["_error"]["msg"] == failed["reason"]
    both = answers(region, order(region, "fails::error_with_success"))["web1"]
    assert (both["state"], both["exit_code"]) == ("failed", 0)  # `_error` is an error whatever the status
    broken = answers(region, order(region, "fails::not_utf8"))["web1"]
    assert broken["state"] == "failed" and "encoding" in broken["result"]["_error"]["kind"]
    killed = answers(region, order(region, "fails::killed"))["web1"]
    assert killed["state"] == "failed" and killed["signal"] == 9

    # One executable a machine type, and none for this one.
    machine = answers(region, order(region, "probe::machine"))["web1"]
    assert machine["state"] == "succeeded" and os.uname().machine in json.dumps(machine["result"]), machine
    folder = tmp_path / "elsewhere" / "tasks"
    folder.mkdir(parents=True)
    (folder / "init.json").write_text(json.dumps(
        {"implementations": [{"name": "init.ps1", "requirements": ["powershell"]}]}))
    (folder / "init.ps1").write_text("Write-Host 'x'")
    method("publish", str(folder.parent))
    missing = answers(region, order(region, "elsewhere"))["web1"]
    assert missing["state"] == "refused" and "powershell" in missing["reason"]


def test_secrets_are_not_shown(region, method):
    agent = region.add_agent("web1")
    method("publish", str(TASKS / "secret"))
    secrets = {"old": "hunter2hunter2", "token": "hunter2token"}
    run = order(region, "secret::rotate", arguments=secrets)
    assert run["method"]["arguments"] == {"old": "[hidden]", "token": "[hidden]", "options": {"rounds": 1}}
    target = answers(region, run)["web1"]
    assert target["state"] == "succeeded", target
    assert target["result"]["_sensitive"] == "[hidden]" and "stdout" not in target
    assert "_sensitive" in region.output(run["id"], agent).decode()  # who asks for the bytes gets them
    assert "hunter2" not in json.dumps(region.audit())
    [fold] = region.api.get(f"/v1/runs/{run['id']}/folds")["folds"]
    assert "stdout" not in fold and fold["result"]["_sensitive"] == "[hidden]"
    shown = method("run", "secret::rotate", "--on", "all", *(f"{n}={v}" for n, v in secrets.items())).stdout
    assert "[hidden]" in shown, shown
    for page in (shown, json.dumps(region.run(run["id"]))):
        assert "hunter2" not in page
    # What endpoints got is forgotten with the run's end, also in the database's write-ahead log.
    region.server.stop()
    assert b"hunter2" not in region.database.read_bytes()


def test_arguments_are_checked_before_anything_is_sent(region, method):
    region.add_agent("web1")
    method("publish", str(TASKS / "greet"))
    method("publish", str(TASKS / "sum"))
    for arguments, word in (({}, "name"), ({"name": ""}, "name"), ({"name": "x", "language": "fi"}, "language"),
                            ({"name": "x", "nmae": 1}, "nmae"), ({"name": "x", "times": "2"}, "times")):
        with pytest.raises(Refused) as refused:
            order(region, "greet", arguments=arguments)
        assert refused.value.status == 400 and word in refused.value.message, (arguments, refused.value.message)
    for request, status in (({"name": "gret"}, 404), ({"name": "greet", "version": "9"}, 404),
                            ({"name": "sum", "noop": True, "arguments": {"numbers": [1]}}, 400),
                            ({"name": "Bad Name"}, 400), ({}, 400), ({"digest": "00" * 32}, 404),
                            ({"name": "greet", "digest": "00" * 32}, 400)):
        with pytest.raises(Refused) as refused:
            region.api.post("/v1/runs", {"selector": "all", "method": request})
        assert refused.value.status == status, (request, refused.value.message)
    wrong = method("run", "greet", "--on", "all", "times=many", check=2)
    assert "times" in wrong.stderr and "muster method show greet" in wrong.stderr
    assert region.api.get("/v1/runs")["runs"] == []


def test_the_cache_may_vanish_or_rot(region, method, tmp_path):
    agent = region.add_agent("web1")
    method("publish", str(TASKS / "greet"))
    assert answers(region, order(region, "greet", arguments={"name": "A"}))["web1"]["state"] == "succeeded"
    objects = agent.files / "cache" / "objects"
    kept = list(objects.iterdir())
    assert len(kept) >= 2  # the manifest and the executable
    for damaged in kept:
        damaged.chmod(0o600)
        damaged.write_bytes(b"x" * damaged.stat().st_size)
    assert answers(region, order(region, "greet", arguments={"name": "B"}))["web1"]["state"] == "succeeded"
    # In mid-run of another method.
    publish_script(method, tmp_path, "waits", "until [ -e \"$PT_path\" ]; do sleep 0.05; done; echo done")
    go = tmp_path / "go"
    slow = order(region, "waits", arguments={"path": str(go)})
    region.in_state(slow["id"], agent, "running")
    shutil.rmtree(agent.files / "cache")
    assert answers(region, order(region, "greet", arguments={"name": "C"}))["web1"]["state"] == "succeeded"
    go.touch()
    assert answers(region, slow)["web1"]["result"]["_output"] == "done\n"
    wait_until(lambda: not list((agent.files / "runs").iterdir()), "the runs' folders are gone")


def test_a_distrusted_key_starts_nothing_more(region, method):
    agent = region.add_agent("web1")
    method("publish", str(TASKS / "greet"))
    agent.process.stop()
    agent.offline()
    waiting = order(region, "greet", arguments={"name": "A"}, queue_for_ms=600_000)
    with pytest.raises(Refused) as used:
        region.api.call("DELETE", "/v1/methods/greet")
    assert used.value.status == 409 and waiting["id"] in used.value.message
    [key] = region.api.get("/v1/publishing-keys")["keys"]
    region.api.call("DELETE", f"/v1/publishing-keys/{key['id']}")
    assert answers(region, waiting)["web1"]["state"] == "cancelled"
    assert "withdrawn" in region.run(waiting["id"]).get("cancelled_by", "") + json.dumps(region.audit("run.cancel"))
    with pytest.raises(Refused) as refused:
        order(region, "greet", arguments={"name": "A"})
    assert refused.value.status == 403 and "does not trust" in refused.value.message


def test_dry_runs_users_limits_and_cancel(region, method, tmp_path):
    agent = region.add_agent("web1")
    method("publish", str(TASKS / "service_state"))
    metadata = json.loads((TASKS / "service_state/tasks/set.json").read_text())
    assert metadata["supports_noop"]
    publish_script(method, tmp_path, "who", "echo \"${PT__noop:-real}\"; id -un", {"supports_noop": True})
    got = answers(region, order(region, "who", noop=True, user="nobody"))["web1"]
    assert got["result"]["_output"] == "true\nnobody\n", got
    publish_script(method, tmp_path, "sleeps", "echo begun; exec sleep 1000",
                   {"extensions": {"muster": {"timeout": "300ms"}}})
    assert answers(region, order(region, "sleeps"))["web1"]["state"] == "timed_out"
    endless = order(region, "sleeps", limits={"timeout_ms": 600_000})
    region.in_state(endless["id"], agent, "running")
    region.api.post(f"/v1/runs/{endless['id']}/cancel")
    assert answers(region, endless)["web1"]["state"] == "cancelled"


def test_the_cache_keeps_to_its_limit(region, method, tmp_path):
    agent = region.add_agent("small", start=False)
    agent.options = ["--cache-size", "1M", "--download-rate", "20M"]
    agent.start()
    for name in ("one", "two", "three"):
        publish_script(method, tmp_path, name, f"#!/bin/sh\necho {name}\nexit\n" + os.urandom(300_000).hex())
        done = region.finished(order(region, name)["id"])[agent.id]
        assert done["stdout"] == name + "\n", done
    kept = list((agent.state / "agent" / "cache" / "objects").iterdir())
    assert kept and sum(path.stat().st_size for path in kept) <= 1024 * 1024
    agent.process.stop()
    agent.options = ["--cache-size", "much"]
    agent.start(wait=False)
    wait_until(lambda: not agent.process.alive(), "it refuses")
    assert "not a size: 'much'" in agent.process.output()
