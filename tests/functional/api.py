# SPDX-License-Identifier: Apache-2.0
"""A client of the HTTP API that holds every answer against docs/openapi.yaml."""

import http.client
import json
import re
import socket
import ssl
import time
import urllib.parse
from functools import lru_cache
from pathlib import Path

import yaml
from jsonschema import Draft202012Validator, RefResolver

DOCUMENT = Path(__file__).resolve().parents[2] / "docs/openapi.yaml"
METHODS = ("get", "post", "put", "patch", "delete")
# What is asked of another region through this one keeps the same contract there.
PASSED_ON = re.compile(r"(/v1/regions/[^/]+)(/v1/.+)")


class Refused(AssertionError):
    """The server answered with an error; tests that expect it catch it."""

    def __init__(self, method, path, status, error):
        super().__init__(f"{method} {path}: {status} {error.get('code')}: {error.get('message')}")
        self.status, self.code = status, error.get("code")
        self.message, self.column = error.get("message"), error.get("column")


class Contract:
    """docs/openapi.yaml, and whether an answer keeps it."""

    def __init__(self):
        self.document = yaml.safe_load(DOCUMENT.read_text())
        self.resolver = RefResolver.from_schema(self.document)
        self.used = set()  # (path template, method, status) seen in this session

    def deref(self, node):
        while isinstance(node, dict) and "$ref" in node:
            node = self.resolver.resolve(node["$ref"])[1]
        return node

    def operation(self, method, path):
        """(template, operation) of a request; fails where the document has none."""
        best = None
        for template, item in self.document["paths"].items():
            pattern = re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(template))
            if re.fullmatch(pattern, path) and method.lower() in item:
                if best is None or template.count("{") < best[0].count("{"):
                    best = (template, item[method.lower()])
        assert best, f"docs/openapi.yaml does not know {method} {path}"
        return best

    def check(self, method, path, status, headers, body):
        """The decoded body of an answer that keeps the contract."""
        if (passed := PASSED_ON.fullmatch(path)) is not None:
            path = passed.group(2) if status < 400 else passed.group(1) + "/v1/any"
        template, operation = self.operation(method, path)
        response = self.deref(operation["responses"].get(str(status)))
        assert response, (f"{method} {template} answered {status}, which docs/openapi.yaml does not list: "
                          f"{body[:500]!r}")
        self.used.add((template, method, status))
        content = response.get("content")
        if not content:
            assert not body, f"{method} {template} {status}: a body where none is described"
            return None
        kind = headers.get("Content-Type", "").split(";")[0].strip()
        assert kind in content, f"{method} {template} {status}: content type {kind!r}, not {list(content)}"
        if kind != "application/json":
            return body
        value = json.loads(body.decode("utf-8"))
        errors = list(Draft202012Validator(content[kind]["schema"], resolver=self.resolver,
                                           format_checker=Draft202012Validator.FORMAT_CHECKER)
                      .iter_errors(value))
        assert not errors, (f"{method} {template} {status} breaks docs/openapi.yaml: " + "; ".join(
            f"at {'/'.join(map(str, e.absolute_path)) or 'top'}: {e.message[:300]}" for e in errors[:5]))
        return value


@lru_cache
def contract():
    return Contract()


class Api:
    """One user's view of the API. `token` is an API token; without it, login() for a cookie."""

    def __init__(self, address, port, ca_file, token=None):
        self.address, self.port, self.token = address, port, token
        self.cookie = None
        self.context = ssl.create_default_context(cafile=str(ca_file))
        self.context.minimum_version = ssl.TLSVersion.TLSv1_3

    def with_token(self, token):
        other = Api.__new__(Api)
        other.__dict__.update(self.__dict__, token=token, cookie=None)
        return other

    def connect(self, timeout=30):
        return http.client.HTTPSConnection(self.address, self.port, timeout=timeout,
                                           context=self.context)

    def headers(self, extra=None):
        headers = {"Accept": "application/json"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        elif self.cookie:
            headers.update({"Cookie": self.cookie, "X-Muster-Request": "1"})
        return {**headers, **(extra or {})}

    def exchange(self, method, path, body=None, headers=None, query=None, timeout=30):
        """(status, headers, value) of an answer that was held against the contract."""
        target = path + ("?" + urllib.parse.urlencode(query) if query else "")
        data = None
        headers = self.headers(headers)
        if body is not None:
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            headers.setdefault("Content-Type", "application/json")
        connection = self.connect(timeout)
        try:
            connection.request(method, target, body=data, headers=headers)
            answer = connection.getresponse()
            raw = answer.read()
        finally:
            connection.close()
        value = contract().check(method, path, answer.status, answer.headers, raw)
        return answer.status, answer.headers, value

    def call(self, method, path, body=None, **more):
        status, _, value = self.exchange(method, path, body, **more)
        if status >= 400:
            error = value["error"] if isinstance(value, dict) else {"code": "?", "message": repr(value)}
            raise Refused(method, path, status, error)
        return value

    def get(self, path, **query):
        return self.call("GET", path, query={k: v for k, v in query.items() if v is not None})

    def post(self, path, body=None, **more):
        return self.call("POST", path, {} if body is None else body, **more)

    def login(self, user, password):
        """A copy of this client that carries a session cookie."""
        other = self.with_token(None)
        _, headers, value = other.exchange("POST", "/v1/login", {"user": user, "password": password})
        if "error" in (value or {}):
            raise Refused("POST", "/v1/login", 0, value["error"])
        other.cookie = headers["Set-Cookie"].split(";")[0]
        return other

    def pages(self, path, name, **query):
        """All elements of a list, page by page."""
        after = None
        while True:
            page = self.get(path, after=after, **query)
            yield from page[name]
            after = page["next"]
            if after is None:
                return

    def events(self, path, timeout=30):
        """Yields (event, data) of a server-sent stream until the server ends it."""
        connection = self.connect(timeout)
        try:
            connection.request("GET", path, headers=self.headers({"Accept": "text/event-stream"}))
            answer = connection.getresponse()
            assert answer.status == 200, answer.read()
            assert answer.headers["Content-Type"].startswith("text/event-stream")
            event, data = "message", []
            end = time.monotonic() + timeout  # comments keep the connection alive for ever
            for line in iter(answer.readline, b""):
                assert time.monotonic() < end or not line.startswith(b":"), f"no event on {path} in {timeout} s"
                text = line.decode("utf-8").rstrip("\r\n")
                if text.startswith("event:"):
                    event = text[6:].strip()
                elif text.startswith("data:"):
                    data.append(text[5:].strip())
                elif not text and data:
                    yield event, json.loads("\n".join(data))
                    event, data = "message", []
                    end = time.monotonic() + timeout
        except socket.timeout as error:
            raise AssertionError(f"no event on {path} within {timeout} s") from error
        finally:
            connection.close()
