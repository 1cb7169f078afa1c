# SPDX-License-Identifier: Apache-2.0
"""A region whose parts are killed, cut off and denied their disks at moments that a seed chooses."""

import http.client
import os
import random
import ssl
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

from network import Host
from process import wait_until
from region import Agent, Refused

HOSTS = 5
FULL_FOR = (0.5, 2.5)  # seconds that a disk stays full, and that a cable stays pulled
AWAY = (OSError, http.client.HTTPException, ssl.SSLError)


class Disks:
    """Small file systems of their own, that can be filled up."""

    def __init__(self):
        self.mounted = []

    def mount(self, folder, megabytes):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=700", "none", str(folder)], check=True)
        self.mounted.append(folder)
        return folder

    def fill(self, folder):
        with open(folder / "ballast", "wb", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(65536))
            except OSError:
                pass

    def free(self, folder):
        (folder / "ballast").unlink(missing_ok=True)

    def close(self):
        for folder in self.mounted:
            subprocess.run(["umount", "-l", str(folder)], check=False)


class Chaos:
    """Server, one gateway, agents on a few hosts, and what happens to them. Call step() often."""

    def __init__(self, region, disks, agents, seed, megabytes):
        self.region, self.disks, self.random = region, disks, random.Random(seed)
        self.events = []  # (time, what, whom), for a reader of a failure
        self.killed = {}  # agent's id -> times of its deaths
        self.endings = []  # (due, name, function): what ends a fault
        self.exits = []  # processes that ended by themselves
        disks.mount(region.state, megabytes)
        region.start()
        self.gateway = self._add_gateway()
        self._add_agents(agents)

    def _add_gateway(self):
        self.disks.mount(self.region.folder / "gateway-edge", 16)
        return self.region.add_gateway("edge")

    def _add_agents(self, count):
        region, token = self.region, self.region.join_token(uses=count)
        self.hosts = [region.network.add(f"host{n}") for n in range(HOSTS)]
        self.host_disks = [self.disks.mount(region.folder / f"disk{n}", 8) for n in range(HOSTS)]
        for n in range(count):
            at = self.hosts[n % HOSTS]
            agent = Agent(region, f"e{n}", Host(f"e{n}", at.address, at.namespace, at.link))
            agent.state = self.host_disks[n % HOSTS] / f"e{n}"
            agent.state.mkdir(mode=0o700)
            region.agents.append(agent)
        gateways = [f"{self.gateway.address}:{self.gateway.port}"]
        with ThreadPoolExecutor(4) as workers:
            list(workers.map(lambda agent: agent.enrol(token, gateways=gateways), region.agents))
        for agent in region.agents:
            agent.start(wait=False)
        for agent in region.agents:
            agent.online()

    # --- faults --------------------------------------------------------------------

    def note(self, what, whom=""):
        self.events.append((round(time.monotonic(), 3), what, whom))

    def later(self, name, function):
        due = time.monotonic() + self.random.uniform(*FULL_FOR)
        self.endings.append((due, name, function))

    def under_way(self, name):
        return any(other == name for _, other, _ in self.endings)

    def kill_server(self):
        self.note("kill", "server")
        self.region.server.kill()

    def kill_gateway(self):
        self.note("kill", "gateway")
        self.gateway.process.kill()

    def kill_agent(self):
        agent = self.random.choice(self.region.agents)
        self.note("kill", agent.name)
        self.killed.setdefault(agent.id, []).append(time.time())
        agent.process.kill()

    def cut(self):
        host = self.random.choice([*self.hosts, self.gateway.host])
        if self.under_way(host.name):
            return
        self.note("cut", host.name)
        host.cut()
        self.later(host.name, host.heal)

    def fill_disk(self):
        folder = self.random.choice([self.region.state, self.region.state, self.gateway.state,
                                     *self.host_disks])
        if self.under_way(folder):
            return
        self.note("full", folder.name)
        self.disks.fill(folder)
        self.later(folder, lambda: self.disks.free(folder))

    def fault(self):
        """One of the faults, each in its usual share."""
        kinds = [(self.kill_server, 2), (self.kill_gateway, 2), (self.kill_agent, 4), (self.cut, 3),
                 (self.fill_disk, 4)]
        self.random.choices([kind for kind, _ in kinds], [weight for _, weight in kinds])[0]()
        self.step()

    def step(self):
        """Ends what is due, and starts again what has ended, as a service manager would."""
        now = time.monotonic()
        for ending in [e for e in self.endings if e[0] <= now]:
            self.endings.remove(ending)
            self.note("over", getattr(ending[1], "name", ending[1]))
            ending[2]()
        for name, process, launch in self._processes():
            if process.alive():
                continue
            if process.popen.returncode != -9:
                self.exits.append((name, process.popen.returncode, process.output()))
            launch()

    def _processes(self):
        yield "server", self.region.server, self.region.launch
        yield "gateway", self.gateway.process, self.gateway.launch
        for agent in self.region.agents:
            yield agent.name, agent.process, lambda a=agent: a.start(wait=False)

    def quiet(self):
        """No fault any more; everything runs."""
        while self.endings:
            self.step()
            time.sleep(0.05)
        self.step()

    # --- asking ----------------------------------------------------------------------

    def ask(self, question, what, deadline=120):
        """The answer of a server that may be away just now."""

        def attempt():
            self.step()
            try:
                return (question(),)
            except AWAY:
                return None
            except Refused as error:
                if error.status in (429, 503):
                    return None
                raise

        return wait_until(attempt, what, deadline)[0]


def read_lines(path):
    return path.read_text().splitlines() if os.path.exists(path) else []
