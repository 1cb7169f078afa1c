# SPDX-License-Identifier: Apache-2.0
"""What an order may cost a machine: time, memory, output, files, and as whom it runs."""

import os
import pwd
import signal

import pytest
from process import pids_with, wait_until
from region import Refused


@pytest.fixture
def region(shared_region):
    return shared_region

# A tree: a shell, a child in the background, a grandchild that left the process group.
TREE = "sleep 31.{0} & setsid sleep 32.{0} & sh -c 'sleep 33.{0}; true' & echo up; wait"


def tree(tmp_path):
    tag = f"{os.getpid()}{abs(hash(str(tmp_path))) % 10**6}"
    return TREE.format(tag), lambda: pids_with(f".{tag}")


def test_timeout_kills_the_whole_tree(region, tmp_path):
    agent = region.add_agent("a")
    shell, left = tree(tmp_path)
    done = region.do(agent, shell, limits={"timeout_ms": 1500})
    assert (done["state"], done["stdout"]) == ("timed_out", "up\n")
    wait_until(lambda: not left(), "nothing of the tree is left")


def test_cancel_kills_the_whole_tree(region, tmp_path):
    agent = region.add_agent("a")
    shell, left = tree(tmp_path)
    run = region.order(f"id={agent.id}", shell)
    region.in_state(run["id"], agent, "running")
    wait_until(lambda: len(left()) >= 3, "the tree has grown")
    region.api.post(f"/v1/runs/{run['id']}/cancel")
    done = region.finished(run["id"])[agent.id]
    assert done["state"] == "cancelled"
    wait_until(lambda: not left(), "nothing of the tree is left")
    assert region.run(run["id"])["cancelled_by"]


def test_ignoring_sigterm_does_not_help(region):
    agent = region.add_agent("a")
    done = region.do(agent, "trap '' TERM INT HUP; while :; do sleep 0.1; done", limits={"timeout_ms": 1000})
    assert done["state"] == "timed_out"


def test_children_left_behind_do_not_hold_the_result_and_go_on(region, tmp_path):
    """A command may start a service, as over ssh: the run ends with the command, the service stays."""
    agent = region.add_agent("a")
    shell, left = tree(tmp_path)
    done = region.do(agent, shell.replace("; wait", ""), limits={"timeout_ms": 20_000})
    assert (done["state"], done["stdout"]) == ("succeeded", "up\n")
    assert done["duration_ms"] < 10_000 and len(left()) >= 3
    for pid in left():
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not left(), "they have ended")


def test_output_limit_cuts_and_says_so(region):
    agent = region.add_agent("a")
    done = region.do(agent, "seq 1 100000; echo end >&2", limits={"output_bytes_max": 1000})
    assert done["truncated"] and done["stdout_bytes"] == 1000 and done["stderr"] == "end\n"
    assert done["stdout"].startswith("1\n2\n3\n")
    assert done["state"] == "succeeded"
    said = region.cli("run", "--on", f"id={agent.id}", "--output-max", "1000", "--", "seq", "1", "100000")
    assert "\n1\n2\n3\n" in said.stdout and "cut at its limit" in said.stderr


def test_memory_limit(region):
    agent = region.add_agent("a")
    eat = "python3 -c 'x = bytearray(700_000_000); print(len(x))'"
    assert region.do(agent, eat)["state"] == "succeeded"
    done = region.do(agent, eat, limits={"memory_bytes": 300_000_000})
    assert done["state"] == "failed" and "MemoryError" in done["stderr"]


def test_file_limits(region, tmp_path):
    agent = region.add_agent("a")
    done = region.do(agent, f"head -c 100000 /dev/zero > {tmp_path}/big", limits={"file_bytes_max": 5000})
    assert done["state"] == "failed" and (tmp_path / "big").stat().st_size <= 5000
    assert region.do(agent, "ulimit -n", limits={"open_files_max": 64})["stdout"] == "64\n"


def test_limit_beyond_the_ceiling_is_refused_not_cut(region):
    agent = region.add_agent("a")
    try:
        assert region.do(agent, "true", limits={"output_bytes_max": 1 << 40})["state"] == "refused"
    except Refused as error:
        assert error.status == 400


def test_exit_status_signal_and_command_not_found(region):
    agent = region.add_agent("a")
    done = region.do(agent, "exit 7")
    assert (done["state"], done["exit_code"]) == ("failed", 7)
    done = region.do(agent, "kill -9 $$")
    assert (done["state"], done["signal"]) == ("failed", 9) and "exit_code" not in done
    run = region.order(f"id={agent.id}", argv=["/no/such/program"])
    done = region.finished(run["id"])[agent.id]
    assert done["state"] == "failed" and "/no/such/program" in done["reason"]


def test_argv_meets_no_shell(region):
    agent = region.add_agent("a")
    run = region.order(f"id={agent.id}", argv=["printf", "%s|", "$HOME", "a b", "*", "", "'"])
    assert region.finished(run["id"])[agent.id]["stdout"] == "$HOME|a b|*||'|"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may become somebody else")
def test_runs_as_a_chosen_user(region):
    agent = region.add_agent("a")
    nobody = pwd.getpwnam("nobody")
    done = region.do(agent, "id -u; id -g; id -G; echo $USER", command={"user": "nobody"})
    assert done["stdout"].split() == [str(nobody.pw_uid), str(nobody.pw_gid), str(nobody.pw_gid), "nobody"]
    done = region.do(agent, "true", command={"user": "no_such_user"})
    assert done["state"] in ("refused", "failed") and "no_such_user" in done["reason"]


def test_working_directory(region, tmp_path):
    agent = region.add_agent("a")
    assert region.do(agent, "pwd", command={"directory": "/usr"})["stdout"] == "/usr\n"
    done = region.do(agent, "pwd", command={"directory": str(tmp_path / "none")})
    assert done["state"] in ("failed", "refused") and "none" in done["reason"]


def test_agent_stops_in_good_order_and_leaves_no_processes(region, tmp_path):
    agent = region.add_agent("a")
    shell, left = tree(tmp_path)
    run = region.order(f"id={agent.id}", shell)
    wait_until(lambda: len(left()) >= 3, "the tree has grown")
    assert agent.process.stop() == 0
    wait_until(lambda: not left(), "nothing of the tree is left")
    agent.start()
    assert region.finished(run["id"], deadline=60)[agent.id]["state"] in ("unknown", "cancelled", "failed")


def test_commands_see_none_of_the_agents_files(region):
    """No descriptor and no variable of the agent reaches what it runs."""
    agent = region.add_agent("a")
    done = region.do(agent, "ls -l /proc/self/fd; env")
    assert "agent.key" not in done["stdout"] and "socket:" not in done["stdout"]
    assert "MUSTER_STATE" not in done["stdout"]
