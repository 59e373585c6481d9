#!/usr/bin/env python3
"""proxy: a link with a delay between a client and PostgreSQL's socket, which counts round trips.

proxy.py FOLDER TARGET DELAY_MS COUNT_FILE

Listens on FOLDER/.s.PGSQL.5432, forwards to the socket TARGET, and lets every byte arrive DELAY_MS later, half
of it each way.  COUNT_FILE gets a line per connection: how often the client, having waited for an
answer, sent again.  Ends when its standard input does.
"""
import asyncio
import os
import sys
import time

folder, target, delay, count_file = sys.argv[1], sys.argv[2], float(sys.argv[3]) / 1000, sys.argv[4]


async def pump(reader, writer, on_bytes):
    queue = asyncio.Queue()

    async def deliver():
        while True:
            due, data = await queue.get()
            await asyncio.sleep(max(0, due - time.monotonic()))
            if not data:
                writer.close()
                return
            writer.write(data)
            await writer.drain()

    task = asyncio.ensure_future(deliver())
    while True:
        try:
            data = await reader.read(1 << 20)
        except ConnectionError:
            data = b""
        on_bytes(data)
        await queue.put((time.monotonic() + delay / 2, data))
        if not data:
            break
    await task


async def serve(reader, writer):
    back_reader, back_writer = await asyncio.open_unix_connection(target)
    state = {"trips": 0, "answered": True, "last": 0.0}

    # A message that follows an answer within a moment was on its way already: one pipeline, one trip.
    def from_client(data):
        now = time.monotonic()
        if data and state["answered"] and now - state["last"] > delay / 2:
            state["trips"] += 1
        if data:
            state["answered"], state["last"] = False, now

    def from_server(data):
        state["answered"] = True

    await asyncio.gather(pump(reader, back_writer, from_client), pump(back_reader, writer, from_server),
                         return_exceptions=True)
    with open(count_file, "a") as f:
        f.write("%d\n" % state["trips"])


async def main():
    server = await asyncio.start_unix_server(serve, os.path.join(folder, ".s.PGSQL.5432"))
    print("ready", flush=True)
    async with server:
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(None, sys.stdin.read)
        # Connections that are still ending are nobody's concern any more.
        os._exit(0)


try:
    asyncio.run(main())
except asyncio.CancelledError:
    pass
