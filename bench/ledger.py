# SPDX-License-Identifier: Apache-2.0
"""How fast target rows become durable: on SQLite against bare SQLite, and on PostgreSQL against bare
COPY, with rows of the same kind."""

import os
import pathlib
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time

from harness import Server, Swarm

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "tests/functional"))
from postgres import Postgres

ROUNDS = 5
COLUMNS = """run BIGINT NOT NULL, slot BIGINT NOT NULL, state BIGINT NOT NULL, endpoint {bytes} NOT NULL,
  instance BIGINT NOT NULL, digest {bytes}, finished_at BIGINT, reason TEXT, PRIMARY KEY (run, slot)"""


def rows_of(run, count):
    return [(run, slot, 6, os.urandom(16), 0, bytes(16), 1_800_000_000_000, "offline when the run began")
            for slot in range(count)]


def bare_rows(folder, count):
    """Rows a second: one transaction each round, with the ledger's table, journal and syncing."""
    database = sqlite3.connect(folder / "bare.db", isolation_level=None)
    database.executescript(f"""
        PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
        CREATE TABLE targets ({COLUMNS.format(bytes="BLOB")}) WITHOUT ROWID;""")
    times = []
    for run in range(ROUNDS):
        rows = rows_of(run, count)
        begun = time.monotonic()
        database.execute("BEGIN")
        database.executemany("INSERT INTO targets VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)
        database.execute("COMMIT")
        times.append(time.monotonic() - begun)
    database.close()
    return count / statistics.median(times)


def copied_rows(postgres, count):
    """Rows a second by COPY, which is as fast as PostgreSQL takes them; psql's start is left out."""
    postgres.sql(f"CREATE TABLE targets ({COLUMNS.format(bytes='BYTEA')})")
    times = []
    for run in range(ROUNDS):
        text = "".join("\t".join("\\\\x" + v.hex() if isinstance(v, bytes) else str(v) for v in row) + "\n"
                       for row in rows_of(run, count))
        script = f"SELECT 1;\n\\timing on\nCOPY targets FROM STDIN;\n{text}\\.\n"
        ran = subprocess.run([postgres.bin / "psql", "-X", "-q", postgres.url], input=script, text=True,
                             capture_output=True, check=True)
        times.append(float(ran.stdout.split("Time: ")[-1].split()[0]) / 1000)
    return count / statistics.median(times)


def recorded_rows(server, count):
    """Orders to hosts that are away: each row gets its final state at once, and nothing else happens."""
    try:
        swarm = Swarm(server, count)
        swarm.until("ready")
        swarm.stop()
        while server.call("GET", "/v1/region")["endpoints"]["online"]:
            time.sleep(0.1)
        times = []
        for _ in range(ROUNDS):
            begun = time.monotonic()
            run = server.call("POST", "/v1/runs", {"selector": "", "command": {"argv": ["x"]}})
            times.append(time.monotonic() - begun)
            assert run["counts"]["unreachable"] == count, run["counts"]
        return count / statistics.median(times)
    finally:
        server.stop()


def measure_ledger(table, binaries, folder, count):
    own = pathlib.Path(tempfile.mkdtemp(dir=folder))
    reference = bare_rows(own, count)
    rows = recorded_rows(Server(binaries, own), count)
    table.add(f"target rows recorded, runs on {count:,}", rows, "rows/s", reference, rows / reference,
              ">= 0.6, 20,000", rows >= max(20_000, 0.6 * reference),
              "from the request to its answer; reference: bare SQLite, one transaction")
    postgres = Postgres(sync=True)
    try:
        copied = copied_rows(postgres.start(), count)
        own = pathlib.Path(tempfile.mkdtemp(dir=folder))
        found = recorded_rows(Server(binaries, own, "--database", postgres.url), count)
        table.add(f"  the same on PostgreSQL, runs on {count:,}", found, "rows/s", copied, found / copied,
                  "-", None, f"reference: bare COPY; {found / rows:.2f} of SQLite's")
    finally:
        postgres.remove()
