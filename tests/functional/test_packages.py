# SPDX-License-Identifier: Apache-2.0
"""The Debian packages: built, looked at, installed, run, upgraded, removed and purged."""

import gzip
import os
import re
import subprocess
from pathlib import Path

import pytest
import scratch
from network import free_port
from process import Process, binary, wait_until

ROOT = Path(__file__).resolve().parents[2]


def build(out, *more):
    ran = subprocess.run([ROOT / "tools/package", "--build", Path(binary("muster")).parent, "--out", out,
                          "--compression", "none", *more], capture_output=True, text=True,
                         env={**os.environ, "SOURCE_DATE_EPOCH": "1795320600"}, check=False)
    assert ran.returncode == 0, ran.stderr
    return {Path(line).name.split("_")[0]: Path(line) for line in ran.stdout.splitlines()}


@pytest.fixture(scope="module")
def packages(tmp_path_factory):
    return build(tmp_path_factory.mktemp("packages"))


@pytest.fixture(scope="module")
def unpacked(packages, tmp_path_factory):
    """Both packages in one folder, as they would lie below /."""
    folder = tmp_path_factory.mktemp("unpacked")
    for package in packages.values():
        subprocess.run(["dpkg-deb", "-x", package, folder], check=True)
    return folder


def test_the_same_input_gives_the_same_bytes(packages, tmp_path):
    for name, again in build(tmp_path).items():
        assert again.read_bytes() == packages[name].read_bytes()


def test_lintian_finds_no_error(packages):
    ran = subprocess.run(["lintian", "--allow-root", "--fail-on", "error", "--suppress-tags",
                          # of sanitizers' builds, and of members that are not compressed here
                          "unstripped-binary-or-object,embedded-library,uses-no-compression-for-control-tarball,"
                          "uses-no-compression-for-data-tarball", *packages.values()],
                         capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_the_agent_depends_on_few(packages):
    shown = subprocess.run(["dpkg-deb", "-f", packages["muster-agent"], "Depends"], capture_output=True, text=True,
                           check=True).stdout
    names = {re.sub(r"[0-9.]+$", "", each.split()[0]) for each in shown.split(",")}
    assert names <= {"libc", "libgcc-s", "libstdc++", "libssl", "libprotobuf-lite", "libboost-json",
                     "libboost-container"}, shown


def test_pages_of_the_manual_are_clean(unpacked):
    pages = sorted((unpacked / "usr/share/man").rglob("*.gz"))
    assert [p.name for p in pages] == [
        "muster.1.gz", "muster-agent.toml.5.gz", "muster-gateway.toml.5.gz", "muster-host.toml.5.gz", "muster-server.toml.5.gz",
        "muster-agent.8.gz", "muster-gateway.8.gz", "muster-host.8.gz", "muster-server.8.gz"]

    def lint(text):
        return subprocess.run(["mandoc", "-T", "lint", "-W", "warning"], input=text, capture_output=True, check=False)

    for page in pages:
        ran = lint(gzip.decompress(page.read_bytes()))
        assert ran.returncode == 0, page.name + ran.stdout.decode()
    assert lint(b".TH\n.SH\n.PP\n").returncode != 0  # the check can fail


@pytest.mark.parametrize("unit, exposure", [("muster-server", 2.0), ("muster-gateway", 2.0), ("muster-host", 2.0), ("muster-agent", 10.0)])
def test_units_are_right_and_as_closed_as_they_can_be(unpacked, unit, exposure, tmp_path):
    path = unpacked / f"lib/systemd/system/{unit}.service"
    text = path.read_text()
    for program in set(re.findall(r"/usr/bin/muster\S*", text)):
        text = text.replace(program + " ", str(unpacked) + program + " ")
    (tmp_path / path.name).write_text(text)
    ran = subprocess.run(["systemd-analyze", "verify", "--recursive-errors=no", "--man=no", tmp_path / path.name],
                         capture_output=True, text=True, check=False)
    ours = [line for line in ran.stderr.splitlines() if unit in line]
    assert ran.returncode == 0 and not ours, ran.stderr
    shown = subprocess.run(["systemd-analyze", "security", "--offline=true", "--no-pager", path], capture_output=True,
                           text=True, check=False, env={**os.environ, "LC_ALL": "C.UTF-8"}).stdout
    assert float(re.search(r"exposure level for \S+: ([0-9.]+)", shown).group(1)) <= exposure, shown


# --- installed ----------------------------------------------------------------------


@pytest.fixture
def machine(packages, tmp_path):
    reason = scratch.why_not()
    if reason:
        pytest.skip(f"needs an overlay of this machine: {reason}")
    made = scratch.Scratch(tmp_path / "machine", next(iter(packages.values())).parent)
    yield made
    for process in reversed(Process.started):
        process.end_anyway()
    made.close()


def installed(machine, package):
    shown = machine.run("dpkg-query", "-W", "-f", "${db:Status-Status} ${Version}", package, check=None).stdout
    return shown.split()[1] if shown.startswith("installed") else None


def install(machine, *packages):
    machine.run("dpkg", "--force-confold", "--force-unsafe-io", "-i", *[f"/mnt/given/{p.name}" for p in packages])


def serve(machine, folder, name="muster", program="muster", arguments=("server",), user="muster", config="server"):
    """As the unit does."""
    return Process(name, machine.inside([f"/usr/bin/{program}", *arguments, "--config", f"/etc/muster/{config}.toml"],
                                        user), folder)


def stop(machine, process, program):
    """In good order; the exit status. What runs there has a number of its own there."""
    machine.run("pkill", "-TERM", "-x", program)
    return process.ended()


def test_from_installation_to_purge(machine, packages, tmp_path):
    """A region lives through an upgrade, and through a purge that was not told to destroy it."""
    install(machine, *packages.values())
    assert machine.run("muster", "--version").stdout == "muster 0.1.0\n"
    assert machine.run("muster", "config", "check").stdout.count(": in order\n") == 4
    assert machine.sh("stat -c '%U %a' /var/lib/muster").stdout == "muster 700\n"

    port = free_port("127.0.0.1")
    listen = f'listen = "127.0.0.1:{port}"'
    machine.sh(f"sed -i 's/^#listen = .*/{listen}/' /etc/muster/server.toml")
    server = serve(machine, tmp_path)
    server.said("Password")
    # Root, who is nobody's user there, finds the region of this machine's service.
    made = machine.run("muster", "token", "create").stdout
    token = next(word for word in made.split() if word.startswith("mjt1."))
    assert "not enrolled" in machine.run("muster-agent", "status", check=1).stderr
    machine.run("muster-agent", "enrol", "--server", f"127.0.0.1:{port}", "--token-file", "-", stdin=token)
    assert machine.there("/var/lib/muster-agent/agent/agent.pem")  # what the unit waits for
    agent = serve(machine, tmp_path, "agent", "muster-agent", ("run",), None, "agent")
    wait_until(lambda: " online " in machine.run("muster", "hosts").stdout, "the agent is online")
    assert "same" in machine.run("muster", "run", "--on", "all", "--", "echo", "same").stdout
    assert stop(machine, agent, "muster-agent") == 0
    assert stop(machine, server, "muster") == 0

    newer = build(packages["muster"].parent, "--version", "0.1.1")
    install(machine, *newer.values())
    assert installed(machine, "muster") == "0.1.1" and installed(machine, "muster-agent") == "0.1.1"
    assert listen in machine.read("/etc/muster/server.toml")
    server = serve(machine, tmp_path, "server-again")
    wait_until(lambda: " offline " in machine.run("muster", "hosts", check=None).stdout, "the region is still there")
    assert stop(machine, server, "muster") == 0

    machine.run("dpkg", "--remove", "muster", "muster-agent")
    assert not machine.there("/usr/bin/muster") and not machine.there("/usr/bin/muster-agent")
    assert machine.there("/etc/muster/server.toml") and machine.there("/var/lib/muster-agent/agent/agent.pem")
    told = machine.run("dpkg", "--purge", "muster", "muster-agent")
    assert "stays in /var/lib/muster" in told.stdout + told.stderr
    assert machine.there("/var/lib/muster/server/region.db")
    assert not machine.there("/etc/muster") and not machine.there("/var/lib/muster-agent")

    install(machine, packages["muster"])
    machine.run("dpkg", "--remove", "muster")
    machine.run("env", "MUSTER_PURGE=destroy-the-region", "dpkg", "--purge", "muster")
    assert not machine.there("/var/lib/muster")


def test_a_wrong_configuration_is_told_by_line(machine, packages):
    install(machine, packages["muster"])
    machine.sh("echo 'lisen = \"0.0.0.0:1\"' >>/etc/muster/server.toml")
    told = machine.run("muster", "server", "--config", "/etc/muster/server.toml", user="muster", check=2).stderr
    assert re.search(r"/etc/muster/server.toml:\d+: there is no setting 'lisen'; did you mean listen\?", told)
    assert "did you mean listen?" in machine.run("muster", "config", "check", check=2).stdout
