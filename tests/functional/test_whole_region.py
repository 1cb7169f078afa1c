# SPDX-License-Identifier: Apache-2.0
"""One story of a whole region: two servers over a PostgreSQL that has a standby, four gateways on three networks,
forty hosts. Each part is lost while runs go on; every run ends once, and the ledger says what was done."""

from concurrent.futures import ThreadPoolExecutor
from itertools import cycle
from urllib.parse import quote

import pytest
from process import Process, wait_until
from region import Agent
from servers import Server, TwoWays, leader, patiently

HOSTS = 40
SITES = {"north": ["north-1"], "south": ["south-1", "south-2"], "west": ["west-1"]}
# Tells in a file of its own hand what it does.
COMMAND = """
read -r host < /proc/sys/kernel/hostname
echo "start {number} $host" >> {deeds}
until [ -e {gate} ]; do [ ! -e {stop} ] || exit 9; sleep 0.2; done
echo "end {number} $host" >> {deeds}
echo "{number} $host"
"""


class Whole:
    """The region, and the runs that it was ordered to do."""

    def __init__(self, network, folder, postgres, standby):
        self.network, self.folder = network, folder
        self.deeds, self.runs, self.known = folder / "deeds", {}, set()
        url = ("postgresql://muster@/postgres?host="
               + ",".join(quote(str(p.folder), safe="") for p in (postgres, standby)))
        self.one = Server(network, folder / "one", "one", url).start()
        self.two = Server(network, folder / "two", "two", url, self.one).start()
        self.servers = [self.one, self.two]
        self.subnets = {site: network.add_subnet() for site in SITES}
        self.one.api.call("PUT", "/v1/policy", {"text": "".join(
            f'[[site]]\nname = "{site}"\nsubnets = ["{subnet}.0/24"]\ngateways = ["{site}-*"]\nfallback = ["rest"]\n'
            for site, subnet in self.subnets.items()) + '[[site]]\nname = "rest"\ngateways = ["main*"]\n'})
        self.gateways = {}
        for site, names in SITES.items():
            for name in names:
                gateway = TwoWays(self.one, name, self.two)
                gateway.host = network.add(name, self.subnets[site])
                gateway.address = gateway.host.address
                self.one.gateways.append(gateway)
                self.gateways[name] = gateway.start(self.one.join_token(role="gateway"))
        self.agents = {}
        token = self.one.join_token(uses=HOSTS)
        for number in range(HOSTS):
            site = list(SITES)[number % len(SITES)]
            agent = Agent(self.one, f"{site}{number}", network.add(f"{site}{number}", self.subnets[site]))
            self.one.agents.append(agent)
            self.agents[agent.name] = agent
        with ThreadPoolExecutor(4) as workers:
            known = [f"{s.address}:{s.port}" for s in self.servers]
            list(workers.map(lambda agent: agent.enrol(token, gateways=known), self.one.agents))
        for agent in self.one.agents:
            agent.start(wait=False)

    def ask(self, question):
        """What whichever server answers."""
        turns = cycle(self.servers)
        return patiently(lambda: question(next(turns)), 90)

    def hosts(self):
        return {h["name"]: h for h in self.ask(lambda s: list(s.api.pages("/v1/hosts", "hosts")))}

    def all_online(self):
        wait_until(lambda: all(h["online"] for h in self.hosts().values()), "all hosts are online", 120)

    def begin(self):
        """Orders a run that goes on until end() of what is returned."""
        number = len(self.runs)
        gate = self.folder / f"gate{number}"
        command = COMMAND.format(number=number, deeds=self.deeds, gate=gate, stop=self.folder / "stop")
        run = self.ask(lambda s: s.order("", command, key=f"run {number}", queue_for_ms=600_000))["id"]
        self.runs[run] = number
        return number, gate

    def done(self, what, number):
        """The hosts that have written so of the run."""
        lines = self.deeds.read_text().splitlines() if self.deeds.exists() else []
        return [line.split()[2] for line in lines if line.startswith(f"{what} {number} ")]

    def entered(self, run, names=None):
        wanted = set(self.agents if names is None else names)
        wait_until(lambda: wanted <= set(self.done("start", run[0])), f"run {run[0]} goes on on {len(wanted)} hosts", 90)

    def during(self, loss, unreached=()):
        """One run goes on while `loss` happens, another one is ordered after it; both end while it lasts."""
        before = self.begin()
        self.entered(before)
        loss()
        after = self.begin()
        self.entered(after, set(self.agents) - set(unreached))
        before[1].touch()
        after[1].touch()


@pytest.fixture
def standby(postgres):
    made = postgres.add_standby()
    yield made
    for process in reversed(Process.started):  # before what they wait for at their end
        process.end_anyway()
    made.remove()


@pytest.fixture
def whole(isolated, network, tmp_path, postgres, standby):
    made = Whole(network, tmp_path, postgres, standby)
    try:
        yield made
    finally:
        (tmp_path / "stop").touch()
        for server in made.servers:
            server.close()


def names_of(whole, *sites):
    return {name for name in whole.agents if name.startswith(sites)}


def test_each_part_is_lost_and_the_ledger_is_exact(whole, postgres, standby):
    placed(whole)
    for name, gateway in whole.gateways.items():  # each gateway
        whole.during(gateway.process.kill)
        whole.all_online()
        assert name not in {h.get("gateway") for h in whole.hosts().values() if h["online"]}
        gateway.start()
    west_is_parted(whole)
    first = leader(whole.servers)
    second = next(s for s in whole.servers if s is not first)
    whole.during(first.server.kill)
    assert leader(whole.servers, 60) is second
    first.restart()
    whole.during(first.server.kill)  # now the one that stands by
    first.restart()
    fail_over(whole, postgres, standby)
    killed = agents_are_killed(whole)
    check_ledger(whole, killed)


def placed(whole):
    """Each at a gateway of its own network; the south's hosts are spread over both."""
    def look():
        return all(h["online"] and h["gateway"] in SITES[name.rstrip("0123456789")] for name, h in whole.hosts().items())

    wait_until(look, "all are where the policy wants them", 120)
    at = [h["gateway"] for h in whole.hosts().values()]
    assert len(at) == HOSTS and abs(at.count("south-1") - at.count("south-2")) <= 6, at


def west_is_parted(whole):
    west = names_of(whole, "west")
    before = whole.begin()
    whole.entered(before)
    whole.network.part(whole.subnets["west"])
    wait_until(lambda: not any(whole.hosts()[name]["online"] for name in west), "the west is away", 90)
    before[1].touch()
    after = whole.begin()
    whole.entered(after, set(whole.agents) - west)
    assert not west & set(whole.done("start", after[0]))
    run = next(run for run, number in whole.runs.items() if number == before[0])
    assert whole.ask(lambda s: s.run(run))["state"] == "running", "what the west has done is not known yet"
    whole.network.join(whole.subnets["west"])
    whole.entered(after)
    after[1].touch()


def fail_over(whole, postgres, standby):
    def lose():
        postgres.kill()
        standby.promote()
        leader(whole.servers, 60)

    whole.during(lose)


def agents_are_killed(whole):
    victims = [min(names_of(whole, site)) for site in SITES]
    for run in whole.runs:  # what they have done must be known, or it never will be
        whole.ask(lambda s, run=run: s.finished(run, deadline=120))
    run = whole.begin()
    whole.entered(run)
    for name in victims:
        whole.agents[name].process.kill()
    run[1].touch()
    for name in victims:
        whole.agents[name].start(wait=False)
    whole.all_online()
    return {(run[0], name) for name in victims}


def check_ledger(whole, killed):
    names = {agent.id: name for name, agent in whole.agents.items()}
    for run, number in whole.runs.items():
        targets = whole.ask(lambda s, run=run: s.finished(run, deadline=120))
        assert whole.two.targets(run) == whole.one.targets(run) == targets, "the servers do not say the same"
        assert {names[id] for id in targets} == set(names.values())
        starts, ends = whole.done("start", number), whole.done("end", number)
        assert len(starts) == len(set(starts)), f"run {number} was started twice somewhere"
        for id, target in targets.items():
            where = f"run {number} on {names[id]}: {target}"
            if target["state"] == "unknown":
                assert (number, names[id]) in killed, where
                continue
            assert target["state"] == "succeeded" and names[id] in ends, where
            assert target["stdout"] == f"{number} {names[id]}\n", where
    assert len(list(whole.two.api.pages("/v1/runs", "runs"))) == len(whole.runs)
    assert whole.one.api.get("/v1/audit/verify")["ok"]
