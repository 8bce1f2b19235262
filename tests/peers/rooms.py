"""Clients on websockets in the rooms of a broadcast server. Prints `ok: …` and exits 0 if all went as it should.

    rooms.py URL others       a message reaches all others at its path, as text or binary, and nobody else
    rooms.py URL all          its sender too
    rooms.py URL crowd        50 connections in 5 rooms, each gets what its room says, in each sender's order
    rooms.py URL slow         one that does not read is closed with 1008, and holds nobody up
"""

import asyncio
import sys

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

TIMEOUT = 120


def dial(url, **options):
    return connect(url, max_size=None, compression=None, close_timeout=TIMEOUT, proxy=None, **options)


def expect(expected, got):
    if type(expected) is not type(got) or expected != got:
        sys.exit(f"rooms.py: expected {expected!r:.100}, got {got!r:.100}")


async def others(url):
    async with dial(f"{url}room/1") as a, dial(f"{url}room/1?name=b") as b, dial(f"{url}room/1") as c:
        async with dial(f"{url}room/2") as elsewhere, dial(f"{url}room/2") as listener:
            for message in ("hello, жук", b"\x00\xff\n", "", "x" * 1_000_000):
                await a.send(message)
                expect(message, await b.recv())
                expect(message, await c.recv())
            await elsewhere.send("other room")
            expect("other room", await listener.recv())
            # What the sender and the other room have got first is this, so they got nothing before.
            await b.send("from b")
            expect("from b", await a.recv())
            await listener.send("from listener")
            expect("from listener", await elsewhere.recv())
        await c.close()
        await b.send("after c left")
        expect("after c left", await a.recv())
    return "three rooms"


async def everybody(url):
    async with dial(f"{url}room") as a, dial(f"{url}room") as b:
        for message in ("text", b"binary"):
            await a.send(message)
            expect(message, await a.recv())
            expect(message, await b.recv())
    return "the sender too"


async def crowd(url, rooms=5, members=10, messages=20):
    opened = await asyncio.gather(*(dial(f"{url}{index % rooms}") for index in range(rooms * members)))

    async def send(index):
        for number in range(messages):
            await opened[index].send(f"{index % rooms} {index} {number}")

    async def receive(index):
        next_number = {}
        for _ in range((members - 1) * messages):
            room, sender, number = map(int, (await opened[index].recv()).split())
            expect(index % rooms, room)
            expect(next_number.get(sender, 0), number)
            next_number[sender] = number + 1
        if index in next_number:
            sys.exit(f"rooms.py: {index} got its own message")

    await asyncio.gather(*(work(index) for index in range(rooms * members) for work in (send, receive)))
    await asyncio.gather(*(connection.close() for connection in opened))
    return f"{rooms * members * (members - 1) * messages} messages"


async def slow(url):
    # It stops reading from the socket when one message waits.
    async with dial(url, max_queue=1) as sleeper, dial(url) as sender, dial(url) as reader:
        payload = b"x" * 100_000
        # Lockstep: who reads is never behind by more than a message.
        for _ in range(400):
            await sender.send(payload)
            expect(payload, await reader.recv())
            await reader.send("go on")
            expect("go on", await sender.recv())
        received = 0
        try:
            while True:
                await sleeper.recv()
                received += 1
        except ConnectionClosed as closed:
            if closed.rcvd is None or closed.rcvd.code != 1008 or not closed.rcvd.reason.startswith("reads too slowly"):
                sys.exit(f"rooms.py: {closed!r}")
    return f"closed with 1008 after it had read {received} messages of 400"


async def main(url, mode):
    modes = {"others": others, "all": everybody, "crowd": crowd, "slow": slow}
    print("ok:", await asyncio.wait_for(modes[mode](url), TIMEOUT), flush=True)


asyncio.run(main(*sys.argv[1:]))
