# SPDX-License-Identifier: Apache-2.0
"""A machine to install on: this one, seen through an overlay in namespaces of its own.

What is written there is in memory and gone with it, and so are its processes; this machine stays
as it is.
"""

import os
import subprocess

from process import DEADLINE, wait_until

_SETUP = """
set -e
mount --make-rprivate /
mount -t tmpfs -o mode=755 tmpfs "$1"
mkdir "$1/upper" "$1/work" "$1/root"
mount -t overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" overlay "$1/root"
for each in sys dev; do mount --rbind "/$each" "$1/root/$each"; done
mount -t proc proc "$1/root/proc"
mount -t tmpfs -o mode=755 tmpfs "$1/root/run"
mount -t tmpfs -o mode=1777 tmpfs "$1/root/tmp"
mkdir -p "$1/root/mnt/given"
mount --bind "$2" "$1/root/mnt/given"
rm -f "$1/root/var/lib/man-db/auto-update"  # it takes longer than all the rest
rm -rf "$1/root/etc/muster" "$1/root/var/lib/muster" "$1/root/var/lib/muster-agent"
echo ready
exec cat
"""


def why_not():
    """None, or why there can be no such machine here."""
    if os.geteuid() != 0:
        return "not root"
    tried = subprocess.run(["unshare", "--mount", "sh", "-c",
                            "set -e; cd $(mktemp -d); mount -t tmpfs tmpfs .; mkdir u w r; "
                            "mount -t overlay -o lowerdir=/,upperdir=u,workdir=w overlay r"],
                           capture_output=True, text=True, check=False)
    return tried.stderr.strip() or "no overlay" if tried.returncode else None


class Scratch:
    """The machine; `given` of this one is /mnt/given there, its network is a host's."""

    def __init__(self, folder, given, host=None):
        self.host = host
        self.folder = folder
        self.folder.mkdir(parents=True)
        self.keeper = subprocess.Popen(
            ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", _SETUP, "sh", str(self.folder), str(given)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        line = self.keeper.stdout.readline()
        assert line == "ready\n", line + self.keeper.stdout.read()

    @property
    def namespaces(self):
        return f"/proc/{self.keeper.pid}/ns"

    def inside(self, command, user=None):
        """The command line that runs `command` there, as `user` (root)."""
        as_user = ["setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups"] if user else []
        line = ["nsenter", f"--mount={self.namespaces}/mnt", f"--pid={self.namespaces}/pid_for_children", "--", "chroot",
                str(self.folder / "root"),
                "env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8",
                f"HOME={'/var/lib/muster' if user == 'muster' else '/root'}", *as_user,
                *(str(word) for word in command)]
        return self.host.inside(line) if self.host else line

    def run(self, *command, user=None, check=0, stdin=None):
        ran = subprocess.run(self.inside(command, user), capture_output=True, text=True, input=stdin,
                             stdin=subprocess.DEVNULL if stdin is None else None, timeout=DEADLINE * 2, check=False)
        if check is not None:
            assert ran.returncode == check, f"{command}: {ran.returncode}\n{ran.stdout}\n{ran.stderr}"
        return ran

    def sh(self, script, **more):
        return self.run("sh", "-c", script, **more)

    def there(self, path):
        return self.run("test", "-e", path, check=None).returncode == 0

    def read(self, path):
        return self.run("cat", path).stdout

    def close(self):
        self.keeper.stdin.close()
        wait_until(lambda: self.keeper.poll() is not None, "the scratch machine is gone")
        self.keeper.stdout.close()
