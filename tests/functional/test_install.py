# SPDX-License-Identifier: Apache-2.0
"""Machines become hosts without a package: by the server's script, and over SSH."""

import hashlib
import http.client
import json
import ssl
import subprocess

import pytest
import scratch
from process import Process, wait_until

PROGRAM, STATE = "/usr/local/bin/muster-agent", "/var/lib/muster-agent"


@pytest.fixture
def region(shared_region):
    return shared_region


@pytest.fixture
def make_machine(network, region, tmp_path):
    """make_machine(name) -> a machine on the region's network, with the region's ca.pem in /mnt/given."""
    reason = scratch.why_not() or network.why_not
    if reason:
        pytest.skip(f"needs machines of its own: {reason}")
    made = []

    def make(name):
        given = tmp_path / f"given-{name}"
        given.mkdir()
        (given / "ca.pem").write_bytes(region.ca_file.read_bytes())
        made.append(scratch.Scratch(tmp_path / f"machine-{name}", given, network.add(name)))
        made[-1].given = given
        made[-1].name = name
        return made[-1]

    yield make
    for process in reversed(Process.started):
        process.end_anyway()
    for machine in made:
        machine.close()


def install(region, machine, *arguments, check=0, before=""):
    """As `muster token create` shows it: verified from the first byte on."""
    line = f"curl -fsS --cacert /mnt/given/ca.pem {region.url}/install.sh {before}| sh -s -- {' '.join(arguments)}"
    return machine.sh(line, check=check)


def get(region, path, host=None):
    context = ssl.create_default_context(cafile=str(region.ca_file))
    connection = http.client.HTTPSConnection(region.address, region.port, context=context, timeout=30)
    try:
        connection.putrequest("GET", path, skip_host=host is not None)
        if host is not None:
            connection.putheader("Host", host)
        connection.endheaders()
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def online(region):
    return [host["name"] for host in region.api.pages("/v1/hosts", "hosts") if host["online"]]


def test_what_the_server_offers_is_what_the_script_says(region):
    script = get(region, "/install.sh")[1].decode()
    assert f"\nserver='{region.address}:{region.port}'\n" in script and "@" not in script.split("unit()")[0].replace(
        "stands between @ signs", "").replace('"$@"', "")
    machine = subprocess.run(["uname", "-m"], capture_output=True, text=True, check=True).stdout.strip()
    digest = next(line.split()[1] for line in script.splitlines() if line.startswith(f"{machine} "))
    status, program = get(region, f"/download/muster-agent-{machine}")
    assert status == 200 and hashlib.sha256(program).hexdigest() == digest
    assert get(region, "/ca.pem")[1] == region.ca_file.read_bytes()
    for path in ("/download/muster-agent-vax", "/download/..%2f..%2fserver%2fregion.db", "/download/region.db"):
        assert get(region, path)[0] in (400, 404), path


@pytest.mark.parametrize("host", ["a';reboot;'", "$(reboot)", "a b", "-x", "a`id`", "x" * 300])
def test_nothing_of_a_request_gets_into_the_script(region, host):
    status, body = get(region, "/install.sh", host=host)
    assert status == 400 and host.encode() not in body


def test_the_line_that_is_shown_installs(region, make_machine):
    """The very line of `muster token create`; a server with another authority is not listened to."""
    machine = make_machine("shown")
    shown = region.cli("token", "create", "--uses", "1", check=0).stdout
    line = shown.split("no agent yet:\n")[1].replace("sudo ", "")
    wrong = line.replace("grep -q ^", "grep -q ^00")
    assert machine.sh(f"cd /tmp && {wrong}", check=None).returncode != 0
    assert not machine.there(PROGRAM)
    told = machine.sh(f"cd /tmp && {line}").stdout
    assert "enrolled as" in told and "is logged in" in told
    wait_until(lambda: "shown" in online(region), "the machine is a host")


def test_again_dry_and_gone(region, make_machine):
    machine = make_machine("again")
    token = region.join_token()
    told = install(region, machine, "--dry-run", "--token", token).stdout
    assert "would run: cp" in told and "would enrol" in told
    assert not machine.there(PROGRAM) and not machine.there("/etc/muster") and not machine.there(STATE)

    assert "not enrolled" in install(region, machine, check=1).stderr  # and the token was not used
    install(region, machine, "--token", token)
    wait_until(lambda: "again" in online(region), "the machine is a host")
    told = install(region, machine).stdout
    assert "installed already" in told and "enrolled already" in told and "is logged in" in told
    assert machine.run("pgrep", "-c", "-f", f"{PROGRAM} run").stdout == "1\n"

    install(region, machine, "--uninstall")
    for path in (PROGRAM, STATE, "/etc/muster"):
        assert not machine.there(path), path
    wait_until(lambda: "again" not in online(region), "the agent has ended")
    assert "no agent here" in install(region, machine, "--uninstall").stdout


def test_what_is_not_the_agent_is_not_installed(region, make_machine):
    machine = make_machine("bad")
    changed = "| sed -E 's/^(x86_64|aarch64) ..../\\1 0000/' "
    told = install(region, machine, "--token", "mjt1.x", before=changed, check=1).stderr
    assert "is not the agent that this script is for" in told and not machine.there(PROGRAM)
    other = "| sed -E 's/^(x86_64|aarch64) /vax /' "
    assert "the server has no agent for" in install(region, machine, before=other, check=1).stderr
    assert "--frobnicate" in install(region, machine, "--frobnicate", check=1).stderr
    told = install(region, machine, "--token", "mjt1.x.y.z", check=1)
    assert "could not be enrolled" in told.stderr and machine.there(PROGRAM)


# --- over SSH ------------------------------------------------------------------------


@pytest.fixture
def ssh(make_machine, tmp_path):
    """ssh(name) -> a machine with a server of its own keys; `ssh.config` reaches them all by name."""
    folder = tmp_path / "ssh"
    folder.mkdir(mode=0o700)

    def key(path):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path], check=True)

    key(folder / "mine")
    config = folder / "config"
    config.write_text(f"Host *\n  Port 2222\n  User root\n  IdentityFile {folder}/mine\n  IdentitiesOnly yes\n"
                      f"  UserKnownHostsFile {folder}/known\n  GlobalKnownHostsFile /dev/null\n  PreferredAuthentications publickey\n")
    (folder / "known").write_text("")

    def make(name, known=True):
        machine = make_machine(name)
        key(machine.given / "host")
        (machine.given / "authorized").write_text((folder / "mine.pub").read_text())
        machine.sh("mkdir -p /run/sshd /root/.ssh; cp /mnt/given/authorized /root/.ssh/authorized_keys; "
                   "cp /mnt/given/host /run/host; chmod 700 /root /root/.ssh; chmod 600 /root/.ssh/* /run/host")
        server = Process(f"sshd-{name}", machine.inside(
            ["/usr/sbin/sshd", "-D", "-e", "-f", "/dev/null", "-p", "2222", "-h", "/run/host", "-o", "StrictModes=no",
             "-o", "UsePAM=no", "-o", "PidFile=none", "-o", "PermitRootLogin=yes"]), folder)
        server.said("listening on 0.0.0.0 port 2222")
        with open(config, "a", encoding="utf-8") as more:
            more.write(f"Host {name}\n  HostName {machine.host.address}\n  HostKeyAlias {name}\n")
        if known:
            with open(folder / "known", "a", encoding="utf-8") as more:
                more.write(f"{name} {(machine.given / 'host.pub').read_text()}")
        return machine

    make.config = config
    return make


def adopt(region, ssh, *words, check=0):
    return region.cli("adopt", "--ssh-config", ssh.config, "--server", f"{region.address}:{region.port}", *words,
                      check=check)


def test_adopt(region, ssh):
    """Several machines: hosts, a stranger, one that is not there; the token is in no command line."""
    first, second = ssh("first"), ssh("second")
    ssh("stranger", known=False)
    with open(ssh.config, "a", encoding="utf-8") as more:
        more.write("Host gone\n  HostName 127.0.0.1\n  Port 1\n")
    # What every user there could see: no sample of the command lines may show a token.
    watcher = Process("watcher", first.inside(
        ["sh", "-c", "while :; do cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' ' | grep -o 'mjt1[.]' ; done"]),
        region.folder)
    adopted = region.cli("adopt", "--ssh-config", ssh.config, "--server", f"{region.address}:{region.port}", "--json",
                         "--label", "role=web", "root@first", "second", "stranger", "gone", check=1)
    found = {each["machine"]: each for each in json.loads(adopted.stdout)["machines"]}
    assert {m for m, each in found.items() if each["adopted"]} == {"root@first", "second"}, adopted.stdout
    assert "Host key verification failed" in found["stranger"]["message"]
    assert found["gone"]["message"].startswith("ssh: ")
    info = region.api.get(f"/v1/hosts/{found['second']['endpoint']}")
    assert info["labels"] == {"role": "web"} and info["online"]
    assert watcher.alive() and "mjt1" not in watcher.output().split("\n", 1)[1]
    Process("shows", first.inside(["sh", "-c", "sleep 20; :", "mjt1.probe"]), region.folder)
    watcher.said("mjt1.\n")  # it would have been seen
    tokens = region.api.get("/v1/join-tokens")["tokens"]
    assert all(each["uses_left"] == 0 for each in tokens), tokens  # those that were not used are void

    told = adopt(region, ssh, "first").stdout
    assert "was a host already" in told
    for machine in (first, second):
        assert machine.there(f"{STATE}/agent/agent.pem")


def test_adopt_says_what_is_wrong(region, ssh):
    machine = ssh("odd")
    assert "is no machine for ssh" in adopt(region, ssh, "a b", check=2).stderr
    machine.sh("printf '#!/bin/sh\\necho \"sudo: a password is required\" >&2; exit 1\\n' >/usr/local/bin/sudo; "
               "chmod 755 /usr/local/bin/sudo; echo PATH=/usr/local/bin:/usr/bin:/bin >>/etc/environment")
    told = adopt(region, ssh, "--sudo", "odd", check=1).stderr
    assert "failed" in told and "sudo" in told
    machine.sh("mv /usr/bin/sha256sum /usr/bin/sha256sum.gone")
    assert "there is no sha256sum here" in adopt(region, ssh, "odd", check=1).stderr
    machine.sh("printf 'echo $$ >/run/hangs; exec sleep 600\\n' >/usr/bin/uname")
    assert "not done in time" in adopt(region, ssh, "--timeout", "2s", "odd", check=1).stderr
