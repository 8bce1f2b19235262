"""Clients on websockets of a server with a program for each connection. Prints `ok: …` and exits 0 if all is right.

    exec.py URL lines            the program is `cat`: each line comes back as text, in order, 20,000 on their way at once
    exec.py URL chunks           `cat` with zero bytes between: text of many lines comes back whole
    exec.py URL bytes            `cat` with lengths before: any bytes come back, as binary
    exec.py URL environment      the program is `env`
    exec.py URL deaf             a program that does not read: sending stops
    exec.py URL loud             the program is `yes`: it waits for a client that does not read, and nothing is lost
    exec.py URL close CODE TEXT  the program ends: the close code, and a part of the reason
    exec.py URL full             the server has as many programs as it may have
"""

import asyncio
import sys

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

TIMEOUT = 120


def dial(url, **options):
    return connect(url, max_size=None, compression=None, close_timeout=TIMEOUT, proxy=None, **options)


def fail(text):
    sys.exit(f"exec.py: {text}")


def expect(expected, got):
    if type(expected) is not type(got) or expected != got:
        fail(f"expected {expected!r:.100}, got {got!r:.100}")


async def echoes(url, messages):
    async with dial(url) as connection:

        async def send():
            for message in messages:
                await connection.send(message)

        sending = asyncio.create_task(send())
        for message in messages:
            expect(message, await connection.recv())
        await sending
    return f"{len(messages)} messages"


async def lines(url):
    many = [f"line {number} жук" for number in range(20_000)]
    return await echoes(url, ["", "x" * 3_000_000, "🙂"] + many + ["y" * 1_000_000])


async def chunks(url):
    return await echoes(url, ["a\nb\r\n\n", "", "\n", "line\n" * 100_000])


async def raw(url):
    return await echoes(url, [b"", b"\n", b"\0\xff\r\n", bytes(range(256)) * 40_000])


async def environment(url):
    headers = [("X-Many", "1"), ("X-Many", "2"), ("Proxy", "http://evil"), ("Authorization", "Bearer x"), ("X_Y", "z")]
    found = {}
    async with dial(f"{url}room/%41?name=a%20b&c", additional_headers=headers, subprotocols=["chat"]) as connection:
        async for line in connection:
            name, _, value = line.partition("=")
            found[name] = value
        if connection.close_code != 1000:
            fail(f"closed with {connection.close_code}")
        port = str(connection.local_address[1])
    expected = {
        "REQUEST_METHOD": "GET",
        "REQUEST_URI": "/room/%41?name=a%20b&c",
        "PATH_INFO": "/room/%41",
        "QUERY_STRING": "name=a%20b&c",
        "REMOTE_ADDR": "127.0.0.1",
        "REMOTE_PORT": port,
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": url.rsplit(":", 1)[1].rstrip("/"),
        "GATEWAY_INTERFACE": "CGI/1.1",
        "HTTP_X_MANY": "1, 2",
        "HTTP_SEC_WEBSOCKET_PROTOCOL": "chat",
    }
    for name, value in expected.items():
        expect(value, found.get(name))
    if len(found.get("CONNECTION_ID", "")) != 36:
        fail(f"CONNECTION_ID is {found.get('CONNECTION_ID')}")
    for name in ("HTTP_PROXY", "HTTP_AUTHORIZATION", "HTTP_X_Y", "HTTPS"):
        if name in found:
            fail(f"{name} is {found[name]}")
    return f"{len(found)} variables"


async def deaf(url):
    async with dial(url, ping_interval=None) as connection:
        message, sent = "x" * 100_000, 0
        try:
            while sent < 1_000:
                await asyncio.wait_for(connection.send(message), 3)
                sent += 1
        except TimeoutError:
            connection.transport.abort()
            return f"{sent} messages of 100,000 bytes until it was full"
    fail("100 MB were taken from nobody who reads")


async def loud(url):
    # It stops reading from the socket when a few messages wait.
    async with dial(url, max_queue=4) as connection:
        # Other connections come and go meanwhile.
        for _ in range(20):
            async with dial(url) as other:
                expect("y", await other.recv())
                # Closing would wait until it had read everything, which has no end.
                other.transport.abort()
        for _ in range(300_000):
            expect("y", await connection.recv())
        connection.transport.abort()
    return "300,000 lines"


async def close(url, code, text):
    try:
        async with dial(url) as connection:
            while True:
                await connection.recv()
    except ConnectionClosed as closed:
        if closed.rcvd is None or closed.rcvd.code != int(code) or text not in closed.rcvd.reason:
            fail(repr(closed))
        return repr(closed.rcvd)


async def full(url):
    async with dial(url) as one, dial(url) as two:
        try:
            async with dial(url):
                fail("a third program was started")
        except InvalidStatus as refused:
            expect(503, refused.response.status_code)
        for connection in (one, two):
            await connection.send("still there")
            expect("still there", await connection.recv())
    return "503"


async def main(url, mode, *rest):
    modes = {
        "lines": lines,
        "chunks": chunks,
        "bytes": raw,
        "environment": environment,
        "deaf": deaf,
        "loud": loud,
        "close": close,
        "full": full,
    }
    print("ok:", await asyncio.wait_for(modes[mode](url, *rest), TIMEOUT), flush=True)


asyncio.run(main(*sys.argv[1:]))
