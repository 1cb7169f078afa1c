# SPDX-License-Identifier: Apache-2.0
"""Measures Muster against the limits of this machine, all in one run.

Machines are shared and noisy, so what counts is the ratio to a reference that ran minutes
before in the same process layout; absolute figures are for orientation. Nothing here
passes or fails: the table says what came out, also where it falls short of its aim.

Each row: name, value, unit, reference (what it is compared with), ratio (value against
reference, larger is better unless the note says otherwise), aim, met, note.
"""

import argparse
import json
import os
import pathlib
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time

from delivery import measure_delivery
from fleet import measure_agents, measure_fanout, measure_rejoin
from harness import Server, Swarm, Table, free_port, memory_bytes
from ledger import measure_ledger
from packs import measure_packs
from pacing import measure_pacing
from sites import measure_policy, measure_sweep


def tls_reference(binaries, links):
    output = subprocess.run([binaries / "tls_reference", str(links), "64", "48", "9"], check=True,
                            capture_output=True, text=True).stdout
    return json.loads(output)


def broker_reference(binaries, links, folder):
    """The fan-out through nats-server with TLS; None where it is not installed."""
    program = shutil.which("nats-server") or "/usr/sbin/nats-server"
    if not os.path.exists(program):
        return None
    key, certificate = folder / "broker.key", folder / "broker.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                    "-nodes", "-keyout", key, "-out", certificate, "-subj", "/CN=broker", "-days", "2"],
                   check=True, capture_output=True)
    port = free_port("127.0.0.1")
    broker = subprocess.Popen([program, "-a", "127.0.0.1", "-p", str(port), "--tls", "--tlscert",
                               certificate, "--tlskey", key],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        output = subprocess.run([binaries / "nats_fanout", "127.0.0.1", str(port), str(links), "9", "48"],
                                check=True, capture_output=True, text=True, timeout=300).stdout
        return json.loads(output)
    finally:
        broker.terminate()
        broker.wait(20)


def ping(server, rounds=7):
    """Median seconds of one ping to every endpoint, every answer durable."""
    body = {"selector": "", "ping": {}}
    server.run(body)  # the first one warms the database's pages
    times = []
    for _ in range(rounds):
        seconds, run = server.run(body)
        if run["counts"]["succeeded"] != run["targets"]:
            sys.exit(f"a ping was not answered by all: {run['counts']}")
        times.append(seconds)
    return statistics.median(times)


def measure_links(table, binaries, folder, links):
    reference = tls_reference(binaries, links)
    broker = broker_reference(binaries, links, folder)
    server = Server(binaries, pathlib.Path(tempfile.mkdtemp(dir=folder)))
    try:
        swarm = Swarm(server, links)
        swarm.until("ready")
        before = memory_bytes(server.process.pid)
        connected = swarm.until("connected")
        time.sleep(2)
        per_link = (memory_bytes(server.process.pid) - before) / links
        table.add(f"gateway memory per idle link, {links:,} links", per_link / 1000, "kB",
                  reference["bytes_per_link"] / 1000, per_link / reference["bytes_per_link"], "<= 20 kB",
                  per_link <= 20_000, "reference: bare OpenSSL, mutual TLS; smaller is better")
        ratio = connected["per_second"] / reference["handshakes_per_s"]
        table.add(f"full mutual handshakes a second, {links:,} links", connected["per_second"], "1/s",
                  reference["handshakes_per_s"], ratio, ">= 0.8", ratio >= 0.8,
                  "with upgrade, login, admission and registry; reference: bare OpenSSL")
        seconds = ping(server)
        answers = links / seconds
        ratio = answers / reference["echo_per_s"]
        table.add(f"ping to {links:,}, every answer durable", answers, "answers/s",
                  reference["echo_per_s"], ratio, ">= 0.6", ratio >= 0.6, "reference: bare TLS echo")
        if broker:
            ratio = broker["fanout_s"] / seconds
            table.add(f"ping to {links:,} against a broker", seconds, "s", broker["fanout_s"], ratio,
                      ">= 1.0", ratio >= 1.0, "reference: NATS over TLS, nothing durable")
        else:
            print("nats-server is not installed: no broker reference")
        swarm.stop()
    finally:
        server.stop()


def measure_agent(table, binaries, folder):
    stripped = folder / "muster-agent"
    subprocess.run(["strip", "-o", stripped, binaries / "muster-agent"], check=True)
    size = stripped.stat().st_size
    table.add("agent: stripped binary", size / 1e6, "MB", None, None, "<= 4 MB", size <= 4_000_000)
    server = Server(binaries, pathlib.Path(tempfile.mkdtemp(dir=folder)))
    try:
        state = folder / "state"
        token = server.call("POST", "/v1/join-tokens", {})["token"]
        subprocess.run([stripped, "enrol", "--server", f"127.0.0.1:{server.port}", "--token", token,
                        "--state", state], check=True, capture_output=True)
        agent = subprocess.Popen([stripped, "run", "--config", os.devnull, "--state", state], stdout=subprocess.DEVNULL,
                                 stderr=subprocess.DEVNULL)
        while server.call("GET", "/v1/region")["endpoints"]["online"] == 0:
            time.sleep(0.05)
        time.sleep(75)  # past the first minute, in which heartbeats come faster
        pss, rss = memory_bytes(agent.pid), memory_bytes(agent.pid, "Rss")
        table.add("agent: idle memory (PSS)", pss / 1e6, "MB", None, None, "<= 4 MB", pss <= 4_000_000,
                  "libraries shared with the server beside it")
        table.add("agent: idle memory, nothing shared (RSS)", rss / 1e6, "MB", None, None, "<= 4 MB",
                  rss <= 4_000_000, "as on a machine where nobody else maps a library")
        wakes = wakeups(agent.pid)
        time.sleep(60)
        table.add("agent: wake-ups a minute, idle", float(wakeups(agent.pid) - wakes), "1/min", None, None,
                  "few", None)
        agent.terminate()
        agent.wait(20)
    finally:
        server.stop()


def wakeups(pid):
    for line in open(f"/proc/{pid}/status"):
        if line.startswith("voluntary_ctxt_switches"):
            return int(line.split()[1])
    return 0


MEASURES = {
    "links": lambda table, options, folder: [
        measure_links(table, options.bin, folder, links) for links in options.links],
    "agent": lambda table, options, folder: measure_agent(table, options.bin, folder),
    "ledger": lambda table, options, folder: measure_ledger(table, options.bin, folder, max(options.links)),
    "fanout": lambda table, options, folder: measure_fanout(table, options.bin, folder, options.fleet),
    "agents": lambda table, options, folder: measure_agents(table, options.bin, folder, options.agents),
    "rejoin": lambda table, options, folder: measure_rejoin(
        table, options.bin, folder, max(options.links), tls_reference(options.bin, 2000)["handshakes_per_s"]),
    "delivery": lambda table, options, folder: measure_delivery(
        table, options.bin, folder, options.deliver, tls_reference(options.bin, 100)["bulk_bytes_per_s"]),
    "packs": lambda table, options, folder: measure_packs(
        table, options.bin, folder, options.pack_folder or folder, options.pack_hosts, options.pack_mb,
        tls_reference(options.bin, 100)["bulk_bytes_per_s"]),
    "pacing": lambda table, options, folder: measure_pacing(table, options.bin, folder, options.result_mb),
    "policy": lambda table, options, folder: measure_policy(table, options.bin, folder, max(options.links)),
    "sweep": lambda table, options, folder: measure_sweep(table, options.bin, folder),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--bin", type=lambda p: pathlib.Path(p).resolve(), required=True)
    parser.add_argument("--out", type=lambda p: pathlib.Path(p).resolve(), required=True)
    parser.add_argument("--links", type=int, nargs="*", default=[2000, 10000])
    parser.add_argument("--only", choices=MEASURES, help="measure only these")
    parser.add_argument("--fleet", type=int, default=50_000, help="simulated endpoints over three gateways")
    parser.add_argument("--agents", type=int, default=500, help="real agents on this machine")
    parser.add_argument("--deliver", type=int, default=5000, help="simulated endpoints that get a method of 5 MB")
    parser.add_argument("--pack-hosts", type=int, default=20, help="real agents that are sent a file pack")
    parser.add_argument("--pack-mb", type=int, default=50, help="its size")
    parser.add_argument("--pack-folder", type=lambda p: pathlib.Path(p).resolve(), help="where they write it, if not below --out")
    parser.add_argument("--result-mb", type=int, default=5, help="size of each of the 200 large results")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    table = Table()
    with tempfile.TemporaryDirectory(dir=arguments.out) as folder:
        folder = pathlib.Path(folder)
        for name in [arguments.only] if arguments.only else MEASURES:
            MEASURES[name](table, arguments, folder)
    (arguments.out / "results.json").write_text(json.dumps(table.rows, indent=2) + "\n")
    print(f"wrote {arguments.out / 'results.json'}")


if __name__ == "__main__":
    main()
