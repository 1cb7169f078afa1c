# SPDX-License-Identifier: Apache-2.0
"""Certificates: what they say, renewal, and those that no door opens for."""

import json
import ssl

import certificates
import pytest
import raw
from process import wait_until
from region import Agent

def refused(region, certificate, key, role_path="/link"):
    """Whether a link with this certificate is refused, at whatever layer."""
    try:
        link = raw.Link(region, certificate, key, role_path)
    except (OSError, ssl.SSLError, ConnectionError):
        return True
    if link.status != 101:
        return True
    try:
        link.send_frame(raw.HELLO, raw.hello())
        kind, _ = link.receive_frame()
        return kind == raw.GOODBYE
    except (OSError, ConnectionError):
        return True

def test_certificate_names_the_endpoint_and_nothing_else(region):
    agent = region.add_agent("a", start=False)
    uri = certificates.uri_of(agent.files / "agent.pem")
    assert uri == f"muster://{region.api.get('/v1/region')['region']}/endpoint/{agent.id}"
    assert "TLS Web Client" in certificates.text(agent.files / "agent.pem", "-ext", "extendedKeyUsage")
    assert (agent.files / "agent.key").stat().st_mode & 0o077 == 0

def test_agent_renews_by_itself_before_expiry(region, tmp_path):
    """A certificate in its last third is replaced on the open link; the endpoint stays the same."""
    agent = region.add_agent("a", start=False)
    files, ca = agent.files, region.state / "server"
    short = certificates.leaf(tmp_path, files / "agent.key", ca / "ca.pem", ca / "ca.key",
                              certificates.uri_of(files / "agent.pem"), hours=(-24, 1))
    (files / "agent.pem").write_text(short.read_text())
    before = certificates.serial(files / "agent.pem")
    agent.start()
    wait_until(lambda: certificates.serial(files / "agent.pem") != before, "the certificate is renewed")
    assert certificates.uri_of(files / "agent.pem").endswith(f"/{agent.id}")
    assert region.do(agent, "true")["state"] == "succeeded"
    agent.process.stop()
    agent.start()
    assert region.do(agent, "echo renewed")["stdout"] == "renewed\n"

def test_expired_certificate_is_refused_and_says_so(region, tmp_path):
    agent = region.add_agent("a", start=False)
    files, ca = agent.files, region.state / "server"
    expired = certificates.leaf(tmp_path, files / "agent.key", ca / "ca.pem", ca / "ca.key",
                                certificates.uri_of(files / "agent.pem"), hours=(-24, -1))
    assert refused(region, expired, files / "agent.key")
    (files / "agent.pem").write_text(expired.read_text())
    agent.start(wait=False)
    agent.process.said("expired")
    assert not agent.is_online()

def test_foreign_authority_is_refused(region, tmp_path):
    agent = region.add_agent("a", start=False)
    ca, ca_key = certificates.authority(tmp_path)
    forged = certificates.leaf(tmp_path, agent.files / "agent.key", ca, ca_key,
                               certificates.uri_of(agent.files / "agent.pem"))
    assert refused(region, forged, agent.files / "agent.key")

def test_no_certificate_opens_no_link(region):
    with pytest.raises((OSError, ssl.SSLError, ConnectionError)):
        link = raw.Link.__new__(raw.Link)
        link.socket = raw.tls(region, ["muster-link/1"])
        link.socket.sendall(b"GET /link HTTP/1.1\r\nHost: x\r\n\r\n")
        if not raw.read_all(link.socket):
            raise ConnectionError("closed")

def test_link_door_serves_no_api_and_browser_door_no_link(region):
    agent = region.add_agent("a", start=False)
    pem, key = agent.files / "agent.pem", agent.files / "agent.key"
    assert raw.Link(region, pem, key, path="/v1/hosts").status >= 400
    assert raw.Link(region, pem, key, alpn="http/1.1").status >= 400

def test_endpoint_certificate_opens_no_gateway_door(region):
    agent = region.add_agent("a", start=False)
    assert refused(region, agent.files / "agent.pem", agent.files / "agent.key", "/region")

def test_server_certificate_is_no_endpoint(region):
    files = region.state / "server"
    assert refused(region, files / "server.pem", files / "server.key")

def test_old_tls_is_refused(region):
    with pytest.raises((ssl.SSLError, OSError)):
        raw.tls(region, version=ssl.TLSVersion.TLSv1_2)

def test_agent_trusts_only_its_region(make_region):
    """The token carries the authority's fingerprint: a foreign server gets no secret."""
    mine, foreign = make_region().start(), make_region().start()
    token = mine.join_token()
    agent = Agent(foreign, "a")
    ran = agent.enrol(token, check=False)
    assert ran.returncode != 0 and "fingerprint" in (ran.stdout + ran.stderr).lower()
    uses = [t["uses_left"] for t in mine.api.get("/v1/join-tokens")["tokens"]]
    assert uses == [1], "the secret was sent to a foreign server"
    assert not any("enrol" in e["action"] for e in foreign.audit())

def test_two_agents_with_one_key_are_told_apart(region):
    agent = region.add_agent("a")
    link = raw.Link(region, agent.files / "agent.pem", agent.files / "agent.key")
    link.send_frame(raw.HELLO, raw.hello())
    assert link.goodbye()[0] == 4  # GOODBYE_DUPLICATE
    assert agent.is_online()
    assert "key" in agent.info()["warning"]

def test_enrolment_answer_is_complete(region, tmp_path):
    key = certificates.key(tmp_path)
    answer = region.api.with_token(None).post(
        "/v1/enrol", {"token": region.join_token(), "csr_pem": certificates.request(key)})
    pem = tmp_path / "leaf.pem"
    pem.write_text(answer["certificate_pem"])
    assert certificates.uri_of(pem).endswith(answer["endpoint_id"])
    assert answer["ca_pem"].strip() == region.ca_file.read_text().strip()
    link = raw.Link(region, pem, key)
    link.send_frame(raw.HELLO, raw.hello())
    assert link.receive_frame()[0] == raw.WELCOME
    assert json.dumps(answer).count("PRIVATE") == 0
