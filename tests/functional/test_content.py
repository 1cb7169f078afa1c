# SPDX-License-Identifier: Apache-2.0
"""Objects from the server's store over gateways to endpoints, whatever happens to the caches on their way."""

import hashlib
import os
import shutil

import pytest
import raw

CONTENT_REQUEST, CONTENT_DATA = 15, 35
RANGE = 256 * 1024


def publish(region, data):
    """Puts an object into the server's store, as publishing does; its id."""
    digest = hashlib.sha256(data).hexdigest()
    path = region.state / "server" / "content" / "objects" / digest
    path.write_bytes(data)
    path.chmod(0o400)
    return digest


class Endpoint:
    """An enrolled endpoint, spoken by hand, on a link to a gateway."""

    def __init__(self, region, gateway, name):
        self.agent = region.add_agent(name, start=False)
        self.log_in(gateway)

    def log_in(self, gateway):
        self.link = raw.Link(gateway, self.agent.files / "agent.pem", self.agent.files / "agent.key")
        self.link.send_frame(raw.HELLO, raw.hello())
        kind, message = self.link.receive_frame()
        assert kind == raw.WELCOME, message

    def ask(self, digest, offset=0, size=RANGE, damaged=False):
        self.link.send_frame(CONTENT_REQUEST, raw.field(1, bytes.fromhex(digest)) + raw.field(2, offset)
                             + raw.field(3, size) + raw.field(4, int(damaged)))

    def piece(self):
        while True:
            kind, message = self.link.receive_frame()
            if kind == CONTENT_DATA:
                return message

    def fetch(self, digest, damaged=False):
        """The object's bytes, as the other side gives them; (bytes, error code)."""
        data, total = b"", None
        while total is None or len(data) < total:
            start = len(data)
            self.ask(digest, start, damaged=damaged and start == 0)
            while len(data) < start + RANGE and (total is None or len(data) < total):
                message = self.piece()
                if 5 in message:
                    return data, message[6][0].decode()
                assert message.get(2, [0])[0] == len(data)
                data, total = data + message[4][0], message[3][0]
        return data, None


def test_content_reaches_endpoints_of_the_servers_own_gateway(region):
    data = os.urandom(3_000_000)
    digest = publish(region, data)
    endpoint = Endpoint(region, region, "a")
    assert endpoint.fetch(digest) == (data, None)
    assert endpoint.fetch("00" * 32) == (b"", "not_found")
    assert endpoint.fetch(digest) == (data, None)


def test_a_gateway_serves_from_its_cache(region):
    data = os.urandom(2_000_000)
    digest = publish(region, data)
    gateway = region.add_gateway("edge")
    cache = gateway.files / "content"
    one, two = Endpoint(region, gateway, "a"), Endpoint(region, gateway, "b")
    assert one.fetch(digest) == (data, None)
    assert (cache / "objects" / digest).read_bytes() == data
    # What the gateway has it serves without asking again.
    (region.state / "server" / "content" / "objects" / digest).unlink()
    assert two.fetch(digest) == (data, None)
    region.server.kill()
    assert one.fetch(digest) == (data, None)


@pytest.mark.parametrize("harm", ["wipe", "damage", "truncate"])
def test_a_gateways_cache_may_be_harmed_at_any_time(region, harm):
    data = os.urandom(7_000_000)  # more than the gateway keeps in memory
    digest = publish(region, data)
    gateway = region.add_gateway("edge")
    cache = gateway.files / "content"
    endpoint = Endpoint(region, gateway, "a")
    assert endpoint.fetch(digest) == (data, None)
    path = cache / "objects" / digest
    path.chmod(0o600)
    if harm == "wipe":
        shutil.rmtree(cache)
    elif harm == "damage":  # in place, while the gateway has it open
        with path.open("r+b") as file:
            file.seek(1_000_000)
            file.write(b"\0" * 100_000)
    else:
        os.truncate(path, 1000)
    got, error = endpoint.fetch(digest)
    if error is None and hashlib.sha256(got).hexdigest() != digest:
        got, error = endpoint.fetch(digest, damaged=True)  # as an agent does
    assert error in (None, "unavailable")
    if error is None:
        assert got == data
    assert Endpoint(region, gateway, "b").fetch(digest, damaged=True) == (data, None)


def test_a_gateway_killed_in_mid_transfer_leaves_nothing_half(region):
    data = os.urandom(8_000_000)
    digest = publish(region, data)
    gateway = region.add_gateway("edge")
    endpoint = Endpoint(region, gateway, "a")
    endpoint.ask(digest)
    gateway.process.kill()
    objects = gateway.files / "content" / "objects"
    left = [path for path in objects.iterdir() if hashlib.sha256(path.read_bytes()).hexdigest() != path.name]
    assert left == []
    gateway.start()
    assert list((gateway.files / "content" / "incoming").iterdir()) == []
    endpoint.log_in(gateway)
    assert endpoint.fetch(digest) == (data, None)


def test_a_digest_of_another_length_ends_the_link(region):
    endpoint = Endpoint(region, region, "a")
    endpoint.ask("abcd")
    code, reason = endpoint.link.goodbye()
    assert code == 7 and "32 bytes" in reason
