# SPDX-License-Identifier: Apache-2.0
"""Full hosts: `muster host` processes, an application behind them, and clients that know no manners."""

import base64
import hashlib
import json
import os
import re
import socket
import socketserver
import ssl
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from network import free_port
from process import DEADLINE, Process, binary, wait_until


class Echo(BaseHTTPRequestHandler):
    """Says how a request reached it: framing, headers, body."""

    protocol_version = "HTTP/1.1"
    seen = 0

    def body(self):
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            whole = b""
            while size := int(self.rfile.readline().split(b";")[0], 16):
                whole += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return whole
        return self.rfile.read(int(self.headers.get("Content-Length", "0")))

    def answer(self):
        type(self).seen += 1
        if self.headers.get("Upgrade") == "websocket":
            return self.tunnel()
        body = self.body()
        if self.path.startswith("/slow"):
            return self.stream()
        told = json.dumps({"method": self.command, "path": self.path, "headers": list(self.headers.items()),
                           "bytes": len(body), "sha256": hashlib.sha256(body).hexdigest()}).encode()
        self.send_response(418 if self.path == "/teapot" else 200)
        self.send_header("Content-Length", str(len(told)))
        self.send_header("Content-Type", "application/json")
        self.send_header("Connection", "X-Private")
        self.send_header("X-Private", "between two only")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(told)

    def stream(self):
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for i in range(200):
            part = bytes([i]) * 10000
            self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
        self.wfile.write(b"0\r\n\r\n")

    def tunnel(self):
        key = self.headers["Sec-WebSocket-Key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        self.send_response(101)
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "Upgrade")
        self.send_header("Sec-WebSocket-Accept", base64.b64encode(hashlib.sha1(key.encode()).digest()).decode())
        self.end_headers()
        while piece := self.connection.recv(65536):  # the frames as they are
            self.connection.sendall(piece)
        self.close_connection = True

    def __getattr__(self, name):
        if name.startswith("do_"):
            return self.answer
        raise AttributeError(name)

    def log_message(self, *_):
        pass


class OnPath(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """An application that listens on a socket's path."""


class Application:
    def __init__(self, address=None, path=None):
        self.handler = type("Handler", (Echo,), {"seen": 0})
        self.server = OnPath(str(path), self.handler) if path else ThreadingHTTPServer((address, 0), self.handler)
        self.server.daemon_threads = True
        self.url = f"unix:{path}" if path else f"http://{address}:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,))
        self.thread.start()

    @property
    def seen(self):
        """How many requests have reached it."""
        return self.handler.seen

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


class ManagedHost:
    """One `muster host` with its state in `folder`."""

    def __init__(self, folder, name, address):
        self.folder, self.name, self.address = Path(folder), name, address
        self.port = free_port(address)
        self.state = self.folder / f"state-{name}"
        self.state.mkdir(mode=0o700)
        self.environment = {"MUSTER_STATE": str(self.state), "HOME": str(self.folder), "XDG_CONFIG_HOME": ""}
        self.process = None

    @property
    def url(self):
        return f"https://{self.address}:{self.port}"

    @property
    def ca_file(self):
        return self.state / "host" / "ca.pem"

    def launch(self, *options):
        self.process = Process(f"host-{self.name}", [binary("muster"), "host", "--config", "/dev/null", "--name", self.name,
                                                     "--listen", f"{self.address}:{self.port}", *options],
                               self.folder, self.environment)
        return self.process

    def start(self, *options):
        self.launch(*options).said("has the fingerprint")
        return self

    @property
    def fingerprint(self):
        return re.search(r"has the fingerprint\n\s+(\S+)", self.process.output()).group(1)

    def cli(self, *words, stdin="", check=True, environment=None):
        ran = subprocess.run([binary("muster"), *[str(w) for w in words]], capture_output=True, text=True, input=stdin,
                             env={**os.environ, **self.environment, **(environment or {})}, timeout=DEADLINE)
        if check:
            assert ran.returncode == 0, f"muster {' '.join(map(str, words))}: {ran.stdout}{ran.stderr}"
        return ran

    def token(self, name, may="view"):
        return self.cli("host", "token", "create", name, "--may", may).stdout.strip()

    def curl(self, target, *options, token=None, data=b"", sign=True):
        """(status, headers, body) by a real curl."""
        head = self.folder / "curl.head"
        words = ["curl", "-sS", "--http1.1", "--cacert", self.ca_file, "-D", head, "--max-time", str(DEADLINE)]
        if sign:
            words += ["-H", "Muster-Management: 1", "-X", "POST", "--data-binary", "@-", "-H", "Expect:"]
        if token:
            words += ["-H", f"Authorization: Bearer {token}"]
        ran = subprocess.run([str(w) for w in [*words, *options, f"{self.url}{target}"]], capture_output=True, input=data)
        assert ran.returncode == 0, ran.stderr.decode()
        lines = head.read_text().strip().split("\n\n")[-1].splitlines()  # behind interim answers
        headers = {k.lower(): v.strip() for k, v in (line.split(":", 1) for line in lines[1:] if ":" in line)}
        return int(lines[0].split()[1]), headers, ran.stdout

    def ask(self, target, token=None, **more):
        """(status, decoded body)."""
        status, _, body = self.curl(target, token=token, **more)
        return status, json.loads(body)

    def tls(self, timeout=DEADLINE):
        context = ssl.create_default_context(cafile=str(self.ca_file))
        context.set_alpn_protocols(["http/1.1"])
        return context.wrap_socket(socket.create_connection((self.address, self.port), timeout=timeout),
                                   server_hostname=self.address)

    def audit(self):
        return [json.loads(line) for line in (self.state / "host" / "audit.log").read_text().splitlines()]


def ended(process):
    wait_until(lambda: not process.alive(), f"{process.name} ends")
