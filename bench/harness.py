# SPDX-License-Identifier: Apache-2.0
"""What the measurements share: regions, swarms, memory, the table."""

import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
import urllib.request


class Server:
    """A region of its own in a temporary folder."""

    def __init__(self, binaries, folder, *more):
        self.binaries, self.folder, self.more = binaries, folder, more
        self.port = free_port("127.0.0.1")
        self.start()

    def start(self):
        self.log = open(self.folder / "server.log", "a")
        self.process = subprocess.Popen(
            [self.binaries / "muster", "server", "--config", os.devnull, "--state", self.folder,
             "--listen", f"127.0.0.1:{self.port}", "--log", "warn", *self.more], stdout=self.log, stderr=self.log)
        self.client = None
        self.wait_ready()

    def wait_ready(self):
        for _ in range(600):
            try:
                self.client = json.loads((self.folder / "client.json").read_text())
                self.tls = ssl.create_default_context(cadata=self.client["ca"])
                self.tls.check_hostname = False
                self.call("GET", "/v1/region")
                return
            except (OSError, ValueError):
                if self.process.poll() is not None:
                    break
                time.sleep(0.05)
        sys.exit("the server did not start: " + (self.folder / "server.log").read_text())

    def open(self, path, method="GET", data=None):
        request = urllib.request.Request(
            f"https://127.0.0.1:{self.port}{path}", method=method, data=data,
            headers={"Authorization": "Bearer " + self.client["token"],
                     "Content-Type": "application/json"})
        return urllib.request.urlopen(request, context=self.tls, timeout=60)

    def call(self, method, path, body=None):
        with self.open(path, method, None if body is None else json.dumps(body).encode()) as answer:
            return json.loads(answer.read() or b"null")

    def run(self, body, pause=0.01):
        """Starts a run and waits until it is finished: (seconds by the server's clock, run)."""
        run = self.call("POST", "/v1/runs", body)
        while run["state"] != "finished":
            time.sleep(pause)
            run = self.call("GET", "/v1/runs/" + run["id"])
        return unix(run["finished_at"]) - unix(run["created_at"]), run

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
        self.log.close()


def free_port(address):
    with socket.socket() as probe:
        probe.bind((address, 0))
        return probe.getsockname()[1]


class Gateway:
    """A gateway in a process of its own, at an address of its own."""

    def __init__(self, server, name, address):
        self.address, self.port = address, free_port(address)
        token = server.call("POST", "/v1/join-tokens", {"role": "gateway"})["token"]
        self.log = open(server.folder / f"{name}.log", "w")
        self.process = subprocess.Popen(
            [server.binaries / "muster", "gateway", "--config", os.devnull, "--server", f"127.0.0.1:{server.port}",
             "--listen", self.at, "--name", name, "--token", token, "--state", server.folder / name, "--log", "warn"],
            stdout=self.log, stderr=self.log)
        while not self.ready(server):
            if self.process.poll() is not None:
                sys.exit(f"the gateway {name} did not start: " + (server.folder / f"{name}.log").read_text())
            time.sleep(0.05)

    def ready(self, server):
        try:
            return urllib.request.urlopen(f"https://{self.at}/readyz", context=server.tls, timeout=10).status == 200
        except OSError:
            return False

    @property
    def at(self):
        return f"{self.address}:{self.port}"

    def stop(self):
        self.process.terminate()
        self.process.wait(30)
        self.log.close()


class Swarm:
    """Simulated endpoints. They enrol at the server and, where `at` says so, live elsewhere."""

    def __init__(self, server, endpoints, *more, at=None, window=64):
        self.command = [server.binaries / "muster-swarm", "--endpoints", str(endpoints), "--window",
                        str(window), *more]
        token = server.call("POST", "/v1/join-tokens", {"uses": endpoints})["token"]
        enrol = ["--server", f"127.0.0.1:{server.port}", "--token", token]
        if at:
            identities = server.folder / f"swarm-{token[5:13]}.json"
            self.command += ["--file", identities]
            self.start(enrol)
            self.until("ready")
            self.stop()
            enrol = ["--server", at]
        self.start(enrol)

    def start(self, where):
        self.process = subprocess.Popen(self.command + where, stdout=subprocess.PIPE, text=True)

    def until(self, event):
        for line in self.process.stdout:
            said = json.loads(line)
            if said["event"] == event:
                return said
        sys.exit(f"the swarm ended before '{event}'")

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.stdout.read()
        self.process.wait(60)


def unix(text):
    whole, fraction = text.rstrip("Z").split(".")
    return time.mktime(time.strptime(whole, "%Y-%m-%dT%H:%M:%S")) + int(fraction) / 1000


def memory_bytes(pid, what="Pss"):
    """Pss: what is shared counts in parts. Rss: it counts whole, as if nobody shared it."""
    for line in open(f"/proc/{pid}/smaps_rollup"):
        if line.startswith(what + ":"):
            return int(line.split()[1]) * 1024
    raise OSError("no " + what)


class Table:
    def __init__(self):
        self.rows = []

    def add(self, name, value, unit, reference, ratio, aim, met, note=""):
        self.rows.append({"name": name, "value": value, "unit": unit, "reference": reference,
                          "ratio": ratio, "aim": aim, "met": met, "note": note})
        row = self.rows[-1]
        print(f"{row['name']:<44} {show(value):>10} {unit:<12} "
              f"{'ratio ' + show(ratio) if ratio is not None else '':<12} aim {aim:<14} "
              f"{'met' if met else 'NOT MET' if met is False else ''}  {note}", flush=True)


def show(value):
    return f"{value:.3g}" if isinstance(value, float) and abs(value) < 100 else f"{value:,.0f}"
