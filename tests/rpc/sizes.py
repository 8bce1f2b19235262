"""16 MiB of text and of bytes, both ways, through `ws rpc`.

    sizes.py PROGRAM TABLE
"""

import json

from driver import OK, Rpc, Table, decoded, expect, fail, main
from peers import Peers

SIZES = [0, 1, 125, 126, 65535, 65536, (1 << 20) + 1, 16 << 20]
LONG = 60_000


def texts():
    """As many bytes of UTF-8 as each size says; one with what JSON must escape and what it must not touch."""
    for size in SIZES:
        mixed = "aé中🙂"
        yield "x" * (size % 10) + mixed * (size // 10)
    yield "\\\"\n\r\t\x00\x1f\x7f\u2028\u202e\ufeff" * 100_000


def blobs():
    for size in SIZES:
        block = bytes(number * 31 % 256 for number in range(257))
        yield (block * (size // 257 + 1))[:size]


def same(actual, expected, what):
    """Not `expect`: nobody wants to read megabytes."""
    if actual != expected:
        fail(f"{what} of {len(expected)} came as {type(actual).__name__} of {len(actual)}")


def within_one_process(rpc):
    """Client to server and back, in the same `ws rpc`."""
    limits = {"address": "127.0.0.1", "max_message_bytes": 64 << 20}
    server, port = rpc.serve(0, Settings=limits)
    client = rpc.connect(f"ws://127.0.0.1:{port}")
    identity = rpc.call("GetConnectionList", server)["connections"][0]["connectionId"]
    for sent, method, kind in each():
        raw = sent.encode() if kind == "text" else sent
        expect(rpc.call(method, client, sent), OK)
        got = rpc.call("GetNextConnectionData", server, LONG)
        expect((got["result"], got["type"], got["size"]), (True, kind, len(raw)))
        same(decoded(got["message"]), raw, kind)
        expect(rpc.call("SendData", server, identity, sent), OK)
        check_message(rpc.call("GetMessage", client, LONG), sent, kind)
    for one, method in [(client, "CloseConnection"), (server, "StopServer")]:
        expect(rpc.call(method, one), OK)


def against_a_foreign_server(rpc, peers):
    client = rpc.connect(f"ws://127.0.0.1:{peers.echo()}")
    for sent, method, kind in each():
        expect(rpc.call(method, client, sent), OK)
        check_message(rpc.call("GetMessage", client, LONG), sent, kind)
    expect(rpc.call("CloseConnection", client), OK)


def against_a_foreign_client(rpc, peers):
    server, port = rpc.serve(0, Settings={"address": "127.0.0.1", "max_message_bytes": 64 << 20})

    def work(identity, sent, kind):
        got = rpc.call("GetConnectionData", server, identity, LONG)
        same(decoded(got["message"]), sent.encode() if kind == "text" else sent, kind)
        expect(got["type"], kind)
        expect(rpc.call("SendData", server, identity, sent), OK)

    async def talk(connection):
        known = await peers.loop.run_in_executor(None, rpc.call, "GetConnectionList", server)
        identity = known["connections"][0]["connectionId"]
        for sent, _, kind in each():
            await connection.send(sent)
            await peers.loop.run_in_executor(None, work, identity, sent, kind)
            same(await connection.recv(), sent, kind)

    peers.client(f"ws://127.0.0.1:{port}", talk)
    expect(rpc.call("StopServer", server), OK)


def parsed(rpc, peers):
    """JSON of 16 MiB, parsed on the way."""
    client = rpc.connect(f"ws://127.0.0.1:{peers.echo()}")
    value = {"list": list(range(1_000_000)), "text": "ж" * 4_000_000, "deep": [[[{}]]]}
    whole = json.dumps(value, ensure_ascii=False)
    expect(rpc.call("SendTextMessage", client, whole), OK)
    got = rpc.start("GetMessage", client, LONG, parse=True).result(120)["result"]
    expect(set(got), {"result", "type", "size", "data", "text"})
    same(got["text"], whole, "text")
    if got["data"] != value:
        fail("the parsed JSON is another one")
    expect(rpc.call("CloseConnection", client), OK)


def check_message(got, sent, kind):
    expect(set(got), {"result", "type", "size", "data"})
    expect((got["result"], got["type"]), (True, kind))
    data = got["data"] if kind == "text" else decoded(got["data"])
    same(data, sent, kind)
    expect(got["size"], len(sent.encode() if kind == "text" else sent))


def each():
    for text in texts():
        yield text, "SendTextMessage", "text"
    for blob in blobs():
        yield blob, "SendBinaryMessage", "binary"


def run(program, table):
    peers = Peers()
    with Rpc(program, Table(table)) as rpc:
        within_one_process(rpc)
        against_a_foreign_server(rpc, peers)
        against_a_foreign_client(rpc, peers)
        parsed(rpc, peers)
    return f"{len(SIZES)} sizes up to {SIZES[-1]} bytes as text and bytes, both ways, three pairs of peers"


main(run)
