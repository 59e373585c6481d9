#!/usr/bin/python3
"""What a statement really destroys or alters, beside what mig-validate counted beforehand.

  loss.py CONNINFO MIG_VALIDATE [CASE...]

The database holds loss_fixture.sql.  Each case is counted, then run in a transaction that is rolled
back.  Before and after, every row of every table is read; what is gone, or reads otherwise in its old
type, is the truth.  A statement that fails must have been foretold, with a count of the rows in its way.
A case that ends in "-- bound" cannot be counted beforehand: no less than the truth, and not called exact.
TAP on standard output.
"""
import json, os, re, subprocess, sys, tempfile
import psycopg2

conninfo, binary = sys.argv[1], sys.argv[2]
here = os.path.dirname(os.path.abspath(__file__))
cases = sys.argv[3:] or [l.strip() for l in open(os.path.join(here, "loss_cases.sql")) if l.strip()]
with psycopg2.connect(conninfo) as con:
    version = con.server_version // 10000

TABLES = """select c.oid, format('%I.%I', n.nspname, c.relname) from pg_class c join pg_namespace n on n.oid = c.relnamespace
 where c.relkind in ('r', 'm') and n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast')"""
COLUMNS = """select attname, format_type(atttypid, atttypmod), attgenerated <> '' from pg_attribute
 where attrelid = %s and attnum > 0 and not attisdropped order by attnum"""


def state(cur, old=None):
    """{table: {key: {column: text}}}; values in the types of OLD, computed columns left out."""
    out, types = {}, {}
    cur.execute(TABLES)
    for oid, name in cur.fetchall():
        if old is not None and oid not in old:
            continue
        cur.execute(COLUMNS, (oid,))
        cols = [(c, t) for c, t, g in cur.fetchall() if not g]
        was = dict(old[oid]) if old else {}
        shown = []
        for c, t in cols:
            if old is None:
                shown.append('"%s"::text' % c)
            elif c in was:
                shown.append('"%s"::%s::text' % (c, was[c]) if was[c] != t else '"%s"::text' % c)
        names = [c for c, t in cols if old is None or c in was]
        cur.execute("savepoint s")
        try:
            cur.execute("select %s from only %s" % (", ".join(shown) or "1", name))
        except psycopg2.Error:
            # No way back into the old type: as it reads now.
            cur.execute("rollback to s")
            cur.execute("select %s from only %s" % (", ".join('"%s"::text' % c for c in names), name))
        out[oid] = [dict(zip(names, row)) for row in cur.fetchall()]
        types[oid] = cols
    return out, types


def lost(before, after):
    rows = values = 0
    for oid, old in before.items():
        new = {r.get("k"): r for r in after.get(oid, [])}
        for r in old:
            n = new.get(r["k"])
            gone = sum(1 for c, v in r.items() if v is not None and (n is None or c not in n or n[c] != v))
            rows += n is None or gone > 0
            values += gone
    return rows, values


def really(case):
    con = psycopg2.connect(conninfo)
    cur = con.cursor()
    before, types = state(cur)
    try:
        cur.execute(case)
        cur.execute("set constraints all immediate")
    except psycopg2.Error as e:
        con.close()
        return None, str(e).strip().split("\n")[0]
    after, _ = state(cur, types)
    con.rollback()
    con.close()
    return lost(before, after), None


def counted(case):
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as f:
        f.write(case + ";\n")
        f.flush()
        r = subprocess.run([binary, "sql", "-q", "-d", conninfo, "--format", "json", "--budget", "20s", f.name],
                           capture_output=True, text=True)
    return json.loads(r.stdout)["findings"]


bad = 0
print("1..%d" % len(cases))
for i, case in enumerate(cases, 1):
    since = re.search(r" -- since (\d+)$", case)
    if since and version < int(since.group(1)):
        print("ok %d - %s # skip PostgreSQL %d has no such statement" % (i, case, version))
        continue
    truth, failure = really(case)
    findings = counted(case)
    losses = [f["loss"] for f in findings if f["loss"]]
    ways = [f["violations"]["rows"] for f in findings if f["violations"]]
    foretold = [f for f in findings if f["violations"] and f["violations"]["rows"] > 0 or f["code"] == "would-fail" or " fails: " in f["message"]]
    why = None
    bound = case.endswith(" -- bound")
    if failure is not None:
        if not foretold:
            why = "it fails (%s), which was not foretold" % failure
        note = "fails, %s in the way" % (max(ways) if ways else "?")
    else:
        rows, values = truth
        mine_values = sum(l["values"] for l in losses)
        # Two columns of one row are one row.
        objects = {".".join(f["object"].split(".")[:2]) for f in findings if f["loss"]}
        mine_rows = sum(l["rows"] for l in losses) if len(objects) == len(losses) else None
        note = "%d rows, %d values" % (rows, values)
        if foretold:
            why = "it was foretold to fail (%s), and does not" % foretold[0]["message"]
        elif bound:
            if mine_values < values or (mine_rows is not None and mine_rows < rows):
                why = "%d values in %d rows went, more than the %d that were counted" % (values, rows, mine_values)
            elif all(l["exact"] for l in losses):
                why = "it is called exact"
        elif mine_values != values:
            why = "%d values went, %d were counted" % (values, mine_values)
        elif mine_rows is not None and mine_rows != rows:
            why = "%d rows were touched, %d were counted" % (rows, mine_rows)
        elif not all(l["exact"] for l in losses):
            why = "not exact"
    print("%s %d - %s: %s" % ("not ok" if why else "ok", i, case, note))
    if why:
        print("# " + why)
        for f in findings:
            if f["loss"] or f["violations"]:
                print("#   %s: %s" % (f["code"], f["message"]))
        bad += 1
print("# %d of %d as counted" % (len(cases) - bad, len(cases)))
sys.exit(1 if bad else 0)
