# SPDX-License-Identifier: Apache-2.0
"""A machine of another type: an aarch64 Debian of its own, emulated process by process.

Its root is build/sysroot-aarch64 (tools/sysroot), so its shell and its commands are of its type, too;
its agent is the one of build/aarch64. Linux starts each of its programs by qemu's user-mode emulator
once it was told so (binfmt_misc), as on a machine where they run by themselves: neither the agent
nor a method knows. What the emulator does not show: vfork() is fork() in it, so that the agent
cannot tell a program that could not be started from one that ended with status 127.
"""

import os
import subprocess
from pathlib import Path

from region import Agent

ROOT = Path(__file__).resolve().parents[2]
MACHINE = "aarch64"
BUILD_DEADLINE = 1800
RULE = Path(f"/usr/lib/binfmt.d/qemu-{MACHINE}.conf")  # of Debian's qemu-user-static
OURS = "muster-test-"

# $0: a rule to be registered for this user namespace alone, or nothing; $1: the root; $2: the folder
# of the agent's state; $3: the folder of its program. Only this process and its children see the mounts.
ENTER = """set -e
if [ -n "$0" ]; then
  mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc
  cat "$0" >/proc/sys/fs/binfmt_misc/register
fi
root=$1
mount --rbind /proc "$root/proc"
mount --rbind /dev "$root/dev"
mount -t tmpfs tmpfs "$root/tmp"
mount --bind "$2" "$root/mnt"
mount --bind "$3" "$root/opt"
shift 3
exec chroot "$root" "$@"
"""
PRIVATE = ["unshare", "--user", "--map-root-user", "--mount"]
OF_ROOT = ["unshare", "--mount"]


class Impossible(Exception):
    """This machine does not start programs of another type, with the reasons."""


class Emulation:
    """How programs for `MACHINE` are started here; what that needed is undone by close()."""

    def __init__(self, scratch):
        self.root, self.programs = ROOT / f"build/sysroot-{MACHINE}", ROOT / f"build/{MACHINE}/bin"
        self.scratch = scratch
        self.rule, self.how, self.registry = "", [], None
        self.build()
        why_not = []
        for way in (self.for_its_namespace, self.as_it_is, self.for_the_whole_machine):
            try:
                way()
                self.probe()
                return
            except (OSError, subprocess.SubprocessError, Impossible) as error:
                why_not.append(f"{way.__name__}: {error}")
                self.close()
        assert RULE.exists(), f"{RULE} is missing: run tools/setup test"
        raise Impossible("; ".join(why_not))

    def build(self):
        """The agent and the root, where they are not there or not new; tools/test did so before."""
        ran = subprocess.run([ROOT / "tools/build", MACHINE, "muster-agent"], stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=BUILD_DEADLINE)
        assert ran.returncode == 0, f"tools/build {MACHINE} muster-agent failed:\n{ran.stdout[-8000:]}"

    # Each user namespace has rules of its own since Linux 6.7: nobody else is touched.
    def for_its_namespace(self):
        self.rule, self.how = str(RULE), PRIVATE

    # The machine has such a rule (systemd makes it where qemu-user-static is installed), or is of this type.
    def as_it_is(self):
        self.rule, self.how = "", OF_ROOT if os.geteuid() == 0 else PRIVATE

    # Older kernels have one list of rules; it is left as it was, also by whoever was killed before.
    def for_the_whole_machine(self):
        if os.geteuid() != 0:
            raise Impossible("not root")
        self.rule, self.how = "", OF_ROOT
        registry = self.scratch / "binfmt_misc"
        registry.mkdir()
        subprocess.run(["mount", "-t", "binfmt_misc", "binfmt_misc", registry], check=True)
        self.registry = registry
        for left in registry.glob(f"{OURS}*"):
            if not Path("/proc", left.name[len(OURS):]).exists():
                left.write_text("-1")
        (registry / "register").write_text(
            RULE.read_text().strip().replace(f":qemu-{MACHINE}:", f":{OURS}{os.getpid()}:", 1))

    def probe(self):
        state = self.scratch / "probe"
        state.mkdir(exist_ok=True)
        ran = subprocess.run(self.inside(state, ["/bin/uname", "-m"]), capture_output=True, text=True, timeout=60)
        if ran.stdout.strip() != MACHINE:
            raise Impossible((ran.stdout + ran.stderr).strip())

    def inside(self, state, command):
        return [*self.how, "sh", "-c", ENTER, self.rule, self.root, state, self.programs, *command]

    def close(self):
        if not self.registry:
            return
        entry = self.registry / f"{OURS}{os.getpid()}"
        if entry.exists():
            entry.write_text("-1")
        subprocess.run(["umount", self.registry], check=False)
        self.registry = None


class ForeignAgent(Agent):
    """An agent on an emulated machine; its state is seen from outside like that of any other."""

    emulation = None  # of the session

    def __init__(self, region, name, host=None):
        super().__init__(region, name, host)
        self.host = _Inside(self.host, self.emulation, self.state)

    @property
    def program(self):
        return "/opt/muster-agent"

    def environment(self):
        return {"MUSTER_STATE": "/mnt", "HOME": "/root"}


class _Inside:
    """A host whose commands are those of the emulated machine."""

    def __init__(self, host, emulation, state):
        self.host, self.emulation, self.state = host, emulation, state
        self.name, self.address, self.namespace, self.link = host.name, host.address, host.namespace, host.link

    def inside(self, command):
        return self.host.inside(self.emulation.inside(self.state, command))
