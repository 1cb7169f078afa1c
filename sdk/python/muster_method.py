# SPDX-License-Identifier: Apache-2.0
"""What a method in Python may use (3.7 and later; nothing but the standard library).

    import sys; sys.path.insert(0, "<_installdir>/muster_sdk/files")  # see the README
    from muster_method import Method

    method = Method()
    count = method.arg("count", int, default=1)
    method.progress(50, "half of it")
    method.log("warning", "slow disk", device="sda")
    method.result(done=count)

Outside of Muster everything works too: progress goes nowhere, calls raise CallError.
"""

import dataclasses
import json
import os
import shutil
import socket
import sys
import time

_MISSING = object()


class ArgumentError(ValueError):
    """An argument is missing, or of another type; the text says which."""


class CallError(RuntimeError):
    """A call was not answered; `code` is one of the API's ("not_found", "denied", …)."""

    def __init__(self, code, message):
        super().__init__(f"{message} ({code})")
        self.code, self.message = code, message


def _arguments(stdin, environment):
    """Those of stdin; where that brings none, those of the environment."""
    text = "" if stdin is None or stdin.isatty() else stdin.read()
    if text.strip():
        arguments = json.loads(text)
        if not isinstance(arguments, dict):
            raise ArgumentError("stdin holds no JSON object")
        return arguments, False
    return {name[3:]: value for name, value in environment.items() if name.startswith("PT_")}, True


class Method:
    """One run of a method. Make one, first."""

    def __init__(self, stdin=None, stdout=None, stderr=None, environment=None):
        self._environment = os.environ if environment is None else environment
        self._out = stdout or sys.stdout
        self._err = stderr or sys.stderr
        self.arguments, self._are_texts = _arguments(stdin or sys.stdin, self._environment)
        self._channel, self._heard, self._calls, self._starts = None, b"", 0, 0
        number = self._environment.get("MUSTER_CHANNEL", "")
        if number.isdigit():
            try:
                self._channel = socket.socket(fileno=os.dup(int(number)))
            except OSError:
                self._channel = None  # it was closed

    @property
    def noop(self):
        """Only say what would be done."""
        return self.arg("_noop", bool, default=False)

    @property
    def install_folder(self):
        return self.arg("_installdir", str, default="")

    def arg(self, name, type_=None, default=_MISSING):
        """An argument, of this type: str, int, float, bool, list or dict."""
        if self.arguments.get(name) is None:
            if default is _MISSING:
                raise ArgumentError(f"the argument '{name}' is missing")
            return default
        value = self.arguments[name]
        if type_ is None:
            return value
        if self._are_texts and type_ is not str:
            try:
                value = json.loads(value)
            except ValueError:
                pass
        if type_ is float and isinstance(value, int) and not isinstance(value, bool):
            value = float(value)
        if not isinstance(value, type_) or (type_ is int and isinstance(value, bool)):
            raise ArgumentError(f"the argument '{name}' must be {type_.__name__}, it is {type(value).__name__}")
        return value

    def arguments_as(self, class_):
        """All arguments as a dataclass; its fields with plain types say what they must be."""
        values = {}
        for field in dataclasses.fields(class_):
            default = field.default
            if default is dataclasses.MISSING:
                default = _MISSING if field.default_factory is dataclasses.MISSING else field.default_factory()
            type_ = field.type if field.type in (str, int, float, bool, list, dict) else None
            values[field.name] = self.arg(field.name, type_, default)
        return class_(**values)

    def _say(self, message):
        if self._channel is None:
            return False
        try:
            self._channel.sendall(json.dumps(message).encode() + b"\n")
            return True
        except OSError:  # nobody listens any more
            self._channel = None
            return False

    def progress(self, percent=None, text=None):
        """How far it is, for people who watch; call it as often as you like."""
        message = {"type": "progress"}
        if percent is not None:
            message["percent"] = percent
        if text is not None:
            message["text"] = text[:200]
        self._say(message)

    def log(self, level, message, **fields):
        """A line of the log, kept with the result. Levels: debug, info, warning, error."""
        line = "".join(c if c.isprintable() else " " for c in str(message))
        more = " " + json.dumps(fields, default=str) if fields else ""
        print(f"{level}: {line}{more}", file=self._err, flush=True)

    def call(self, name, body=None):
        """Asks under the name of this run, and waits for the answer."""
        self._calls += 1
        if not self._say({"type": "call", "id": self._calls, "name": name, "body": body}):
            raise CallError("unavailable", "there is no channel to an agent")
        while True:
            while b"\n" not in self._heard:
                more = self._channel.recv(65536)
                if not more:
                    self._channel = None
                    raise CallError("unavailable", "the channel ended")
                self._heard += more
            line, self._heard = self._heard.split(b"\n", 1)
            reply = json.loads(line)
            if reply.get("type") != "reply" or reply.get("id") != self._calls:
                continue
            if "error" in reply:
                raise CallError(reply["error"].get("code", ""), reply["error"].get("message", ""))
            return reply.get("body")

    def fetch(self, path):
        """Where this file (module/files/name) of the method's own package lies now."""
        return self.call("content.fetch", {"path": path})["path"]

    def call_again(self, name, body=None, patience=60):
        """As call(), and again for so many seconds while the server is away."""
        end = time.monotonic() + patience
        while True:
            try:
                return self.call(name, body)
            except CallError as error:
                if error.code not in ("unavailable", "timeout") or self._channel is None or time.monotonic() > end:
                    raise
                time.sleep(1)

    def start(self, selector, method=None, arguments=None, command=None, key=None, **more):
        """Starts a run of a method, or of a command (a shell line, or a list), on other hosts; its id. Who starts the
        first run says what is allowed. `key` names this start: asked for again, it starts nothing twice."""
        self._starts += 1
        body = {"selector": selector, "key": key or f"py {os.getpid()} {self._starts}", **more}
        if method is not None:
            body["method"] = {"name": method, "arguments": arguments or {}}
        else:
            body["command"] = {"shell": command} if isinstance(command, str) else {"argv": list(command)}
        return self.call_again("run.start", body)["run"]

    def wait(self, run):
        """Waits until a run that start() began has ended; {"state", "targets", "counts"}."""
        while True:
            answer = self.call_again("run.wait", {"run": run})
            if answer["state"] == "finished":
                return answer
            time.sleep(0.2)

    def results(self, run):
        """What came of each host of a run that start() began: {"name", "state", "result", "stdout", …}."""
        after = {}
        while True:
            answer = self.call_again("run.result", {"run": run, **after})
            yield from answer["results"]
            if answer["next"] is None:
                return
            after = {"after": answer["next"]}

    def result(self, **values):
        """Writes the result. Nothing else may be written to stdout."""
        json.dump(values, self._out)
        self._out.write("\n")
        self._out.flush()

    def write(self, chunk):
        """Bytes of a result that is no JSON, or larger than memory: in pieces, as they come."""
        self._out.buffer.write(chunk)

    def result_file(self, path):
        """The file becomes the result, whatever its size (output_bytes_max must allow it)."""
        with open(path, "rb") as file:
            shutil.copyfileobj(file, self._out.buffer, 1024 * 1024)

    def fail(self, message, kind="method/failed", **details):
        """The method has failed, and says why. Does not return."""
        self.result(_error={"msg": str(message), "kind": kind, "details": details})
        sys.exit(1)
