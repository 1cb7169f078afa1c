# SPDX-License-Identifier: Apache-2.0
"""Between a server and its PostgreSQL: cuts the connection at the worst moment, which is a commit."""

import socket
import tempfile
import threading
from pathlib import Path
from urllib.parse import quote

SOCKET = ".s.PGSQL.5432"
COMMIT = b"COMMIT\0"


class PostgresProxy:
    """`arm(how, marker)`: the first commit after `marker` was sent on its connection is cut: "before",
    so that it never arrives, or "after", so that it is done and nobody hears of it."""

    def __init__(self, postgres):
        self.behind = str(postgres.folder / SOCKET)
        self.folder = Path(tempfile.mkdtemp(prefix="muster-proxy-"))
        self.armed, self.blocked = None, False
        self.cut = threading.Event()
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(self.folder / SOCKET))
        self.listener.listen()
        self.open = []
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self):
        return f"postgresql://muster@/postgres?host={quote(str(self.folder), safe='')}"

    def arm(self, how, marker):
        self.cut.clear()
        self.armed = (how, marker)

    def block(self):
        """As a network that is cut: nobody gets through until unblock()."""
        self.blocked = True
        for end in self.open:
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def unblock(self):
        self.blocked = False

    def close(self):
        for end in [self.listener, *self.open]:
            end.close()
        (self.folder / SOCKET).unlink()
        self.folder.rmdir()

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            server = socket.socket(socket.AF_UNIX)
            try:
                if self.blocked:
                    raise ConnectionRefusedError
                server.connect(self.behind)
            except OSError:
                client.close()
                continue
            self.open += [client, server]
            connection = {"marked": False, "deaf": threading.Event()}
            threading.Thread(target=self._to_server, args=(client, server, connection), daemon=True).start()
            threading.Thread(target=self._to_client, args=(client, server, connection), daemon=True).start()

    def _to_server(self, client, server, connection):
        try:
            while data := client.recv(1 << 20):
                armed = self.armed
                if armed and armed[1] in data:
                    connection["marked"] = True
                if armed and connection["marked"] and COMMIT in data:
                    self.armed = None
                    if armed[0] == "before":
                        break
                    connection["deaf"].set()
                server.sendall(data)
        except OSError:
            pass
        self._end(client, server)

    def _to_client(self, client, server, connection):
        try:
            while data := server.recv(1 << 20):
                if connection["deaf"].is_set():  # the commit's answer
                    break
                client.sendall(data)
        except OSError:
            pass
        self._end(client, server)

    def _end(self, client, server):
        for end in (client, server):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        self.cut.set()
