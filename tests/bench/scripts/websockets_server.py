"""Server on websockets (and uvloop) for the benchmark: serve echo|broadcast|deflate, or serve tls CHAIN KEY.

Prints its port, serves until standard input ends.
"""

import asyncio
import ssl
import sys

import uvloop
from websockets.asyncio.server import broadcast, serve
from websockets.exceptions import ConnectionClosed
from websockets.extensions.permessage_deflate import ServerPerMessageDeflateFactory


async def echo(connection):
    try:
        async for message in connection:
            await connection.send(message)
    except ConnectionClosed:
        pass


async def main(mode, *certificate):
    context = None
    if mode == "tls":
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
    extensions = []
    if mode == "deflate":
        extensions = [ServerPerMessageDeflateFactory(server_no_context_takeover=True, client_no_context_takeover=True)]

    async def everybody(connection):
        try:
            async for message in connection:
                broadcast(server.connections, message)
        except ConnectionClosed:
            pass

    options = {
        "compression": None,
        "extensions": extensions,
        "max_size": 16 << 20,
        "ping_interval": None,
        "backlog": 4096,
        "ssl": context,
    }
    handler = everybody if mode == "broadcast" else echo
    async with serve(handler, "127.0.0.1", 0, **options) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.buffer.read)


uvloop.run(main(*sys.argv[2:]))
