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
import signal
import socket
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request


class Server:
    """A region of its own in a temporary folder."""

    def __init__(self, binaries, folder):
        self.binaries, self.folder = binaries, folder
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.log = open(folder / "server.log", "w")
        self.process = subprocess.Popen(
            [binaries / "muster", "server", "--state", folder, "--listen", f"127.0.0.1:{self.port}",
             "--log", "warn"], stdout=self.log, stderr=self.log)
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

    def call(self, method, path, body=None):
        request = urllib.request.Request(
            f"https://127.0.0.1:{self.port}{path}", method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": "Bearer " + self.client["token"],
                     "Content-Type": "application/json"})
        with urllib.request.urlopen(request, context=self.tls, timeout=60) as answer:
            return json.loads(answer.read() or b"null")

    def run(self, body):
        """Starts a run and waits until it is finished: (seconds by the server's clock, run)."""
        run = self.call("POST", "/v1/runs", body)
        while run["state"] != "finished":
            time.sleep(0.01)
            run = self.call("GET", "/v1/runs/" + run["id"])
        return unix(run["finished_at"]) - unix(run["created_at"]), run

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
        self.log.close()


class Swarm:
    def __init__(self, server, endpoints, window=64):
        token = server.call("POST", "/v1/join-tokens", {"uses": endpoints})["token"]
        self.process = subprocess.Popen(
            [server.binaries / "muster-swarm", "--server", f"127.0.0.1:{server.port}", "--token", token,
             "--endpoints", str(endpoints), "--window", str(window)],
            stdout=subprocess.PIPE, text=True)

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
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
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
        agent = subprocess.Popen([stripped, "run", "--state", state], stdout=subprocess.DEVNULL,
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


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--bin", type=lambda p: pathlib.Path(p).resolve(), required=True)
    parser.add_argument("--out", type=lambda p: pathlib.Path(p).resolve(), required=True)
    parser.add_argument("--links", type=int, nargs="*", default=[2000, 10000])
    parser.add_argument("--only", choices=["links", "agent"], help="measure only these")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    table = Table()
    with tempfile.TemporaryDirectory(dir=arguments.out) as folder:
        folder = pathlib.Path(folder)
        if arguments.only != "agent":
            for links in arguments.links:
                measure_links(table, arguments.bin, folder, links)
        if arguments.only != "links":
            measure_agent(table, arguments.bin, folder)
    (arguments.out / "results.json").write_text(json.dumps(table.rows, indent=2) + "\n")
    print(f"wrote {arguments.out / 'results.json'}")


if __name__ == "__main__":
    main()
