"""Server on websockets that pings its only client and measures the answers.

    pings.py SECONDS PER_SECOND

Prints its port. To the first client it sends, for that long, pings at random moments and beside them a text message
each. Prints a line every now and then, and `ok: COUNT SLOWEST_MILLISECONDS` once each ping was answered.
"""

import asyncio
import random
import sys
import time

from websockets.asyncio.server import serve

TIMEOUT = 30


async def measure(connection, seconds, per_second):
    slowest = 0.0
    count = 0
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        await asyncio.sleep(random.uniform(0, 2 / per_second))
        await connection.send(f"message {count}")
        begin = time.monotonic()
        waiter = await connection.ping()
        await asyncio.wait_for(waiter, TIMEOUT)
        slowest = max(slowest, time.monotonic() - begin)
        count += 1
        if count % 100 == 0:
            print(f"{count} answers", flush=True)
    return f"{count} {slowest * 1000:.3f}"


async def main(seconds, per_second):
    result = asyncio.get_running_loop().create_future()

    async def handle(connection):
        try:
            result.set_result(await measure(connection, seconds, per_second))
        except Exception as error:
            result.set_exception(error)
        await connection.wait_closed()

    # Its own keepalive off: it would count as a ping.
    async with serve(handle, "127.0.0.1", 0, compression=None, ping_interval=None) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        print("ok:", await result, flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.buffer.read)


asyncio.run(main(float(sys.argv[1]), float(sys.argv[2])))
