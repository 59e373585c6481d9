#!/usr/bin/env python3
"""newer: PostgreSQL's socket, with a server that says it is of another version.

newer.py FOLDER TARGET VERSION

Listens on FOLDER/.s.PGSQL.5432 and forwards to the socket TARGET; only the value of server_version that the
server reports at login is exchanged.  Ends when its standard input does.
"""
import asyncio
import os
import sys

folder, target, version = sys.argv[1:4]


async def login(reader, writer):
    """The server's messages until it is ready for a query."""
    while True:
        head = await reader.readexactly(5)
        body = await reader.readexactly(int.from_bytes(head[1:], "big") - 4)
        if head[:1] == b"S" and body.startswith(b"server_version\0"):
            body = b"server_version\0" + version.encode() + b"\0"
        writer.write(head[:1] + (len(body) + 4).to_bytes(4, "big") + body)
        if head[:1] in b"ZE":
            return


async def pump(reader, writer):
    while data := await reader.read(1 << 16):
        writer.write(data)
        await writer.drain()
    writer.close()


async def down(reader, writer, first):
    if first:
        await login(reader, writer)
    await pump(reader, writer)


async def serve(reader, writer):
    back_reader, back_writer = await asyncio.open_unix_connection(target)
    head = await reader.readexactly(8)
    back_writer.write(head)
    # anything but a protocol number of 3.x is a cancel request or asks for encryption
    await asyncio.gather(pump(reader, back_writer), down(back_reader, writer, head[4:6] == b"\0\3"),
                         return_exceptions=True)


async def main():
    server = await asyncio.start_unix_server(serve, os.path.join(folder, ".s.PGSQL.5432"))
    print("ready", flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    server.close()


asyncio.run(main())
