# SPDX-License-Identifier: Apache-2.0
"""The server serves the console and its own description. (What the console does in a real
browser is told by the journeys in console/, run by `tools/test --only journeys`.)"""

import gzip
import re

import api
import pytest
import raw
import yaml


@pytest.fixture
def region(shared_region):
    return shared_region


def get(region, path, more=""):
    answer = raw.http(region, f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{more}\r\n".encode())
    head, _, body = answer.partition(b"\r\n\r\n")
    return head.decode("latin-1"), body


def test_console_is_served_with_a_strict_policy(region):
    head, body = get(region, "/")
    assert head.startswith("HTTP/1.1 200") and "text/html" in head and b'id="root"' in body
    policy = re.search(r"(?i)content-security-policy: (.*)", head).group(1)
    assert "default-src" in policy and "frame-ancestors 'none'" in policy
    assert "unsafe-eval" not in policy and "script-src 'unsafe-inline'" not in policy
    for header in ("x-content-type-options: nosniff", "strict-transport-security"):
        assert header in head.lower(), head
    script = re.search(rb'src="(/[^"]+\.js)"', body).group(1).decode()
    head, body = get(region, script)
    assert head.startswith("HTTP/1.1 200") and "javascript" in head and body


def test_assets_are_packed_for_those_who_take_it_and_cached_for_ever(region):
    _, page = get(region, "/")
    script = re.search(rb'src="(/[^"]+\.js)"', page).group(1).decode()
    plain_head, plain = get(region, script)
    head, packed = get(region, script, "Accept-Encoding: gzip, br\r\n")
    assert "content-encoding: gzip" in head.lower() and "content-encoding" not in plain_head.lower()
    assert gzip.decompress(packed) == plain and len(packed) < len(plain) / 2
    tags = []
    for each in (plain_head, head):
        assert "immutable" in each and re.search(r"(?i)^vary: accept-encoding\r?$", each, re.M)
        tags.append(re.search(r"(?i)etag: (.*?)\r?\n", each + "\n").group(1))
    assert tags[0] != tags[1]  # a cache must not mistake one form for the other
    again, body = get(region, script, f"Accept-Encoding: gzip\r\nIf-None-Match: {tags[1]}\r\n")
    assert again.startswith("HTTP/1.1 304") and not body
    other, body = get(region, script, f"If-None-Match: {tags[1]}\r\n")
    assert other.startswith("HTTP/1.1 200") and body == plain


def test_pages_of_the_console_survive_a_reload(region):
    head, body = get(region, "/hosts")
    assert head.startswith("HTTP/1.1 200") and b'id="root"' in body


def test_paths_do_not_leave_the_console(region):
    for path in ("/../server/ca.key", "/%2e%2e/server/ca.key", "/assets/..%2f..%2fca.key", "//etc/passwd"):
        head, body = get(region, path)
        assert b"PRIVATE KEY" not in body and b"root:" not in body, path


def test_api_describes_itself(region):
    text = region.api.with_token(None).get("/v1/openapi.yaml")
    assert yaml.safe_load(text) == yaml.safe_load(api.DOCUMENT.read_text())


def test_health_and_metrics(region):
    region.add_agent("a")
    assert region.api.with_token(None).get("/healthz").startswith(b"ok")
    metrics = region.api.get("/metrics").decode()
    assert re.search(r"^muster_\w+(\{.*\})? \d", metrics, re.M)


def test_unknown_api_path_is_json_not_the_console(region):
    head, body = get(region, "/v1/nosuch")
    assert head.startswith("HTTP/1.1 404") and b'"not_found"' in body or head.startswith("HTTP/1.1 401")


def test_live_hosts_are_told_as_events(region):
    events = region.api.events("/v1/events")
    assert next(events)[0] == "hosts"
    region.add_agent("a")
    for event, data in events:
        if event == "hosts" and data["online"] == 1:
            break
