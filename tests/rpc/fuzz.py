"""Random lines into `ws rpc`: it answers each once with valid JSON, ends with 0, and no line can make it crash.

    fuzz.py PROGRAM TABLE FOLDER LINES [SEED]

FOLDER is where it runs, for what random settings may write. A failure names the seed.
"""

import json
import os
import random
import subprocess
import sys
import threading

from driver import Table, expect, fail, main


class Lines:
    """What is written: some of it valid, most of it nearly so."""

    def __init__(self, table, seed):
        self.random = random.Random(seed)
        self.table = table
        self.identity = 0
        self.owed = 0

    def next(self):
        pick = self.random.random()
        if pick < 0.06:
            return self.random.choice([b"", b" ", b"\t\r", b"   "])
        self.owed += 1
        if pick < 0.2:
            return self.bytes()
        line = self.call()
        return self.mutated(line) if pick < 0.45 else line

    def bytes(self):
        data = self.random.randbytes(self.random.randrange(1, 200))
        line = bytes(byte for byte in data if byte not in b"\n")
        # A blank one owes no answer.
        return line if line.strip(b" \t\r\x0c") else b"\xff"

    def call(self):
        self.identity += 1
        method, (russian, parameters) = self.random.choice(list(self.table.functions.items()))
        request = {"id": self.value(1) if self.maybe(0.1) else self.identity}
        request["method"] = self.random.choice([method, russian, method.lower(), russian.upper()])
        values = {self.random.choice(names): self.argument(names[0]) for names in parameters if self.maybe(0.9)}
        request["params"] = values if self.maybe(0.5) else list(values.values())
        if self.maybe(0.05):
            request[self.random.choice(["parms", "parse", "params", "method", "id"])] = self.value(2)
        if self.maybe(0.2):
            request["parse"] = self.maybe(0.8)
        return json.dumps(request, ensure_ascii=self.maybe(0.5)).encode("utf-8", "surrogatepass")

    def argument(self, name):
        if self.maybe(0.15) and name != "FilePath":
            return self.value(3)
        choices = {
            "Connection": ["c1", "c2", "c3", "s1", "c99"],
            "ServerObject": ["s1", "s2", "c1"],
            "AddInObject": ["s1", "c1"],
            "Value": ["s1", "c1", 1],
            "Address": ["ws://127.0.0.1:1", "ws://[", "wss://127.0.0.1:1/?q", "http://x", "ws://127.0.0.1:99999"],
            "Timeout": [0, 1, 20, "5", "x", -0.5],
            "Port": [0, "0", -1, 65536, "x", 0.5],
            "PoolSize": [1, 0, 10, "x", 1e300],
            "Settings": [{"address": "127.0.0.1"}, {"address": "x"}, {"unknown": 1}, "{", "[]"],
            "Data": [{"base64": "AP8="}, {"base64": "?"}, "text", 1.5, [1], {"a": None}],
            "Text": ["text", 12345678901234567890, {"a": [1]}, [], True, {"base64": "0LY="}],
            "FromFile": [False, True, "x"],
            "FilePath": ["a.log", "", "missing/folder/b.log"],
            "Logging": [None, {"mode": "memory"}, {"mode": "x"}, {"mode": "both", "file_path": "c.log"}],
        }
        return self.random.choice(choices.get(name, [None, True, 0, 1000, "", "text"]))

    def value(self, depth):
        kinds = 8 if depth > 0 else 6
        match self.random.randrange(kinds):
            case 0:
                return None
            case 1:
                return self.maybe(0.5)
            case 2:
                return self.random.choice([0, -1, 2**31, 2**53 + 1, 2**64, -(2**70), 10**400])
            case 3:
                return self.random.choice([0.5, 1e308, -1e-300, 5e-324])
            case 4 | 5:
                return "".join(chr(self.character()) for _ in range(self.random.randrange(12)))
            case 6:
                return [self.value(depth - 1) for _ in range(self.random.randrange(4))]
            case _:
                return {str(self.value(0)): self.value(depth - 1) for _ in range(self.random.randrange(4))}

    def character(self):
        return self.random.choice(
            [
                self.random.randrange(0x80),
                self.random.randrange(0x400, 0x500),
                self.random.randrange(0xD800, 0xE000),
                0x2028,
                0x1F642,
            ]
        )

    def mutated(self, line):
        line = bytearray(line)
        for _ in range(self.random.randrange(1, 4)):
            place = self.random.randrange(len(line))
            match self.random.randrange(4):
                case 0:
                    line[place] = self.random.choice(b'{}[]",:\\0e-\x00\xff ')
                case 1:
                    del line[place : place + self.random.randrange(1, 9)]
                case 2:
                    line[place:place] = self.random.choice([b"\\ud800", b"[" * 300, b"1e999", b'{"base64":', b"\xc3"])
                case _:
                    line[place:place] = line[: self.random.randrange(1, 20)]
            line = line or bytearray(b"x")
        line = bytes(line).replace(b"\n", b"")
        # A blank line owes no answer.
        return line if line.strip(b" \t\r\x0c") else b"x"

    def maybe(self, chance):
        return self.random.random() < chance


def run(program, table, folder, count, seed=None):
    seed = int(seed) if seed else random.randrange(1 << 32)
    try:
        return fuzz(os.path.abspath(program), Table(table), folder, int(count), seed)
    except AssertionError as error:
        raise AssertionError(f"seed {seed}: {error}") from error


def fuzz(program, table, folder, count, seed):
    lines = Lines(table, seed)
    child = subprocess.Popen(
        [program, "rpc", "--wait", "1"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=folder,
    )
    answers, errors = [], []
    readers = [
        threading.Thread(target=lambda: answers.extend(child.stdout)),
        threading.Thread(target=lambda: errors.extend(child.stderr)),
    ]
    for reader in readers:
        reader.start()
    try:
        for _ in range(count):
            child.stdin.write(lines.next() + b"\n")
        child.stdin.flush()
    except BrokenPipeError:
        pass
    child.stdin.close()
    code = child.wait(120)
    for reader in readers:
        reader.join(60)
    expect((code, b"".join(errors)), (0, b""))
    expect(len(answers), lines.owed, "answers")
    words = set()
    for line in answers:
        answer = json.loads(line)
        if set(answer) == {"id", "result"}:
            result = answer["result"]
            words.add(result.get("errorCode", "a map") if isinstance(result, dict) else type(result).__name__)
            if isinstance(result, dict) and result.get("errorCode") == "internal":
                fail(f"a defect: {answer}")
        elif set(answer) == {"id", "error", "errorCode"}:
            words.add(f"no call: {answer['errorCode']}")
        else:
            fail(f"neither a result nor an error: {answer}")
    wanted = {"a map", "no call: usage", "not_an_object", "usage"}
    if not wanted <= words:
        fail(f"too little was tried: {sorted(words)}")
    return f"{count} lines (seed {seed}), {len(answers)} answers: {', '.join(sorted(words))}"


if __name__ == "__main__":
    sys.stdout.reconfigure(encoding="utf-8")
    main(run)
