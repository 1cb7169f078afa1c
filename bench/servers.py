#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Two servers over one PostgreSQL: how long the loss of the leader takes, and what a request costs that
a standing server passes on.

  servers.py [--requests N] [--takeovers N]

Prints ratios against the same requests to the leader itself, in turns, in the same run.
"""

import argparse
import http.client
import json
import os
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TREE = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TREE / "tests/functional"))

from network import free_port  # noqa: E402
from postgres import Postgres  # noqa: E402

MUSTER = os.environ.get("MUSTER_BIN_DIR", str(TREE / "build/dev/bin")) + "/muster"


class Server:
    def __init__(self, folder, name, url, secret=None):
        self.name, self.folder, self.url, self.secret = name, Path(folder) / name, url, secret
        self.folder.mkdir()
        self.port = free_port("127.0.0.1")
        self.process = None

    def start(self):
        more = ["--region-secret", self.secret] if self.secret else []
        environment = {**os.environ, "MUSTER_STATE": str(self.folder), "HOME": str(self.folder)}
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen(
                [MUSTER, "server", "--name", self.name, "--listen", f"127.0.0.1:{self.port}", "--database", self.url,
                 *more], stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=environment)
        return self

    def connect(self):
        context = ssl.create_default_context(cafile=str(self.folder / "server/ca.pem"))
        return http.client.HTTPSConnection("127.0.0.1", self.port, context=context, timeout=10)

    def readiness(self):
        try:
            connection = self.connect()
            connection.request("GET", "/readyz")
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        except OSError:
            return 0, ""

    def wait(self, leads=None, deadline=60):
        end = time.monotonic() + deadline
        while time.monotonic() < end:
            status, text = self.readiness()
            if status == 200 and (leads is None or (text == "ready\n") == leads):
                return self
            time.sleep(0.01)
        raise TimeoutError((self.folder / "log").read_text()[-4000:])


def request(connection, token, path):
    begun = time.perf_counter()
    connection.request("GET", path, headers={"Authorization": f"Bearer {token}"})
    answer = connection.getresponse()
    answer.read()
    assert answer.status == 200, answer.status
    return (time.perf_counter() - begun) * 1000


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--requests", type=int, default=500)
    parser.add_argument("--takeovers", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="muster-bench-") as folder:
        postgres = Postgres().start()
        servers = []
        try:
            first = Server(folder, "one", postgres.url).start()
            servers.append(first)
            first.wait(leads=True)
            secret = Path(folder) / "secret"
            secret.touch(mode=0o600)
            secret.write_bytes((first.folder / "server/region.secret").read_bytes())
            second = Server(folder, "two", postgres.url, str(secret)).start()
            servers.append(second)
            second.wait(leads=False)
            token = json.loads((first.folder / "client.json").read_text())["token"]
            direct, passed_on = first.connect(), second.connect()
            times = {"direct": [], "passed on": []}
            for _ in range(options.requests):
                times["direct"].append(request(direct, token, "/v1/hosts"))
                times["passed on"].append(request(passed_on, token, "/v1/hosts"))
            medians = {name: statistics.median(values) for name, values in times.items()}
            print(f"GET /v1/hosts: direct {medians['direct']:.2f} ms, passed on {medians['passed on']:.2f} ms, "
                  f"ratio {medians['passed on'] / medians['direct']:.2f} (medians of {options.requests})")
            took = []
            for _ in range(options.takeovers):
                begun = time.monotonic()
                first.process.kill()
                second.wait(leads=True)
                took.append(time.monotonic() - begun)
                first.process.wait()
                first.start().wait(leads=False)
                first, second = second, first
            print("takeover after kill -9: " + ", ".join(f"{t:.2f} s" for t in took))
            begun = time.monotonic()
            first.process.terminate()
            second.wait(leads=True)
            print(f"takeover after SIGTERM: {time.monotonic() - begun:.2f} s")
        finally:
            for server in servers:
                server.process.kill()
                server.process.wait()
            postgres.remove()


if __name__ == "__main__":
    main()
