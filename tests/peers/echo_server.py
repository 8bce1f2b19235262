"""Echo server on websockets. Prints its port, serves until standard input ends.

    /            sends each message back
    /fragments   sends each message back in fragments, cut without regard for UTF-8

With arguments it speaks TLS: CHAIN KEY [CLIENT-AUTHORITY], the last if clients must show a certificate.
"""

import asyncio
import ssl
import sys

from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed


def fragments(data):
    """An empty first and last fragment, and in between pieces that cut through characters."""
    yield b""
    step = len(data) // 5 + 1
    for start in range(0, len(data), step):
        yield data[start : start + step]
    yield b""


async def echo(connection):
    in_fragments = connection.request.path == "/fragments"
    try:
        async for message in connection:
            text = isinstance(message, str)
            if in_fragments:
                data = message.encode() if text else message
                await connection.send(fragments(data), text=text)
            else:
                await connection.send(message)
    except ConnectionClosed as error:
        # The peer's Close ends the loop above; anything else is a finding.
        print(f"closed: {error}", file=sys.stderr, flush=True)


def tls(chain, key, clients=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, key)
    if clients:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(clients)
    return context


async def main():
    context = tls(*sys.argv[1:]) if len(sys.argv) > 1 else None
    options = {"max_size": None, "compression": None, "backlog": 1024, "ssl": context}
    async with serve(echo, "127.0.0.1", 0, **options) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.buffer.read)


asyncio.run(main())
