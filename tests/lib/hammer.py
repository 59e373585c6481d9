#!/usr/bin/env python3
"""hammer: eight clients that write while a rollback comes, and note what was committed.

  hammer.py SECONDS_MAX REPORT [READY]

Tables: t(id bigint primary key, keep text, v text) and d(id bigint primary key, v text), of which the
rollback drops t.v and d.  Each client owns its ids.  Half of them read a table first and write it
later in the same transaction, which makes raising a lock a deadlock.  A client stops at the first
statement that says the column or table is gone; what it noted until then is the truth:
REPORT gets "t|id|v" and "d|id|v" lines, sorted, of all that was committed and not deleted.
"""
import os
import random
import sys
import threading
import time

import psycopg2
from psycopg2 import errors

GONE = (errors.UndefinedColumn, errors.UndefinedTable)
AGAIN = (errors.QueryCanceled, errors.SerializationFailure, errors.DeadlockDetected,
         errors.LockNotAvailable)


def client(number, truth, stop, started, odd):
    random.seed(number)
    conn = psycopg2.connect("application_name=hammer-%d" % number)
    mine = {"t": {}, "d": {}}
    base = number * 10**17 + int(time.time() * 1000) * 10_000
    serial = 0
    try:
        while not stop.is_set():
            serial += 1
            table = random.choice("td")
            wrote = None
            try:
                with conn.cursor() as c:
                    if number % 2:
                        c.execute("select count(*) from %s where id %% 7 = 3" % table)
                        if odd:
                            time.sleep(random.random() * 0.02)
                    value = "%d-%d-%s" % (number, serial, random.choice(["x", "", "\\N", "\t", "é"]))
                    known = list(mine[table])
                    kind = random.random()
                    if kind < 0.5 or not known:
                        key = base + serial
                        if table == "t":
                            c.execute("insert into t (id, keep, v) values (%s, %s, %s)", (key, "k%d" % key, value))
                        else:
                            c.execute("insert into d (id, v) values (%s, %s)", (key, value))
                        wrote = (table, key, value)
                    elif kind < 0.85:
                        key = random.choice(known)
                        c.execute("update %s set v = %%s where id = %%s" % table, (value, key))
                        assert c.rowcount == 1
                        wrote = (table, key, value)
                    else:
                        key = random.choice(known)
                        if table == "t":
                            c.execute("delete from t where id = %s and v is not distinct from %s",
                                      (key, mine["t"][key]))
                        else:
                            c.execute("delete from d where id = %s", (key,))
                        assert c.rowcount == 1
                        wrote = (table, key, None)
                conn.commit()
            except GONE:
                conn.rollback()
                break
            except AGAIN:
                conn.rollback()
                continue
            except psycopg2.OperationalError as e:
                # Terminated: whether the last COMMIT arrived is asked of the rows themselves.
                print("client %d: %s" % (number, e), file=sys.stderr)
                os._exit(3)
            if wrote[2] is None:
                del mine[wrote[0]][wrote[1]]
            else:
                mine[wrote[0]][wrote[1]] = wrote[2]
            if serial == 5:
                started.release()
    finally:
        conn.close()
    truth.append(mine)


def main():
    seconds, report = float(sys.argv[1]), sys.argv[2]
    truth, stop, started = [], threading.Event(), threading.Semaphore(0)
    threads = [threading.Thread(target=client, args=(n, truth, stop, started, "slow" in sys.argv))
               for n in range(1, 9)]
    for t in threads:
        t.start()
    for _ in threads:
        started.acquire()
    if len(sys.argv) > 3:
        open(sys.argv[3], "w").close()
    end = time.time() + seconds
    for t in threads:
        t.join(max(0.0, end - time.time()))
    stop.set()
    for t in threads:
        t.join()
    lines = ["%s|%d|%s" % (table, key, value.replace("\\", "\\\\").replace("\t", "\\t"))
             for mine in truth for table in mine for key, value in mine[table].items()]
    with open(report, "w", encoding="utf-8") as f:
        f.write("".join(line + "\n" for line in sorted(lines)))


main()
