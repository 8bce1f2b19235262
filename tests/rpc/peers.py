"""Foreign peers in this process: a `websockets` server with and without TLS, proxies that want a login, a client."""

import asyncio
import json
import re
import ssl
import threading
from base64 import b64encode
from contextlib import suppress

from websockets.asyncio.client import connect
from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed

LOGIN, PASSWORD = "proxyuser", "pr:oxy ж"
GREETING = json.dumps({"type": "welcome"})


class Peers:
    """An event loop in a thread of its own, with whatever is started on it."""

    def __init__(self):
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, daemon=True).start()
        self.headers = []
        self.connections = []

    def run(self, coroutine, timeout=60):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(timeout)

    def talker(self, chain=None, key=None):
        """A server that greets, answers a text with JSON that has it, and bytes with themselves. Its port."""
        context = None
        if chain:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(chain, key)

        async def talk(connection):
            self.headers.append(connection.request.headers.get("X-Trace-Id"))
            await connection.send(GREETING)
            async for message in connection:
                if isinstance(message, str):
                    echo = {"type": "echo", "payload": message, "tls": bool(context), "list": [], "map": {}}
                    await connection.send(json.dumps(echo))
                else:
                    await connection.send(message)

        return self.run(self._serve(talk, context))

    def echo(self):
        """A server that sends everything back. Its port; what it accepts goes to `connections`."""

        async def echo(connection):
            self.connections.append(connection)
            async for message in connection:
                await connection.send(message)

        return self.run(self._serve(echo, None))

    async def _serve(self, handle, context):
        async def handled(connection):
            with suppress(ConnectionClosed):
                await handle(connection)

        options = {"max_size": None, "compression": None, "ping_interval": None, "ssl": context}
        server = await serve(handled, "127.0.0.1", 0, **options)
        return server.sockets[0].getsockname()[1]

    def client(self, url, talk):
        """Connects and runs `talk(connection)`: its result."""

        async def dial():
            options = {"max_size": None, "compression": None, "ping_interval": None, "proxy": None}
            async with connect(url, **options) as connection:
                return await talk(connection)

        return self.run(dial(), 120)

    def proxy(self, kind):
        """A proxy, "http" or "socks5", that lets nobody through without the login. Its port."""
        greet = {"http": http_connect, "socks5": socks5}[kind]

        async def handle(reader, writer):
            with suppress(OSError, asyncio.IncompleteReadError):
                target = await greet(reader, writer)
                if target:
                    other_reader, other_writer = await asyncio.open_connection(*target)
                    await asyncio.gather(pass_on(reader, other_writer), pass_on(other_reader, writer))
            writer.close()

        async def start():
            server = await asyncio.start_server(handle, "127.0.0.1", 0)
            return server.sockets[0].getsockname()[1]

        return self.run(start())


async def http_connect(reader, writer):
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    login = b64encode(f"{LOGIN}:{PASSWORD}".encode()).decode()
    target = re.match(r"CONNECT ([^ :]+):([0-9]+) HTTP/1\.1\r\n", head)
    if not target or f"proxy-authorization: basic {login.lower()}" not in head.lower():
        writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        return None
    writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
    return target[1], int(target[2])


async def socks5(reader, writer):
    """RFC 1928 with RFC 1929, as far as a client that connects needs it."""
    _, count = await reader.readexactly(2)
    await reader.readexactly(count)
    writer.write(b"\x05\x02")
    _, length = await reader.readexactly(2)
    login = await reader.readexactly(length)
    password = await reader.readexactly((await reader.readexactly(1))[0])
    if (login.decode(), password.decode()) != (LOGIN, PASSWORD):
        writer.write(b"\x01\x01")
        await writer.drain()
        return None
    writer.write(b"\x01\x00")
    kind = (await reader.readexactly(4))[3]
    if kind == 1:
        host = ".".join(str(byte) for byte in await reader.readexactly(4))
    else:
        host = (await reader.readexactly((await reader.readexactly(1))[0])).decode()
    port = int.from_bytes(await reader.readexactly(2), "big")
    writer.write(b"\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x00")
    return host, port


async def pass_on(reader, writer):
    with suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()
