# SPDX-License-Identifier: Apache-2.0
"""Peers that hold connections by doing little: they are cut, counted, and keep nobody out."""

import contextlib
import re
import resource
import time

import pytest
import raw
from process import wait_until


@pytest.fixture
def region(shared_region):
    return shared_region


def counter(region, name):
    return float(re.search(rf"^{name} (\S+)$", region.api.get("/metrics").decode(), re.M).group(1))


def test_peers_that_let_bodies_trickle_are_cut_and_counted(region):
    """One sends its body and never ends, one asks for a large answer and takes little of it."""
    agent = region.add_agent("a")
    run = region.order(f"id={agent.id}", "head -c 20000000 /dev/zero", limits={"output_bytes_max": 20_000_000})
    region.finished(run["id"])
    names = ("muster_http_slow_requests_total", "muster_http_slow_responses_total")
    requests, responses = (counter(region, name) for name in names)
    with raw.tls(region, ["http/1.1"]) as deaf, raw.tls(region, ["http/1.1"]) as slow:
        deaf.sendall(b"GET /v1/runs/%s/targets/%s/stdout HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n\r\n"
                     % (run["id"].encode(), agent.id.encode(), region.api.token.encode()))
        assert deaf.recv(1000).startswith(b"HTTP/1.1 200")
        slow.sendall(b"POST /v1/login HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n")
        end = time.monotonic() + 60
        try:
            while time.monotonic() < end and not raw.closed_within(slow, 1):
                slow.sendall(b"{")
        except OSError:
            pass
        assert time.monotonic() < end, "a byte a second held a connection for a minute"
        wait_until(lambda: counter(region, names[0]) > requests, "the slow request is counted")
        wait_until(lambda: counter(region, names[1]) > responses, "the slow answer is cut and counted", 60)


def test_connections_that_say_nothing_do_not_keep_others_out(region):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 2048), hard))
    with contextlib.ExitStack() as silent:
        for _ in range(1100):  # more than there may be handshakes in progress
            silent.enter_context(raw.tcp(region))
        assert raw.http(region, b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").startswith(b"HTTP/1.1 200")
        assert counter(region, "muster_tls_handshakes_crowded_total") > 0
        assert counter(region, "muster_tls_handshakes_cut_total") > 0
