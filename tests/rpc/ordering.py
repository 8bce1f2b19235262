"""The contract's ordering rules (a) to (f), call by call through one `ws rpc`, with no pause between two calls.

    ordering.py PROGRAM TABLE REPEATS

Every rule REPEATS times, every field of every result compared.
"""

from driver import NAMES, OK, Rpc, Table, Whole, closed, entry, expect, failure, listed, main, message, received

LONG = 60_000
CLOSED = failure("closed", code=1000, reason="")
STOPPED = {"code": 1001, "reason": "the server stops"}
GONE = failure("closed", isActive=False, code=1000, reason="")


def a_listed_when_connected(rpc, server, address):
    client = rpc.connect(address)
    expect(rpc.call("GetConnectionList", server), listed(entry()))
    expect(rpc.call("CloseConnection", client), OK)


def b_gone_or_inactive_when_closed(rpc, server, address):
    client = rpc.connect(address)
    expect(rpc.call("CloseConnection", client), OK)
    expect(rpc.call("GetConnectionList", server), listed())
    client = rpc.connect(address)
    expect(rpc.call("SendTextMessage", client, "unread"), OK)
    expect(rpc.call("CloseConnection", client), OK)
    expect(rpc.call("GetConnectionList", server), listed(entry(active=False, unread=[6])))
    expect(rpc.call("GetNextConnectionData", server, 0), received("unread", active=False))
    expect(rpc.call("GetConnectionList", server), listed())


def c_data_before_close_is_read_after_it(rpc, server, address):
    client = rpc.connect(address)
    identity = rpc.call("GetConnectionList", server)["connections"][0]["connectionId"]
    expect(rpc.call("SendTextMessage", client, "one"), OK)
    expect(rpc.call("SendBinaryMessage", client, b"\x02" * 2000), OK)
    expect(rpc.call("SendData", server, identity, "answer"), OK)
    expect(rpc.call("CloseConnection", client), OK)
    one = rpc.call("GetConnectionData", server, identity, 0)
    expect(one, received("one", identity=identity, active=False, more=1))
    # The answer's frame may have left a moment before it is counted so.
    rest = entry(identity, active=False, unread=[2000], unsent=Whole(0, 8))
    expect(rpc.call("GetConnectionList", server), listed(rest))
    two = rpc.call("GetNextConnectionData", server, 0)
    expect(two, received(b"\x02" * 2000, "binary", identity=identity, active=False))
    expect(rpc.call("GetConnectionList", server), listed())
    drained = rpc.call("GetConnectionData", server, identity, LONG)
    expect(drained, GONE)
    # The answer was on its way before the client closed, and is not lost.
    expect(rpc.call("GetMessage", client, LONG), message("answer"))


def d_removed_at_once_and_the_second_send_fails(rpc, server, address):
    client = rpc.connect(address)
    identity = rpc.call("GetConnectionList", server)["connections"][0]["connectionId"]
    expect(rpc.call("CloseIncomingConnection", server, identity, True), OK)
    expect(rpc.call("GetConnectionList", server), listed())
    first = rpc.call("SendTextMessage", client, "may still go out")
    expect(first, OK if first["result"] else CLOSED)
    expect(rpc.call("SendTextMessage", client, "must not"), CLOSED)
    expect(rpc.call("GetMessage", client, LONG), closed())
    expect(rpc.call("GetMessage", client, LONG), CLOSED)
    gone = rpc.call("SendData", server, identity, "x")
    expect(gone, GONE)


def e_nothing_works_after_stop(rpc, _server, _address):
    server, port = rpc.serve(0, Settings={"address": "127.0.77.6"})
    address = f"ws://127.0.77.6:{port}/"
    client = rpc.connect(address)
    identity = rpc.call("GetConnectionList", server)["connections"][0]["connectionId"]
    expect(rpc.call("StopServer", server), OK)
    for method, *values in [
        ("GetNextConnectionData", LONG),
        ("GetConnectionData", identity, LONG),
        ("SendData", identity, "x"),
        ("CloseIncomingConnection", identity),
        ("GetConnectionList",),
        ("StopServer",),
    ]:
        expect(rpc.call(method, server, *values), failure("not_started"), method)
    expect(rpc.call("CreateConnection", address), failure("refused"))
    expect(rpc.call("GetMessage", client, LONG), closed(**STOPPED))
    expect(rpc.call("GetMessage", client, LONG), failure("closed", **STOPPED))


def f_closing_twice_and_sending_after_it_fail(rpc, server, address):
    client = rpc.connect(address)
    identity = rpc.call("GetConnectionList", server)["connections"][0]["connectionId"]
    expect(rpc.call("CloseConnection", client), OK)
    for method, *values in [
        ("CloseConnection",),
        ("SendTextMessage", "after"),
        ("SendBinaryMessage", b"after"),
        ("SendPing",),
        ("CloseConnection",),
    ]:
        expect(rpc.call(method, client, *values), CLOSED, method)
    expect(rpc.call("CloseIncomingConnection", server, identity), GONE)


RULES = [
    a_listed_when_connected,
    b_gone_or_inactive_when_closed,
    c_data_before_close_is_read_after_it,
    d_removed_at_once_and_the_second_send_fails,
    e_nothing_works_after_stop,
    f_closing_twice_and_sending_after_it_fail,
]


def run(program, table, repeats):
    table = Table(table)
    for place, rule in enumerate(RULES):
        with Rpc(program, table, NAMES[place % len(NAMES)]) as rpc:
            server, port = rpc.serve(0, Settings={"address": "127.0.0.1"})
            for repeat in range(int(repeats)):
                try:
                    rule(rpc, server, f"ws://127.0.0.1:{port}/")
                except AssertionError as error:
                    raise AssertionError(f"{rule.__name__}, repeat {repeat}: {error}") from None
            expect(rpc.call("StopServer", server), OK)
    return f"{len(RULES)} rules, {repeats} times each"


main(run)
