#!/usr/bin/env python3
"""cutter: a link to PostgreSQL's socket that breaks at COMMIT.

cutter.py FOLDER TARGET before|after|refuse [COMMAND]

Listens on FOLDER/.s.PGSQL.5432 and forwards to the socket TARGET.  The first connection that sends
COMMIT after a mig-rollback's DDL ("ALTER" or "DROP") is cut: `before` the server sees the COMMIT, or
`after` it answered, without letting the answer through.  `refuse`: as after, and no connection is taken from
then on.  COMMAND runs (by the shell) at the cut.  Ends when its standard input does.
"""
import asyncio
import os
import subprocess
import sys

folder, target, how = sys.argv[1:4]
command = sys.argv[4] if len(sys.argv) > 4 else None
COMMIT = b"Q\x00\x00\x00\x0bCOMMIT\x00"
state = {"cut": False}


def cut():
    state["cut"] = True
    if command:
        subprocess.run(command, shell=True, check=True)


async def serve(reader, writer):
    if state["cut"] and how == "refuse":
        writer.close()
        return
    back_reader, back_writer = await asyncio.open_unix_connection(target)
    changed = armed = False

    async def answers():
        while True:
            data = await back_reader.read(1 << 20)
            if armed:
                cut()
                data = b""
            if not data:
                break
            writer.write(data)
            await writer.drain()
        writer.close()
        back_writer.close()

    task = asyncio.ensure_future(answers())
    while True:
        try:
            data = await reader.read(1 << 20)
        except ConnectionError:
            data = b""
        if not data:
            break
        changed = changed or b"ALTER" in data or b"DROP" in data
        if COMMIT in data and changed and not state["cut"]:
            if how == "before":
                cut()
                break
            armed = True
        back_writer.write(data)
        await back_writer.drain()
    back_writer.close()
    if how == "before" and state["cut"]:
        writer.close()
    await task


async def main():
    server = await asyncio.start_unix_server(serve, os.path.join(folder, ".s.PGSQL.5432"))
    print("ready", flush=True)
    async with server:
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(None, sys.stdin.read)
        os._exit(0)


asyncio.run(main())
