#!/usr/bin/env python3
"""holds: how long others are kept out, as they feel it.

holds.py TABLE...

For each table one session that reads it again and again, as fast as the server answers, and one that
would write to it every millisecond; neither touches a row.  Prints READY when all of them are at it, goes
on until its standard input ends, and then prints "READS WRITES LOOK": how many ms the longest wait of a
reader took (somebody held ACCESS EXCLUSIVE), the longest of a writer (SHARE ROW EXCLUSIVE or stronger),
and one look of a reader when nobody is in the way (the median), which is how exact that is.

A lock is held until COMMIT, so that the longest wait is that for the table which was locked first.
While it waits, nobody here takes a processor from whoever is waited for.
"""
import mmap
import os
import statistics
import sys
import time

import psycopg2

READ, WRITE = "select from %s where false", "delete from %s where false"


def look(table, statement, pause, stop, ready, answer):
    """Child: the longest wait and the median one, in seconds, into ANSWER."""
    conn = psycopg2.connect("application_name=holds")
    conn.autocommit = True
    c = conn.cursor()
    c.execute("select quote_ident(%s)", (table,))
    statement %= c.fetchone()[0]
    longest, usual = 0.0, []
    os.write(ready, b".")
    while not stop[0]:
        began = time.perf_counter()
        try:
            c.execute(statement)
        except psycopg2.Error:
            pass  # it is gone, and that is known at the same moment
        took = time.perf_counter() - began
        longest = max(longest, took)
        if len(usual) < 1000:
            usual.append(took)
        if pause:
            time.sleep(pause)
    os.write(answer, b"%s %.6f %.6f\n" % (statement[:1].encode(), longest, statistics.median(usual)))
    os._exit(0)


stop = mmap.mmap(-1, 1)
ready_out, ready_in = os.pipe()
answer_out, answer_in = os.pipe()
jobs = [(t, READ, 0) for t in sys.argv[1:]] + [(t, WRITE, 0.001) for t in sys.argv[1:]]
children = []
for job in jobs:
    pid = os.fork()
    if pid == 0:
        try:
            look(*job, stop, ready_in, answer_in)
        except Exception as e:
            print("holds: %s" % e, file=sys.stderr)
            os.write(ready_in, b"!")
            os._exit(1)
    children.append(pid)
for _ in jobs:
    if os.read(ready_out, 1) != b".":
        sys.exit("holds: a session failed")
print("READY", flush=True)
sys.stdin.read()
stop[0] = 1
if any(os.waitpid(pid, 0)[1] for pid in children):
    sys.exit("holds: a session failed")
os.close(answer_in)
with os.fdopen(answer_out) as f:
    answers = [line.split() for line in f]
longest = {kind: max(float(a[1]) for a in answers if a[0] == kind) for kind in "sd"}
usual = max(float(a[2]) for a in answers if a[0] == "s")
print("%.2f %.2f %.2f" % (longest["s"] * 1000, longest["d"] * 1000, usual * 1000))
