# SPDX-License-Identifier: Apache-2.0
"""Management over plain HTTP: two resources behind one port, for administrators, hosts and the server itself."""

import hashlib
import json
import os
import subprocess
import threading
import time

import certificates
import pytest
import raw
from managed import Application, ManagedHost
from process import DEADLINE, Process, wait_until
from region import Region


class Site:
    """A host with an application, its tokens, and a region whose machine it is."""


@pytest.fixture(scope="module")
def site(network, tmp_path_factory):
    made = Site()
    folder = tmp_path_factory.mktemp("manage")
    made.data, made.logs = folder / "data", folder / "logs"
    for each in (made.data, made.logs):
        each.mkdir()
    made.application = Application(network.server_address)
    made.region = Region(network, folder / "region")
    made.foreign, made.foreign_key = certificates.authority(folder)
    kept = []
    try:
        made.region.start()
        made.region.server.keep()
        kept.append(made.region.server)
        made.agent = made.region.add_agent("member", start=False)
        made.host = ManagedHost(folder, "web1", network.server_address)
        made.tokens = {name: made.host.token(name, may) for name, may in {
            "viewer": "view", "reader": "view,read", "writer": "view,read,write", "all": "view,read,write,forward"}.items()}
        made.host.start("--application", made.application.url, "--files", f"logs={made.logs}", "--writable-files",
                        f"data={made.data}", "--largest-file", "8M", "--client-ca", str(made.region.ca_file),
                        "--allow", f"endpoint:{made.agent.id}=view")
        made.host.process.keep()
        kept.append(made.host.process)
        made.slow = [made.host.tls() for _ in range(20)]
        for connection in made.slow:
            connection.sendall(b"POST /status HTTP/1.1\r\nHost: x\r\nMuster-Manage")
        yield made
    finally:
        made.application.close()
        made.region.close()
        for process in reversed(kept):
            process.end_anyway()
            if process in Process.lasting:
                Process.lasting.remove(process)
        assert not [p.sanitizer_report() for p in kept if p.sanitizer_report()]


@pytest.fixture(autouse=True)
def still_serves(site):
    """Whatever a test did, the same process answers afterwards."""
    yield
    assert site.host.process.alive(), site.host.process.output()[-3000:]
    assert site.host.ask("/status", site.tokens["viewer"])[0] == 200


def message(answer):
    status, body = answer
    return status, body["error"]["message"]


# --- who asks -----------------------------------------------------------------------


def test_status_by_token_and_nothing_without(site):
    status, body = site.host.ask("/status", site.tokens["viewer"])
    assert (status, body["host"], body["kind"]) == (200, "web1", "host")
    assert body["application"]["reachable"] and body["machine"]["memory"]["total"] > 0
    status, headers, body = site.host.curl("/status")
    assert status == 401 and "www-authenticate" in headers and headers["muster-management"] == "1"
    good = site.tokens["viewer"]
    for wrong in ("nonsense", "mht1.x.y", good[:-1] + ("g" if good[-1] == "0" else "0"), good + "0"):
        assert message(site.host.ask("/status", wrong)) == (401, "unknown or expired API token of this host")


def test_a_removed_token_counts_no_more_at_once(site):
    token = site.host.token("shortly")
    assert site.host.ask("/status", token)[0] == 200
    site.host.cli("host", "token", "remove", "shortly")
    assert site.host.ask("/status", token)[0] == 401
    listed = json.loads(site.host.cli("host", "token", "list", "--json").stdout)["tokens"]
    assert "shortly" not in [t["name"] for t in listed] and not any("hash" in t or "token" in t for t in listed)


def test_a_certificate_of_the_region_that_is_allowed(site):
    shown = ["--cert", site.agent.files / "agent.pem", "--key", site.agent.files / "agent.key"]
    status, _, body = site.host.curl("/status", *shown)
    assert (status, json.loads(body)["host"]) == (200, "web1")
    status, _, body = site.host.curl("/file.list", *shown)
    assert status == 403 and b"endpoint:" in body
    other = site.region.add_agent("other", start=False)
    status, _, body = site.host.curl("/status", "--cert", other.files / "agent.pem", "--key", other.files / "agent.key")
    assert status == 401 and b"--allow" in body


def test_a_certificate_of_a_foreign_authority_ends_in_the_handshake(site, tmp_path):
    key = certificates.key(tmp_path)
    leaf = certificates.leaf(tmp_path, key, site.foreign, site.foreign_key, certificates.uri_of(site.agent.files / "agent.pem"))
    ran = subprocess.run(["curl", "-sS", "--cacert", site.host.ca_file, "--cert", leaf, "--key", key, "-X", "POST", "-H",
                          "Muster-Management: 1", f"{site.host.url}/status"], capture_output=True, text=True)
    assert ran.returncode != 0 and not ran.stdout, ran.stderr


def test_a_certificate_that_anybody_can_make_counts_nowhere(site, tmp_path):
    """The protocol by which other regions come takes any certificate: its name must not be believed here."""
    key = certificates.key(tmp_path)
    leaf = certificates.leaf(tmp_path, key, site.foreign, site.foreign_key, certificates.uri_of(site.agent.files / "agent.pem"))
    for protocol in ("muster-peer/1", "muster-server/1", "muster-link/1"):
        answer = b""
        try:
            with raw.tls(site.host, [protocol], leaf, key) as connection:
                connection.sendall(b"POST /status HTTP/1.1\r\nHost: x\r\nMuster-Management: 1\r\nConnection: close\r\n"
                                   b"Content-Length: 0\r\n\r\n")
                answer = raw.read_all(connection)
        except OSError:
            pass  # the handshake ended it
        assert not answer or answer.startswith((b"HTTP/1.1 401", b"HTTP/1.1 403")), answer


def test_permissions_are_kept_apart(site):
    (site.data / "p").write_text("x")
    assert message(site.host.ask("/file.info?path=data/p", site.tokens["viewer"]))[0] == 403
    assert site.host.ask("/file.info?path=data/p", site.tokens["reader"])[0] == 200
    sha = hashlib.sha256(b"y").hexdigest()
    put = f"/file.put?path=data/p&size=1&sha256={sha}"
    assert message(site.host.ask(put, site.tokens["reader"], data=b"y"))[0] == 403
    assert message(site.host.ask("/status?via=db1", site.tokens["writer"]))[0] == 403
    assert (site.data / "p").read_text() == "x"


def test_what_is_no_call(site):
    token = site.tokens["viewer"]
    assert message(site.host.ask("/nothing", token))[0] == 404
    assert message(site.host.ask("/status?x=1", token)) == (400, "status has no argument 'x'")
    assert site.host.curl("/status", "-X", "GET", token=token)[0] == 405
    assert site.host.curl("/status", "-H", "Origin: https://evil.example", token=token)[0] == 403
    status, _, body = site.host.curl("/status", "-H", "Muster_Management: 1", sign=False)
    assert status == 401 and b"error" in body  # misspelt: not the application's to read


def test_many_unknown_callers_are_slowed_down_and_good_ones_are_not(site):
    answers = {site.host.ask("/status", "mht1.guess.wrong")[0] for _ in range(22)}
    assert answers == {401, 429}
    assert site.host.ask("/status", site.tokens["viewer"])[0] == 200


def test_everything_is_in_the_audit_log(site):
    (site.data / "noted").write_text("x")
    site.host.ask("/file.info?path=data/noted", site.tokens["reader"])
    line = next(line for line in reversed(site.host.audit()) if line.get("operation") == "file.info")
    assert "reader" in line["who"] and line["arguments"]["path"] == "data/noted" and line["status"] == 200
    assert any("refused" in line for line in site.host.audit())
    assert site.tokens["reader"].split(".")[2] not in json.dumps(site.host.audit())


# --- the application behind it ------------------------------------------------------------


def told(site, target, *options, **more):
    status, headers, body = site.host.curl(target, *options, sign=False, **more)
    return status, headers, json.loads(body)


def test_everything_else_reaches_the_application(site):
    status, headers, seen = told(site, "/a//b/../c%2f?x=%zz&y", "--path-as-is", "-H", "X-Forwarded-For: 6.6.6.6",
                                 "-H", "X_Real_IP: 6.6.6.6", "-H", "Connection: keep-alive, X-Gone, Cookie", "-H", "X-Gone: 1",
                                 "-H", "Cookie: a=b", "-H", "Muster-Trail: x")
    names = {name.lower(): value for name, value in seen["headers"]}
    assert (status, seen["path"]) == (200, "/a//b/../c%2f?x=%zz&y")
    assert names["x-forwarded-for"] == site.host.address and names["x-forwarded-proto"] == "https"
    assert names["host"] == f"{site.host.address}:{site.host.port}" and names["cookie"] == "a=b"
    assert not {"x_real_ip", "x-gone", "muster-trail", "connection"} & set(names)
    assert "x-private" not in headers
    assert told(site, "/teapot", "-X", "BREW")[0] == 418
    assert site.host.curl("/head", "-I", sign=False)[0] == 200


def test_bodies_go_both_ways(site, tmp_path):
    big = os.urandom(3_000_000)
    (tmp_path / "big").write_bytes(big)
    for framing, name in ((["-H", "Transfer-Encoding: chunked"], "transfer-encoding"), ([], "content-length")):
        _, _, seen = told(site, "/up", "-T", str(tmp_path / "big"), *framing)
        assert seen["sha256"] == hashlib.sha256(big).hexdigest() and seen["method"] == "PUT"
        assert name in {n.lower() for n, _ in seen["headers"]}
    assert site.host.curl("/slow", sign=False)[2] == b"".join(bytes([i]) * 10000 for i in range(200))


def test_a_post_without_the_sign_is_the_applications_own(site):
    status, _, seen = told(site, "/status", "-d", "hello")
    assert (status, seen["method"], seen["bytes"]) == (200, "POST", 5)
    status, _, body = site.host.curl("/status", "-d", "x", sign=False, token=site.tokens["viewer"])
    assert status == 400 and b"Muster-Management" in body  # a secret that was not meant for it


def test_a_websocket_goes_through(site):
    with site.host.tls() as connection:
        connection.sendall(b"GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                           b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\nearly")
        got = b""
        while b"early" not in got:
            got += connection.recv(4096)
        assert got.startswith(b"HTTP/1.1 101") and b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in got
        connection.sendall(b"more")
        assert connection.recv(4096) == b"more"


@pytest.mark.parametrize("head", [
    b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef",
    b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nabcde",
    b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5, 5\r\n\r\nabcde",
    b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: +5\r\n\r\nabcde",
    b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    b"POST / HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\nX: a\nMuster-Management: 1\r\n\r\n" b"",
    b"GET http://elsewhere/ HTTP/1.1\r\nHost: x\r\n\r\n",
    b"CONNECT elsewhere:443 HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\nX: \0\r\n\r\n",
])
def test_ambiguous_requests_never_reach_the_application(site, head):
    before = site.application.seen
    with site.host.tls() as connection:
        connection.sendall(head)
        connection.settimeout(5)
        answer = connection.recv(65536)
    assert answer.startswith((b"HTTP/1.1 400", b"HTTP/1.1 501", b"HTTP/1.1 405", b"HTTP/1.1 401")), answer
    assert site.application.seen == before


def test_a_folded_header_is_one_header(site):
    with site.host.tls() as connection:
        connection.sendall(b"GET /f HTTP/1.1\r\nHost: x\r\nX-A: one\r\n Content-Length: 3\r\nConnection: close\r\n\r\n")
        answer = raw.read_all(connection)
    if not answer.startswith(b"HTTP/1.1 400"):
        headers = dict(json.loads(answer.split(b"\r\n\r\n", 1)[1])["headers"])
        assert headers["x-a"] == "one Content-Length: 3" and "content-length" not in {h.lower() for h in headers}


def test_an_application_that_is_away_or_no_http(site, network, tmp_path):
    host = ManagedHost(tmp_path, "lonely", network.server_address)
    token = host.token("t")
    dead = Application(network.server_address)
    dead.close()
    host.start("--application", dead.url)
    status, _, body = host.curl("/", sign=False)
    assert status == 502 and "does not answer" in json.loads(body)["error"]["message"]
    status, body = host.ask("/status", token)
    assert status == 200 and not body["application"]["reachable"] and body["application"]["why"]
    assert host.process.stop() == 0
    there = Application(path=tmp_path / "app.sock")
    try:
        host.start("--application", there.url)
        assert json.loads(host.curl("/on/a/path", sign=False)[2])["path"] == "/on/a/path"
    finally:
        there.close()


# --- files -----------------------------------------------------------------------------------


def put_target(path, content, offset=0, **more):
    extra = "".join(f"&{k}={v}" for k, v in more.items())
    return f"/file.put?path={path}&size={len(content)}&sha256={hashlib.sha256(content).hexdigest()}&offset={offset}{extra}"


def test_a_file_goes_there_and_back(site, tmp_path):
    content = os.urandom(1_000_000)
    status, body = site.host.ask(put_target("data/x", content, mode="0640"), site.tokens["writer"], data=content)
    assert (status, body["complete"]) == (200, True)
    assert (site.data / "x").read_bytes() == content and (site.data / "x").stat().st_mode & 0o7777 == 0o640
    status, headers, body = site.host.curl("/file.get?path=data/x", token=site.tokens["reader"])
    assert status == 200 and body == content
    status, headers, body = site.host.curl("/file.get?path=data/x", "-H", "Range: bytes=999990-", token=site.tokens["reader"])
    assert (status, body) == (206, content[999990:]) and headers["content-range"] == "bytes 999990-999999/1000000"
    assert site.host.curl("/file.get?path=data/x", "-H", "Range: bytes=1000000-", token=site.tokens["reader"])[0] == 416
    info = site.host.ask("/file.info?path=data/x&digest=1", site.tokens["reader"])[1]
    assert info["sha256"] == hashlib.sha256(content).hexdigest() and info["file"]["mode"] == "0640"
    names = [e["name"] for e in site.host.ask("/file.list?path=data", site.tokens["reader"])[1]["entries"]]
    assert "x" in names and ".muster-uploads" not in names


def test_an_upload_that_was_cut_goes_on(site):
    content = os.urandom(2_000_000)
    (site.data / "cut").write_bytes(b"old")
    head = (f"POST {put_target('data/cut', content)} HTTP/1.1\r\nHost: x\r\nMuster-Management: 1\r\n"
            f"Authorization: Bearer {site.tokens['writer']}\r\nContent-Length: {len(content)}\r\n\r\n").encode()
    with site.host.tls() as connection:
        connection.sendall(head + content[:1_200_000])
    asked = put_target("data/cut", content).replace("file.put", "file.info").replace("&offset=0", "")

    def there():
        return site.host.ask(asked, site.tokens["writer"])[1]["uploaded"]

    wait_until(lambda: there() == 1_200_000, "what came is kept")
    assert (site.data / "cut").read_bytes() == b"old"
    status, body = site.host.ask(put_target("data/cut", content), site.tokens["writer"], data=content)
    assert (status, body["uploaded"]) == (409, 1_200_000)
    status, body = site.host.ask(put_target("data/cut", content, 1_200_000), site.tokens["writer"], data=content[1_200_000:])
    assert (status, body["complete"]) == (200, True)
    assert (site.data / "cut").read_bytes() == content


def test_wrong_bytes_change_nothing(site):
    (site.data / "kept").write_bytes(b"old")
    target = put_target("data/kept", b"right")
    assert "SHA-256" in message(site.host.ask(target, site.tokens["writer"], data=b"wrong"))[1]
    assert site.host.ask(target, site.tokens["writer"], data=b"right and more")[0] == 400
    assert (site.data / "kept").read_bytes() == b"old"
    big = put_target("data/kept", b"").replace("size=0", f"size={9 * 2**20}")
    assert message(site.host.ask(big, site.tokens["writer"]))[0] == 413
    assert message(site.host.ask(put_target("logs/kept", b"new"), site.tokens["writer"], data=b"new"))[0] == 403


@pytest.mark.parametrize("path", ["data/../secret", "data/./x", "data//x", "/etc/passwd", "..", "data/link/secret", "data/alink",
                                  "data/.muster-uploads/x", "nowhere/x", "data/%00x", "data/a%2f..%2f..%2fsecret"])
def test_no_way_leads_out_of_a_folder(site, path):
    outside = site.data.parent / "outside"
    outside.mkdir(exist_ok=True)
    (outside / "secret").write_text("secret")
    for link, to in (("link", outside), ("alink", outside / "secret")):
        if not (site.data / link).is_symlink():
            (site.data / link).symlink_to(to)
    status, _, body = site.host.curl(f"/file.get?path={path}", "--path-as-is", token=site.tokens["reader"])
    assert status in (400, 403, 404), body
    if path != "data/alink":  # a link itself is replaced by a rename, not followed
        assert site.host.ask(put_target(path, b"new"), site.tokens["writer"], data=b"new")[0] in (400, 403, 404)
    assert (outside / "secret").read_text() == "secret"


def test_a_link_that_is_swapped_in_at_every_moment_leads_nowhere(site):
    outside = site.data.parent / "target"
    outside.mkdir()
    (outside / "file").write_text("outside")
    folder = site.data / "swap"
    folder.mkdir()
    (folder / "file").write_text("inside")
    stop = threading.Event()

    def swap():
        while not stop.is_set():
            os.rename(folder, site.data / "aside")
            os.symlink(outside, folder)
            os.unlink(folder)
            os.rename(site.data / "aside", folder)

    swapper = threading.Thread(target=swap)
    swapper.start()
    seen = set()
    try:
        for i in range(500):
            if i >= 25 and 200 in seen:  # it has been met in its place, too
                break
            status, _, body = site.host.curl("/file.get?path=data/swap/file", token=site.tokens["reader"])
            seen.add(status)
            assert b"outside" not in body
            content = b"new %d" % i
            assert site.host.ask(put_target("data/swap/put", content), site.tokens["writer"], data=content)[0] in (200, 400, 403, 404)
    finally:
        stop.set()
        swapper.join()
    assert 200 in seen and list(outside.iterdir()) == [outside / "file"]


# --- from the command line -------------------------------------------------------------------


def test_the_command_line_logs_in_and_moves_files(site, tmp_path):
    host, address = site.host, f"{site.host.address}:{site.host.port}"
    home = {"XDG_CONFIG_HOME": str(tmp_path / "home")}
    ran = host.cli("manage", "status", address, check=False, environment=home)
    assert ran.returncode == 4 and "muster manage login" in ran.stderr
    ran = host.cli("manage", "login", address, check=False, environment=home, stdin=site.tokens["all"])
    assert ran.returncode == 4 and "--fingerprint" in ran.stderr
    host.cli("manage", "login", address, "--fingerprint", host.fingerprint, environment=home, stdin=site.tokens["all"])
    assert "web1 (host" in host.cli("manage", "status", address, environment=home).stdout
    content = os.urandom(700_000)
    (tmp_path / "here").write_bytes(content)
    host.cli("manage", "put", address, tmp_path / "here", "data/by-cli", "--mode", "0600", environment=home)
    assert (site.data / "by-cli").read_bytes() == content
    host.cli("manage", "get", address, "data/by-cli", tmp_path / "back", environment=home)
    assert (tmp_path / "back").read_bytes() == content
    # What an earlier attempt left is gone on with.
    sha = hashlib.sha256(content).hexdigest()
    (tmp_path / f"again.{sha[:16]}.part").write_bytes(content[:500_000])
    host.cli("manage", "get", address, "data/by-cli", tmp_path / "again", environment=home)
    assert (tmp_path / "again").read_bytes() == content and not list(tmp_path.glob("*.part"))
    assert "by-cli" in host.cli("manage", "list", address, "data", environment=home).stdout
    wrong = host.cli("manage", "status", address, "--ca", site.foreign, check=False, environment=home)
    assert wrong.returncode != 0 and "Traceback" not in wrong.stderr and wrong.stderr


# --- the server, on itself ---------------------------------------------------------------------


def test_the_server_is_managed_through_the_same_interface(site):
    region = site.region
    token = json.loads((region.state / "client.json").read_text())["token"]

    def ask(target, *options, sign=("-H", "Muster-Management: 1")):
        ran = subprocess.run(["curl", "-sS", "--cacert", region.ca_file, "-X", "POST", *sign, *options, "-w", "\n%{http_code}",
                              f"{region.url}{target}"], capture_output=True, text=True, check=True)
        body, status = ran.stdout.rsplit("\n", 1)
        return int(status), json.loads(body)

    status, body = ask("/status", "-H", f"Authorization: Bearer {token}")
    assert (status, body["kind"], body["id"]) == (200, "server", region.api.get("/v1/region")["region"])
    assert body["database"]["kind"] == "sqlite" and body["endpoints"]["total"] >= 1 and body["lease"] is None
    assert ask("/status")[0] == 401 and ask("/status", "-H", "Authorization: Bearer mat1.x.y")[0] == 401
    assert ask("/file.get?path=a/b", "-H", f"Authorization: Bearer {token}")[0] == 403
    assert ask("/v1/users", "-H", f"Authorization: Bearer {token}")[0] == 400  # the sign decides, not the path
    assert ask("/status", "-H", f"Authorization: Bearer {token}", sign=())[0] in (404, 405)  # its API as ever
    shown = subprocess.run([*site.host.cli("--version").args[:1], "manage", "status"], capture_output=True, text=True,
                           env={**os.environ, "MUSTER_STATE": str(region.state), "HOME": str(region.folder)})
    assert shown.returncode == 0 and "sqlite" in shown.stdout, shown.stderr


# --- further hosts -----------------------------------------------------------------------------


def test_hosts_call_on_further_hosts_and_a_loop_ends(site, network, tmp_path):
    hosts = [ManagedHost(tmp_path, name, network.server_address) for name in ("a", "b", "c")]
    tokens = {host.name: host.token("t", "view,forward") for host in hosts}
    for host in hosts:
        host.start()
    for host, to in zip(hosts, [*hosts[1:], hosts[0]]):  # a -> b -> c -> a
        host.cli("host", "neighbour", "add", to.name, f"{to.address}:{to.port}", "--fingerprint", to.fingerprint,
                 stdin=tokens[to.name] + "\n")
    first = hosts[0]
    status, body = first.ask("/status?via=b/c/a&via=nobody", tokens["a"])
    assert status == 200 and body["answer"]["host"] == "a"
    b, nobody = body["further"]
    assert (b["answer"]["host"], nobody["status"]) == ("b", 404)
    c = b["further"][0]
    assert c["answer"]["host"] == "c" and "loop" in c["further"][0]["error"]["message"]
    assert first.ask("/status?via=*", tokens["a"])[1]["further"][0]["answer"]["host"] == "b"
    assert first.ask("/status?via=b/c/a/b/c", tokens["a"])[0] == 400  # deeper than anybody needs
    hosts[2].process.stop()
    b = first.ask("/status?via=b/c", tokens["a"])[1]["further"][0]
    assert b["answer"]["host"] == "b" and b["further"][0]["status"] == 503
    # The token that b has at c says what b may there, whatever its own callers may.
    assert first.ask("/file.list?via=b", tokens["a"])[0] == 403
    begun = time.monotonic()
    os.kill(hosts[1].process.pid, 19)
    try:
        status, _, body = first.curl("/status?via=b", "-H", "Muster-Time-Left: 1500", token=tokens["a"])
    finally:
        os.kill(hosts[1].process.pid, 18)
    assert status == 200 and json.loads(body)["further"][0]["error"]["code"] == "timeout"
    assert time.monotonic() - begun < DEADLINE


# --- last, since it takes a while until they are cut ---------------------------------------------


def test_slow_clients_hold_nobody_up_and_are_cut(site):
    for connection in site.slow:
        connection.settimeout(DEADLINE)
        assert connection.recv(4096).startswith(b"HTTP/1.1 408")  # 10 s by HttpLimits::header_time_max
        connection.close()
