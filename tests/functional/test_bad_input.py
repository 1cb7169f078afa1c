# SPDX-License-Identifier: Apache-2.0
"""What the world may throw at the port: each a clear answer on the right side, and the server lives."""

import base64
import os
import struct
import time

import certificates
import pytest
import raw
from region import Agent, Refused


@pytest.fixture
def region(shared_region):
    return shared_region


@pytest.fixture(autouse=True)
def still_alive(region):
    """Whatever a test here did, afterwards the same process serves."""
    yield
    assert region.server.alive(), region.server.output()[-3000:]
    assert region.api.get("/v1/region")["version"]


# --- tokens -----------------------------------------------------------------------


def enrol(region, tmp_path, token):
    return region.api.with_token(None).exchange(
        "POST", "/v1/enrol",
        {"token": token, "csr_pem": certificates.request(certificates.key(tmp_path, os.urandom(4).hex()))})


def test_wrong_used_expired_and_removed_tokens_read_the_same(region, tmp_path):
    good = region.join_token()
    assert enrol(region, tmp_path, good)[0] == 200
    expired = region.join_token(expires_in_s=1)
    removed = region.api.post("/v1/join-tokens", {})
    region.api.call("DELETE", f"/v1/join-tokens/{removed['id']}")
    other = region.join_token()
    wrong = ".".join([*other.split(".")[:2], good.split(".")[2]])
    time.sleep(1.1)  # the token's life is what is tested here
    answers = [enrol(region, tmp_path, token) for token in (good, expired, removed["token"], wrong)]
    assert {status for status, _, _ in answers} == {401}
    assert len({value["error"]["message"] for _, _, value in answers}) == 1
    assert enrol(region, tmp_path, other)[0] == 200  # a wrong guess does not use it up
    assert enrol(region, tmp_path, "mjt1.nonsense")[0] in (400, 401)


def test_agent_says_what_is_wrong_with_its_token(region):
    agent = Agent(region, "a")
    ran = agent.enrol("nonsense", check=False)
    assert ran.returncode != 0 and "token" in ran.stderr.lower()
    token = region.join_token()
    region.api.call("DELETE", f"/v1/join-tokens/{token.split('.')[1]}")
    ran = agent.enrol(token, check=False)
    assert ran.returncode != 0 and "token create" in ran.stderr  # what to do next


@pytest.mark.parametrize("csr", ["", "nonsense", "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n"
                                 "-----END CERTIFICATE REQUEST-----\n", "x" * 20000])
def test_bad_certificate_requests(region, csr):
    status, _, value = region.api.with_token(None).exchange(
        "POST", "/v1/enrol", {"token": region.join_token(), "csr_pem": csr})
    assert (status, value["error"]["code"]) == (400, "invalid")


# --- the port ----------------------------------------------------------------------


def test_plain_http_is_told_that_this_port_speaks_https(region):
    with raw.tcp(region) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        answer = raw.read_all(connection)
    assert answer.startswith(b"HTTP/1.1 400") and b"HTTPS" in answer


@pytest.mark.parametrize("garbage", [b"\x00" * 64, b"SSH-2.0-OpenSSH_9.2\r\n", os.urandom(512),
                                     b"\x16\x03\x01\xff\xff" + b"A" * 70000])
def test_garbage_before_tls_is_closed(region, garbage):
    with raw.tcp(region) as connection:
        try:
            connection.sendall(garbage)
        except ConnectionError:
            return
        assert raw.closed_within(connection, 20)


def test_silent_connection_is_closed(region):
    with raw.tcp(region) as connection:
        assert raw.closed_within(connection, 40)


def test_slow_headers_are_given_up(region):
    with raw.tls(region, ["http/1.1"]) as connection:
        started = time.monotonic()
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n")
        while time.monotonic() - started < 60:
            try:
                connection.sendall(b"X-A: b\r\n")
                if raw.closed_within(connection, 1):
                    break
            except OSError:
                break
        assert time.monotonic() - started < 60


def test_too_many_header_bytes_are_refused(region):
    answer = raw.http(region, b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-A: " + b"a" * 200_000 + b"\r\n\r\n")
    assert answer == b"" or answer.startswith((b"HTTP/1.1 431", b"HTTP/1.1 400"))


def test_endless_body_is_cut_off(region):
    head = (b"POST /v1/runs HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            b"Authorization: Bearer %s\r\nTransfer-Encoding: chunked\r\n\r\n" % region.api.token.encode())
    sent, got = 0, b""
    with raw.tls(region, ["http/1.1"], timeout=30) as connection:
        connection.sendall(head)
        piece = b"10000\r\n" + b" " * 65536 + b"\r\n"
        try:
            while sent < 256 << 20:
                connection.sendall(piece)
                sent += 65536
        except OSError:
            pass
        got = raw.read_all(connection)
    assert sent < 256 << 20, "256 MiB of a body were taken"
    assert got == b"" or b" 413 " in got.split(b"\r\n")[0]


def test_announced_giant_body_is_refused_before_it_is_sent(region):
    answer = raw.http(region, b"POST /v1/runs HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                      b"Authorization: Bearer %s\r\nContent-Length: 99999999999\r\n\r\n"
                      % region.api.token.encode())
    assert b" 413 " in answer.split(b"\r\n")[0]


@pytest.mark.parametrize("line", [b"GET", b"\x00\x01\x02 / HTTP/1.1", b"GET / HTTP/9.9", b"GET  /  HTTP/1.1",
                                  b"GET /%zz HTTP/1.1", b"GET /" + b"a" * 100_000 + b" HTTP/1.1"])
def test_broken_request_lines(region, line):
    answer = raw.http(region, line + b"\r\nHost: x\r\n\r\n")
    assert answer == b"" or answer.startswith((b"HTTP/1.1 4", b"HTTP/1.1 5", b"HTTP/1.0 4", b"HTTP/1.0 5"))


def test_length_and_chunked_together_are_refused(region):
    """Two readings of one message are how requests are smuggled."""
    answer = raw.http(region, b"POST /v1/login HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n"
                      b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
    assert answer.count(b"HTTP/1.1 ") <= 1 and (not answer or answer.startswith(b"HTTP/1.1 400"))


# --- JSON, selectors, permissions ----------------------------------------------------


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'{"selector": 1}', b'{"selector":"","ping":{},"x":1}',
                                  b'{"selector":"\xff"}', b'{"selector":"","command":{"argv":[]}}',
                                  b'{"selector":"","command":{"argv":["a"],"shell":"b"}}',
                                  b'{"selector":"","command":{"shell":"true"},"limits":{"timeout_ms":-1}}',
                                  b"[" * 100_000])
def test_malformed_json_gets_a_clear_400(region, body):
    status, _, value = region.api.exchange("POST", "/v1/runs", body)
    assert (status, value["error"]["code"]) == (400, "invalid"), value
    assert len(value["error"]["message"]) > 10


@pytest.mark.parametrize("selector,column", [("os=", 4), ("os=linux and", 13), ("(os=linux", 10), ("os in (a,", 10),
                                             ("os=linux)", 9), ("and os=linux", 1)])
def test_selector_errors_point_at_the_column(region, selector, column):
    with pytest.raises(Refused) as caught:
        region.api.get("/v1/selectors/check", selector=selector)
    assert (caught.value.status, caught.value.code) == (400, "invalid")
    assert caught.value.column == column, caught.value.message


def test_selector_of_many_ids_is_checked_in_a_body(region):
    agent = region.add_agent("a")
    others = ",".join(f"{number:025}0" for number in range(500))
    assert region.api.post("/v1/selectors/check", {"selector": f"id in ({agent.id},{others})"})["matched"] == 1
    with pytest.raises(Refused) as caught:
        region.api.post("/v1/selectors/check", {"selector": "os="})
    assert (caught.value.status, caught.value.column) == (400, 4)
    with pytest.raises(Refused):
        region.api.post("/v1/selectors/check", {})


def test_unknown_host_run_and_user(region):
    for method, path in [("GET", "/v1/hosts/00000000000000000000000000"), ("GET", "/v1/runs/0000000000000"),
                         ("GET", "/v1/runs/0dp7c3k8r6qaz"), ("GET", "/v1/runs/nonsense"), ("GET", "/v1/hosts/web1"),
                         ("DELETE", "/v1/users/nobody"), ("POST", "/v1/hosts/00000000000000000000000000/revoke")]:
        with pytest.raises(Refused) as caught:
            region.api.call(method, path, {} if method == "POST" else None)
        assert (caught.value.status, caught.value.code) == (404, "not_found"), path
    with pytest.raises(Refused) as caught:
        region.order("name=nosuch", "true")
    assert caught.value.status == 409 and "no host" in caught.value.message


def test_permissions(region):
    web, db = region.add_agents("web", "db")
    region.api.call("PATCH", f"/v1/hosts/{web.id}", {"labels": {"set": {"role": "web"}}})
    viewer = region.api.with_token(region.api.post("/v1/api-tokens", {"name": "v", "role": "viewer"})["token"])
    webbers = region.api.with_token(
        region.api.post("/v1/api-tokens", {"name": "w", "role": "operator", "selector": "role=web"})["token"])
    order = {"selector": "", "command": {"shell": "echo mine"}}

    for path in ("/v1/audit", "/v1/users"):
        with pytest.raises(Refused) as caught:
            viewer.get(path)
        assert caught.value.status == 403
    with pytest.raises(Refused) as caught:
        viewer.post("/v1/runs", order)
    assert (caught.value.status, caught.value.code) == (403, "denied")

    run = webbers.post("/v1/runs", order)
    assert set(region.finished(run["id"])) == {web.id}
    assert [h["id"] for h in webbers.get("/v1/hosts")["hosts"]] == [web.id]
    with pytest.raises(Refused) as caught:
        webbers.get(f"/v1/hosts/{db.id}")
    assert caught.value.status == 404  # it does not exist for them

    for token in (None, "mat1.nosuch.secret", "nonsense"):
        with pytest.raises(Refused) as caught:
            region.api.with_token(token).get("/v1/hosts")
        assert (caught.value.status, caught.value.code) == (401, "unauthorized")


def test_cookie_alone_changes_nothing(region):
    """A foreign page can make a browser send the cookie, but not the header."""
    region.api.post("/v1/users", {"name": "anna", "password": "correct horse", "role": "admin"})
    anna = region.api.login("anna", "correct horse")
    assert anna.get("/v1/me")["user"] == "anna"
    with pytest.raises(Refused) as caught:
        anna.post("/v1/join-tokens", {}, headers={"X-Muster-Request": "0"})
    assert caught.value.status == 403
    anna.post("/v1/logout")
    with pytest.raises(Refused):
        anna.get("/v1/me")


def test_password_guessing_is_paced(make_region):
    region, statuses = make_region().start(), []
    for attempt in range(30):
        statuses.append(region.api.with_token(None).exchange(
            "POST", "/v1/login", {"user": "admin", "password": f"guess{attempt}"})[0])
        if statuses[-1] == 429:
            break
    assert statuses[0] == 401 and statuses[-1] == 429


# --- links ---------------------------------------------------------------------------


@pytest.fixture
def link(region):
    """An open link of an enrolled endpoint, spoken by hand."""
    agent = region.add_agent("byhand", start=False)
    made = raw.Link(region, agent.files / "agent.pem", agent.files / "agent.key")
    assert made.status == 101
    made.endpoint = agent
    yield made
    made.close()


def opened(link):
    link.send_frame(raw.HELLO, raw.hello())
    kind, message = link.receive_frame()
    assert kind == raw.WELCOME, message
    return link


def ends(link, text=None):
    """The link ends with Goodbye PROTOCOL, or at least ends."""
    said = link.goodbye()
    if said is not None:
        assert said[0] == 7, said
        assert text is None or text in said[1], said


def test_unknown_frame_kind_ends_the_link_with_a_reason(link):
    opened(link).send_frame(999, b"abc")
    ends(link, "999")


def test_oversized_frame_ends_the_link(link):
    try:
        opened(link).send_frame(12, b"x" * (600 * 1024))
    except OSError:
        return
    ends(link)


def test_endless_message_of_small_fragments_ends_the_link(link):
    opened(link)
    try:
        link.send_message(struct.pack(">H", 12) + b"x" * 1000, opcode=2)
        for _ in range(4000):
            link.socket.sendall(b"\x00\xfe" + struct.pack(">H", 1000) + bytes(4) + b"x" * 1000)
    except OSError:
        return
    assert raw.closed_within(link.socket, 20)


def test_malformed_message_ends_the_link(link):
    opened(link).send_frame(13, b"\xff\xff\xff\xff")
    ends(link)


def test_frame_before_hello_ends_the_link(link):
    link.send_frame(raw.HEARTBEAT, raw.field(1, 1))
    ends(link)


def test_frame_of_the_other_side_ends_the_link(link):
    opened(link).send_frame(31, b"")  # an Invoke from an endpoint
    ends(link)


def test_unmasked_and_text_messages_end_the_link(region, link):
    opened(link).send_message(b"\x00\x02", masked=False)
    ends(link)
    again = raw.Link(region, link.endpoint.files / "agent.pem", link.endpoint.files / "agent.key")
    opened(again).send_message(b"hello", opcode=1)
    ends(again)


def test_versions_that_do_not_meet_say_goodbye(link):
    link.send_frame(raw.HELLO, raw.hello(version=900))
    assert link.goodbye()[0] == 6  # GOODBYE_VERSION


def test_hello_that_never_comes(link):
    assert raw.closed_within(link.socket, 40)


def test_result_of_a_run_that_it_never_had_changes_nothing(region, link):
    run = region.order("", "true", queue_for_ms=0)
    opened(link).send_frame(13, b"\x09" + bytes(8) + raw.field(2, 1))
    region.finished(run["id"])
    assert region.audit("run.create")


def test_facts_are_cut_and_made_safe(region, link):
    link.send_frame(raw.HELLO, raw.hello(hostname="<script>\x1b[31m" + "a" * 10_000))
    kind, _ = link.receive_frame()
    if kind == raw.WELCOME:
        name = region.api.get(f"/v1/hosts/{link.endpoint.id}")["facts"]["hostname"]
        assert len(name.encode()) <= 256
        shown = region.cli("hosts", "list", check=0).stdout
        assert "\x1b" not in shown


# --- bytes ---------------------------------------------------------------------------


def test_output_that_is_not_utf8_is_kept_byte_for_byte(region, tmp_path):
    agent = region.add_agent("a")
    everything = bytes(range(256)) * 17 + b"\xff\xfe\x80"
    (tmp_path / "bytes").write_bytes(everything)
    run = region.order(f"id={agent.id}", f"cat {tmp_path}/bytes")
    target = region.finished(run["id"])[agent.id]
    assert base64.b64decode(target["stdout_base64"]) == everything and "stdout" not in target
    assert region.output(run["id"], agent) == everything


def test_stdin_and_environment_arrive_as_they_are(region):
    agent = region.add_agent("a")
    given = bytes(range(256))
    run = region.order(f"id={agent.id}", 'printf "%s|" "$GREETING"; cat',
                       command={"stdin_base64": base64.b64encode(given).decode(),
                                "environment": {"GREETING": "grüß dich; $HOME"}})
    region.finished(run["id"])
    assert region.output(run["id"], agent) == "grüß dich; $HOME|".encode() + given
