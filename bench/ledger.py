# SPDX-License-Identifier: Apache-2.0
"""How fast target rows become durable, against bare SQLite with rows of the same kind."""

import os
import pathlib
import sqlite3
import statistics
import tempfile
import time

from harness import Server, Swarm

ROUNDS = 5


def bare_rows(folder, count):
    """Rows a second: one transaction each round, with the ledger's table, journal and syncing."""
    database = sqlite3.connect(folder / "bare.db", isolation_level=None)
    database.executescript("""
        PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
        CREATE TABLE targets (run BIGINT NOT NULL, slot INTEGER NOT NULL, state INTEGER NOT NULL,
          endpoint BLOB NOT NULL, instance BIGINT NOT NULL, digest BLOB, finished_at BIGINT, reason TEXT,
          PRIMARY KEY (run, slot)) WITHOUT ROWID;""")
    times = []
    for run in range(ROUNDS):
        rows = [(run, slot, 6, os.urandom(16), 0, bytes(16), 1_800_000_000_000, "offline when the run began")
                for slot in range(count)]
        begun = time.monotonic()
        database.execute("BEGIN")
        database.executemany("INSERT INTO targets VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)
        database.execute("COMMIT")
        times.append(time.monotonic() - begun)
    database.close()
    return count / statistics.median(times)


def measure_ledger(table, binaries, folder, count):
    """Orders to hosts that are away: each row gets its final state at once, and nothing else happens."""
    folder = pathlib.Path(tempfile.mkdtemp(dir=folder))
    reference = bare_rows(folder, count)
    server = Server(binaries, folder)
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
        rows = count / statistics.median(times)
        table.add(f"target rows recorded, runs on {count:,}", rows, "rows/s", reference, rows / reference,
                  ">= 0.6, 20,000", rows >= max(20_000, 0.6 * reference),
                  "from the request to its answer; reference: bare SQLite, one transaction")
    finally:
        server.stop()
