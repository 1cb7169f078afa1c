# SPDX-License-Identifier: Apache-2.0
"""Many large results at once through one gateway: it keeps its size, and every byte arrives.

`make bench` does the same at full size and looks at small runs beside them.
"""

import os
import re

import pytest
from process import Process, binary, wait_until

ENDPOINTS, SIZE = 40, 4_000_000
GROWS_BY_MAX = 64_000_000


def memory(process):
    with open(f"/proc/{process.pid}/status") as status:
        return int(re.search(r"VmRSS:\s+(\d+) kB", status.read()).group(1)) * 1024


def result_bytes(gateway):
    return int(re.search(r"^muster_gateway_result_bytes\S* (\d+)$", gateway.get("/metrics")[1], re.M).group(1))


@pytest.fixture
def gateway(region, monkeypatch):
    # What a sanitizer keeps of freed memory is no size of ours.
    monkeypatch.setenv("ASAN_OPTIONS", os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=1")
    return region.add_gateway("edge")


@pytest.fixture
def swarm(region, gateway, tmp_path):
    """Simulated endpoints behind the gateway, each of which answers everything with SIZE bytes."""
    command = [binary("muster-swarm"), "--endpoints", ENDPOINTS, "--output-bytes", SIZE,
               "--file", tmp_path / "identities"]
    enrolling = Process("swarm", [*command, "--server", f"{region.address}:{region.port}",
                                  "--token", region.join_token(uses=ENDPOINTS)], tmp_path)
    enrolling.said('"ready"')
    enrolling.stop()
    swarm = Process("swarm", [*command, "--server", f"{gateway.address}:{gateway.port}"], tmp_path)
    swarm.said('"connected"')
    return swarm


def test_gateway_keeps_its_size(region, gateway, swarm):
    idle = most = memory(gateway.process)
    run = region.order("", argv=["x"], limits={"output_bytes_max": SIZE})

    def over():
        nonlocal most
        most = max(most, memory(gateway.process))
        return region.run(run["id"])["state"] == "finished"

    wait_until(over, "all results are there", 240)
    targets = region.targets(run["id"])
    assert {(t["state"], t["stdout_bytes"]) for t in targets.values()} == {("succeeded", SIZE)}
    assert len(targets) == ENDPOINTS
    one = region.api.get(f"/v1/runs/{run['id']}/targets/{next(iter(targets))}/stdout")
    assert one == b"x" * SIZE
    assert most - idle <= GROWS_BY_MAX, f"it grew by {(most - idle) / 1e6:.0f} MB"
    wait_until(lambda: result_bytes(gateway) == 0, "all credit has come back")
