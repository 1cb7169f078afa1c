# SPDX-License-Identifier: Apache-2.0
"""Processes under test: started in their own group, logged to a file, always ended."""

import os
import signal
import subprocess
import time
from pathlib import Path

# Sanitizers make everything several times slower; a deadline is for hanging, not for speed.
DEADLINE = float(os.environ.get("MUSTER_TEST_DEADLINE", "30"))
POLL = 0.02


class Deadline(AssertionError):
    """What was waited for did not come."""


def wait_until(predicate, what, deadline=DEADLINE):
    """Asks until the answer is true, and returns it. Errors of the last try are told."""
    end = time.monotonic() + deadline
    while True:
        error = None
        try:
            answer = predicate()
            if answer:
                return answer
        except (OSError, AssertionError) as caught:
            answer, error = None, caught
        if time.monotonic() > end:
            raise Deadline(f"not within {deadline:.0f} s: {what} (last: {error or answer!r})") from error
        time.sleep(POLL)


def binary(name):
    """The path of a program under test."""
    folder = os.environ.get("MUSTER_BIN_DIR")
    if not folder:
        folder = Path(__file__).resolve().parents[2] / "build/dev/bin"
    path = Path(folder) / name
    if not path.exists():
        raise FileNotFoundError(f"{path} is missing: build it, or set MUSTER_BIN_DIR")
    return str(path)


class Process:
    """One program in the background; its output is in `log`."""

    started = []  # of the running test, for its report and its end
    lasting = []  # of several tests

    def __init__(self, name, command, folder, environment=None, cwd=None):
        self.name, self.command = name, [str(word) for word in command]
        self.asked_to_end = False
        self.log = Path(folder) / f"{name}.log"
        with open(self.log, "ab") as log:
            self.begin = log.tell()  # an earlier process of this name wrote the rest
            log.write(f"$ {' '.join(self.command)}\n".encode())
            log.flush()
            self.popen = subprocess.Popen(
                self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                env={**os.environ, **(environment or {})}, cwd=cwd, start_new_session=True)
        Process.started.append(self)

    def keep(self):
        """Lets it outlive the running test; whoever keeps it ends it."""
        Process.started.remove(self)
        Process.lasting.append(self)

    @property
    def pid(self):
        return self.popen.pid

    def alive(self):
        return self.popen.poll() is None

    def output(self):
        return self.log.read_bytes()[self.begin:].decode(errors="replace")

    def said(self, text, deadline=DEADLINE):
        """Waits until the log has `text`; fails at once when the process ends without it."""

        def look():
            if text in self.output():
                return True
            if not self.alive():
                raise RuntimeError(f"{self.name} ended with {self.popen.returncode} before it said "
                                   f"'{text}':\n{self.output()}")
            return False

        return wait_until(look, f"{self.name} says '{text}'", deadline)

    def ended(self, deadline=DEADLINE):
        """Waits for the end; the exit status."""
        wait_until(lambda: not self.alive(), f"{self.name} ends", deadline)
        return self.popen.returncode

    def signal(self, number):
        if self.alive():
            os.kill(self.pid, number)

    def stop(self):
        """In good order: SIGTERM; the exit status."""
        self.signal(signal.SIGTERM)
        return self.ended()

    def kill(self):
        """As a power cut: SIGKILL to this process alone."""
        self.signal(signal.SIGKILL)
        return self.ended()

    def ask_to_end(self):
        if not self.asked_to_end:  # a second SIGTERM would mean: at once, without a goodbye
            self.signal(signal.SIGCONT)
            self.signal(signal.SIGTERM)
        self.asked_to_end = True

    def end_anyway(self):
        """Whatever state it is in, nothing of it stays."""
        self.ask_to_end()
        try:
            self.popen.wait(10)
        except subprocess.TimeoutExpired:
            pass
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.popen.wait(10)

    def sanitizer_report(self):
        """What a sanitizer said, if it did: that fails the test whatever the story was."""
        text = self.output()
        for mark in ("ERROR: AddressSanitizer", "ERROR: LeakSanitizer", "runtime error: ",
                     "WARNING: ThreadSanitizer", "assertion failed"):
            if mark in text:
                return text[max(0, text.index(mark) - 200):][:4000]
        return None


def pids_with(text):
    """Processes whose command line contains `text` (to see that a tree is gone)."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                state = (entry / "stat").read_text().rsplit(")", 1)[1].split()[0]
            except OSError:
                continue
            if text in line and state != "Z":
                found.append(int(entry.name))
    return found
