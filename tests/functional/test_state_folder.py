# SPDX-License-Identifier: Apache-2.0
"""Disks and folders that do not play along: a reason and advice, never a loss."""

import os
import socket
import sqlite3
import subprocess

import pytest
from process import wait_until
from region import Gateway, Refused

REFUSES_IN = 60


def refuses(region, *words):
    """The server does not start, and says all of these words."""
    process = region.launch()
    status = process.ended(REFUSES_IN)
    said = process.output()
    assert status not in (0, None) and status > 0, f"exit status {status}\n{said}"
    for word in words:
        assert word.lower() in said.lower(), said
    return said


def stopped(region):
    region.start()
    assert region.server.stop() == 0
    return region


@pytest.fixture
def small_disk(tmp_path):
    """small_disk(bytes, options) -> a folder on a file system of its own."""
    if os.geteuid() != 0:
        pytest.skip("needs root to mount a file system")
    folder = tmp_path / "disk"
    folder.mkdir()
    ran = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m,mode=700", "none", str(folder)],
                         capture_output=True, text=True)
    if ran.returncode != 0:
        pytest.skip(f"may not mount a file system here: {ran.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=False)


def fill(path):
    with open(path, "wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            pass


def test_read_only_state_folder(make_region, small_disk):
    region = make_region()
    region.state = small_disk
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    refuses(region, str(small_disk), "read-only")


def test_state_folder_that_is_a_file(make_region):
    region = make_region()
    region.state.rmdir()
    region.state.write_text("")
    refuses(region, str(region.state))


def test_port_in_use(make_region):
    region = make_region()
    with socket.socket() as taken:
        taken.bind((region.address, region.port))
        taken.listen()
        refuses(region, str(region.port), "in use")


def test_second_server_on_one_state_folder(make_region):
    first, second = make_region().start(), make_region()
    second.state = first.state
    refuses(second, str(first.state))
    assert first.api.get("/v1/region")["version"]
    assert first.server.alive()


def test_damaged_database(make_region):
    region = stopped(make_region())
    size = region.database.stat().st_size
    for suffix in ("-wal", "-shm"):
        region.database.with_name(region.database.name + suffix).unlink(missing_ok=True)
    with open(region.database, "r+b") as file:
        file.write(os.urandom(size))
    said = refuses(region, str(region.database))
    assert "backup" in said.lower() or "restore" in said.lower(), "it does not say what to do"


def test_database_of_a_newer_version(make_region):
    region = stopped(make_region())
    with sqlite3.connect(region.database) as database:
        database.execute("UPDATE muster_schema SET version=9999")
    refuses(region, "newer")


def test_authority_without_its_key(make_region):
    region = stopped(make_region())
    (region.state / "server" / "ca.key").unlink()
    refuses(region, "ca.key")
    assert region.ca_file.exists(), "a new authority would cut off the fleet"


def test_key_that_others_can_read(make_region):
    region = stopped(make_region())
    (region.state / "server" / "ca.key").chmod(0o644)
    refuses(region, "ca.key")


def test_secrets_are_for_their_owner_only(make_region):
    region = make_region().start()
    for path in [region.state / "client.json", *(region.state / "server").iterdir()]:
        if path.suffix != ".pem":
            assert path.stat().st_mode & 0o077 == 0, path


def test_full_disk_refuses_new_work_keeps_the_old_and_recovers(make_region, small_disk):
    region = make_region()
    region.state = small_disk
    region.start()
    agent = region.add_agent("a")
    kept = region.order(f"id={agent.id}", "echo kept")
    region.finished(kept["id"])
    ballast = small_disk / "ballast"
    fill(ballast)

    def refused():
        try:
            region.order(f"id={agent.id}", "head -c 8000 /dev/zero")
            return None
        except Refused as error:
            return error

    error = wait_until(refused, "the full disk is felt")
    assert (error.status, error.code) == (503, "unavailable") and "space" in error.message
    assert region.target(kept["id"], agent)["stdout"] == "kept\n"
    assert region.server.alive()
    ballast.unlink()
    assert wait_until(lambda: region.do(agent, "echo again")["stdout"] == "again\n", "work goes on")
    assert region.api.get("/v1/audit/verify")["ok"]


def test_full_disk_keeps_nobody_from_starting_again(make_region, small_disk):
    """A server that was killed on a full disk wrote its client.json anew at the next start, failed,
    and aborted; a gateway wrote its settings anew and ended."""
    region = make_region()
    region.state = small_disk
    region.start()
    gateway = Gateway(region, "edge")
    gateway.state = small_disk / "edge"
    gateway.state.mkdir(mode=0o700)
    region.gateways.append(gateway)
    gateway.start(region.join_token(role="gateway")).process.kill()
    region.server.kill()
    fill(small_disk / "ballast")
    region.start()
    gateway.start()
    assert region.server.alive() and gateway.process.alive()


def test_first_start_that_cannot_write_everything_ends_in_good_order(make_region, small_disk):
    """The server had begun to serve when client.json could not be written: it aborted."""
    region = make_region()
    region.state = small_disk
    (small_disk / "client.json").mkdir()
    refuses(region, "client.json")
