# SPDX-License-Identifier: Apache-2.0
"""A region of real processes: a server, agents on hosts, the command line.

How the programs are started stands in the three functions below and nowhere else.
"""

import http.client
import json
import os
import re
import shutil
import ssl
import subprocess
from pathlib import Path

from api import Api, Refused
from network import free_port
from process import DEADLINE, Process, binary, wait_until

FINAL = {"succeeded", "failed", "refused", "timed_out", "unreachable", "expired", "cancelled", "unknown"}


def server_command(kind, address, port):
    # This machine may have a server of its own, with a configuration that is none of ours.
    return [binary("muster"), kind, "--config", "/dev/null", "--listen", f"{address}:{port}"]


def enrol_command(agent, server, token):
    return [agent, "enrol", "--config", "/dev/null", "--server", server, "--token", token]


def gateway_command(server, listen, name, *more):
    return [binary("muster"), "gateway", "--config", "/dev/null", "--server", server, "--listen", listen, "--name", name, *more]


def agent_command(agent):
    return [agent, "run", "--config", "/dev/null"]


class Agent:
    """One endpoint: its own host, its own state folder."""

    count = 0
    options = ()  # of `muster-agent run`

    def __init__(self, region, name, host=None):
        self.region, self.name = region, name
        self.host = host or region.network.add(name)
        Agent.count += 1
        self.state = region.folder / f"agent-{name}-{Agent.count}"
        self.state.mkdir(mode=0o700)
        self.process = None
        self.id = None

    @property
    def files(self):
        return self.state / "agent"

    @property
    def program(self):
        """The agent's executable, as its host names it."""
        return binary("muster-agent")

    def environment(self):
        return {"MUSTER_STATE": str(self.state), "HOME": str(self.state)}

    def run_here(self, command, **more):
        """Runs a command on this host and waits for it."""
        return subprocess.run([str(w) for w in self.host.inside(command)], capture_output=True, text=True,
                              env={**os.environ, **self.environment()}, timeout=DEADLINE, **more)

    def enrol(self, token=None, check=True, gateways=()):
        more = ["--gateway", ",".join(gateways)] if gateways else []
        ran = self.run_here(enrol_command(self.program, self.region.url,
                                          token or self.region.join_token()) + more)
        if check:
            assert ran.returncode == 0, f"enrolment of {self.name} failed: {ran.stdout}{ran.stderr}"
            self.id = re.fullmatch(r"enrolled as (\w{26}) in region \S+\n", ran.stdout).group(1)
        return ran

    def start(self, wait=True):
        self.process = Process(self.state.name, self.host.inside([*agent_command(self.program), *self.options]),
                               self.region.folder, self.environment())
        if wait:
            self.online()
        return self

    def info(self):
        return self.region.api.get(f"/v1/hosts/{self.id}")

    def is_online(self):
        return self.info()["online"]

    def online(self, deadline=DEADLINE):
        wait_until(self.is_online, f"{self.name} is online", deadline)
        return self

    def offline(self, deadline=DEADLINE):
        wait_until(lambda: not self.is_online(), f"{self.name} is offline", deadline)
        return self


class Gateway:
    """A gateway in a process of its own, on a host of its own."""

    options = ()  # of `muster gateway`, beside those that it needs

    def __init__(self, region, name, host=None):
        self.region, self.name = region, name
        self.host = host or region.network.add(name)
        self.address, self.port = self.host.address, 7443
        self.state = region.folder / f"gateway-{name}"
        self.process = None

    @property
    def files(self):
        return self.state / "gateway"

    @property
    def ca_file(self):
        return self.region.ca_file

    @property
    def server(self):
        return f"{self.region.address}:{self.region.port}"

    def launch(self, token=None, name=None):
        more = ["--token", token] if token else []
        command = gateway_command(self.server, f"{self.address}:{self.port}", name or self.name, *more, *self.options)
        self.process = Process(f"gateway-{self.name}", self.host.inside(command), self.region.folder,
                               {"MUSTER_STATE": str(self.state), "HOME": str(self.region.folder)})
        return self.process

    def get(self, path):
        """(status, body) of a page of the gateway's own."""
        context = ssl.create_default_context(cafile=str(self.ca_file))
        context.check_hostname = False
        connection = http.client.HTTPSConnection(self.address, self.port, context=context, timeout=DEADLINE)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def start(self, token=None):
        self.launch(token)
        return self.ready()

    def ready(self):
        def look():
            if not self.process.alive():
                raise RuntimeError(f"{self.name} ended with {self.process.popen.returncode}:\n"
                                   + self.process.output())
            return self.get("/readyz")[0] == 200

        wait_until(look, f"the gateway {self.name} has its server")
        return self


class Region:
    """A server in its own state folder, and what tests do with it."""

    def __init__(self, network, folder, kind="server"):
        self.network, self.kind = network, kind
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.state = self.folder / "state"
        self.state.mkdir(mode=0o700, exist_ok=True)
        self.address = network.server_address
        self.port = free_port(self.address)
        self.server = None
        self.api = None
        self.postgres_url = None  # None: a file in the state folder
        self.agents = []
        self.gateways = []

    @property
    def url(self):
        return f"https://{self.address}:{self.port}"

    @property
    def ca_file(self):
        return self.state / "server" / "ca.pem"

    @property
    def database(self):
        return self.state / "server" / "region.db"

    def launch(self):
        """Starts the server's process and does not wait."""
        more = ["--database", self.postgres_url] if self.postgres_url else []
        self.server = Process("server", server_command(self.kind, self.address, self.port) + more, self.folder,
                              {"MUSTER_STATE": str(self.state), "HOME": str(self.folder)})
        return self.server

    def start(self):
        """Starts the server and waits until it is ready; the administrator's client is `api`."""
        self.launch()
        client = self.state / "client.json"

        def ready():
            if not self.server.alive():
                raise RuntimeError(f"the server ended with {self.server.popen.returncode}:\n"
                                   + self.server.output())
            if not client.exists() or not self.ca_file.exists():
                return False
            token = json.loads(client.read_text())["token"]
            self.api = Api(self.address, self.port, self.ca_file, token)
            return self.api.get("/readyz")

        wait_until(ready, "the server is ready")
        return self

    def restart(self):
        return self.start()

    def join_token(self, **wanted):
        return self.api.post("/v1/join-tokens", wanted)["token"]

    def add_agent(self, name, start=True, kind=Agent, host=None, **token):
        agent = kind(self, name, host)
        agent.enrol(self.join_token(**token))
        self.agents.append(agent)
        if start:
            agent.start()
        return agent

    def add_gateway(self, name, host=None):
        gateway = Gateway(self, name, host)
        self.gateways.append(gateway)
        return gateway.start(self.join_token(role="gateway"))

    def add_agents(self, *names, gateways=(), **token):
        """Enrols and starts several, then waits for all."""
        token = self.join_token(uses=len(names), **token)
        added = [Agent(self, name) for name in names]
        for agent in added:
            agent.enrol(token, gateways=[f"{g.address}:{g.port}" for g in gateways])
            agent.start(wait=False)
        self.agents += added
        for agent in added:
            agent.online()
        return added

    # --- runs ---------------------------------------------------------------------

    def order(self, selector, shell=None, argv=None, **more):
        """Creates a run of a shell line or of an argv; without either, a ping."""
        headers = {"Idempotency-Key": more.pop("key")} if "key" in more else None
        command = {**({"shell": shell} if shell is not None else {}),
                   **({"argv": argv} if argv is not None else {}), **more.pop("command", {})}
        body = {"selector": selector, **({"command": command} if command else {"ping": {}}), **more}
        return self.api.post("/v1/runs", body, headers=headers)

    def run(self, run_id):
        return self.api.get(f"/v1/runs/{run_id}")

    def targets(self, run_id, **query):
        """{endpoint id: target}"""
        return {t["endpoint"]: t for t in self.api.pages(f"/v1/runs/{run_id}/targets", "targets", **query)}

    def target(self, run_id, agent):
        return self.api.get(f"/v1/runs/{run_id}/targets/{agent.id}")

    def output(self, run_id, agent, stream="stdout"):
        return self.api.get(f"/v1/runs/{run_id}/targets/{agent.id}/{stream}")

    def finished(self, run_id, deadline=DEADLINE):
        """Waits for the run's end; its targets."""
        wait_until(lambda: self.run(run_id)["state"] == "finished", f"run {run_id} is finished", deadline)
        run, targets = self.run(run_id), self.targets(run_id)
        assert len(targets) == run["targets"] == sum(run["counts"].values())
        assert all(t["state"] in FINAL for t in targets.values()), targets
        return targets

    def do(self, agent, shell, **more):
        """Runs a shell line on one host; its target."""
        return self.finished(self.order(f"id={agent.id}", shell, **more)["id"])[agent.id]

    def in_state(self, run_id, agent, state, deadline=DEADLINE):
        wait_until(lambda: self.target(run_id, agent)["state"] == state,
                   f"{agent.name} is {state} in {run_id}", deadline)

    # --- the command line -----------------------------------------------------------

    def cli(self, *words, check=None, environment=None, text=True, stdin=None, folder=None):
        """Runs `muster …` as the administrator (in `folder`); a CompletedProcess."""
        ran = subprocess.run([binary("muster"), *map(str, words)], capture_output=True, text=text, input=stdin,
                             stdin=subprocess.DEVNULL if stdin is None else None, timeout=DEADLINE * 2, cwd=folder,
                             env={**os.environ, "MUSTER_STATE": str(self.state), "HOME": str(self.folder),
                                  **(environment or {})})
        if check is not None:
            assert ran.returncode == check, (f"muster {' '.join(map(str, words))}: exit status {ran.returncode}, "
                                             f"not {check}\n{ran.stdout}\n{ran.stderr}")
        return ran

    def audit(self, action=None):
        entries = self.api.get("/v1/audit", limit=1000)["entries"]
        return [e for e in entries if action is None or e["action"].startswith(action)]

    def clear(self):
        """Ends and removes all hosts."""
        self.end_agents()
        for host in list(self.api.pages("/v1/hosts", "hosts")):
            self.api.call("DELETE", f"/v1/hosts/{host['id']}")
        self.close()

    def end_agents(self):
        """All at once, while they still have a network to say goodbye in."""
        running = [agent.process for agent in self.agents if agent.process]
        for process in running:
            process.ask_to_end()
        for process in running:
            process.end_anyway()

    def close(self):
        self.end_agents()
        for agent in self.agents:
            self.network.remove(agent.host)
        for gateway in self.gateways:
            self.network.remove(gateway.host)
        self.agents.clear()
        self.gateways.clear()

    def copy_state(self, target):
        shutil.copytree(self.state, target)


__all__ = ["Agent", "Gateway", "Region", "Refused", "FINAL", "wait_until", "binary", "Process"]
