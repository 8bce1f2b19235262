"""What the sans-IO core of websockets makes of streams of frames.

Reads lines `ROLE LIMIT BASE64`, ROLE being what this side is (client or server), and answers each with a line of JSON:
{"events": [[KIND, DATA], …], "end": END}. DATA is text, Base64, or [CODE, REASON] of a close frame that has them. END is
quiet, protocol, utf8 or too_big.
"""

import base64
import json
import logging
import sys

from websockets.exceptions import PayloadTooBig, ProtocolError
from websockets.frames import Close, Opcode
from websockets.protocol import Protocol, Side, State


def plain(data):
    return base64.b64encode(data).decode()


def judge(side, limit, stream):
    logger = logging.getLogger("frames")
    logger.disabled = True
    protocol = Protocol(side, state=State.OPEN, max_size=limit, logger=logger)
    protocol.receive_data(stream)
    events, kind, message = [], None, b""
    for frame in protocol.events_received():
        if frame.opcode in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
            if frame.opcode is not Opcode.CONT:
                kind, message = frame.opcode, b""
            message += frame.data
            if not frame.fin:
                continue
            if kind is Opcode.BINARY:
                events.append(["binary", plain(message)])
                continue
            # Messages are put together by the layer above the core, which decodes them whole.
            try:
                events.append(["text", message.decode()])
            except UnicodeDecodeError:
                return events, "utf8"
        elif frame.opcode is Opcode.CLOSE:
            close = Close.parse(frame.data) if frame.data else None
            events.append(["close", close and [int(close.code), close.reason]])
        else:
            events.append([frame.opcode.name.lower(), plain(frame.data)])
    error = protocol.parser_exc
    for kind, end in ((UnicodeDecodeError, "utf8"), (PayloadTooBig, "too_big"), (ProtocolError, "protocol")):
        if isinstance(error, kind):
            return events, end
    if error is not None:
        raise error
    return events, "quiet"


for line in sys.stdin:
    role, limit, stream = line.split(" ")
    side = {"client": Side.CLIENT, "server": Side.SERVER}[role]
    events, end = judge(side, int(limit), base64.b64decode(stream))
    print(json.dumps({"events": events, "end": end}), flush=True)
