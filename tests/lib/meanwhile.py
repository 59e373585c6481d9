#!/usr/bin/env python3
"""meanwhile: what becomes of writes between a rollback and its undo, against what was really written.

    meanwhile.py SEED...        in the database of PG*, in the working directory, with the key of MIG_KEY*

Each seed makes tables, a downgrade and an upgrade of a few steps, runs the one, writes as an application would,
and undoes.  Then, by the states themselves and the log of what was written, nothing of mig:

    a row that nobody wrote      is as it was before the rollback, or undo was foretold inexact, or is exit 7
    a value that was written     is there, or undo is exit 7 and the row is in the copy on the shelf
    a row that was deleted       is gone, or undo is exit 7
    nothing written              exit 0 where undo was foretold exact

Columns that the upgrade drops are nobody's any more.  Prints one line a seed; exit 1 where one was wrong.
"""
import glob
import json
import os
import random
import re
import subprocess
import sys

import psycopg2


class Table:
    """One table, and the steps of both directions that touch it."""

    def __init__(self, r, name):
        self.name, self.r = name, r
        self.down, self.up, self.renamed = [], [], {}
        self.textkey = r.random() < 0.25
        self.gone = self.swapped = False
        self.taken = set()

    def key(self, n):
        return "k%d" % n if self.textkey else n

    def make(self):
        kind = "text" if self.textkey else "int"
        one = "'k' || g" if self.textkey else "g"
        unique = self.r.random() < 0.2
        return ["create table %s (id %s primary key, a int%s, b text, c text, d text default 'none')"
                % (self.name, kind, " unique" if unique else ""),
                "insert into %s select %s, g * 10, 'b' || g, 'c' || g, 'd' || g from generate_series(1, 12) g" % (self.name, one)]

    def where(self):
        return self.r.choice(["", "", " where a > 50", " where a % 20 = 0"])

    def column(self):
        left = [c for c in "bcd" if c not in self.taken]
        if not left:
            return None
        c = self.r.choice(left)
        self.taken.add(c)
        return c

    def step(self):
        """The upgrade goes the same steps the other way."""
        up, self.up = self.up, []
        self.one_step()
        self.up += up

    def one_step(self):
        n, r = self.name, self.r
        if self.gone:
            return
        kind = r.choice(["drop", "drop fill", "update", "update both", "again", "again", "delete", "delete back", "retype",
                         "rename", "convert", "drop table", "swap", "truncate", "nothing"])
        if kind in ("drop table", "swap", "truncate") and (self.down or r.random() < 0.5):
            return
        c = self.column() if kind in ("drop", "drop fill", "update", "update both", "again", "rename", "convert") else "x"
        if c is None:
            return
        if kind == "drop":
            self.down.append("alter table %s drop column %s" % (n, c))
            self.up.append("alter table %s add column %s text%s" % (n, c, " default 'none'" if c == "d" else ""))
        elif kind == "drop fill":
            self.down.append("alter table %s drop column %s" % (n, c))
            self.up += ["alter table %s add column %s text%s" % (n, c, " default 'none'" if c == "d" else ""),
                        "update %s set %s = 'filled ' || id%s" % (n, c, self.where())]
        elif kind == "update":
            self.down.append("update %s set %s = 'old'%s" % (n, c, self.where()))
        elif kind == "update both":
            w = self.where()
            self.down.append("update %s set %s = 'old'%s" % (n, c, w))
            self.up.append("update %s set %s = upper(%s)%s" % (n, c, c, w))
        elif kind == "again":
            self.up.append(r.choice(["update %s set %s = upper(%s)%s", "update %s set %s = %s || '!'%s"]) % (n, c, c, self.where()))
        elif kind == "delete":
            self.down.append("delete from %s where a %% 40 = 0" % n)
        elif kind == "delete back":
            self.down.append("delete from %s where a = 30" % n)
            self.up.append("insert into %s (id, a) values (%s, 30)" % (n, "'k3'" if self.textkey else "3"))
        elif kind == "truncate":
            self.down.append("truncate %s" % n)
        elif kind == "retype" and "a" not in self.taken:
            self.taken.add("a")
            self.down.append("alter table %s alter a type %s" % (n, r.choice(["bigint", "smallint", "text using a::text", "int using a / 7"])))
            self.up.append("alter table %s alter a type int using a::int" % n)
        elif kind == "rename":
            self.renamed[c + "2"] = c
            self.down.append("alter table %s rename %s to %s2" % (n, c, c))
            self.up.append("alter table %s rename %s2 to %s" % (n, c, c))
        elif kind == "convert":
            self.down += ["alter table %s add column %s_old text" % (n, c), "update %s set %s_old = %s" % (n, c, c),
                          "alter table %s drop column %s" % (n, c)]
            self.up += ["alter table %s add column %s text%s" % (n, c, " default 'none'" if c == "d" else ""),
                        "update %s set %s = %s_old" % (n, c, c), "alter table %s drop column %s_old" % (n, c)]
        elif kind in ("drop table", "swap"):
            self.gone = True
            self.swapped = kind == "swap"
            columns = "id %s primary key, a int, b text, c text, d text default 'none'" % ("text" if self.textkey else "int")
            if self.swapped:
                self.down.append("create table %s_old as select * from %s" % (n, n))
            self.down.append("drop table %s" % n)
            self.up.append("create table %s (%s)" % (n, columns))
            if self.swapped:
                self.up += ["insert into %s select * from %s_old" % (n, n), "drop table %s_old" % n]


def state(cursor, table, names=None):
    """{key: {column: text}}, or None where the table is not there."""
    cursor.execute("select to_regclass(%s)", (table,))
    if cursor.fetchone()[0] is None:
        return None
    cursor.execute("select * from " + table)
    columns = [d[0] for d in cursor.description]
    names = names or {}
    return {str(row[columns.index("id")]): {names.get(c, c): None if v is None else str(v) for c, v in zip(columns, row)}
            for row in cursor.fetchall()}


def write(r, cursor, t, name):
    """As an application: a few rows changed, made and deleted."""
    now = state(cursor, name)
    if not now:
        return
    columns = [c for c in next(iter(now.values())) if c not in ("id", "a")]
    for key in sorted(now):
        dice = r.random()
        if dice < 0.12 and columns:
            cursor.execute("update %s set %s = %%s where id::text = %%s" % (name, r.choice(columns)), ("app %d" % r.randrange(99), key))
        elif dice < 0.18:
            cursor.execute("delete from %s where id::text = %%s" % name, (key,))
    for n in range(r.choice([0, 0, 1, 2])):
        cursor.execute("insert into %s (id, %s) values (%%s, %%s)" % (name, columns[0] if columns else "a"),
                       (t.key(100 + n), "new" if columns else 100 + n))


def mig(*args):
    p = subprocess.run(["mig-rollback", *args, "--yes", "--confirm", os.environ["PGDATABASE"]], capture_output=True, text=True)
    return p.returncode, p.stdout, p.stderr


def copied():
    """What the newest copy on the shelf holds, as one text."""
    out = ""
    for f in glob.glob("backups/*before-restore*"):
        shown = json.loads(subprocess.run(["mig-backup", "show", f, "--format", "json"], capture_output=True, text=True).stdout)
        for t in shown["tables"]:
            out += subprocess.run(["mig-backup", "cat", f, "-t", t["name"], "--objects"], capture_output=True, text=True).stdout
    return out


def judge(t, before, between, now, foretold, code, copy):
    """What is wrong with one table: BEFORE the rollback, BETWEEN = (left by it, written to), NOW."""
    left, written = between
    wrong = []
    if now is None or before is None:
        return ["%s is not there" % t.name]
    if left is None:  # nobody could write
        left = written = {}
    touched = {k for k in set(left) | set(written) if left.get(k) != written.get(k)}
    for k in before:
        if k not in touched and now.get(k) != before[k] and code != 7 and not foretold.startswith("inexact"):
            wrong.append("row %s that nobody wrote: %s is %s" % (k, before[k], now.get(k)))
    for k in touched:
        if k not in written:
            if k in now and code != 7:
                wrong.append("row %s was deleted, and is there" % k)
            continue
        if k not in now:
            if code != 7:
                wrong.append("row %s was written, and is gone" % k)
            continue
        for c, v in written[k].items():
            if c in now[k] and v != left.get(k, {}).get(c) and now[k][c] != v:
                if code != 7:
                    wrong.append("%s of row %s was written, and is another" % (c, k))
                elif json.dumps(v) not in copy:
                    wrong.append("%s of row %s is not in the copy" % (c, k))
    for k in now:
        if k not in before and k not in touched and code != 7 and not foretold.startswith("inexact"):
            wrong.append("row %s came from nowhere" % k)
    return wrong


def one(seed, show):
    r = random.Random(seed)
    connection = psycopg2.connect("")
    connection.autocommit = True
    cursor = connection.cursor()
    cursor.execute("set client_min_messages = error; drop schema public cascade; create schema public")
    for f in glob.glob("backups/*.mig"):
        os.remove(f)
    tables = [Table(r, n) for n in ["t", "u"][: r.choice([1, 2])]]
    for t in tables:
        for s in t.make():
            cursor.execute(s)
    child = len(tables) == 2 and r.random() < 0.4 and tables[0].textkey == tables[1].textkey
    for t in tables:
        for _ in range(r.choice([1, 2, 3])):
            t.step()
    if child and not tables[0].gone:
        cursor.execute("alter table u add constraint u_t foreign key (id) references t on delete cascade")
    down = ";\n".join(s for t in reversed(tables) for s in t.down) or "select 1"
    up = ";\n".join(s for t in tables for s in t.up) or "select 1"
    open("down.sql", "w").write(down + ";\n")
    open("up.sql", "w").write(up + ";\n")
    before = {t.name: state(cursor, t.name) for t in tables}
    options = r.choice([[], [], ["--scope", "loss"], ["--backup", "before"]])
    code, out, err = mig("run", "--sql", "down.sql", "--undo-sql", "up.sql", *options)
    if code != 0:
        return "refused", re.findall(r"error: (.*)", err)[:1], 0
    foretold = re.search(r"^Undo: (.*)", err, re.M).group(1)
    quiet = r.random() < 0.2
    there = {t.name: t.name + "_old" if t.swapped else t.name for t in tables}
    left = {t.name: state(cursor, there[t.name], t.renamed) for t in tables}
    for t in [] if quiet else tables:
        try:
            write(r, cursor, t, there[t.name])
        except psycopg2.Error:
            pass  # a key that refers to nothing
    between = {t.name: (left[t.name], state(cursor, there[t.name], t.renamed)) for t in tables}
    said, out, err = mig("undo", "--format", "json")
    if said not in (0, 7):
        wrong = [] if said == 4 or foretold.startswith(("impossible", "inexact")) or re.search("duplicate key|violates|operator does not exist", err) else [
            "undo is exit %d: %s" % (said, re.findall(r"error: (.*)", err)[:1])]
        return "undo exit %d" % said, wrong, 0
    copy = copied()
    wrong = [w for t in tables for w in judge(t, before[t.name], between[t.name], state(cursor, t.name), foretold, said, copy)]
    if quiet and said == 7 and foretold == "exact":
        wrong.append("exit 7, nothing was written, and undo was called exact: %s" % json.loads(out)["notes"])
    if show or wrong:
        print(down, "\n--\n", up, "\n--", options, json.loads(out)["notes"])
    connection.close()
    return "%s, exit %d" % (foretold[:30], said), wrong, said


def main():
    bad = 0
    for arg in sys.argv[1:]:
        if arg == "-v":
            continue
        said, wrong, _ = one(int(arg), "-v" in sys.argv)
        print(arg, said, "" if said == "refused" and not wrong else wrong or "right", flush=True)
        bad |= said != "refused" and bool(wrong)
    sys.exit(bad)


main()
