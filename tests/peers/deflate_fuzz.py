"""The other side of a differential test of permessage-deflate: Python's zlib, and websockets' own implementation.

Reads commands, one a line, and answers each with one line; data is in Base64.

    NEW JSON                     a connection; see Session
    INFLATE PIECE …              a compressed message in fragments; answers the message, if both implementations agree
    DEFLATE KIND PIECE …         a message in fragments; answers them compressed by the connection's maker
    JUDGE BEFORE PIECE           a compressed message that may be broken, and what the one before it was inflated to;
                                 answers the message, or nothing if it is broken
"""

import base64
import json
import sys
import zlib

from websockets.extensions.permessage_deflate import PerMessageDeflate
from websockets.frames import Frame, Opcode

END = b"\x00\x00\xff\xff"


class Session:
    """`theirs` is what this side compresses with, `ours` what the tested side does: [window bits, no takeover]."""

    def __init__(self, maker, theirs, ours, level):
        self.maker = maker
        self.level = level
        self.bits, self.forgets = theirs
        self.their_bits, self.they_forget = ours
        # zlib inflates 8 bits with the window of 9.
        self.inflater = None
        self.deflater = None
        self.extension = PerMessageDeflate(
            self.they_forget, self.forgets, max(self.their_bits, 9), self.bits, {"level": level, "memLevel": 5}
        )

    def frames(self, pieces, opcode, rsv1):
        for index, piece in enumerate(pieces):
            kind = opcode if index == 0 else Opcode.CONT
            yield Frame(kind, piece, fin=index == len(pieces) - 1, rsv1=rsv1 and index == 0)

    def inflate(self, pieces):
        if self.inflater is None or self.they_forget:
            self.inflater = zlib.decompressobj(wbits=-max(self.their_bits, 9))
        plain = b"".join(self.inflater.decompress(piece) for piece in [*pieces, END])
        if self.inflater.unconsumed_tail or self.inflater.unused_data:
            raise ValueError("not all was consumed")
        frames = self.frames(pieces, Opcode.BINARY, True)
        other = b"".join(bytes(self.extension.decode(frame).data) for frame in frames)
        if plain != other:
            raise ValueError("zlib and websockets differ")
        return [plain]

    def deflate(self, kind, pieces):
        if self.maker == "websockets":
            opcode = Opcode.TEXT if kind == "text" else Opcode.BINARY
            return [bytes(self.extension.encode(frame).data) for frame in self.frames(pieces, opcode, False)]
        if self.deflater is None or self.forgets:
            self.deflater = zlib.compressobj(self.level, zlib.DEFLATED, -self.bits, 8)
        # Flushed after some fragments only: a fragment may end anywhere in a block.
        made = []
        for index, piece in enumerate(pieces):
            data = self.deflater.compress(piece)
            if index == len(pieces) - 1 or index % 2:
                data += self.deflater.flush(zlib.Z_SYNC_FLUSH)
            made.append(data)
        if not made[-1].endswith(END):
            raise ValueError("no flush at the end")
        made[-1] = made[-1][: -len(END)]
        return made


def judge(before, data):
    """Final blocks may stand anywhere (RFC 7692 7.2.3.4) and end only zlib's stream; no message ends inside a block.

    One that ends with a final block is whole without the byte behind it, as websockets and Node's ws take it, too.
    """
    plain = b""
    tail = END + b"\x01\x00\x00\xff\xff"
    rest = data + tail
    while rest:
        inflater = zlib.decompressobj(wbits=-15, zdict=(before + plain)[-32768:])
        try:
            plain += inflater.decompress(rest)
        except zlib.error:
            return []
        if not inflater.eof:
            return []
        rest = inflater.unused_data
        if rest == tail:
            break
    return [plain]


def main():
    session = None
    for line in sys.stdin:
        command, *arguments = line.split()
        if command == "NEW":
            session = Session(**json.loads(" ".join(arguments)))
            answer = []
        elif command == "INFLATE":
            answer = session.inflate([base64.b64decode(piece[1:]) for piece in arguments])
        elif command == "JUDGE":
            answer = judge(*(base64.b64decode(piece[1:]) for piece in arguments))
        else:
            kind, *pieces = arguments
            answer = session.deflate(kind, [base64.b64decode(piece[1:]) for piece in pieces])
        # The mark keeps empty pieces visible.
        print(*("." + base64.b64encode(piece).decode() for piece in answer), flush=True)


main()
