"""Echo servers on websockets with permessage-deflate, one for each entry of the JSON list in WS_DEFLATE.

Prints their ports, one a line in the same order, and serves until standard input ends. An entry has the parameters of
RFC 7692 by name; `fragments: true` sends answers in three fragments.
"""

import asyncio
import json
import os
import sys

from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed
from websockets.extensions.permessage_deflate import ServerPerMessageDeflateFactory


def handler(in_fragments):
    async def echo(connection):
        try:
            async for message in connection:
                if in_fragments and message:
                    step = (len(message) + 2) // 3
                    await connection.send(message[at : at + step] for at in range(0, len(message), step))
                else:
                    await connection.send(message)
        except ConnectionClosed as error:
            print(f"closed: {error}", file=sys.stderr, flush=True)

    return echo


async def main():
    for entry in json.loads(os.environ["WS_DEFLATE"]):
        in_fragments = entry.pop("fragments", False)
        factory = ServerPerMessageDeflateFactory(**entry)
        server = await serve(
            handler(in_fragments), "127.0.0.1", 0, max_size=None, compression=None, extensions=[factory]
        )
        print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.buffer.read)


asyncio.run(main())
