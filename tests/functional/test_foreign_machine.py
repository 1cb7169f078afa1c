# SPDX-License-Identifier: Apache-2.0
"""A machine of another type beside the usual ones: its own agent, its own executables, one region."""

import hashlib
import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest
from foreign import MACHINE, Emulation, ForeignAgent, Impossible
from process import binary
from test_updates import Updates, renamed, versions

TASKS = Path(binary("muster")).parents[1] / "tasks"  # tests/tasks, and what was compiled for them


@pytest.fixture(scope="module")
def emulation(tmp_path_factory):
    if os.uname().machine == MACHINE:
        pytest.skip(f"this machine is {MACHINE} itself: nothing of it is foreign here")
    try:
        made = Emulation(tmp_path_factory.mktemp("emulation"))
    except Impossible as why:
        pytest.skip(f"needs a kernel that starts {MACHINE} programs by an emulator: {why}")
    ForeignAgent.emulation = made
    yield made
    ForeignAgent.emulation = None
    made.close()


@pytest.fixture
def hosts(region, emulation):
    """The usual host and the foreign one."""
    return region.add_agent("web1"), region.add_agent("arm1", kind=ForeignAgent)


@pytest.fixture
def publish(region, tmp_path):
    def run(folder):
        for words in (("key", "--trust"), ("publish", str(folder))):
            region.cli("method", *words, check=0, environment={"MUSTER_PUBLISHING_KEY": str(tmp_path / "key.pem")})

    return run


def probe(region):
    """Runs probe::machine on both; {endpoint id: what it answered}"""
    run = region.api.post("/v1/runs", {"selector": "all", "method": {"name": "probe::machine"}})
    targets = region.finished(run["id"])
    assert {t["state"] for t in targets.values()} == {"succeeded"}, targets
    return {endpoint: target["result"] for endpoint, target in targets.items()}


def digest(file):
    return hashlib.sha256(file.read_bytes()).hexdigest()


def fetched(agent):
    """Digests of what lies in a host's cache."""
    return {path.name for path in (agent.files / "cache" / "objects").iterdir()}


def test_its_agent_needs_the_c_library_only(emulation):
    told = subprocess.run(["llvm-readelf-19", "-h", "-d", emulation.programs / "muster-agent"],
                          capture_output=True, text=True, check=True).stdout
    assert re.search(r"Machine:\s+AArch64", told), told
    needed = set(re.findall(r"Shared library: \[(.+?)\]", told))
    # Resolver and mathematics are the C library's own.
    assert "libc.so.6" in needed <= {"libc.so.6", "libm.so.6", "libresolv.so.2", "ld-linux-aarch64.so.1"}, needed


def test_it_logs_in_as_what_it_is(region, hosts):
    native, foreign = hosts
    machine = os.uname().machine
    for agent, own, other in ((native, machine, MACHINE), (foreign, MACHINE, machine)):
        facts = agent.info()["facts"]
        assert facts["machine"] == own
        assert own in facts["features"] and other not in facts["features"], facts
        shown = region.cli("hosts", "show", agent.id, check=0).stdout
        assert own in shown and other not in shown, shown
        chosen = json.loads(region.cli("hosts", f"machine={own}", "--json", check=0).stdout)
        assert [host["id"] for host in chosen["hosts"]] == [agent.id]


def test_it_answers_like_any_other(region, hosts):
    native, foreign = hosts
    assert {t["state"] for t in region.finished(region.order("all")["id"]).values()} == {"succeeded"}
    run = region.order("all", argv=["uname", "-m"])
    region.finished(run["id"])
    assert region.output(run["id"], native) == f"{os.uname().machine}\n".encode()
    assert region.output(run["id"], foreign) == f"{MACHINE}\n".encode()
    failed = region.do(foreign, "echo no >&2; exit 3")
    assert (failed["state"], failed["exit_code"]) == ("failed", 3)
    # More than an announcement carries, in chunks and by its spool.
    large = region.order(f"id={foreign.id}", "seq 1 300000", limits={"output_bytes_max": 4_000_000})
    assert region.finished(large["id"])[foreign.id]["state"] == "succeeded"
    assert region.output(large["id"], foreign) == b"".join(b"%d\n" % n for n in range(1, 300001))
    endless = region.order(f"id={foreign.id}", "exec sleep 1000")
    region.in_state(endless["id"], foreign, "running")
    region.api.post(f"/v1/runs/{endless['id']}/cancel")
    assert region.finished(endless["id"])[foreign.id]["state"] == "cancelled"
    # What it keeps is read by the agent that starts next, with the same key.
    foreign.process.kill()
    foreign.offline()
    foreign.start()
    assert region.do(foreign, "uname -m")["state"] == "succeeded"


def test_each_gets_the_executable_of_its_type(region, hosts, publish):
    native, foreign = hosts
    machine = os.uname().machine
    tasks = TASKS / "probe/tasks"
    publish(TASKS / "probe")
    got = probe(region)
    assert got[native.id] == {"built_for": machine, "machine": machine}
    assert got[foreign.id] == {"built_for": MACHINE, "machine": MACHINE}
    for agent, own, other in ((native, machine, MACHINE), (foreign, MACHINE, machine)):
        objects = fetched(agent)
        assert digest(tasks / f"machine_{own}") in objects, f"{agent.name} has {objects}"
        for name in (f"machine_{other}", "machine_sh.sh"):
            assert digest(tasks / name) not in objects, f"{agent.name} fetched {name}"


def test_an_update_brings_each_the_agent_of_its_type(region, hosts, emulation, tmp_path):
    folder = tmp_path / "agents"
    folder.mkdir()
    for machine, program in ((os.uname().machine, Path(binary("muster-agent"))),
                             (MACHINE, emulation.programs / "muster-agent")):
        (folder / f"muster-agent-{machine}").write_bytes(renamed(program.read_bytes(), "9.0.0"))
    targets = Updates(region, SimpleNamespace(folder=tmp_path)).update(str(folder))
    assert {name: t["state"] for name, t in targets.items()} == {"web1": "succeeded", "arm1": "succeeded"}, targets
    assert versions(hosts) == ["9.0.0", "9.0.0"]
    run = region.order("all", argv=["uname", "-m"])
    region.finished(run["id"])
    assert region.output(run["id"], hosts[1]) == f"{MACHINE}\n".encode()


def test_a_script_is_the_last_resort(region, hosts, publish, tmp_path):
    native, foreign = hosts
    machine = os.uname().machine
    folder = shutil.copytree(TASKS / "probe", tmp_path / "probe")
    (folder / f"tasks/machine_{MACHINE}").unlink()
    metadata = json.loads((folder / "tasks/machine.json").read_text())
    metadata["implementations"] = [i for i in metadata["implementations"] if MACHINE not in i["requirements"]]
    (folder / "tasks/machine.json").write_text(json.dumps(metadata))
    publish(folder)
    got = probe(region)
    assert got[native.id] == {"built_for": machine, "machine": machine}
    assert got[foreign.id] == {"built_for": "any", "machine": MACHINE}
    assert digest(folder / "tasks/machine_sh.sh") in fetched(foreign)
