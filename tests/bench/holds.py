#!/usr/bin/env python3
"""holds: how long others are kept out, seen from the server.

holds.py TABLE...

Looks at pg_locks as often as it can (prints READY when it begins) until its standard input ends, and
then prints "NONE_READS NONE_WRITES GAP": for how many ms ACCESS EXCLUSIVE (nobody reads) and SHARE ROW
EXCLUSIVE or stronger (nobody writes) were held on any of the tables, from the first sight to the last,
and the longest time between two looks, which is how exact that is.
"""
import select
import sys
import time

import psycopg2

conn = psycopg2.connect("application_name=holds")
conn.autocommit = True
c = conn.cursor()
c.execute("select array_agg(oid) from pg_class where relname = any (%s) and relkind = 'r'", (sys.argv[1:],))
oids = c.fetchone()[0]
c.execute("prepare look (oid[]) as select bool_or(mode = 'AccessExclusiveLock'), count(*) > 0 from pg_locks "
          "where locktype = 'relation' and granted and relation = any ($1) and mode in "
          "('ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')")
reads = writes = gap = 0.0
first = {}
last = time.monotonic()
print("READY", flush=True)
while not select.select([sys.stdin], [], [], 0)[0]:
    c.execute("execute look (%s)", (oids,))
    row = c.fetchone()
    now = time.monotonic()
    gap = max(gap, now - last)
    last = now
    if row[0]:
        first.setdefault("reads", now)
        reads = now - first["reads"]
    if row[1]:
        first.setdefault("writes", now)
        writes = now - first["writes"]
print("%.1f %.1f %.1f" % (reads * 1000, writes * 1000, gap * 1000))
