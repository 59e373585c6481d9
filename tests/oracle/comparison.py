#!/usr/bin/python3
"""docs/comparison.md: mig-validate beside squawk on the same statements.

  comparison.py CONNINFO MIG_VALIDATE SQUAWK >docs/comparison.md

The database holds hazards_fixture.sql.  Whether a statement is dangerous there is written down beside
each case (and was found by running it: tests/oracle/locks.py, loss.py).
"""
import json, subprocess, sys, tempfile

conninfo, mig, squawk = sys.argv[1:4]
# Rules of squawk that are a matter of style, or that every script without SET trips.
STYLE = {"prefer-robust-stmts", "prefer-bigint-over-int", "prefer-bigint-over-smallint", "prefer-identity", "prefer-text-field",
         "prefer-timestamp-tz", "ban-char-field", "require-timeout-settings", "require-lock-timeout", "require-statement-timeout",
         "prefer-timestamptz", "require-table-schema", "identifier-too-long"}
CASES = [  # SQL, dangerous on this database?, why
    ("drop table users cascade", True, "300 rows"),
    ("alter table users drop column phone", True, "150 values"),
    ("create table scratch (a int); drop table scratch", False, "made by the script"),
    ("alter table users add column extra int; alter table users drop column extra", False, "made by the script"),
    ("drop schema archive cascade", True, "a table with 20 rows"),
    ("drop type user_role cascade", True, "the column users.role"),
    ("drop extension citext cascade", True, "the column users.nick"),
    ("truncate users cascade", True, "orders too"),
    ("truncate orders", True, "600 rows"),
    ("delete from orders where id < 100", True, "99 rows"),
    ("delete from orders where id < 0", False, "no row"),
    ("delete from users where id = 1", True, "orders by ON DELETE CASCADE"),
    ("update users set phone = null", True, "150 values"),
    ("update users set age = age", False, "nothing changes"),
    ("drop materialized view user_counts", True, "its contents"),
    ("alter table users alter column name type varchar(200)", True, "a view depends on it: it fails"),
    ("alter table users alter column nick type text", False, "no rewrite, no scan"),
    ("alter table users alter column name type text", True, "a view depends on it: it fails"),
    ("alter table users alter column name type varchar(3)", True, "values do not fit"),
    ("alter table orders alter column amount type int", True, "600 values are rounded"),
    ("alter table orders alter column amount type numeric(12,2)", False, "no rewrite, no scan"),
    ("alter table users alter column code type int using code::int", True, "'x1' is no integer"),
    ("alter table users alter column id type bigint", True, "two views depend on it: it fails"),
    ("drop view user_names", True, "another view depends on it: it fails"),
    ("drop table no_such_table", True, "it fails"),
    ("drop table if exists no_such_table", False, "nothing is there"),
    ("create unique index concurrently on users (phone)", True, "duplicates, and it runs inside the tool's transaction: it fails"),
    ("alter table keyless add constraint u unique (a)", None, "no duplicates in 20 rows"),
    ("alter table users alter column phone set not null", True, "150 NULLs: it fails"),
    ("alter table users alter column proven set not null", False, "a valid CHECK proves it"),
    ("alter table users add constraint adult check (age > 17)", True, "rows violate it"),
    ("alter table users add constraint old check (age > 5) not valid", False, "nothing is read"),
    ("alter table orders add constraint f foreign key (parent_id) references orders (id)", True, "orphans: it fails"),
    ("alter table users add column must int not null", True, "300 rows: it fails"),
    ("alter table users add column must int not null default 0", False, "a constant default"),
    ("alter table users add column made timestamptz default now()", False, "stable: no rewrite"),
    ("alter table users add column token uuid default gen_random_uuid()", None, "rewrites 300 rows: nobody notices"),
    ("alter table users add column plan positive", None, "a domain's constraint rewrites 300 rows: nobody notices"),
    ("create index on users (age)", None, "300 rows: nobody notices"),
    ("drop index concurrently users_email_idx", True, "inside the tool's transaction: it fails"),
    ("alter table users rename column phone to tel", True, "running code breaks"),
    ("alter table users drop column phone, add column phone_number text", True, "a rename spelled as drop and add"),
    ("do $$ begin execute 'drop table users'; end $$", True, "a table goes, in dynamic SQL"),
    ("select pg_catalog.now()", False, "nothing"),
    ("refresh materialized view user_counts", None, "a small view"),
    ("alter table events attach partition events_new for values from (100) to (200)", None, "100 rows are read"),
    ("alter type user_role rename value 'admin' to 'root'", True, "running code breaks"),
    ("alter table keyless set logged", False, "it is logged already"),
    ("insert into users (id, name, email) values (1000, 'x', 'y')", False, "nothing is lost"),
    ("alter table orders drop constraint orders_user_fk", None, "a short lock on both tables"),
    ("comment on table users is 'x'", False, "nothing"),
]


def file_of(sql):
    f = tempfile.NamedTemporaryFile("w", suffix=".sql")
    f.write(sql + ";\n")
    f.flush()
    return f


def by_mig(sql, *options):
    with file_of(sql) as f:
        r = subprocess.run([mig, "sql", "-q", "--tool", "single-transaction", "--format", "json", *options, f.name], capture_output=True, text=True)
    j = json.loads(r.stdout)
    found = [x for x in j["findings"] if x["severity"] in ("medium", "high", "critical")]
    return j["verdict"], sorted({x["code"] for x in found}), found


def by_squawk(sql):
    with file_of(sql) as f:
        r = subprocess.run([squawk, "--assume-in-transaction", "--reporter", "json", f.name], capture_output=True, text=True)
    try:
        j = json.loads(r.stdout)
    except ValueError:
        return ["?"]
    return sorted({x["rule_name"] for x in j} - STYLE)


def cell(codes):
    return ", ".join("`%s`" % c for c in codes) or "–"


rows, score = [], {"squawk": [0, 0, 0], "offline": [0, 0, 0], "db": [0, 0, 0]}
for sql, danger, why in CASES:
    s = by_squawk(sql)
    ov, oc, _ = by_mig(sql, "--offline")
    dv, dc, _ = by_mig(sql, "-d", conninfo)
    for name, flagged in (("squawk", bool(s)), ("offline", ov != "safe"), ("db", dv != "safe")):
        if danger is None:
            continue
        score[name][0 if flagged == danger else 1 if danger else 2] += 1
    rows.append("| `%s` | %s%s | %s | %s: %s | %s: %s |" % (
        sql.replace("|", "\\|"), {True: "**yes**: ", False: "no: ", None: "hardly: "}[danger], why, cell(s), ov, cell(oc), dv, cell(dc)))
version = subprocess.run([squawk, "--version"], capture_output=True, text=True).stdout.split()[-1]
print("""# Beside squawk

The same statements judged by squawk %s, by `mig-validate sql --offline`, and by `mig-validate sql` with the database of
`tests/oracle/hazards_fixture.sql` (a few hundred rows).  Both are told that a migration tool
puts each file into one transaction.  Made by `tests/oracle/comparison.py`; not part of `make check`.

squawk reads the text alone; it is good at what the text tells, and needs no database.  Its rules of style and of timeouts
(%s) are left out: every script here trips some of them, and mig-validate has theirs behind `--style` or at severity low.
Of mig-validate the findings of medium severity and above are shown, and its verdict (`unsafe` from high on).

"dangerous" is what running the statement on that database does: it destroys or alters values, fails, or breaks running
code.  "hardly" is a lock or a rewrite that a table of this size does not feel, and a large one would; those cases count
for nobody.

| | squawk | mig-validate offline | mig-validate |
|---|---|---|---|""" % (version, ", ".join("`%s`" % s for s in sorted(STYLE))))
n = sum(1 for c in CASES if c[1] is not None)
for label, i in (("right, of %d" % n, 0), ("dangerous and not told", 1), ("told and not dangerous", 2)):
    print("| %s | %s |" % (label, " | ".join(str(score[k][i]) for k in ("squawk", "offline", "db"))))
print("\n| statement | dangerous? | squawk | offline | with the database |\n|---|---|---|---|---|")
print("\n".join(rows))
