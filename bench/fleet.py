# SPDX-License-Identifier: Apache-2.0
"""Whole fleets: many simulated endpoints over several gateways, real agents, a fleet that comes back."""

import os
import pathlib
import resource
import statistics
import subprocess
import tempfile
import time

from harness import Gateway, Server, Swarm, memory_bytes

GATEWAYS = 3
LINKS_PER_PROCESS = 8000  # a swarm's files; the limit is often 20,000
ECHO = ["/bin/echo", "ok"]
ENVIRONMENT = {"LANG": "C.UTF-8", "HOME": "/root", "PATH": "/usr/bin:/bin"}  # as the agent gives it


def open_files():
    """As many as this machine allows, for all that is started here."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def finished(server, body, rounds):
    """Median seconds, by the server's clock, until every answer is durable."""
    times = []
    for _ in range(rounds):
        seconds, run = server.run(body)
        if run["counts"]["succeeded"] != run["targets"]:
            print(f"  not all answered: {run['counts']}")
        times.append(seconds)
    return statistics.median(times)


def measure_fanout(table, binaries, folder, links):
    """A durable no-op on simulated endpoints over three gateways, each process with its own address."""
    per_gateway = min(links // GATEWAYS, open_files() - 2000)
    server = Server(binaries, pathlib.Path(tempfile.mkdtemp(dir=folder)))
    gateways, swarms = [], []
    try:
        for number in range(GATEWAYS):
            gateways.append(Gateway(server, f"gateway{number}", f"127.0.0.{number + 2}"))
            left = per_gateway
            while left > 0:
                count = min(left, LINKS_PER_PROCESS)
                swarms.append(Swarm(server, count, "--prefix", f"g{number}s{len(swarms)}n", at=gateways[-1].at))
                left -= count
        for swarm in swarms:
            swarm.until("connected")
        online = server.call("GET", "/v1/region")["endpoints"]["online"]
        body = {"selector": "", "ping": {}}
        finished(server, body, 1)
        seconds = finished(server, body, 5)
        table.add(f"ping to {online:,} over {GATEWAYS} gateways, durable", seconds, "s", None, None,
                  "<= 2 s at 50,000", seconds * 50_000 / online <= 2 if online < links else seconds <= 2,
                  "" if online >= links else f"fewer than {links:,}: {open_files():,} open files a process")
    finally:
        for part in swarms + gateways + [server]:
            part.stop()


def spawn_all(count):
    """Seconds for as many bare spawns of the same program, all at once, to their ends."""
    null = os.open(os.devnull, os.O_WRONLY)
    begun = time.monotonic()
    pids = [os.posix_spawn(ECHO[0], ECHO, ENVIRONMENT, file_actions=[(os.POSIX_SPAWN_DUP2, null, 1)])
            for _ in range(count)]
    for pid in pids:
        os.waitpid(pid, 0)
    os.close(null)
    return time.monotonic() - begun


class Agents:
    """Real ones, on this machine."""

    def __init__(self, server, count):
        token = server.call("POST", "/v1/join-tokens", {"uses": count})["token"]
        states = [server.folder / f"agent{number}" for number in range(count)]
        program, at = server.binaries / "muster-agent", f"127.0.0.1:{server.port}"
        for first in range(0, count, 4):
            enrolling = [subprocess.Popen([program, "enrol", "--server", at, "--token", token, "--state", state],
                                          stdout=subprocess.DEVNULL) for state in states[first:first + 4]]
            for process in enrolling:
                process.wait()
        self.processes = [subprocess.Popen([program, "run", "--config", os.devnull, "--state", state],
                                           stdout=subprocess.DEVNULL,
                                           stderr=subprocess.DEVNULL) for state in states]
        while server.call("GET", "/v1/region")["endpoints"]["online"] < count:
            time.sleep(0.1)

    def stop(self):
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            process.wait(30)


def measure_agents(table, binaries, folder, count):
    """`echo ok` on real agents, from the command line to the last answer."""
    server = Server(binaries, pathlib.Path(tempfile.mkdtemp(dir=folder)))
    agents = Agents(server, count)
    try:
        command = [binaries / "muster", "run", "--on", "os=linux", "--", *ECHO]
        environment = {**os.environ, "MUSTER_STATE": str(server.folder)}
        times, bare = [], []
        for _ in range(6):
            bare.append(spawn_all(count))
            begun = time.monotonic()
            said = subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout
            times.append(time.monotonic() - begun)
            if f"{count} succeeded" not in said:
                print("  not all answered: " + said[-300:])
        seconds, reference = statistics.median(times[1:]), statistics.median(bare[1:])
        table.add(f"`echo ok` on {count} real agents", seconds, "s", reference, reference / seconds, ">= 0.67",
                  reference / seconds >= 1 / 1.5, "from the command line; reference: bare posix_spawn of them all")
        memory = memory_bytes(server.process.pid) / 1e6
        table.add(f"  the server's memory with {count} agents", memory, "MB", None, None, "<= 60 MB", memory <= 60)
    finally:
        agents.stop()
        server.stop()


def measure_rejoin(table, binaries, folder, links, handshakes_per_s):
    """All links again after the server was killed."""
    open_files()
    server = Server(binaries, pathlib.Path(tempfile.mkdtemp(dir=folder)))
    swarm = Swarm(server, links)
    try:
        swarm.until("connected")
        server.process.kill()
        server.process.wait()
        begun = time.monotonic()
        server.start()
        fastest, before, at = 0, 0, time.monotonic()
        while True:
            time.sleep(0.25)
            online, now = server.call("GET", "/v1/region")["endpoints"]["online"], time.monotonic()
            fastest = max(fastest, (online - before) / (now - at))
            before, at = online, now
            if online >= links:
                break
        seconds = at - begun
        reference = links / handshakes_per_s
        table.add(f"{links:,} links again after the server's death", seconds, "s", reference, seconds / reference,
                  "<= 1.5", seconds <= 1.5 * reference, "reference: bare handshakes; smaller is better")
        table.add("  the busiest quarter of a second", fastest, "logins/s", None, None, "<= 2,000",
                  fastest <= 2000 * 1.25, "the pace that is set")
    finally:
        swarm.stop()
        server.stop()
