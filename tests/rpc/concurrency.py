"""What runs beside what in `ws rpc`, and in which order.

    concurrency.py PROGRAM TABLE
"""

import time
from concurrent.futures import wait

from driver import OK, Rpc, Table, decoded, expect, fail, failure, made, main, message, received
from peers import Peers

LOOPBACK = {"address": "127.0.0.1"}
IN_FLIGHT = 256
TIMEOUT = {"result": False, "error": "timeout", "errorCode": "timeout"}


def result(future, timeout=60):
    return future.result(timeout)["result"]


def three_wait_while_a_fourth_answers(rpc, _):
    """Three objects wait 10 s; calls on a fourth take at most 100 ms, and the waits as long as they should."""
    server, port = rpc.serve(0, Settings=LOOPBACK)
    address = f"ws://127.0.0.1:{port}"
    first, second, fourth = (rpc.connect(address) for _ in range(3))
    silent, _ = rpc.serve(0, Settings=LOOPBACK)
    begin = time.monotonic()
    waits = [rpc.start("GetMessage", first, 10_000), rpc.start("GetMessage", second)]
    waits.append(rpc.start("GetNextConnectionData", silent, 10_000))
    took = []
    while time.monotonic() < begin + 9:
        sent = time.monotonic()
        expect(rpc.call("SendTextMessage", fourth, "hello"), OK)
        took.append(time.monotonic() - sent)
        expect(rpc.call("GetNextConnectionData", server, 5000), received("hello"))
        expect([one.done() for one in waits], [False] * 3)
        time.sleep(0.05)
    wait(waits, 60)
    waited = time.monotonic() - begin
    expect(result(waits[0]), failure("timeout"))
    expect(result(waits[1]), failure("timeout"))
    expect(result(waits[2]), TIMEOUT)
    took.sort()
    if took[len(took) // 2] >= 0.1 or not 9.99 <= waited < 30:
        fail(f"median {took[len(took) // 2]:.3f} s, slowest {took[-1]:.3f} s, waits {waited:.3f} s")
    return f"{len(took)} calls beside waits: median {took[len(took) // 2] * 1000:.2f} ms, slowest {took[-1] * 1000:.2f} ms"


def calls_of_one_object_keep_their_order(rpc, _):
    """Sent without waiting for answers: message and reader number for number."""
    server, port = rpc.serve(0, Settings=LOOPBACK)
    made_later = rpc.start("CreateConnection", f"ws://127.0.0.1:{port}")
    client = made(result(made_later), "c")
    for turn in range(20):
        texts = [f"{turn}: {number}" for number in range(100)]
        sends = [rpc.start("SendTextMessage", client, text) for text in texts]
        reads = [rpc.start("GetNextConnectionData", server, 30_000) for _ in texts]
        expect([result(one) for one in sends], [OK] * len(texts))
        expect([bytes_of(result(one)) for one in reads], [text.encode() for text in texts])


def waits_get_what_comes_in_their_order(rpc, peers):
    """100 calls wait on one client before anything arrives; the first gets the first message."""
    numbers = range(100)
    port = peers.echo()
    client = rpc.connect(f"ws://127.0.0.1:{port}")
    for _ in range(10):
        reads = [rpc.start("GetMessage", client, 30_000) for _ in numbers]
        look = rpc.start("GetMessage", client, 0)
        expect(result(look), failure("timeout"), "a look beside waits")
        # Ordinary calls pass the waits.
        for number in numbers:
            expect(rpc.call("SendTextMessage", client, str(number)), OK)
        expect([result(one) for one in reads], [message(str(number)) for number in numbers])
    short = [rpc.start("GetMessage", client, milliseconds) for milliseconds in (60_000, 200, 100)]
    begin = time.monotonic()
    expect([result(one) for one in short[1:]], [failure("timeout")] * 2)
    if time.monotonic() - begin > 30:
        fail("a short wait was held up by a longer one before it")
    expect(rpc.call("SendTextMessage", client, "last"), OK)
    expect(result(short[0]), message("last"))


def waits_on_connections_of_one_server_are_apart(rpc, _):
    server, port = rpc.serve(0, Settings=LOOPBACK)
    address = f"ws://127.0.0.1:{port}"
    clients, ids = [], []
    for _ in range(3):
        clients.append(rpc.connect(address))
        known = rpc.call("GetConnectionList", server)["connections"]
        ids += [one["connectionId"] for one in known if one["connectionId"] not in ids]
    waits = [rpc.start("GetConnectionData", server, identity, 30_000) for identity in ids]
    for client in reversed(clients):
        place = clients.index(client)
        expect(rpc.call("SendTextMessage", client, f"from {place}"), OK)
        expect(result(waits[place]), received(f"from {place}", identity=ids[place]))
        expect([one.done() for one in waits[:place]], [False] * place)


def at_most_256_calls_are_at_work(rpc, peers):
    port = peers.echo()
    client = rpc.connect(f"ws://127.0.0.1:{port}")
    for _ in range(5):
        waits = [rpc.start("GetMessage", client, 60_000) for _ in range(IN_FLIGHT - 1)]
        # Each call that is answered makes room for the next, at once.
        for _ in range(50):
            expect(rpc.call("SendPong", client), OK)
        waits.append(rpc.start("GetMessage", client, 60_000))
        for _ in range(10):
            refused = rpc.start("Version").result(60)
            expect(refused, {"id": refused["id"], **without_result(failure("queue_full"))})
        peers.run(say(peers, IN_FLIGHT))
        expect([result(one) for one in waits], [message(str(number)) for number in range(IN_FLIGHT)])
    expect(rpc.call("SendTextMessage", client, "still there"), OK)
    expect(rpc.call("GetMessage", client), message("still there"))


def many_objects_at_once(rpc, _):
    """100 clients that are made, used and closed side by side, each in order."""
    server, port = rpc.serve(0, 200, Settings=LOOPBACK)
    address = f"ws://127.0.0.1:{port}"
    made_later = [rpc.start("CreateConnection", address) for _ in range(100)]
    clients = [made(result(one), "c") for one in made_later]
    expect(len(set(clients)), 100)
    sends = [rpc.start("SendTextMessage", client, client) for client in clients]
    closes = [rpc.start("CloseConnection", client) for client in clients]
    expect([result(one) for one in sends + closes], [OK] * 200)
    reads = [rpc.call("GetNextConnectionData", server, 0) for _ in clients]
    expect(sorted(bytes_of(one).decode() for one in reads), sorted(clients))
    expect(rpc.call("GetConnectionList", server), {"result": True, "connections": []})


def closed_objects_are_remembered_and_then_only_that_they_were(rpc, _):
    server, port = rpc.serve(0, Settings=LOOPBACK)
    address = f"ws://127.0.0.1:{port}"
    clients = []
    for _ in range(1_050):
        clients.append(rpc.connect(address))
        expect(rpc.call("CloseConnection", clients[-1]), OK)
    end = failure("closed", code=1000, reason="")
    expect(rpc.call("SendPing", clients[-1]), end)
    expect(rpc.call("SendPing", clients[0]), failure("closed"))
    expect(rpc.call("IsClientObject", clients[0]), True)
    expect(rpc.call("IsServerObject", clients[0]), False)
    expect(rpc.call("StopServer", clients[0]), failure("not_an_object"))
    nobody = f"c{int(clients[-1][1:]) + 1}"
    expect(rpc.call("SendPing", nobody), failure("not_an_object"))
    expect(rpc.call("GetConnectionList", server), {"result": True, "connections": []})


def bytes_of(answer):
    expect(answer.get("result"), True, answer)
    return decoded(answer["message"])


def without_result(fields):
    return {name: value for name, value in fields.items() if name != "result"}


async def say(peers, count):
    """Texts from 0 up to `count`, from the echo server's side."""
    for number in range(count):
        await peers.connections[-1].send(str(number))


WORK = [
    three_wait_while_a_fourth_answers,
    calls_of_one_object_keep_their_order,
    waits_get_what_comes_in_their_order,
    waits_on_connections_of_one_server_are_apart,
    at_most_256_calls_are_at_work,
    many_objects_at_once,
    closed_objects_are_remembered_and_then_only_that_they_were,
]


def run(program, table):
    table, peers = Table(table), Peers()
    figures = []
    for work in WORK:
        with Rpc(program, table) as rpc:
            try:
                figures.append(work(rpc, peers))
            except Exception as error:
                raise AssertionError(f"{work.__name__}: {error!r}") from error
    return f"{len(WORK)} cases; {', '.join(filter(None, figures))}"


main(run)
