# SPDX-License-Identifier: Apache-2.0
"""Several servers over one PostgreSQL: each a process with a state folder of its own."""

import contextlib
import http.client
import json
import ssl
import threading

from api import Api, Refused
from process import DEADLINE, Process, binary, wait_until
from region import Gateway, Region, gateway_command


class Server(Region):
    """One of several servers; `first` is whose secret it takes."""

    def __init__(self, network, folder, name, postgres_url, first=None):
        super().__init__(network, folder)
        self.name, self.postgres_url, self.first = name, postgres_url, first

    def launch(self):
        more = []
        if self.first:
            secret = self.folder / "given.secret"
            secret.write_text(self.first.cli("server", "secret", check=0).stdout)
            secret.chmod(0o600)
            more = ["--region-secret", str(secret)]
        self.server = Process(f"server-{self.name}",
                              [binary("muster"), "server", "--listen", f"{self.address}:{self.port}", "--name",
                               self.name, "--database", self.postgres_url, *more], self.folder,
                              {"MUSTER_STATE": str(self.state), "HOME": str(self.folder)})
        return self.server

    def start(self):
        """Ready, as the leader or beside it."""
        if not self.first:
            return super().start()
        self.launch()
        self.ready()
        token = json.loads((self.first.state / "client.json").read_text())["token"]
        self.api = Api(self.address, self.port, self.ca_file, token)
        return self

    def get(self, path):
        """(status, headers, body) without a token."""
        context = ssl.create_default_context(cafile=str(self.ca_file))
        connection = http.client.HTTPSConnection(self.address, self.port, context=context, timeout=DEADLINE)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read().decode()
        finally:
            connection.close()

    def readiness(self):
        """(status, text) of /readyz."""
        if not self.ca_file.exists():
            return 0, ""
        try:
            status, _, body = self.get("/readyz")
        except OSError:
            return 0, ""
        return status, body

    def ready(self, deadline=DEADLINE):
        def look():
            assert self.server.alive(), self.server.output()
            return self.readiness()[0] == 200

        wait_until(look, f"{self.name} is ready", deadline)
        return self

    def leads(self):
        return self.readiness() == (200, "ready\n")


class TwoWays(Gateway):
    """A gateway that knows two servers."""

    def __init__(self, region, name, other):
        super().__init__(region, name)
        self.other = other

    def launch(self, token=None, name=None):
        more = ["--token", token] if token else []
        command = gateway_command(self.server, f"{self.address}:{self.port}", name or self.name, "--server",
                                  f"{self.other.address}:{self.other.port}", *more)
        self.process = Process(f"gateway-{self.name}", self.host.inside(command), self.region.folder,
                               {"MUSTER_STATE": str(self.state), "HOME": str(self.region.folder)})
        return self.process


def leader(servers, deadline=DEADLINE):
    """The one of `servers` that leads; waits until there is one."""
    return wait_until(lambda: next((s for s in servers if s.leads()), None), "a server leads", deadline)


@contextlib.contextmanager
def never_refused(server):
    """Connects to it all the time meanwhile: it may let wait and cut, but always listens."""
    refused, answered, over = [], [], threading.Event()

    def ask():
        while not over.is_set():
            try:
                answered.append(server.get("/healthz"))
            except ConnectionRefusedError as error:
                refused.append(error)
            except (http.client.HTTPException, OSError):
                pass

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        yield
    finally:
        over.set()
        asking.join()
    assert not refused and answered, f"refused {len(refused)} times, answered {len(answered)} times"


def patiently(call, deadline=DEADLINE):
    """Repeats what is refused with 503, or cut, as a client with an idempotency key does."""

    def attempt():
        try:
            return (call(),)
        except Refused as refused:
            if refused.status != 503:
                raise RuntimeError(str(refused)) from refused
        except (http.client.HTTPException, OSError):
            pass
        return None

    return wait_until(attempt, "the request is answered", deadline)[0]
