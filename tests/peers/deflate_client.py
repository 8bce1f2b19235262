"""Client on websockets against an echo server with permessage-deflate.

For each entry of the JSON list in WS_DEFLATE it connects with these parameters (RFC 7692 by name), prints what was
agreed on, and gets every message back.

    deflate_client.py URL
"""

import asyncio
import json
import os
import sys

from websockets.asyncio.client import connect
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory

TIMEOUT = 120


def whole(size):
    return '{"id":12345,"name":"aé中🙂","tags":["x"]} ' * (size // 48 + 1)


def noise(size):
    return bytes((at * at * 31 + (at >> 3) * 17) & 0xFF for at in range(size))


MESSAGES = [
    "",
    whole(5),
    whole(300),
    whole(300),
    noise(300),
    whole(5000),
    noise(70_000),
    whole(70_000),
    bytes(200_000),
    whole(300),
]


async def run(url, entry):
    factory = ClientPerMessageDeflateFactory(**entry)
    count = 0
    async with connect(url, max_size=None, compression=None, extensions=[factory], proxy=None) as connection:
        print(connection.response.headers.get("Sec-WebSocket-Extensions", "none"), flush=True)
        for in_fragments in (False, True):
            for message in MESSAGES:
                if in_fragments and message:
                    step = (len(message) + 2) // 3
                    await connection.send(message[at : at + step] for at in range(0, len(message), step))
                else:
                    await connection.send(message)
                received = await connection.recv()
                if type(received) is not type(message) or received != message:
                    sys.exit(f"deflate_client.py: {entry}: {len(message)} came back as {len(received)}")
                count += 1
    if connection.close_code != 1000:
        sys.exit(f"deflate_client.py: {entry}: closed with {connection.close_code}")
    return count


async def main(url):
    count = 0
    for entry in json.loads(os.environ["WS_DEFLATE"]):
        count += await run(url, entry)
    print(f"ok: {count} messages", flush=True)


asyncio.run(asyncio.wait_for(main(*sys.argv[1:]), TIMEOUT))
