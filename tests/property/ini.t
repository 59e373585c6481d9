#!/usr/bin/python3
"""Random configuration files, read by us and by Python's ConfigParser as Alembic uses it.

    tests/property/ini.t [FILES [SEED]]      (default: 6000, $MIG_SEED or 1)
"""
import configparser
import json
import os
import random
import subprocess
import sys

os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
FILES = int(sys.argv[1]) if len(sys.argv) > 1 else 6000
SEED = int(sys.argv[2] if len(sys.argv) > 2 else os.environ.get("MIG_SEED", "1"))
rnd = random.Random(SEED)
SECTIONS = ["alembic", "a", "DEFAULT", "x y", "a]b", "A", "loggers"]
OPTIONS = ["a", "b", "script_location", "version_locations", "Sqlalchemy.URL", "c d", "here"]


def word():
    return rnd.choice(["v", "x:y", "p=q", "%(a)s", "%(B)s", "%(here)s/m", "%%", "%", "%(nothing)s", "%(a)", "%()s", "a, b", "; no",
                       "# no", "[z]", "\u00e9", "", " ", "%(c d)s", "postgresql://u:p%%40w@h/d", "x%(a)sy%(b)sz", "\\", "'", "%(script_location)s"])


def value():
    return "".join(rnd.choice([word(), " " + word()]) for _ in range(rnd.choice([0, 1, 1, 1, 2, 3])))


def line():
    k = rnd.random()
    indent = rnd.choice(["", "", "", "", " ", "  ", "\t"])
    if k < 0.12:
        return rnd.choice(["", "", " "]) + "[" + rnd.choice(SECTIONS) + "]" + rnd.choice(["", "", " ", " x", "]"])
    if k < 0.2:
        return indent + rnd.choice(["#", ";", "# ", " ; "]) + value()
    if k < 0.28:
        return rnd.choice(["", "  ", "\t"])
    if k < 0.4:
        return rnd.choice(["  ", "    ", "\t"]) + value()
    if k < 0.42:
        return indent + rnd.choice(["alone", "= x", ": y", "[", "[]", "[ ]", "]"])
    return indent + rnd.choice(OPTIONS) + rnd.choice(["=", " = ", ":", ": ", " : ", "  =", " ="]) + value()


planner = subprocess.Popen([os.environ.get("MIG_PLANNER", "build/tools/planner")], stdin=subprocess.PIPE,
                           stdout=subprocess.PIPE, text=True, encoding="utf-8")
wrong = files = refused = values = errors = 0
for _ in range(FILES):
    lines = [line() for _ in range(rnd.choice([1, 3, 6, 10]))]
    if rnd.random() < 0.8:
        lines.insert(0, "[" + rnd.choice(SECTIONS[:3]) + "]")
    text = rnd.choice(["\n", "\n", "\n", "\r\n"]).join(lines) + rnd.choice(["", "\n"])
    asks = [[s, o.lower()] for s in ("alembic", "a", "x y", "A") for o in OPTIONS]
    theirs = []
    parser = configparser.ConfigParser({"here": "/h"})
    try:
        # as read() sees a file: universal newlines
        parser.read_string(text.replace("\r\n", "\n"))
    except configparser.Error as e:
        theirs = None
    if theirs is not None:
        for s, o in asks:
            try:
                theirs.append(parser.get(s, o) if parser.has_section(s) and parser.has_option(s, o) else None)
            except configparser.Error:
                theirs.append(False)
    planner.stdin.write(json.dumps({"ini": text, "asks": asks}, ensure_ascii=False) + "\n")
    planner.stdin.flush()
    ours = json.loads(planner.stdout.readline())
    files += 1
    if theirs is None:
        refused += 1
        ok = "error" in ours
    else:
        values += sum(isinstance(t, str) for t in theirs)
        errors += sum(t is False for t in theirs)
        ok = "error" not in ours and ours["values"] == theirs
    if not ok:
        wrong += 1
        if wrong < 5:
            print("# %r" % text)
            for a, t, o in zip(asks, theirs or [], ours.get("values", [])):
                if t != o:
                    print("#   %s: %r, ours %r" % (a, t, o))
            print("#   %s / %s" % ("refused" if theirs is None else "read", ours.get("error", "read")))
planner.stdin.close()
planner.wait()
print("1..2")
print("%s 1 - as ConfigParser: %d files, %d refused, %d values, %d that fail (seed %d, %d differ)"
      % ("not ok" if wrong else "ok", files, refused, values, errors, SEED, wrong))
enough = refused * 20 > files and values * 3 > files and errors > files / 8
print("%s 2 - there were files, values and errors of every kind" % ("ok" if enough else "not ok"))
sys.exit(1 if wrong or not enough else 0)
