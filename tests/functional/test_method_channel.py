# SPDX-License-Identifier: Apache-2.0
"""What methods say and ask while they run, by each of the three libraries and without any; large results."""

import hashlib
import json
import os
import re
from pathlib import Path

import pytest
from process import wait_until
from test_method_runs import TASKS, answers, method, order, publish_script  # noqa: F401

MIB = 1024 * 1024


def peak_memory(agent):
    """Of the agent's process, in bytes."""
    status = Path(f"/proc/{agent.process.pid}/status").read_text()
    assert "muster-agent" in status.splitlines()[0], status
    return int(re.search(r"VmHWM:\s+(\d+) kB", status).group(1)) * 1024


@pytest.mark.parametrize("module", ["sdk_sh", "sdk_python", "sdk_cpp"])
def test_the_libraries(region, method, tmp_path, module):  # noqa: F811
    agent = region.add_agent("web1")
    method("publish", str(TASKS / module), "--task", "init")
    go = tmp_path / "go"
    run = order(region, module, arguments={"count": 41, "name": "Ada \"A\" \\ L", "go": str(go)},
                description="the third one")
    path = f"/v1/runs/{run['id']}/targets/{agent.id}"
    wait_until(lambda: region.api.get(path).get("progress"), "its progress is known")
    assert region.api.get(path)["progress"] == {"percent": 40, "text": "waiting for \"go\""}
    shown = region.cli("runs", "show", run["id"]).stdout
    assert re.search(r"^web1 +40% +waiting for \"go\"$", shown, re.M), shown
    go.touch()
    target = answers(region, run)["web1"]
    assert target["state"] == "succeeded", target
    result = target["result"]
    assert (result["count"], result["name"], result["note"]) == \
        (42, "Ada \"A\" \\ L", f"a file of {module[4:]}"), result
    assert (result["run"]["method"], result["run"]["targets"]) == (module, 1)
    assert "progress" not in target
    assert target["stderr"].splitlines()[0].startswith("warning: a line of the log {\"count\""), target["stderr"]
    wait_until(lambda: not list((agent.files / "runs").iterdir()), "the runs' folders are gone, fetched files too")


def test_misuse_harms_nobody_else(region, method, tmp_path):  # noqa: F811
    agent = region.add_agent("web1")
    scripts = {
        "garbage": "i=0; while [ $i -lt 100 ]; do echo \"garbage $i\" >&8; i=$((i+1)); done; echo fine",
        "huge": "head -c 300000 /dev/zero | tr '\\0' x >&8; echo fine",
        "flood": "yes '{\"type\":\"progress\",\"percent\":7}' | head -n 300000 >&8; echo fine",
        "questions": "i=0; while [ $i -lt 2000 ]; do"
                     " echo '{\"type\":\"call\",\"id\":1,\"name\":\"run.describe\"}' >&8; i=$((i+1)); done; echo fine",
        "closes": "exec 8>&-; echo fine",
        "holds": "sleep 1000 >/dev/null 2>&1 & echo fine",
        "knows_nothing": "exec 8>\"$PWD/x\" 2>/dev/null || :; echo fine",
    }
    runs = {}
    for name, script in scripts.items():
        publish_script(method, tmp_path, name, script)
        runs[name] = order(region, name)
    for name, run in runs.items():
        target = answers(region, run)["web1"]
        assert (target["state"], target["result"].get("_output")) == ("succeeded", "fine\n"), (name, target)
    assert region.api.get(f"/v1/hosts/{agent.id}")["online"]
    assert peak_memory(agent) < 64 * MIB


def test_a_result_larger_than_the_agents_memory(region, method, tmp_path, monkeypatch):  # noqa: F811
    # What a sanitizer keeps of freed memory is no size of ours.
    monkeypatch.setenv("ASAN_OPTIONS", os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=1")
    agent = region.add_agent("web1")
    publish_script(method, tmp_path, "small", "echo small")
    answers(region, order(region, "small"))
    before = peak_memory(agent)
    size = 200 * MIB
    line = b"0123456789abcde\n"
    publish_script(method, tmp_path, "large", f"yes {line[:-1].decode()} | head -c {size}; echo done >&2",
                   {"extensions": {"muster": {"output_bytes_max": size}}})
    run = order(region, "large")
    target = answers(region, run)["web1"]
    assert (target["state"], target["stdout_bytes"], target["truncated"]) == ("succeeded", size, False), target
    digest, expected = hashlib.sha256(), hashlib.sha256()
    connection = region.api.connect()
    connection.request("GET", f"/v1/runs/{run['id']}/targets/{agent.id}/stdout", headers=region.api.headers())
    stream = connection.getresponse()
    while piece := stream.read(MIB):
        digest.update(piece)
        expected.update((line * (MIB // len(line)))[:len(piece)])
    connection.close()
    assert stream.status == 200 and digest.digest() == expected.digest()
    assert stream.headers["Content-Length"] == str(size)
    grown = peak_memory(agent) - before
    assert grown < 24 * MIB, f"the agent grew by {grown // MIB} MiB"
    assert answers(region, order(region, "small"))["web1"]["state"] == "succeeded"
    # Nothing of it is left on the endpoint's disk: the file had no name.
    assert not list((agent.files / "spool").iterdir())


def test_progress_is_watched_live(region, method, tmp_path):  # noqa: F811
    region.add_agent("web1")
    go = tmp_path / "go"
    publish_script(method, tmp_path, "slow",
                   "printf '{\"type\":\"progress\",\"percent\":12,\"text\":\"far\"}\\n' >&8\n"
                   "until [ -e \"$PT_go\" ]; do sleep 0.05; done; echo done")
    run = order(region, "slow", arguments={"go": str(go)})
    seen = []
    for name, data in region.api.events(f"/v1/runs/{run['id']}/events"):
        seen.append(name)
        if name == "progress":
            assert (data["name"], data["percent"], data["text"]) == ("web1", 12, "far"), json.dumps(data)
            go.touch()
        if name == "end":
            break
    assert "progress" in seen
