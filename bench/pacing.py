# SPDX-License-Identifier: Apache-2.0
"""Large results through one gateway: what it holds in memory, and what small runs beside them feel."""

import pathlib
import tempfile
import threading
import time

from harness import Gateway, Server, Swarm, memory_bytes

ENDPOINTS, SMALL_ENDPOINTS, SMALL_RUNS = 200, 20, 200


class Peak:
    """The most memory that a process had, looked at every 20 ms."""

    def __init__(self, pid):
        self.pid, self.idle, self.most = pid, memory_bytes(pid, "Rss"), 0
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.watch)
        self.thread.start()

    def watch(self):
        while not self.over.wait(0.02):
            self.most = max(self.most, memory_bytes(self.pid, "Rss"))

    def end(self):
        self.over.set()
        self.thread.join()
        return self.most - self.idle


def small_run(server):
    """Seconds from the request to the last answer, as its user feels it."""
    begun = time.monotonic()
    server.run({"selector": "name~small*", "command": {"argv": ["x"]}}, pause=0.001)
    return time.monotonic() - begun


def percentile(values, percent):
    return sorted(values)[min(len(values) - 1, len(values) * percent // 100)]


def measure_pacing(table, binaries, folder, megabytes):
    size = megabytes * 1_000_000
    server = Server(binaries, pathlib.Path(tempfile.mkdtemp(dir=folder)))
    gateway = Gateway(server, "edge", "127.0.0.2")
    swarms = [Swarm(server, ENDPOINTS, "--prefix", "large", "--output-bytes", str(size), at=gateway.at),
              Swarm(server, SMALL_ENDPOINTS, "--prefix", "small", at=gateway.at)]
    try:
        for swarm in swarms:
            swarm.until("connected")
        time.sleep(1)
        alone = [small_run(server) for _ in range(SMALL_RUNS)]
        peak = Peak(gateway.process.pid)
        begun = time.monotonic()
        run = server.call("POST", "/v1/runs", {
            "selector": "name~large*", "command": {"argv": ["x"]},
            "limits": {"output_bytes_max": max(size, 1_000_000)}})
        beside = []
        while run["state"] != "finished":
            beside.append(small_run(server))
            run = server.call("GET", "/v1/runs/" + run["id"])
        seconds = time.monotonic() - begun
        grown = peak.end()
        done = run["counts"]["succeeded"]
        table.add(f"{done} results of {megabytes} MB, one gateway", done * megabytes / seconds, "MB/s", None, None,
                  "all", done == ENDPOINTS, "onto the server's disk")
        table.add("  the gateway's memory above idle", grown / 1e6, "MB", None, None, "<= 64 MB",
                  grown <= 64_000_000)
        reference, value = percentile(alone, 99) * 1000, percentile(beside, 99) * 1000
        table.add("  small runs beside them, p99", value, "ms", reference, value / reference, "<= 2",
                  value <= 2 * reference, f"{len(beside)} runs; reference: alone; smaller is better")
    finally:
        for swarm in swarms:
            swarm.stop()
        gateway.stop()
        server.stop()
