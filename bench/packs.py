# SPDX-License-Identifier: Apache-2.0
"""A file pack to real endpoints that write it to the disk, through four gateways; then versions of which 1 % changed.

Each agent has an /opt and a /var/lib of its own, so this wants root. The cache of each is small: what is on the disk at
the end is the pack itself, once, and after the update twice; where the disk has no room for that, updates are left out.
"""

import os
import pathlib
import random
import shutil
import subprocess
import tempfile
import time

from delivery import metric
from harness import Gateway, Server

GATEWAYS = 4
CACHE_MB = 18
CHANGED_RUNS_BYTES = (1024 * 1024, 64 * 1024)  # what changed lies in runs of this size


class Endpoint:
    def __init__(self, server, folder, gateway, token):
        for part in ("opt", "lib", "state"):
            (folder / part).mkdir(parents=True)
        self.environment = {**os.environ, "MUSTER_STATE": str(folder / "state")}
        agent = server.binaries / "muster-agent"
        subprocess.run([agent, "enrol", "--server", f"127.0.0.1:{server.port}", "--token", token, "--gateway", gateway.at],
                       env=self.environment, check=True, capture_output=True)
        mounts = 'mount --make-rprivate / && mount --bind "$0/opt" /opt && mount --bind "$0/lib" /var/lib && exec "$@"'
        self.log = open(folder / "agent.log", "w")
        self.process = subprocess.Popen(["unshare", "--mount", "sh", "-c", mounts, folder, agent, "run",
                                         "--cache-size", f"{CACHE_MB}M"],
                                        env=self.environment, stdout=self.log, stderr=self.log)

    def stop(self):
        self.process.terminate()
        self.process.wait(30)
        self.log.close()


def disk_bytes_per_s(folder, size):
    """What this disk takes, as one file that is synced at its end."""
    block = os.urandom(1 << 20)
    path = folder / "reference"
    begin = time.monotonic()
    with open(path, "wb") as file:
        for _ in range(size >> 20):
            file.write(block)
        file.flush()
        os.fsync(file.fileno())
    rate = size / (time.monotonic() - begin)
    path.unlink()
    return rate


def publish(server, folder, version):
    environment = {**os.environ, "MUSTER_STATE": str(server.folder), "MUSTER_PUBLISHING_KEY": str(folder / "key.pem")}
    subprocess.run([server.binaries / "muster", "pack", "publish", folder / "bulk", "--version", version],
                   env=environment, check=True, capture_output=True)


def make_pack(server, folder, size):
    bulk = folder / "bulk"
    (bulk / "data").mkdir(parents=True)
    (bulk / "pack.toml").write_text('name = "bulk"\n[[target]]\nfrom = "data"\nto = "/opt/bulk"\nowned = true\n')
    noise = random.Random(1)
    for number in range(8):
        (bulk / "data" / f"part{number}").write_bytes(noise.randbytes(size // 8))
    environment = {**os.environ, "MUSTER_STATE": str(server.folder), "MUSTER_PUBLISHING_KEY": str(folder / "key.pem")}
    subprocess.run([server.binaries / "muster", "method", "key", "--trust"], env=environment, check=True,
                   capture_output=True)


def change(folder, share, run_bytes):
    """Runs of bytes all over the files, `share` of them all; how many bytes."""
    noise, changed = random.Random(run_bytes), 0
    files = sorted((folder / "bulk" / "data").iterdir())
    total = sum(file.stat().st_size for file in files)
    while changed < total * share:
        path = noise.choice(files)
        size = min(run_bytes, path.stat().st_size // 2)
        with open(path, "r+b") as file:
            file.seek(noise.randrange(path.stat().st_size - size))
            file.write(noise.randbytes(size))
        changed += size
    return changed


def send(server, version):
    before = metric(server, "muster_content_sent_bytes_total")
    seconds, run = server.run({"selector": "", "method": {"name": "pack::bulk", "version": version, "arguments": {}},
                               "limits": {"timeout_ms": 3_600_000}}, pause=0.2)
    return seconds, run["counts"]["succeeded"], metric(server, "muster_content_sent_bytes_total") - before


def measure_packs(table, binaries, folder, disk_folder, endpoints, megabytes, tls_bytes_per_s):
    """Server and gateways keep theirs in `folder`, endpoints in `disk_folder`, whose disk is the reference."""
    folder, endpoint_folder = (pathlib.Path(tempfile.mkdtemp(dir=parent)) for parent in (folder, disk_folder))
    size = megabytes * 1_000_000
    server = Server(binaries, folder)
    parts = []
    try:
        make_pack(server, folder, size)
        publish(server, folder, "1")
        gateways = [Gateway(server, f"gateway{number}", f"127.0.0.{number + 2}") for number in range(GATEWAYS)]
        parts += gateways
        token = server.call("POST", "/v1/join-tokens", {"uses": endpoints})["token"]
        parts += [Endpoint(server, endpoint_folder / str(number), gateways[number % GATEWAYS], token)
                  for number in range(endpoints)]
        while len(server.call("GET", "/v1/hosts?status=online&limit=1000")["hosts"]) < endpoints:
            time.sleep(0.1)
        disk = disk_bytes_per_s(endpoint_folder, size)
        seconds, done, sent = send(server, "1")
        # Each endpoint writes it into its cache and to its place.
        reference = max(endpoints * size / tls_bytes_per_s, 2 * endpoints * size / disk)
        table.add(f"a pack of {megabytes} MB to {endpoints:,}", seconds, "s", reference, seconds / reference, "all",
                  done == endpoints, f"{done:,} had it; reference: the slower of one bare TLS link "
                  f"({tls_bytes_per_s / 1e6:.0f} MB/s) and the disk, twice ({disk / 1e6:.0f} MB/s); smaller is better")
        copies = sent / (size + (binaries / "muster-pack-apply").stat().st_size)
        table.add("  copies that the server sent", copies, "copies", float(GATEWAYS), copies / GATEWAYS, "one a gateway",
                  copies < GATEWAYS * 1.01, "with the program that installs it")
        free = shutil.disk_usage(endpoint_folder).free
        if free < endpoints * (size + CACHE_MB * 1_000_000):
            table.add("  an update of 1 %", free / 1e9, "GB", None, None, "all", None,
                      "not measured: what the disk has left holds no second version on each")
            return
        for number, run_bytes in enumerate(CHANGED_RUNS_BYTES):
            changed = change(folder, 0.01, run_bytes)
            version = str(number + 2)
            publish(server, folder, version)
            seconds, done, sent = send(server, version)
            ratio = sent / GATEWAYS / changed
            kib = run_bytes >> 10
            table.add(f"  an update of 1 % in runs of {kib} KiB", seconds, "s", None, None, "all", done == endpoints,
                      f"{done:,} had it")
            table.add("  bytes to a gateway for each that changed", ratio, "", 1.0, ratio, "1.5", ratio < 1.5,
                      f"runs of {kib} KiB; with the index")
    finally:
        for part in reversed(parts):
            part.stop()
        server.stop()
        shutil.rmtree(endpoint_folder)
