# SPDX-License-Identifier: Apache-2.0
"""Several hosts on one machine: network namespaces on a bridge, else loopback addresses.

Names carry the id of the test process, so that two test runs do not meet and leftovers
of a killed one are found and removed by the next.
"""

import atexit
import os
import re
import socket
import subprocess
from pathlib import Path

PREFIX = "mu"


def _ip(*words, check=True):
    return subprocess.run(["ip", *words], capture_output=True, text=True, check=check)


def _may_use_namespaces():
    """None, or why hosts cannot be namespaces here."""
    if os.environ.get("MUSTER_TEST_NETWORK") == "loopback":
        return "MUSTER_TEST_NETWORK=loopback"
    if os.geteuid() != 0:
        return "not root"
    name = f"{PREFIX}{os.getpid()}probe"
    try:
        _ip("netns", "add", name)
        _ip("netns", "exec", name, "unshare", "--uts", "true")
        _ip("link", "add", f"{PREFIX}{os.getpid()}p", "type", "bridge")
        return None
    except (OSError, subprocess.CalledProcessError) as error:
        return (getattr(error, "stderr", None) or str(error)).strip()
    finally:
        _ip("link", "del", f"{PREFIX}{os.getpid()}p", check=False)
        _ip("netns", "del", name, check=False)


def _remove(pid):
    """Removes everything that the test process `pid` made."""
    mine = re.compile(rf"^{PREFIX}{pid}[a-z]\w*$")
    for line in _ip("netns", "list", check=False).stdout.splitlines():
        name = line.split()[0] if line.split() else ""
        if mine.match(name):
            _ip("netns", "del", name, check=False)
    for line in _ip("-o", "link", "show", check=False).stdout.splitlines():
        name = line.split(": ")[1].split("@")[0]
        if mine.match(name):
            _ip("link", "del", name, check=False)


def _remove_leftovers():
    names = _ip("netns", "list", check=False).stdout + _ip("-o", "link", "show", check=False).stdout
    for pid in set(re.findall(rf"\b{PREFIX}(\d+)[a-z]", names)):
        if not Path(f"/proc/{pid}").exists():
            _remove(pid)


class Host:
    """Where one agent runs."""

    def __init__(self, name, address, namespace=None, link=None):
        self.name, self.address, self.namespace, self.link = name, address, namespace, link

    def inside(self, command):
        """The command line that runs `command` on this host, under its own host name."""
        if not self.namespace:
            return list(command)
        return ["ip", "netns", "exec", self.namespace, "unshare", "--uts", "sh", "-c",
                'hostname "$0" && exec "$@"', self.name, *command]

    def cut(self):
        """Everything to and from it is lost in silence, as with a pulled cable."""
        _ip("link", "set", self.link, "down")

    def heal(self):
        _ip("link", "set", self.link, "up")


class Network:
    """The hosts of one test session."""

    def __init__(self):
        self.why_not = _may_use_namespaces()
        self.count = 0
        pid = os.getpid()
        self.server_address = "127.0.0.1"
        if self.isolated:
            _remove_leftovers()
            atexit.register(_remove, pid)
            self.bridge = f"{PREFIX}{pid}b"
            # An address of its own: else it takes the lowest of its ports', a new one with each host that is
            # added, and those who know the old one talk to nobody until they ask again.
            _ip("link", "add", self.bridge, "address", f"02:6d:75:{pid >> 16 & 255:02x}:{pid >> 8 & 255:02x}:"
                f"{pid & 255:02x}", "type", "bridge")
            self.subnet = self._claim_subnet(pid)
            self.server_address = f"{self.subnet}.1"
            _ip("link", "set", self.bridge, "up")

    def _claim_subnet(self, pid):
        """A network that no test run beside this one has."""
        for number in (*range(pid % 250 + 1, 251), *range(1, pid % 250 + 1)):
            subnet = f"10.213.{number}"
            if f" {subnet}.1/24 " in _ip("-o", "addr", "show").stdout:
                continue
            _ip("addr", "add", f"{subnet}.1/24", "dev", self.bridge)
            return subnet
        raise RuntimeError("250 test runs at a time are enough")

    @property
    def isolated(self):
        return self.why_not is None

    def describe(self):
        if self.isolated:
            return f"hosts are network namespaces on bridge {self.bridge} ({self.subnet}.0/24)"
        return (f"ATTENTION: hosts are loopback addresses, not network namespaces ({self.why_not}); "
                "tests that cut a host off are skipped")

    @property
    def broadcast(self):
        """Where a datagram reaches the servers, and all hosts of the first network."""
        return f"{self.subnet}.255"

    def add_subnet(self):
        """The first three numbers of one more network, whose hosts reach the server as those of the first do."""
        return self._claim_subnet(os.getpid())

    def part(self, subnet):
        """The hosts of a subnet reach each other and nobody else; what is under way to and from them is lost."""
        _ip("addr", "del", f"{subnet}.1/24", "dev", self.bridge)

    def join(self, subnet):
        _ip("addr", "add", f"{subnet}.1/24", "dev", self.bridge)

    def add(self, name, subnet=None):
        """A new host, with a network of its own where that is possible; `subnet` as add_subnet() gave it."""
        self.count += 1
        number = self.count % 250 + 2
        if not self.isolated:  # gateways have one port: runs side by side need other addresses
            return Host(name, f"127.{os.getpid() % 250 + 1}.0.{number}")
        pid = os.getpid()
        space, outer, inner = f"{PREFIX}{pid}h{self.count}", f"{PREFIX}{pid}v{self.count}", "eth0"
        subnet = subnet or self.subnet
        address = f"{subnet}.{number}"
        _ip("netns", "add", space)
        _ip("link", "add", outer, "type", "veth", "peer", "name", inner, "netns", space)
        _ip("link", "set", outer, "master", self.bridge, "up")
        for words in (["link", "set", "lo", "up"], ["addr", "add", f"{address}/24", "dev", inner],
                      ["link", "set", inner, "up"]):
            _ip("-n", space, *words)
        if subnet != self.subnet:
            _ip("-n", space, "route", "add", f"{self.subnet}.0/24", "via", f"{subnet}.1")
        return Host(name, address, space, outer)

    def remove(self, host):
        if host.namespace:
            _ip("netns", "del", host.namespace, check=False)
            _ip("link", "del", host.link, check=False)

    def close(self):
        if self.isolated:
            _remove(os.getpid())


def free_port(address):
    with socket.socket() as probe:
        probe.bind((address, 0))
        return probe.getsockname()[1]
