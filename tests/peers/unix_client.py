"""Client on websockets at a Unix socket: sends a text and bytes to an echo server. Prints `ok: echoed`.

    unix_client.py PATH
"""

import asyncio
import sys

from websockets.asyncio.client import unix_connect


async def main(path):
    async with unix_connect(path, "ws://localhost/") as connection:
        for message in ("text", b"\x00bytes"):
            await connection.send(message)
            if await connection.recv() != message:
                sys.exit("unix_client.py: another message came back")
    print("ok: echoed", flush=True)


asyncio.run(asyncio.wait_for(main(sys.argv[1]), 60))
