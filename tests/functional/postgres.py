#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A PostgreSQL of the test's own: a cluster in a temporary folder, reached by a Unix socket.

  postgres.py COMMAND...   runs a command with MUSTER_TEST_DATABASE set, and ends the cluster after it

PostgreSQL refuses to run as root: then it runs as `postgres`, else as whoever runs the test. It dies
with the process that started it.
"""

import glob
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import quote

STARTS_WITHIN = 60


def programs():
    """The folder of initdb and postgres, of the newest version there is."""
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin/postgres"), key=lambda p: int(p.split("/")[4]))
    if not found:
        raise FileNotFoundError("no /usr/lib/postgresql/*/bin/postgres: run `tools/setup test`")
    return Path(found[-1]).parent


class Postgres:
    """`sync`: whether commits reach the disk, which tests of processes do not need."""

    def __init__(self, folder=None, sync=False):
        self.folder = Path(tempfile.mkdtemp(prefix="muster-pg-", dir=folder))
        self.data, self.log = self.folder / "data", self.folder / "log"
        self.options = [] if sync else ["-c", "fsync=off", "-c", "full_page_writes=off"]
        self.process = None
        self.bin = programs()
        if os.geteuid() == 0:
            user = pwd.getpwnam("postgres")
            os.chown(self.folder, user.pw_uid, user.pw_gid)
            self.as_user = [f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
        else:
            self.as_user = []
        made = subprocess.run(self.command("initdb", "-D", self.data, "-U", "muster", "-A", "trust", "-E",
                                           "UTF8", "--locale=C", "--no-sync"),
                              capture_output=True, text=True, stdin=subprocess.DEVNULL, cwd="/",
                              timeout=STARTS_WITHIN)
        if made.returncode != 0:
            raise RuntimeError(f"initdb failed:\n{made.stdout}{made.stderr}")

    def command(self, program, *words):
        return ["setpriv", "--pdeathsig", "KILL", *self.as_user, str(self.bin / program),
                *[str(word) for word in words]]

    @property
    def url(self):
        return f"postgresql://muster@/postgres?host={quote(str(self.folder), safe='')}"

    def add_standby(self):
        """A second cluster that follows this one, and without which this one confirms nothing."""
        standby = Postgres.__new__(Postgres)
        standby.__dict__.update(self.__dict__)
        standby.folder = Path(tempfile.mkdtemp(prefix="muster-pg-", dir=self.folder.parent))
        standby.data, standby.log, standby.process = standby.folder / "data", standby.folder / "log", None
        shutil.chown(standby.folder, *(["postgres"] if os.geteuid() == 0 else [os.geteuid()]))
        copied = subprocess.run(self.command("pg_basebackup", "-d", self.url, "-D", standby.data, "-R", "--no-sync",
                                             "-c", "fast"),
                                capture_output=True, text=True, stdin=subprocess.DEVNULL, cwd="/",
                                timeout=STARTS_WITHIN)
        if copied.returncode != 0:
            raise RuntimeError(f"pg_basebackup failed:\n{copied.stdout}{copied.stderr}")
        standby.start()
        self.sql("ALTER SYSTEM SET synchronous_standby_names = '*'")
        self.sql("SELECT pg_reload_conf()")
        return standby

    def promote(self):
        """A standby becomes the one that accepts writes."""
        assert self.sql("SELECT pg_promote()") == "t"

    def start(self, wait=True):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                self.command("postgres", "-D", self.data, "-k", self.folder, "-c", "listen_addresses=",
                             "-c", "shared_buffers=64MB", *self.options),
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/")
        deadline = time.monotonic() + STARTS_WITHIN
        while wait and not self.answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("postgres did not start:\n" + self.log.read_text(errors="replace"))
            time.sleep(0.02)
        return self

    def answers(self):
        return subprocess.run([self.bin / "pg_isready", "-q", "-d", self.url],
                              stdin=subprocess.DEVNULL, timeout=STARTS_WITHIN).returncode == 0

    def sql(self, statement):
        """What psql prints, without decoration."""
        ran = subprocess.run([self.bin / "psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c",
                              statement, self.url], capture_output=True, text=True,
                             stdin=subprocess.DEVNULL, timeout=STARTS_WITHIN)
        assert ran.returncode == 0, f"{statement}: {ran.stderr}"
        return ran.stdout.strip()

    def kill(self):
        """As kill -9 of the whole cluster: the postmaster's children follow it."""
        children = subprocess.run(["ps", "-o", "pid=", "--ppid", str(self.process.pid)],
                                  capture_output=True, text=True, check=False).stdout.split()
        self.process.kill()
        for child in children:
            try:
                os.kill(int(child), signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.process.wait()

    def stop(self):
        """A fast shutdown: connections are cut, nothing is lost."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(STARTS_WITHIN)
            except subprocess.TimeoutExpired:
                self.kill()

    def remove(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGQUIT)
            self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


def main():
    report = os.environ.get("GTEST_OUTPUT", "")
    if report.endswith("/"):  # as by the program's name, so that its other results stay
        report += Path(sys.argv[1]).name.removesuffix("_test") + "_postgres_test.xml"
    cluster = Postgres()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        cluster.start()
        environment = {**os.environ, "MUSTER_TEST_DATABASE": cluster.url}
        if report:
            environment["GTEST_OUTPUT"] = report
        sys.exit(subprocess.run(sys.argv[1:], env=environment).returncode)
    finally:
        cluster.remove()


if __name__ == "__main__":
    main()
