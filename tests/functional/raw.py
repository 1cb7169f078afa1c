# SPDX-License-Identifier: Apache-2.0
"""Clients that do not keep to the rules: raw bytes, TLS, and a WebSocket by hand."""

import base64
import os
import socket
import ssl
import struct
import time

# FrameKind of src/wire/link.proto.
GOODBYE, HEARTBEAT, HELLO, WELCOME = 1, 2, 10, 30


def tcp(region, timeout=30):
    return socket.create_connection((region.address, region.port), timeout=timeout)


def read_all(connection, bytes_max=1 << 20):
    """What the other side says until it closes; a reset counts as closing."""
    got = b""
    try:
        while len(got) < bytes_max:
            piece = connection.recv(65536)
            if not piece:
                break
            got += piece
    except (ConnectionError, ssl.SSLEOFError, ssl.SSLZeroReturnError):
        pass
    return got


def closed_within(connection, seconds):
    """Whether the other side closes the connection in time (whatever it says before)."""
    connection.settimeout(seconds)
    end = time.monotonic() + seconds
    try:
        while time.monotonic() < end:
            if not connection.recv(65536):
                return True
    except (socket.timeout, TimeoutError):
        return False
    except (OSError, ssl.SSLError):
        return True
    return False


def tls(region, alpn=None, certificate=None, key=None, ca=None, timeout=30, version=None):
    """A TLS connection to the region's port. Without `ca`, the region's own."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(str(ca or region.ca_file))
    context.check_hostname = False
    if version:
        context.maximum_version = version
    if alpn:
        context.set_alpn_protocols(alpn)
    if certificate:
        context.load_cert_chain(str(certificate), str(key))
    return context.wrap_socket(tcp(region, timeout), server_hostname=region.address)


def http(region, data, timeout=30):
    """Sends raw HTTP over TLS; everything that comes back."""
    with tls(region, ["http/1.1"], timeout=timeout) as connection:
        connection.sendall(data)
        return read_all(connection)


class Link:
    """An endpoint's link by hand: TLS with a certificate, WebSocket, frames."""

    def __init__(self, region, certificate, key, path="/link", alpn="muster-link/1"):
        self.socket = tls(region, [alpn], certificate, key)
        nonce = base64.b64encode(os.urandom(16)).decode()
        self.socket.sendall((f"GET {path} HTTP/1.1\r\nHost: {region.address}\r\nConnection: Upgrade\r\n"
                             f"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                             f"Sec-WebSocket-Key: {nonce}\r\n\r\n").encode())
        self.buffer = b""
        while b"\r\n\r\n" not in self.buffer:
            self._more()
        head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        self.status = int(head.split(b" ")[1])

    def _more(self):
        piece = self.socket.recv(65536)
        if not piece:
            raise ConnectionError("the other side closed")
        self.buffer += piece

    def _take(self, count):
        while len(self.buffer) < count:
            self._more()
        taken, self.buffer = self.buffer[:count], self.buffer[count:]
        return taken

    def send_message(self, payload, opcode=2, masked=True):
        head = bytes([0x80 | opcode])
        mask_bit = 0x80 if masked else 0
        if len(payload) < 126:
            head += bytes([mask_bit | len(payload)])
        elif len(payload) < 65536:
            head += struct.pack(">BH", mask_bit | 126, len(payload))
        else:
            head += struct.pack(">BQ", mask_bit | 127, len(payload))
        if not masked:
            self.socket.sendall(head + payload)
            return
        key = os.urandom(4)
        pad = (key * (len(payload) // 4 + 1))[:len(payload)]
        body = (int.from_bytes(payload, "big") ^ int.from_bytes(pad, "big")).to_bytes(len(payload), "big") \
            if payload else b""
        self.socket.sendall(head + key + body)

    def send_frame(self, kind, body=b""):
        self.send_message(struct.pack(">H", kind) + body)

    def receive(self):
        """(opcode, payload) of the next WebSocket message."""
        first, second = self._take(2)
        length = second & 0x7f
        if length == 126:
            length = struct.unpack(">H", self._take(2))[0]
        elif length == 127:
            length = struct.unpack(">Q", self._take(8))[0]
        return first & 0x0f, self._take(length)

    def receive_frame(self):
        """(kind, fields) of the next frame; ConnectionError when the link ends instead."""
        while True:
            opcode, payload = self.receive()
            if opcode == 8:
                raise ConnectionError(f"WebSocket closed: {payload!r}")
            if opcode == 2:
                return struct.unpack(">H", payload[:2])[0], fields(payload[2:])

    def goodbye(self):
        """Reads until Goodbye: its code and reason; None when the link ends without."""
        try:
            while True:
                kind, message = self.receive_frame()
                if kind == GOODBYE:
                    return message.get(1, [0])[0], message.get(2, [b""])[0].decode()
        except (OSError, ConnectionError):
            return None

    def close(self):
        self.socket.close()


# --- just enough Protobuf ------------------------------------------------------------


def varint(value):
    out = b""
    while value > 0x7f:
        out += bytes([value & 0x7f | 0x80])
        value >>= 7
    return out + bytes([value])


def field(number, value):
    """One field: an int as varint, bytes or str with their length."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(data)) + data


def fields(data):
    """{number: [values]} of a message."""
    out, at = {}, 0

    def read_varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 0x7f) << shift
            shift += 7
            if byte < 0x80:
                return value

    while at < len(data):
        tag = read_varint()
        if tag & 7 == 0:
            value = read_varint()
        elif tag & 7 == 1:
            value, at = data[at:at + 8], at + 8
        elif tag & 7 == 5:
            value, at = data[at:at + 4], at + 4
        else:
            length = read_varint()
            value, at = data[at:at + length], at + length
        out.setdefault(tag >> 3, []).append(value)
    return out


def hello(instance=None, version=1, hostname="raw"):
    """A Hello that the gateway accepts."""
    facts = field(1, hostname) + field(2, "linux") + field(9, "0.1.0")
    return (field(1, version) + field(2, version) + field(3, instance or os.urandom(16)) + field(4, facts)
            + field(6, int(time.time() * 1000)) + field(7, os.urandom(16)))
