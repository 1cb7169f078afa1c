# SPDX-License-Identifier: Apache-2.0
"""Server, gateway and agents are killed, cut off and denied their disks while runs are under way.

Afterwards every target of every run has exactly one final state that is true: what the API says is
held against what the commands themselves wrote down. MUSTER_CHAOS=full takes 200 runs on 50 hosts
(`tools/test --only nightly`), MUSTER_CHAOS_SEED another order of events.
"""

import os
import time
from datetime import datetime

import pytest
from chaos import Chaos, Disks, read_lines
from process import wait_until

pytestmark = pytest.mark.usefixtures("isolated")

FULL = os.environ.get("MUSTER_CHAOS") == "full"
RUNS, AGENTS = (200, 50) if FULL else (60, 15)
SEED = int(os.environ.get("MUSTER_CHAOS_SEED", "1"))
OPEN_RUNS = 12  # so many at a time
LARGE = 100_000  # bytes: travels in pieces, and is stored apart from its row
MEGABYTES = 48 + RUNS * AGENTS * LARGE // 3_000_000  # of the server's disk: enough, unless it is filled
NOTICED_WITHIN = 60  # seconds: a server may take an agent for alive that has died behind a cut cable

# Each command tells what it does in a file of its own hand: a line when it starts, one when it ends.
COMMAND = """
read -r host < /proc/sys/kernel/hostname
echo "start {run} $host $$" >> {deeds}
sleep {seconds}
echo "{run} $host $$"
{more}
echo "end {run} $host $$" >> {deeds}
exit {status}
"""


@pytest.fixture
def chaos(make_region):
    disks = Disks()
    try:
        yield Chaos(make_region(), disks, AGENTS, SEED, MEGABYTES)
    finally:
        disks.close()


class Story:
    """The runs that were ordered, and what was seen of them on the way."""

    def __init__(self, chaos, deeds):
        self.chaos, self.region, self.deeds = chaos, chaos.region, deeds
        self.random = chaos.random
        self.open, self.ordered, self.seen = [], {}, {}

    def order(self, number):
        large = self.random.random() < 0.1
        status = self.random.choice([0, 0, 0, 3])
        seconds = self.random.choice([0, 0, 0.05, 0.3, 1.5])
        command = COMMAND.format(run=number, deeds=self.deeds, seconds=seconds, status=status,
                                 more=f"head -c {LARGE} /dev/zero | tr '\\0' x" if large else "")
        more = {"queue_for_ms": 600_000} if self.random.random() < 0.8 else {}
        run = self.chaos.ask(lambda: self.region.order("", command, key=f"run {number}", **more),
                             f"run {number} is taken")
        self.ordered[run["id"]] = {"number": number, "status": status, "large": large,
                                   "at": time.time(), **more}
        self.open.append(run["id"])

    def targets(self, run):
        """{endpoint: target} as it is kept; a host's name is not, it is shown as it is now."""
        told = self.chaos.ask(lambda: self.region.targets(run), f"{run} is told")
        return {id: {k: v for k, v in target.items() if k != "name"} for id, target in told.items()}

    def look(self):
        """Keeps what a finished run says: it must say the same for ever."""
        for run in list(self.open):
            if self.chaos.ask(lambda: self.region.run(run), f"{run} is told")["state"] == "finished":
                self.seen[run] = self.targets(run)
                self.open.remove(run)
        return self.open

    def tell(self):
        for number in range(RUNS):
            self.order(number)
            if self.random.random() < 0.7:
                self.chaos.fault()
            wait_until(lambda: len(self.look()) < OPEN_RUNS or self.random.random() < 0.2,
                       "there is room for a run", 120)
        self.chaos.quiet()
        wait_until(lambda: not self.look(), "all runs have ended", 240)


def deeds_of(path):
    """{(run's number, host's name): {start: [pid…], end: [pid…]}}"""
    deeds = {}
    for line in read_lines(path):
        what, number, host, pid = line.split()
        deeds.setdefault((int(number), host), {"start": [], "end": []})[what].append(pid)
    return deeds


def unix(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def check_target(story, run, target, done):
    """One target's word against the deed."""
    ordered, region = story.ordered[run], story.region
    agent = next(a for a in region.agents if a.id == target["endpoint"])
    where = f"run {ordered['number']} on {agent.name}: {target}, done {done}, events {story.chaos.events}"
    assert len(done["start"]) <= 1, "started twice: " + where
    state = target["state"]
    if state in ("succeeded", "failed"):
        assert done["start"] and done["start"] == done["end"], "a result without a deed: " + where
        assert state == ("failed" if ordered["status"] else "succeeded"), where
        assert target["exit_code"] == ordered["status"], where
        said = f"{ordered['number']} {agent.name} {done['start'][0]}\n".encode()
        expected = said + b"x" * (LARGE if ordered["large"] else 0)
        assert target["stdout_bytes"] == len(expected), where
        if ordered["large"] or target["endpoint"] == region.agents[0].id:
            assert region.output(run, agent) == expected, where
        else:
            assert target["stdout"].encode() == expected, where
    elif state == "unknown":
        deaths = story.chaos.killed.get(agent.id, [])
        assert any(death > ordered["at"] - NOTICED_WITHIN for death in deaths), "unknown, but it never died: " + where
        assert "restarted" in target["reason"], where
    else:
        assert state in ("unreachable",) and "queue_for_ms" not in ordered, where
        assert not done["start"], "it ran, but is said not to have: " + where


def test_nothing_is_lost(chaos, tmp_path):
    story = Story(chaos, tmp_path / "deeds")
    story.tell()
    region, deeds, counts = chaos.region, deeds_of(story.deeds), {}
    assert len(story.seen) == RUNS == len(list(region.api.pages("/v1/runs", "runs")))
    for run, seen in story.seen.items():
        targets = story.targets(run)
        assert targets == seen, f"what was told of {run} has changed"
        assert set(targets) == {agent.id for agent in region.agents}
        for target in targets.values():
            agent = next(a for a in region.agents if a.id == target["endpoint"])
            done = deeds.get((story.ordered[run]["number"], agent.name), {"start": [], "end": []})
            check_target(story, run, target, done)
            counts[target["state"]] = counts.get(target["state"], 0) + 1
    kinds = {}
    for _, what, whom in chaos.events:
        kinds[what, whom if whom in ("server", "gateway") else ""] = 1 + kinds.get(
            (what, whom if whom in ("server", "gateway") else ""), 0)
    print(f"seed {SEED}: {counts}; {kinds}; ended by themselves: {[e[:2] for e in chaos.exits]}")
    assert counts["succeeded"] > RUNS * AGENTS / 4, "most of it was not to be had"
    assert region.api.get("/v1/audit/verify")["ok"]
    check_words(chaos)
    for agent in region.agents:  # everybody is back, by himself
        agent.online(120)
    again = region.finished(region.order("", "echo again")["id"], 120)
    assert {t["stdout"] for t in again.values()} == {"again\n"}


def check_words(chaos):
    """Nobody ended by himself, but a server that started on a full disk, with the advice to free some; who
    felt a full disk while it ran said so, and that it is over."""
    for name, status, said in chaos.exits:
        assert name == "server" and status == 5 and "free some space" in said, f"{name} ended with {status}: {said}"
    log = chaos.region.server.log.read_text(errors="replace")
    if "cannot write the ledger" in log:
        assert "is full" in log
