#!/usr/bin/python3
"""Every hazard's example trips it, and its neighbour does not, with a database and (where the text
alone can tell) offline.

  hazards.py CONNINFO MIG_VALIDATE

The database holds hazards_fixture.sql.  TAP on standard output.
"""
import json, os, subprocess, sys, tempfile

conninfo, binary = sys.argv[1], sys.argv[2]
only = sys.argv[3:]


def codes(sql, *options):
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as f:
        f.write(sql + ";\n")
        f.flush()
        r = subprocess.run([binary, "sql", "-q", "--style", "--format", "json", *options, f.name],
                           capture_output=True, text=True)
    try:
        j = json.loads(r.stdout)
    except ValueError:
        return {"FAILED: " + r.stderr.strip()}, []
    return {x["code"] for x in j["findings"]}, j["findings"]


table = json.loads(subprocess.run([binary, "hazards", "--format", "json"], capture_output=True, text=True, check=True).stdout)["hazards"]
# What only the database can say.
NEEDS_DATABASE = {"fires-triggers", "would-fail", "delete-cascades", "still-referenced", "foreign-key-without-index", "type-change-checks", "table-rewrite",
                  "routine-breaks", "routine-may-break"}
# Only the database can say that there is nothing to say.
NEIGHBOUR_NEEDS_DATABASE = {"lossy-cast", "cast-failure", "type-change", "set-not-null", "null-violations", "drop-constraint", "set-logged",
                            "primary-key-nullable", "delete-cascades", "truncate-cascade", "several-alter-table"}
n = bad = 0
for h in table:
    if h["trips"] is None or (only and h["code"] not in only):
        continue
    for sql, wanted in ((h["trips"], True), (h["neighbour"], False)):
        for options in (["-d", conninfo], ["--offline"]):
            offline = options == ["--offline"]
            if offline and (h["code"] in NEEDS_DATABASE or not wanted and h["code"] in NEIGHBOUR_NEEDS_DATABASE):
                continue
            got, findings = codes(sql, *options)
            n += 1
            if (h["code"] in got) == wanted and not any(c.startswith("FAILED") for c in got):
                print("ok %d - %s: %s%s" % (n, h["code"], "" if wanted else "not ", "offline" if offline else "counted"))
            else:
                bad += 1
                print("not ok %d - %s: %s (%s)" % (n, h["code"], sql, "offline" if offline else "with a database"))
                print("# wanted it %s, got %s" % ("" if wanted else "not", ", ".join(sorted(got)) or "nothing"))
print("1..%d" % n)
sys.exit(1 if bad else 0)
