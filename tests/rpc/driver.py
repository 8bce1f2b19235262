"""`ws rpc` as a child, called from Python, and what its answers are compared with.

    with Rpc(program, table) as rpc:
        client = rpc.connect("ws://127.0.0.1:9894")
        expect(rpc.call("SendPing", client), OK)

`table` is the project's methods.json. `names` says how methods and parameters are written: "english", "russian", "array"
(English in mixed case, parameters in order) or "mixed" (each name in either language and any case).
"""

import base64
import json
import random
import re
import subprocess
import sys
import threading
from concurrent.futures import Future

TIMEOUT = 60
NAMES = ["english", "russian", "array", "mixed"]


class Table:
    """The contract's table: method → (Russian name, [(English, Russian) of each parameter])."""

    def __init__(self, path):
        with open(path, encoding="utf-8") as file:
            data = json.load(file)
        listed = data["functions"] + data["extras"]
        self.functions = {
            one["english"]: (one["russian"], [(p["english"], p["russian"]) for p in one["parameters"]]) for one in listed
        }

    def parameters(self, method):
        return [english for english, _ in self.functions[method][1]]


class Rpc:
    """The child. Calls may come from several threads."""

    def __init__(self, program, table, names="english", options=(), cwd=None):
        self.table = table
        self.names = names
        self.lock = threading.Lock()
        self.number = 0
        self.waiting = {}
        self.stray = []
        self.random = random.Random(names)
        arguments = [program, "rpc", *options]
        self.child = subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=cwd)
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind:
            self.child.kill()
            return
        code = self.end()
        expect(code, 0)
        expect(self.stray, [])

    def end(self, timeout=TIMEOUT):
        """Ends its stdin; its exit code."""
        with self.lock:
            if not self.child.stdin.closed:
                self.child.stdin.close()
        code = self.child.wait(timeout)
        self.reader.join(timeout)
        return code

    def start(self, method, *values, parse=None, **named):
        """Sends a call; its result comes later, as the whole answer."""
        with self.lock:
            self.number += 1
            request = {"id": self.number, **self._written(method, values, named)}
            if parse is not None:
                request["parse"] = parse
            future = self.waiting[self.number] = Future()
            self._write(json.dumps(request, ensure_ascii=self.number % 2 == 0).encode())
        return future

    def call(self, method, *values, timeout=TIMEOUT, **named):
        """Calls and waits: the result."""
        answer = self.start(method, *values, **named).result(timeout)
        if set(answer) != {"id", "result"}:
            fail(f"{method}: {answer}")
        return answer["result"]

    def connect(self, *values, **named):
        """A client object."""
        return made(self.call("CreateConnection", *values, **named), "c")

    def serve(self, *values, **named):
        """A server object and its port."""
        result = self.call("StartServer", *values, **named)
        return made(result, "s"), result["port"]

    def write(self, line):
        """Writes a line as it is."""
        with self.lock:
            self._write(line)

    def wait_for(self, request_id):
        """The answer to a line written with `write` comes here."""
        with self.lock:
            future = self.waiting[request_id] = Future()
        return future

    def _write(self, line):
        self.child.stdin.write(line + b"\n")
        self.child.stdin.flush()

    def _written(self, method, values, named):
        russian, parameters = self.table.functions[method]
        values = dict(zip((english for english, _ in parameters), values, strict=False), **named)
        values = {name: encoded(value) for name, value in values.items()}
        if self.names == "english":
            return {"method": method, "params": values}
        both = dict(parameters)
        if self.names == "russian":
            return {"method": russian, "params": {both[name]: value for name, value in values.items()}}
        if self.names == "array":
            last = max((place for place, (name, _) in enumerate(parameters) if name in values), default=-1)
            return {"method": self._case(method), "params": [values.get(name) for name, _ in parameters[: last + 1]]}
        written = {self._case(self.random.choice([name, both[name]])): value for name, value in values.items()}
        return {"method": self._case(self.random.choice([method, russian])), "params": written}

    def _case(self, name):
        return "".join(self.random.choice([c.lower(), c.upper()]) for c in name)

    def _read(self):
        for line in self.child.stdout:
            answer = json.loads(line)
            with self.lock:
                identity = answer["id"]
                future = self.waiting.pop(identity, None) if isinstance(identity, (int, str)) else None
                if future is None:
                    self.stray.append(answer)
            if future:
                future.set_result(answer)
        with self.lock:
            for future in self.waiting.values():
                future.set_exception(EOFError("ws rpc has ended"))


def encoded(value):
    return {"base64": base64.b64encode(value).decode()} if isinstance(value, bytes) else value


def decoded(value):
    if not isinstance(value, dict) or set(value) != {"base64"}:
        fail(f"no bytes: {shown(value)}")
    return base64.b64decode(value["base64"], validate=True)


def made(result, letter):
    if not isinstance(result, dict) or result.get("result") is not True:
        fail(f"no object: {shown(result)}")
    if not re.fullmatch(letter + "[1-9][0-9]*", result["object"]):
        fail(f"no name of an object: {shown(result)}")
    return result["object"]


class Like:
    """Stands for every text that matches a pattern."""

    def __init__(self, pattern):
        self.pattern = re.compile(pattern, re.DOTALL)

    def __eq__(self, other):
        return isinstance(other, str) and bool(self.pattern.fullmatch(other))

    def __hash__(self):
        return hash(self.pattern)

    def __repr__(self):
        return f"Like({self.pattern.pattern!r})"


class Whole:
    """Stands for every whole number from `low` to `high`."""

    def __init__(self, low, high):
        self.low, self.high = low, high

    def __eq__(self, other):
        return type(other) is int and self.low <= other <= self.high

    def __hash__(self):
        return hash((self.low, self.high))

    def __repr__(self):
        return f"Whole({self.low}, {self.high})"


OK = {"result": True}
SOME = Like(".+")
UUID = Like("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
ADDRESS = Like(r"127\.0\.0\.1:[0-9]{1,5}")
STAMP = r"\[[0-9]{4}-[01][0-9]-[0-3][0-9] [0-2][0-9]:[0-5][0-9]:[0-5][0-9]\.[0-9]{3}\] "


def failure(word, **more):
    """A failed result: the contract's word, some text, nothing else but `more`."""
    return {"result": False, "error": SOME, "errorCode": word, **more}


def received(payload, kind="text", identity=UUID, active=True, more=0, path="/", **others):
    """A successful result of GetNextConnectionData or GetConnectionData; an inactive one was closed with 1000."""
    end = {} if active else {"closeCode": 1000, "closeReason": ""}
    payload = payload.encode() if isinstance(payload, str) else payload
    return {
        "result": True,
        "connectionId": identity,
        "address": ADDRESS,
        "isActive": active,
        "message": encoded(payload),
        "type": kind,
        "path": path,
        "size": len(payload),
        "more": more,
        **end,
        **others,
    }


def message(data, kind="text"):
    """A successful result of GetMessage."""
    size = len(data.encode() if isinstance(data, str) else data)
    return {"result": True, "type": kind, "size": size, "data": encoded(data)}


def closed(code=1000, reason=""):
    """The result of GetMessage that tells of the end."""
    return {"result": True, "type": "close", "code": code, "reason": reason}


def entry(identity=UUID, active=True, unread=(), unsent=0):
    """One connection of GetConnectionList, with the sizes of what nobody has read; a small message counts as 64 bytes."""
    return {
        "connectionId": identity,
        "address": ADDRESS,
        "isActive": active,
        "path": "/",
        "queuedMessages": len(unread),
        "queuedBytes": sum(max(size, 64) for size in unread),
        "unsentBytes": unsent,
    }


def listed(*entries):
    """A successful result of GetConnectionList."""
    return {"result": True, "connections": list(entries)}


def expect(actual, expected, where=""):
    """Every field: no other ones, none missing, none different."""
    if actual != expected:
        fail(f"{where}: {shown(actual)}\n    instead of {shown(expected)}")


def shown(value):
    text = repr(value)
    return text if len(text) < 2000 else f"{text[:1000]} … {text[-500:]} ({len(text)} characters)"


def fail(text):
    raise AssertionError(text)


def main(run):
    """Runs with the command line's arguments; `ok: …` and 0, or what is wrong and 1."""
    print("ok:", run(*sys.argv[1:]), flush=True)
