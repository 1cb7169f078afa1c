# SPDX-License-Identifier: Apache-2.0
"""A method that nobody has yet, to a whole fleet at once, through three gateways."""

import json
import os
import pathlib
import subprocess
import tempfile

from harness import Gateway, Server, Swarm

GATEWAYS = 3
METHOD_BYTES = 5_000_000


def publish(server, folder):
    """A task of METHOD_BYTES that nothing can make smaller."""
    module = folder / "bulky"
    (module / "tasks").mkdir(parents=True)
    (module / "tasks" / "init.sh").write_bytes(b"#!/bin/sh\nexit\n" + os.urandom(METHOD_BYTES))
    (module / "tasks" / "init.json").write_text(json.dumps({"description": "Large."}))
    environment = {**os.environ, "MUSTER_STATE": str(server.folder), "MUSTER_PUBLISHING_KEY": str(folder / "key.pem")}
    for words in (["key", "--trust"], ["publish", module]):
        subprocess.run([server.binaries / "muster", "method", *words], env=environment, check=True,
                       capture_output=True)


def metric(server, name):
    with server.open("/metrics") as answer:
        for line in answer.read().decode().splitlines():
            if line.startswith(name + " "):
                return float(line.split()[1])
    raise KeyError(name)


def measure_delivery(table, binaries, folder, endpoints, tls_bytes_per_s):
    folder = pathlib.Path(tempfile.mkdtemp(dir=folder))
    server = Server(binaries, folder)
    gateways, swarms = [], []
    try:
        publish(server, folder)
        for number in range(GATEWAYS):
            gateways.append(Gateway(server, f"gateway{number}", f"127.0.0.{number + 2}"))
            count = endpoints // GATEWAYS + (number < endpoints % GATEWAYS)
            swarms.append(Swarm(server, count, "--prefix", f"g{number}n", at=gateways[-1].at))
        for swarm in swarms:
            swarm.until("connected")
        before = metric(server, "muster_content_sent_bytes_total")
        seconds, run = server.run({"selector": "", "method": {"name": "bulky", "arguments": {}},
                                   "limits": {"timeout_ms": 1_800_000}})
        sent = metric(server, "muster_content_sent_bytes_total") - before
        done = run["counts"]["succeeded"]
        reference = endpoints * METHOD_BYTES / tls_bytes_per_s
        table.add(f"a method of 5 MB to {endpoints:,}, first use", seconds, "s", reference, seconds / reference,
                  "all", done == endpoints, f"{done:,} had it; reference: its bytes over one bare TLS link; smaller is better")
        copies = sent / METHOD_BYTES
        table.add("  copies that the server sent", copies, "copies", float(GATEWAYS), copies / GATEWAYS,
                  "one a gateway", copies < GATEWAYS + 0.1)
    finally:
        for part in swarms + gateways + [server]:
            part.stop()
