"""Server on picows (and uvloop) for the benchmark: serve echo|broadcast, or serve tls CHAIN KEY.

Prints its port, serves until standard input ends. Texts are checked here, as picows leaves that to its user.
"""

import asyncio
import ssl
import sys

import uvloop
from picows import WSListener, WSMsgType, ws_create_server

transports = set()


class Echo(WSListener):
    def on_ws_connected(self, transport):
        transports.add(transport)

    def on_ws_disconnected(self, transport):
        transports.discard(transport)

    def on_ws_frame(self, transport, frame):
        kind = frame.msg_type
        if kind == WSMsgType.BINARY:
            self.answer(transport, kind, frame.get_payload_as_bytes())
        elif kind == WSMsgType.TEXT:
            self.answer(transport, kind, frame.get_payload_as_utf8_text().encode())
        elif kind == WSMsgType.CLOSE:
            transport.send_close(frame.get_close_code())
            transport.disconnect()

    def answer(self, transport, kind, payload):
        transport.send(kind, payload)


class Everybody(Echo):
    def answer(self, transport, kind, payload):
        for other in transports:
            other.send(kind, payload)


async def main(mode, *certificate):
    options = {"max_frame_size": 16 << 20}
    if mode == "tls":
        options["ssl"] = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        options["ssl"].load_cert_chain(*certificate)
    listener = Everybody if mode == "broadcast" else Echo
    server = await ws_create_server(lambda request: listener(), "127.0.0.1", 0, backlog=4096, **options)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.buffer.read)


uvloop.run(main(*sys.argv[2:]))
