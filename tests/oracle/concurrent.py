#!/usr/bin/python3
"""The locks of statements that run in no transaction block, beside what mig-validate predicts.

  concurrent.py CONNINFO MIG_VALIDATE

The database holds locks_fixture.sql.  Such a statement commits in between, so that no pg_locks at its end
tells what it took.  It runs three times instead, each time against sessions (one for each table) that hold a
weaker lock, in ROW SHARE, ROW EXCLUSIVE or SHARE UPDATE EXCLUSIVE mode: what it waits for shows its mode in
pg_locks, and only then does the session at fault let go.  A read holds the indexes as well.  So only what conflicts
with SHARE UPDATE EXCLUSIVE is seen for certain: forms whose weaker locks matter (VACUUM's on indexes) are not here.
TAP on standard output.
"""
import json, os, subprocess, sys, tempfile, threading, time
import psycopg2

conninfo, binary = sys.argv[1], sys.argv[2]
ORDER = ["AccessShareLock", "RowShareLock", "RowExclusiveLock", "ShareUpdateExclusiveLock", "ShareLock",
         "ShareRowExclusiveLock", "ExclusiveLock", "AccessExclusiveLock"]
TABLES = ["parent", "child", "other", "lonely", "part", "part_a", "part_b", "parent_mv", "base", "derived"]
# statement, what sets it up again
FORMS = [
    ("create index concurrently c_x on other (x)", "drop index c_x"),
    ("create unique index concurrently c_x on other (x)", "drop index c_x"),
    ("create index concurrently c_x on child (parent_id) where amount > 3", "drop index c_x"),
    ("create index concurrently if not exists child_parent_idx on child (parent_id)", ""),
    ("create index concurrently c_x on part_a (val)", "drop index c_x"),
    ("drop index concurrently parent_v_idx", "create index parent_v_idx on parent (v)"),
    ("drop index concurrently if exists child_include_idx", "create index child_include_idx on child (parent_id) include (amount)"),
    ("reindex index concurrently parent_v_idx", ""),
    ("reindex (concurrently) index child_lower_idx -- since 14", ""),
    ("reindex table concurrently child", ""),
    ("reindex table concurrently lonely", ""),
    ("reindex table concurrently part", ""),
    ("reindex table part", ""),
    ("reindex table base", ""),
    ("reindex table concurrently base", ""),
    ("vacuum full lonely", ""),
    ("alter table part detach partition part_b concurrently -- since 14", "alter table part attach partition part_b for values from (100) to (200)"),
]
RELATIONS = """select c.oid, n.nspname || '.' || c.relname, c.relkind from pg_class c join pg_namespace n on n.oid = c.relnamespace
 where n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast') and c.relkind in ('r', 'p', 'm', 'i', 'I')"""
LOCKS = "select relation, mode, granted from pg_locks where pid = %s and locktype = 'relation'"

sample = psycopg2.connect(conninfo)
sample.autocommit = True
look = sample.cursor()
look.execute("select current_setting('server_version_num')::int / 10000")
version = look.fetchone()[0]


def holders(how):
    """One session for each table, which holds it (and, but for LOCK, its indexes) as HOW says."""
    out = {}
    for t in TABLES:
        con = psycopg2.connect(conninfo)
        cur = con.cursor()
        try:
            cur.execute(how.format(t=t))
        except psycopg2.Error:
            con.close()
            continue
        out[con.get_backend_pid()] = con
    return out


def seen(form, how, before, most):
    held = holders(how)
    con = psycopg2.connect(conninfo)
    con.autocommit = True
    pid = con.get_backend_pid()
    failed = []

    def run():
        try:
            con.cursor().execute(form)
        except psycopg2.Error as e:
            failed.append(str(e).strip())

    t = threading.Thread(target=run)
    t.start()
    while t.is_alive():
        look.execute(LOCKS, (pid,))
        for oid, mode, granted in look.fetchall():
            if oid in before and ORDER.index(mode) > ORDER.index(most.get(oid, ORDER[0])) or oid in before and oid not in most:
                most[oid] = mode
        look.execute("select unnest(pg_blocking_pids(%s))", (pid,))
        for (blocker,) in look.fetchall():
            # Twice: what it waits for has been looked at.
            look.execute(LOCKS, (pid,))
            for oid, mode, granted in look.fetchall():
                if oid in before and ORDER.index(mode) > ORDER.index(most.get(oid, ORDER[0])):
                    most[oid] = mode
            if blocker in held:
                held.pop(blocker).close()
    t.join()
    for other in held.values():
        other.close()
    con.close()
    return failed


def predicted(form):
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as f:
        f.write(form + ";\n")
        f.flush()
        r = subprocess.run([binary, "sql", "-q", "-d", conninfo, "--format", "json", "--tool", "psql", f.name],
                           capture_output=True, text=True)
    return {l["relation"]: l["mode"] for l in json.loads(r.stdout)["locks"]}


bad = 0
print("1..%d" % len(FORMS))
for i, (form, again) in enumerate(FORMS, 1):
    if " -- since " in form and version < int(form.rsplit(" ", 1)[1]):
        print("ok %d - %s # skip PostgreSQL %d has no such statement" % (i, form, version))
        continue
    mine = predicted(form)
    most, wrong = {}, []
    look.execute(RELATIONS)
    relations = look.fetchall()
    before = {oid: name for oid, name, kind in relations}
    kinds = {name: kind for oid, name, kind in relations}
    for how in ("select from {t} for update limit 0", "select from {t} limit 0", "lock table only {t} in row exclusive mode",
                "lock table only {t} in share update exclusive mode"):
        wrong += seen(form, how, before, most)
        if again:
            look.execute(again)
        # What was made anew has another OID.
        look.execute(RELATIONS)
        before.update({oid: name for oid, name, kind in look.fetchall() if name in before.values()})
    real = {}
    for oid, mode in most.items():
        name = before[oid]
        if name not in real or ORDER.index(mode) > ORDER.index(real[name]):
            real[name] = mode
    for name in sorted(set(real) | set(mine)):
        # On an index the server takes it when the table's users have gone, and nobody can hold it any more.
        if kinds.get(name) in ("i", "I") and mine.get(name) == "AccessExclusiveLock":
            continue
        if real.get(name) != mine.get(name):
            wrong.append("%s is %s, predicted %s" % (name, real.get(name), mine.get(name)))
    print("%s %d - %s" % ("not ok" if wrong else "ok", i, form))
    for w in wrong:
        print("# " + w)
    bad += bool(wrong)
print("# %d of %d exact" % (len(FORMS) - bad, len(FORMS)))
sys.exit(1 if bad else 0)
