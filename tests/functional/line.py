# SPDX-License-Identifier: Apache-2.0
"""A line between two programs that can be cut: bytes go through until then, none are made up."""

import socket
import threading


class Line:
    """Listens on `address` and passes everything on to `to` ("host:port")."""

    def __init__(self, address, to):
        self.to = to.rsplit(":", 1)
        self.listener = socket.create_server((address, 0))
        self.address = f"{address}:{self.listener.getsockname()[1]}"
        self.open, self.lock = set(), threading.Lock()
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self):
        """Every connection breaks; new ones are made."""
        with self.lock:
            ends, self.open = self.open, set()
        for end in ends:
            self._shut(end)

    def close(self):
        self._shut(self.listener)
        self.listener.close()
        self.cut()

    @staticmethod
    def _shut(end):
        try:
            end.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    def _accept(self):
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            try:
                far = socket.create_connection((self.to[0], int(self.to[1])))
            except OSError:
                near.close()
                continue
            with self.lock:
                self.open |= {near, far}
            for one, other in ((near, far), (far, near)):
                threading.Thread(target=self._pass, args=(one, other), daemon=True).start()

    def _pass(self, one, other):
        try:
            while data := one.recv(1 << 16):
                other.sendall(data)
        except OSError:
            pass
        self._shut(one)
        self._shut(other)
