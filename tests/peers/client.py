"""Client on websockets against an echo server. Prints `ok: …` and exits 0 if every echo is what was sent.

    client.py URL sizes                            1 B to 16 MiB, text and binary
    client.py URL fragments                        the same in fragments, cut without regard for UTF-8
    client.py URL pings                            payloads of 0 to 125 bytes, 42 on their way at once
    client.py URL concurrent CONNECTIONS MESSAGES  all open before the first message
"""

import asyncio
import sys

from websockets.asyncio.client import connect

SIZES = [1, 2, 125, 126, 127, 1000, 65535, 65536, 65537, 1 << 20, 16 << 20]
TIMEOUT = 120


def binary(size, seed=0):
    block = bytes((seed + i * 31) & 0xFF for i in range(257))
    return (block * (size // len(block) + 1))[:size]


def text(size, seed=0):
    """As many bytes of UTF-8, in characters of one to four bytes."""
    mixed = "aé中🙂"
    return chr(ord("a") + seed % 26) * (size % 10) + mixed * (size // 10)


def fragments(data):
    step = len(data) // 7 + 1
    yield b""
    for start in range(0, len(data), step):
        yield data[start : start + step]
    yield b""


def expect(sent, received):
    if type(sent) is not type(received) or sent != received:
        what = f"{type(sent).__name__} of {len(sent)} came back as {type(received).__name__} of {len(received)}"
        sys.exit(f"client.py: {what}")


async def sizes(url, in_fragments):
    count = 0
    async with dial(url) as connection:
        for size in SIZES:
            for message in (text(size), binary(size)):
                if in_fragments:
                    data = message.encode() if isinstance(message, str) else message
                    await connection.send(fragments(data), text=isinstance(message, str))
                else:
                    await connection.send(message)
                expect(message, await connection.recv())
                count += 1
    return f"{count} messages"


async def pings(url):
    async with dial(url) as connection:
        # ws for Node cuts a peer off that has 60 unanswered pings on their way.
        for first in range(0, 126, 42):
            waiters = [await connection.ping(binary(size, 1 + size)) for size in range(first, first + 42)]
            await asyncio.gather(*waiters)
    return "126 pongs"


def varied(connection, number):
    """Message `number` of `connection`: mostly small, each tenth above 64 KiB."""
    size = 1 + (connection * 7919 + number * 104729) % 8192 + (65536 if number % 10 == 9 else 0)
    seed = connection * 100 + number
    return text(size, seed) if number % 2 else binary(size, seed)


async def concurrent(url, connections, messages):
    opened = await asyncio.gather(*(dial(url) for _ in range(connections)))

    async def send(index):
        for number in range(messages):
            await opened[index].send(varied(index, number))

    async def receive(index):
        for number in range(messages):
            expect(varied(index, number), await opened[index].recv())
        await opened[index].close()
        if opened[index].close_code != 1000:
            sys.exit(f"client.py: closed with {opened[index].close_code}")

    await asyncio.gather(*(work(index) for index in range(connections) for work in (send, receive)))
    return f"{connections * messages} messages on {connections} connections"


def dial(url):
    return connect(url, max_size=None, compression=None, open_timeout=TIMEOUT, close_timeout=TIMEOUT, proxy=None)


async def main(url, mode, *numbers):
    modes = {
        "sizes": lambda: sizes(url, False),
        "fragments": lambda: sizes(url, True),
        "pings": lambda: pings(url),
        "concurrent": lambda: concurrent(url, *map(int, numbers)),
    }
    print("ok:", await asyncio.wait_for(modes[mode](), TIMEOUT), flush=True)


asyncio.run(main(*sys.argv[1:]))
