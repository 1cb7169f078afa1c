# SPDX-License-Identifier: Apache-2.0
"""Users of a host install file packs by themselves: what they are allowed, in their name, and nothing else."""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import time

import pytest
from api import Refused
from process import wait_until
from test_chains import CALL
from test_method_runs import publish_script
from test_packs import PackHost, Packs, results

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="packs are installed as root, and others ask for them")

NOBODY = 65534  # who asks again and again is root: others are held to a pace


class UserHost(PackHost):
    """Its agent listens to users, beside the state folder, which they cannot enter."""

    @property
    def socket(self):
        folder = self.state.parent / f"run-{self.name}"
        folder.mkdir(exist_ok=True)
        for above in (folder, *folder.parents):
            if str(above) != "/":
                above.chmod(above.stat().st_mode | 0o011)
        return folder / "user.sock"

    @property
    def options(self):
        return ("--user-socket", str(self.socket))

    def ask(self, *words, user=NOBODY):
        """`muster-agent packs ...` of a local user, who need not be let in where it was built."""
        program = self.socket.parent / "muster-agent"
        if not program.exists():
            shutil.copy(self.program, program)
        return subprocess.run([program, "packs", *words, "--user-socket", str(self.socket)],
                              capture_output=True, text=True, timeout=60, user=user, group=user, env={"PATH": os.environ["PATH"]})

    def raw(self, line):
        with socket.socket(socket.AF_UNIX) as link:
            link.settimeout(20)
            link.connect(str(self.socket))
            with contextlib.suppress(BrokenPipeError):  # it has answered without a question
                link.sendall(line)
            answer = b""
            try:
                while part := link.recv(65536):
                    answer += part
            except ConnectionResetError:  # it was too long to be read to its end
                answer += b'"error"'
            return answer


def user_host(region, name, gateway):
    host = UserHost(region, name)
    host.enrol(gateways=[f"{gateway.address}:{gateway.port}"])
    region.agents.append(host)
    return host.start()


def test_a_user_installs_what_is_allowed(region, tmp_path):
    gateway = region.add_gateway("gw1")
    packs = Packs(region, tmp_path)
    packs.publish("1.0")
    first = packs.tree()
    web, other = user_host(region, "web1", gateway), user_host(region, "other1", gateway)
    assert oct(web.socket.stat().st_mode & 0o777) == "0o666"

    assert "no file pack for this machine" in web.ask("list").stdout
    refused = web.ask("get", "webapp")
    assert refused.returncode == 1 and "may have no file pack webapp" in refused.stderr, refused
    assert "Rule 1: users of name=web1" in packs("allow", "webapp", "name=web1").stderr
    wait_until(lambda: "webapp" in web.ask("list", user=0).stdout, "the gateway's list is asked for anew", 40)
    listed = web.ask("list").stdout.splitlines()
    assert listed[0].split() == ["PACK", "VERSION", "INSTALLED", "SIZE", "DESCRIPTION"]
    assert listed[1].split()[:3] == ["webapp", "1.0", "-"] and "6.0 MB" in listed[1]
    got = web.ask("get", "webapp")
    assert got.returncode == 0 and "webapp 1.0 is installed: 3 files, 6.0 MB" in got.stdout, got
    assert web.tree() == first
    run = region.api.get("/v1/runs", limit=1)["runs"][0]
    assert run["created_by"] == "host:web1/user:nobody" and run["targets"] == 1
    assert "installed already" in web.ask("get", "webapp").stdout
    wait_until(lambda: web.ask("list", user=0).stdout.splitlines()[1].split()[:3] == ["webapp", "1.0", "1.0"], "it is shown", 40)
    lines = [json.loads(line) for line in web.ask("get", "webapp", "--json").stdout.splitlines()]
    assert lines[0]["version"] == "1.0" and lines[-1]["outcome"] == "succeeded"

    # Another host, another version, no pack at all: one answer, which tells nothing.
    for host, name in ((other, "webapp"), (web, "webapp@9"), (web, "secret")):
        refused = host.ask("get", name)
        assert refused.returncode == 1 and "may have no file pack" in refused.stderr, refused
    for name in ("../../etc/passwd", "pack::webapp", "Webapp", "webapp@../1"):
        assert "is no name" in web.ask("get", name).stderr or "is no version" in web.ask("get", name).stderr

    # Denied goes before allowed.
    packs("allow", "webapp", "all", "--deny")
    assert "may have no file pack webapp" in web.ask("get", "webapp").stderr
    assert region.api.get(f"/v1/hosts/{web.id}/packs")["packs"] == []
    rules = region.api.get("/v1/pack-rules")["rules"]
    assert [rule["effect"] for rule in rules] == ["allow", "deny"]
    packs("disallow", str(rules[1]["id"]))
    assert [p["name"] for p in region.api.get(f"/v1/hosts/{web.id}/packs")["packs"]] == ["webapp"]
    actions = [entry["action"] for entry in region.api.get("/v1/audit", limit=50)["entries"]]
    assert {"pack.allow", "pack.deny", "pack.remove_rule"} <= set(actions)
    for wrong in ({"pack": "webapp", "selector": "os=="}, {"pack": "nothing", "selector": "all"},
                  {"pack": "webapp", "selector": "all", "effect": "perhaps"}, {"pack": "../x", "selector": "all"}):
        with pytest.raises(Refused) as none:
            region.api.post("/v1/pack-rules", wrong)
        assert none.value.status in (400, 404), wrong

    # Without a server the list is the gateway's, and what needs an order is refused.
    wait_until(lambda: "webapp" in web.ask("list", user=0).stdout, "the list", 40)
    region.server.stop()
    wait_until(lambda: "The server is away" in web.ask("list", user=0).stderr, "the gateway has noticed", 60)
    assert "webapp" in web.ask("list").stdout
    assert "signs every order" in web.ask("get", "webapp").stderr


def test_a_method_installs_what_its_host_may_have(region, tmp_path):
    """In the name of its run; the same key starts nothing twice."""
    packs = Packs(region, tmp_path)
    packs.publish("1.0")
    web = region.add_agent("web1", kind=PackHost)
    publish_script(lambda *words: packs(*words, command="method"), tmp_path, "fetcher", CALL + """
[ -z "$PT_list" ] || ask packs.list '{}'
for key in once once; do ask packs.get "{\\"name\\":\\"webapp\\",\\"key\\":\\"$key\\"}"; done
""")

    def fetch(**arguments):
        run = region.api.post("/v1/runs", {"selector": "all", "method": {"name": "fetcher", "arguments": arguments}})["id"]
        target, = region.finished(run).values()
        return run, [json.loads(line) for line in target["stdout"].splitlines()]

    _, refused = fetch()  # without a list: the gateway would keep it for a while
    assert all("may have no file pack" in each["error"]["message"] for each in refused), refused
    packs("allow", "webapp", "name=web1")
    run, (listed, ordered, same) = fetch(list="yes")
    assert [p["name"] for p in listed["body"]["packs"]] == ["webapp"]
    assert {**ordered["body"], "repeated": True} == same["body"] and ordered["body"]["version"] == "1.0"
    results({t["name"]: t for t in region.finished(ordered["body"]["run"]).values()})
    assert region.api.get(f"/v1/runs/{ordered['body']['run']}")["created_by"] == f"host:web1/run:{run}"
    assert web.tree() == packs.tree()


def test_hostile_users_and_a_socket_left_behind(region, tmp_path):
    packs = Packs(region, tmp_path)
    packs.publish("1.0")
    packs("allow", "webapp", "all")
    web = region.add_agent("web1", kind=UserHost)
    for nonsense in (b"\n", b"nonsense\n", b"[" * 500 + b"\n", b"{}" * 2000, b'{"call":"run.start"}\n',
                     b'{"call":"packs.get","name":"a/../b"}\n', b'{"call":"packs.get","name":{"a":1}}\n'):
        assert b'"error"' in web.raw(nonsense), nonsense
    # Who says nothing is not waited for, and there is a limit for all who do so.
    idle = []
    for _ in range(4):
        link = socket.socket(socket.AF_UNIX)
        link.connect(str(web.socket))
        idle.append(link)
    assert b"asked too much at the same time" in web.raw(b'{"call":"packs.list"}\n')
    assert "webapp" in web.ask("list").stdout  # another user's connections are counted apart
    begin = time.monotonic()
    assert idle[0].recv(1) == b"" and time.monotonic() - begin < 60
    for link in idle:
        link.close()
    told = [web.ask("list").stderr for _ in range(14)]
    assert any("too often" in text for text in told), told

    # Killed: the next agent takes the socket over.
    web.process.kill()
    assert web.socket.exists()
    assert "does not run" in web.ask("list").stderr
    web.start()
    wait_until(lambda: "webapp" in web.ask("list", user=0).stdout, "the new agent listens", 40)
    results({t["name"]: t for t in region.finished(packs.order("1.0")).values()})
