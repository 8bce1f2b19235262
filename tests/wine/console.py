"""`console.py WS URL`: the prompt of `ws connect` in a console, as a person uses it: keys in, what is shown out.

The console is Wine's, on a pseudo-terminal. Fails where what is waited for does not appear.
"""

import os
import pty
import select
import struct
import sys
import termios
import time
from fcntl import ioctl

PATIENCE = 60


class Console:
    def __init__(self, *command):
        self.shown = b""
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            os.environ.update(TERM="xterm-256color", WS_HISTORY="")
            os.execv(command[0], command)
        ioctl(self.terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))

    def look(self, end):
        """Takes what is shown next; false at the end of the program."""
        left = end - time.monotonic()
        if not select.select([self.terminal], [], [], max(left, 0))[0]:
            raise SystemExit(f"nothing more for {PATIENCE} s after {self.shown!r}")
        try:
            bytes_shown = os.read(self.terminal, 4096)
        except OSError:
            return False
        self.shown += bytes_shown
        return bool(bytes_shown)

    def expect(self, text):
        """Waits until `text` is shown, and forgets what came before it."""
        end = time.monotonic() + PATIENCE
        while text.encode() not in self.shown:
            if not self.look(end):
                raise SystemExit(f"ended without {text!r}: {self.shown!r}")
        self.shown = self.shown.split(text.encode(), 1)[1]

    def press(self, keys):
        # Wine takes the pseudo-terminal over a moment after it has shown something: what is typed before is a line of its.
        end = time.monotonic() + PATIENCE
        while termios.tcgetattr(self.terminal)[3] & (termios.ICANON | termios.ECHO):
            if time.monotonic() > end:
                raise SystemExit("Wine does not take the terminal over")
            time.sleep(0.01)
        os.write(self.terminal, keys.encode())

    def finish(self):
        end = time.monotonic() + PATIENCE
        while self.look(end):
            pass
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


def main(ws, url):
    console = Console(ws, "connect", url)
    console.expect("/help shows commands")
    console.expect("> ")
    # The cursor keys work: back one, then what is missing.
    console.press("helo\x1b[Dl\r")
    console.expect("< hello")
    console.press("/ping x\r")
    console.expect("pong from ")
    console.press("жук\r")
    console.expect("< жук")
    console.press("/close 1000 bye\r")
    console.expect("closed with 1000")
    code = console.finish()
    if code != 0:
        raise SystemExit(f"exit code {code}")
    print("console: a line edited, a ping, Cyrillic, closed")


main(*sys.argv[1:])
