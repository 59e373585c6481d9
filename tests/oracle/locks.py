#!/usr/bin/python3
"""What each DDL form really locks, rewrites and scans, beside what mig-validate predicts, indexes and sequences too.

  locks.py CONNINFO MIG_VALIDATE [FORM...]

The database holds locks_fixture.sql.  Each form runs in a transaction that is
rolled back; the server's own pg_locks, file nodes and debug messages are the
oracle.  TAP on standard output.
"""
import json, os, re, subprocess, sys, tempfile
import psycopg2

conninfo, binary = sys.argv[1], sys.argv[2]
here = os.path.dirname(os.path.abspath(__file__))
forms = sys.argv[3:] or [l.strip() for l in open(os.path.join(here, "locks_forms.sql")) if l.strip()]
with psycopg2.connect(conninfo) as con:
    version = con.server_version // 10000
    # Older minor releases than these do not lock what a new key or default refers to (seen: 15.18 and 15.20, 17.11).
    # The prediction, which names these locks of readers for each minor from 14 on, is too much there, and harmless.
    lax = con.server_version < {14: 140024, 15: 150019, 16: 160015, 17: 170011, 18: 180005}.get(version, 0)

RELATIONS = """select c.oid, n.nspname || '.' || c.relname, c.relkind, c.relfilenode
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
 where n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast') and c.relkind in ('r', 'p', 'v', 'm', 'f', 'S', 'i', 'I')"""
LOCKS = """select relation, mode from pg_locks
 where pid = pg_backend_pid() and locktype = 'relation' and database = (select oid from pg_database where datname = current_database())"""
ORDER = ["AccessShareLock", "RowShareLock", "RowExclusiveLock", "ShareUpdateExclusiveLock", "ShareLock",
         "ShareRowExclusiveLock", "ExclusiveLock", "AccessExclusiveLock"]


def really(form):
    con = psycopg2.connect(conninfo)
    cur = con.cursor()
    cur.execute(RELATIONS)
    before = {oid: (name, kind, node) for oid, name, kind, node in cur.fetchall()}
    con.rollback()
    cur.execute("set local client_min_messages = debug1")
    del con.notices[:]
    try:
        if form.startswith("copy "):
            cur.copy_expert(form, open(os.devnull, "w"))
        else:
            cur.execute(form)
    except psycopg2.Error as e:
        return None, str(e).strip().split("\n")[0]
    notices = list(con.notices)
    cur.execute("set local client_min_messages = warning")
    # The default partition is looked through without a message.
    if " partition of " in form:
        cur.execute("select relname from pg_stat_xact_user_tables where seq_scan > 0")
        opened = {name for name, in cur.fetchall()}
    else:
        opened = set()
    cur.execute(LOCKS)
    modes = {}
    for oid, mode in cur.fetchall():
        if oid in before and (oid not in modes or ORDER.index(mode) > ORDER.index(modes[oid])):
            modes[oid] = mode
    cur.execute(RELATIONS)
    # By name: an index that is made anew over its old file has another OID.
    after = {name: node for oid, name, kind, node in cur.fetchall()}
    con.rollback()
    con.close()
    scanned, checked = opened, False
    for n in notices:
        m = re.search(r'(?:rewriting|verifying) table "([^"]+)"', n) or re.search(r'building index ".*" on table "([^"]+)"', n)
        if m:
            scanned.add(m.group(1))
        checked = checked or "validating foreign key" in n
    rows = {}
    for oid, mode in modes.items():
        name, kind, node = before[oid]
        # TRUNCATE makes new, empty files: nothing is written or read.
        rewritten = kind in "rmi" and name in after and after[name] != node and not form.startswith("truncate")
        scan = name.split(".")[1] in scanned and not form.startswith("truncate")
        rows[name] = (mode, rewritten, scan, kind)
    return rows, checked


def predicted(form):
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as f:
        f.write(form + ";\n")
        f.flush()
        r = subprocess.run([binary, "sql", "-q", "-d", conninfo, "--format", "json", "--budget", "5s", f.name],
                           capture_output=True, text=True)
    try:
        j = json.loads(r.stdout)
    except ValueError:
        return None, r.stderr
    out = {}
    for l in j["locks"]:
        m = out.get(l["relation"], ("AccessShareLock", False, False))
        out[l["relation"]] = (max(m[0], l["mode"], key=ORDER.index), m[1] or l["rewrite"], m[2] or l["scan"])
    return out, ""


bad = 0
print("1..%d" % len(forms))
for i, form in enumerate(forms, 1):
    since = re.search(r" -- since (\d+)$", form)
    if since and version < int(since.group(1)):
        print("ok %d - %s # skip PostgreSQL %d has no such statement" % (i, form, version))
        continue
    real, checked = really(form)
    if real is None:
        print("not ok %d - %s\n# the server refuses this form: %s" % (i, form, checked))
        bad += 1
        continue
    mine, why = predicted(form)
    wrong = []
    if mine is None:
        wrong.append("no prediction: " + why.strip())
        mine = {}
    dml = form.split()[0] in ("delete", "update", "insert", "merge", "with")
    for name, (mode, rewrite, scan, kind) in sorted(real.items()):
        if dml and kind == "S":
            continue
        if name not in mine:
            wrong.append("missing %s %s%s%s" % (name, mode, " rewrite" * rewrite, " scan" * scan))
            continue
        m = mine[name]
        if m[0] != mode:
            wrong.append("%s is %s, predicted %s" % (name, mode, m[0]))
        if kind in "rmi" and m[1] != rewrite:
            wrong.append("%s rewrite is %s, predicted %s" % (name, rewrite, m[1]))
        if kind in "rm" and m[2] != scan and not (checked and m[2]):
            wrong.append("%s scan is %s, predicted %s" % (name, scan, m[2]))
    # Which partitions and partners DML touches is known when it meets the rows.
    for name in sorted(mine):
        if name not in real and not dml and not (lax and mine[name][0] == "AccessShareLock"):
            wrong.append("predicted %s %s, which is not locked" % (name, mine[name][0]))
    print("%s %d - %s" % ("not ok" if wrong else "ok", i, form))
    for w in wrong:
        print("# " + w)
    bad += bool(wrong)
print("# %d of %d exact" % (len(forms) - bad, len(forms)))
sys.exit(1 if bad else 0)
