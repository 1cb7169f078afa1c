# SPDX-License-Identifier: Apache-2.0
"""The network goes away while work is running: the work goes on, its answer arrives later."""

import pytest

pytestmark = pytest.mark.usefixtures("isolated")


def test_result_arrives_after_the_cut_is_healed(region, tmp_path):
    cut, other = region.add_agents("cut", "other")
    gate, mark = tmp_path / "gate", tmp_path / "mark"
    run = region.order("", f"echo begun >> {mark}; while [ ! -e {gate} ]; do sleep 0.05; done; hostname")
    region.in_state(run["id"], cut, "running")
    cut.host.cut()
    gate.touch()
    region.in_state(run["id"], other, "succeeded")
    assert region.target(run["id"], cut)["state"] == "running"  # silence is not failure
    cut.host.heal()
    targets = region.finished(run["id"], deadline=120)
    assert (targets[cut.id]["state"], targets[cut.id]["stdout"]) == ("succeeded", "cut\n")
    assert mark.read_text() == "begun\n" * 2


def test_agent_that_restarts_while_cut_off_ends_unknown(region, tmp_path):
    agent = region.add_agent("a")
    run = region.order(f"id={agent.id}", "sleep 600")
    region.in_state(run["id"], agent, "running")
    agent.host.cut()
    agent.process.kill()
    agent.host.heal()
    agent.start(wait=False)
    target = region.finished(run["id"], deadline=120)[agent.id]
    assert target["state"] == "unknown" and "restart" in target["reason"]


def test_large_result_survives_a_cut_in_its_middle(region, tmp_path):
    agent, gate = region.add_agent("a"), tmp_path / "gate"
    run = region.order(f"id={agent.id}", f"head -c 30000000 /dev/zero; while [ ! -e {gate} ]; do sleep 0.05; done",
                       limits={"output_bytes_max": 40_000_000})
    region.in_state(run["id"], agent, "running")
    gate.touch()
    agent.host.cut()
    agent.host.heal()
    assert region.finished(run["id"], deadline=120)[agent.id]["stdout_bytes"] == 30_000_000
    assert region.output(run["id"], agent) == bytes(30_000_000)
