# SPDX-License-Identifier: Apache-2.0
"""File packs from a folder to hosts: as a whole, as a difference, back, repaired, and whatever gets in the way."""

import json
import os
import random
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from api import Refused
from process import wait_until
from region import Agent

MIB = 1024 * 1024

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="packs are installed as root, each host in its own mounts")


class PackHost(Agent):
    """A host with an /opt, an /etc/packs and a /var/lib of its own."""

    mounts = "mount --bind $1/opt /opt && mount --bind $1/lib /var/lib"
    options = ()

    def start(self, wait=True):
        for folder in ("opt", "lib"):
            (self.state / folder).mkdir(exist_ok=True)
        inside = self.host.inside
        private = f"mount --make-rprivate / && {self.mounts} && shift && exec \"$@\""

        def own(command):
            return inside(["unshare", "--mount", "sh", "-c", private, "sh", str(self.state), *map(str, command)])

        self.host.inside = own
        try:
            return super().start(wait)
        finally:
            self.host.inside = inside

    def path(self, path):
        return Path(f"/proc/{self.process.pid}/root{path}")

    def tree(self):
        """Files below /opt, by path: their bytes."""
        top = self.path("/opt")
        return {str(f.relative_to(top)): f.read_bytes() for f in sorted(top.rglob("*"))
                if f.is_file() and ".muster-pack." not in str(f)}


class SmallHost(PackHost):
    """Its /opt has room for little."""

    mounts = "mount -t tmpfs -o size=40m tmpfs /opt && mount --bind $1/lib /var/lib"


class SlowHost(PackHost):
    options = ("--download-rate", "8M")


class Packs:
    """A folder that becomes a pack, and the command line."""

    def __init__(self, region, folder):
        self.region, self.folder = region, folder / "webapp"
        self.key = str(folder / "key.pem")
        self.noise = random.Random(7)
        self("key", "--trust", command="method")
        self.write("app/bin/run", b"#!/bin/sh\necho one\n")
        self.write("app/data", self.noise.randbytes(6 * MIB))
        self.write("share/motd", b"one\n")
        self.describe()

    def __call__(self, *words, command="pack", check=0):
        return self.region.cli(command, *words, check=check, environment={"MUSTER_PUBLISHING_KEY": self.key})

    def write(self, path, data):
        (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
        (self.folder / path).write_bytes(data)

    def describe(self, post="", name="webapp"):
        (self.folder / "pack.toml").write_text(
            f'name = "{name}"\ndescription = "for tests"\n'
            f'[[target]]\nfrom = "app"\nto = "/opt/{name}"\nowned = true\nowner = "root"\n'
            '[[target]]\nfrom = "share"\nto = "/opt/share"\n'
            '[[rule]]\npath = "app/bin/*"\nmode = "0755"\n' + (f'[steps]\npost = "{post}"\n' if post else ""))

    def publish(self, version, *more):
        return self("publish", str(self.folder), "--version", version, *more).stdout

    def tree(self, name="webapp"):
        """What the folder would be on a host."""
        found = {}
        for source, place in (("app", name), ("share", "share")):
            for file in (self.folder / source).rglob("*"):
                if file.is_file():
                    found[f"{place}/{file.relative_to(self.folder / source)}"] = file.read_bytes()
        return found

    def order(self, version, action="apply", selector="all", name="webapp", **more):
        return self.region.api.post("/v1/runs", {"selector": selector, "method": {
            "name": f"pack::{name}", "version": version, "arguments": {"action": action}}, **more})["id"]

    def do(self, version, action="apply", **more):
        """{host's name: target}"""
        return {t["name"]: t for t in self.region.finished(self.order(version, action, **more)).values()}


@pytest.fixture
def packs(region, tmp_path):
    return Packs(region, tmp_path)


def results(targets):
    assert {t["state"] for t in targets.values()} == {"succeeded"}, targets
    return {name: t["result"] for name, t in targets.items()}


def test_published_sent_updated_rolled_back_and_taken_away(region, packs):
    region.add_gateway("gw1")
    hosts = [region.add_agent("web1", kind=PackHost), region.add_agent("web2", kind=PackHost)]
    packs.write("note.sh", b"#!/bin/sh\necho now $MUSTER_PACK_VERSION >&2\n")
    packs.describe(post="note.sh")
    assert "new: 6.0 MB" in packs.publish("1.0")
    first = packs.tree()
    got = results(packs.do("1.0"))
    for host in hosts:
        assert got[host.name]["outcome"] == "installed"
        assert host.tree() == first
        assert oct(host.path("/opt/webapp/bin/run").stat().st_mode & 0o777) == "0o755"

    # A new version: a line in the middle of a large file, a file less, a file more.
    data = bytearray(first["webapp/data"])
    data[3 * MIB:3 * MIB] = b"one line more\n"
    packs.write("app/data", bytes(data))
    packs.write("app/more", b"of version two\n")
    packs.write("app/bin/run", b"#!/bin/sh\necho two\n")
    said = packs.publish("2.0")
    assert re.search(r"new: [0-9.]+ KB", said), said  # a few chunks of 6 MB
    second = packs.tree()
    sent = packs("send", "webapp", "--on", "all", "--json", "--yes")
    targets = json.loads(sent.stdout)["targets"]
    for target in targets:
        result = target["result"]
        assert result["version"] == "2.0" and result["before"] == "1.0", target
        assert result["bytes_fetched"] < MIB and result["bytes_reused"] > 5 * MIB, target
    for host in hosts:
        assert host.tree() == second
    assert {r["outcome"] for r in results(packs.do("2.0")).values()} == {"unchanged"}

    assert {r["version"] for r in results(packs.do("2.0", "rollback")).values()} == {"1.0"}
    assert [host.tree() for host in hosts] == [first, first]
    hosts[0].path("/opt/webapp/data").write_bytes(b"changed by somebody")
    told = packs.do("2.0", "verify")
    assert (told["web1"]["state"], told["web2"]["state"]) == ("failed", "succeeded"), told
    assert told["web1"]["result"]["changed"] == ["/opt/webapp/data"]
    results(packs.do("1.0"))
    assert hosts[0].tree() == first
    results(packs.do("1.0", "remove"))
    assert [host.tree() for host in hosts] == [{}, {}]


def test_what_there_is_and_what_is_refused(region, packs):
    packs.publish("1.0")
    packs.publish("1.1", "--not-current")
    listed = region.api.get("/v1/packs")["packs"]
    assert [(p["name"], p["version"], p["versions"]) for p in listed] == [("webapp", "1.0", 2)]
    shown = region.api.get("/v1/packs/webapp")
    assert shown["targets"] == [{"path": "/opt/webapp", "owned": True}, {"path": "/opt/share", "owned": False}]
    files = list(region.api.pages("/v1/packs/webapp/versions/1.0/files", "files", limit=2))
    assert [f["path"] for f in files] == ["/opt/webapp/bin", "/opt/webapp/bin/run", "/opt/webapp/data",
                                          "/opt/share/motd"]
    assert "/opt/webapp/bin/run" in packs("show", "webapp", "--files").stdout
    assert "webapp" in packs("list").stdout and region.api.get("/v1/methods")["methods"] == []
    before = sum(1 for _ in (region.state / "server/content/objects").iterdir())
    assert packs("publish", str(packs.folder), "--version", "1.0").stdout.count("new: 0 B") == 1  # again, the same
    packs("use", "webapp@1.1")
    packs("remove", "webapp@1.0")
    packs.write("app/data", b"small now")
    packs.publish("1.2")
    packs("remove", "webapp@1.1")
    assert sum(1 for _ in (region.state / "server/content/objects").iterdir()) < before  # what nobody needs is gone
    for mistake, told in (('name = "webapp"\n[[target]]\nfrom = "../app"\nto = "/opt/x"\n', "line 3, column 8"),
                          ('name = "webapp"\n[[target]]\nfrom = "app"\nto = "/etc"\nowned = true\n', "cannot own"),
                          ('name = "webapp"\n[[target]]\nfrom = "app"\nto = "opt"\n', "is not absolute")):
        (packs.folder / "pack.toml").write_text(mistake)
        refused = packs("publish", str(packs.folder), check=None)
        assert refused.returncode != 0 and told in refused.stderr, refused
    packs.describe()
    (packs.folder / "app/escape").symlink_to("/etc/shadow")
    assert "leads out of its target" in packs("publish", str(packs.folder), check=None).stderr
    (packs.folder / "app/escape").unlink()
    packs("key", "distrust", region.api.get("/v1/publishing-keys")["keys"][0]["id"], command="method")
    assert "trusts no publishing key" in packs("publish", str(packs.folder), "--version", "9", check=None).stderr
    with pytest.raises(Refused) as none:
        packs.order("1.2")
    assert none.value.status == 403
    with pytest.raises(Refused) as none:
        region.api.get("/v1/packs/nothing")
    assert none.value.status == 404
    assert "muster pack list" in packs("send", "nothing", "--on", "all", check=None).stderr


def test_a_failing_step_a_full_disk_and_links_change_nothing(region, packs):
    host = region.add_agent("web1", kind=SmallHost)
    packs.publish("1.0")
    results(packs.do("1.0"))
    first = host.tree()

    packs.write("check.sh", b"#!/bin/sh\ncat /opt/webapp/bin/run >&2\nexit 3\n")
    packs.write("app/bin/run", b"#!/bin/sh\necho broken\n")
    packs.describe(post="check.sh")
    packs.publish("2.0")
    failed = packs.do("2.0")["web1"]
    assert failed["state"] == "failed" and "the step check.sh ended with 3" in failed["reason"], failed
    assert "echo broken" in failed["stderr"]  # it was switched when the step ran
    assert host.tree() == first

    packs.describe()
    packs.write("app/large", random.Random(8).randbytes(40 * MIB))
    packs.publish("3.0")
    failed = packs.do("3.0")["web1"]
    assert failed["state"] == "failed" and "the disk is too full" in failed["reason"], failed
    assert host.tree() == first
    (packs.folder / "app/large").unlink()

    packs.publish("4.0")
    victim = host.path("/opt/victim")
    victim.mkdir()
    shutil.rmtree(host.path("/opt/share"))
    host.path("/opt/share").symlink_to("/opt/victim")
    failed = packs.do("4.0")["web1"]
    assert failed["state"] == "failed" and "symbolic link" in failed["reason"], failed
    assert list(victim.iterdir()) == []


def test_an_agent_killed_in_mid_transfer(region, packs):
    host = region.add_agent("web1", kind=SlowHost)
    packs.write("app/data", random.Random(9).randbytes(40 * MIB))
    packs.publish("1.0")
    run = packs.order("1.0")

    def fetched():
        return (region.target(run, host).get("progress") or {}).get("percent", 0)

    wait_until(lambda: fetched() >= 30, "some of it is there")
    staged = host.path("/opt/.muster-pack.webapp")
    assert any(staged.iterdir()) and not host.path("/opt/webapp").exists()
    host.process.kill()
    host.offline()
    host.start()
    result = results({t["name"]: t for t in region.finished(run).values()})["web1"]
    assert result["outcome"] == "installed" and result["bytes_kept"] >= 10 * MIB, result
    assert result["bytes_fetched"] <= 32 * MIB, result
    assert host.tree() == packs.tree()


def test_an_installer_killed_in_mid_switch(region, packs):
    """The next run puts it right, whatever it is."""
    host = region.add_agent("web1", kind=PackHost)
    packs.publish("1.0")
    results(packs.do("1.0"))
    first = host.tree()
    packs.write("wait.sh", b"#!/bin/sh\ntouch /opt/waits\nexec sleep 1000\n")
    packs.write("app/bin/run", b"#!/bin/sh\necho two\n")
    packs.describe(post="wait.sh")
    packs.publish("2.0")
    run = packs.order("2.0")
    wait_until(lambda: host.path("/opt/waits").exists(), "it was switched and runs its step")
    assert host.path("/opt/webapp/bin/run").read_bytes() == b"#!/bin/sh\necho two\n"
    ours = subprocess.run(["pgrep", "-P", str(host.process.pid)], capture_output=True, text=True).stdout.split()
    assert len(ours) == 1, ours
    os.kill(int(ours[0]), 9)
    region.finished(run)
    host.path("/opt/waits").unlink()
    got = packs.do("1.0", "verify")["web1"]
    assert got["state"] == "succeeded" and got["result"]["recovered"], got
    assert host.tree() == first
