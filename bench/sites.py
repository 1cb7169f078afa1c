# SPDX-License-Identifier: Apache-2.0
"""Finding places and machines: logins that a site policy decides on, a look through a silent network."""

import os
import pathlib
import subprocess
import tempfile
import time

from harness import Server, Swarm

SITES = 200
INTERFACE = "mubench0"
NETWORK = "10.212.0.0/22"
MACHINES = 50
PER_SECOND = 300  # kSweepPerSecond
PATIENCE = 1.5    # kSweepPatience


def policy():
    """Many sites, of which the last one takes this machine's hosts: every subnet and selector is asked first."""
    sites = "".join(f'[[site]]\nname = "s{n}"\nsubnets = ["10.{n}.0.0/16", "fd00:{n}::/32"]\nselector = "role=r{n}"\n'
                    f'gateways = ["s{n}-*"]\nfallback = ["rest"]\n' for n in range(SITES - 1))
    return sites + '[[site]]\nname = "rest"\ngateways = ["main"]\n'


def logins(binaries, folder, links, text):
    server = Server(binaries, pathlib.Path(tempfile.mkdtemp(dir=folder)))
    try:
        if text:
            server.call("PUT", "/v1/policy", {"text": text})
        swarm = Swarm(server, links)
        rate = swarm.until("connected")["per_second"]
        swarm.stop()
        return rate
    finally:
        server.stop()


def measure_policy(table, binaries, folder, links):
    without = logins(binaries, folder, links, None)
    rate = logins(binaries, folder, links, policy())
    table.add(f"logins a second through a policy of {SITES} sites", rate, "1/s", without, rate / without, ">= 0.8",
              rate >= 0.8 * without, f"{links:,} hosts of the last site; reference: without a policy")


def measure_sweep(table, binaries, folder):
    """Needs root: a network behind which nobody is, but for addresses of this machine."""
    if os.geteuid() != 0:
        print("sweep: only root can make the network that is looked through")
        return
    def ip(*words):
        subprocess.run(["ip", *words], check=True)

    ip("link", "add", INTERFACE, "type", "veth", "peer", "name", INTERFACE + "p")
    server = Server(binaries, pathlib.Path(tempfile.mkdtemp(dir=folder)))
    try:
        ip("link", "set", INTERFACE, "up")
        ip("link", "set", INTERFACE + "p", "up")
        for number in range(MACHINES):
            ip("addr", "add", f"10.212.{number % 4}.{10 + number // 4}/22", "dev", INTERFACE)
        server.call("PUT", "/v1/policy", {"text": f'discover = ["{NETWORK}"]'})
        begun = time.monotonic()
        sweep = server.call("POST", "/v1/discoveries", {"networks": [NETWORK]})
        while sweep["state"] == "running":
            time.sleep(0.05)
            sweep = server.call("GET", f"/v1/discoveries/{sweep['id']}")
        seconds = time.monotonic() - begun
        reference = sweep["addresses"] / PER_SECOND + PATIENCE
        table.add(f"a look through a /22, {sweep['addresses']:,} addresses", seconds, "s", reference,
                  seconds / reference, "all machines", sweep["machines"] == MACHINES,
                  f"{sweep['machines']} machines; reference: its pace and its patience; smaller is better")
    finally:
        server.stop()
        ip("link", "del", INTERFACE)
