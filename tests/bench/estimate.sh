#!/usr/bin/env bash
# estimate: how often the time that a statement takes lies in the range that mig-validate gave before.
# shellcheck source=tests/bench/lib.bash
source "$(dirname "$0")/lib.bash"

export MIG_STATE_DIR=$BENCH_TMP/state
createdb bench_estimate
export PGDATABASE=bench_estimate
python3 - "$BENCH_SCALE" >"$BENCH_TMP/ops" <<'END'
import sys
scale = float(sys.argv[1])
shapes = {  # rows, columns
    "narrow": (1000000, "g as a, g as b"),
    "middle": (400000, "g as a, (g::bigint * 7919) % 400000 as b, md5(g::text) as c, md5((g * 3)::text) as d, now() as t"),
    "wide": (60000, "g as a, (g::bigint * 7919) % 60000 as b, repeat(md5(g::text), 30) as c"),
    "little": (20000, "g as a, (g::bigint * 7919) % 20000 as b, md5(g::text) as c"),
}
ops = ["alter table x alter a set not null", "alter table x add check (a > 0)", "alter table x alter a type numeric",
       "alter table x add column z float default random()", "create index on x (b)", "alter table x add unique (a)",
       "alter table x add foreign key (a) references p (id)", "update x set b = b + 1", "delete from x where a % 2 = 0",
       "alter table x set unlogged", "insert into x (a, b) select id, id from p", "alter table x drop column b",
       "truncate x", "alter table x add column y int", "alter table x alter a type bigint; create index on x (b)"]
for name, (rows, columns) in shapes.items():
    for indexes in (0, 2):
        rows_here = max(1000, int(rows * scale))
        setup = "drop table if exists x, p cascade; create table x as select %s from generate_series(1, %d) g; create table p (id int primary key); insert into p select g from generate_series(1, %d) g;" % (columns, rows_here, rows_here)
        if indexes:
            setup += "create index on x (a); create index on x (b);"
        print("%s\t%s" % ("setup", setup + "analyze x; analyze p; checkpoint;"))
        for op in ops:
            print("%s, %d indexes\t%s" % (name, indexes, op))
END
total=0 inside=0 below=0 above=0 widest=0
while IFS=$'\t' read -r where op; do
    if [ "$where" = setup ]; then psql -Xqc "$op" 2>/dev/null; psql -Xqc "vacuum x" -c "vacuum p"; continue; fi
    echo "$op" >"$BENCH_TMP/op.sql"
    range=$({ mig-validate sql -q --format json "$BENCH_TMP/op.sql" || :; } | python3 -c '
import json, sys
h = [x["seconds"] for x in json.load(sys.stdin)["holds"] if x["relation"] == "public.x"][0]
print(h["least"], h["most"])')
    # The statement alone, in a session that is already there.
    took=$(psql -XAtq -c '\timing on' -c 'begin' -c "$op" -c rollback | awk 'NR > 1 && $1 == "Time:" { t[NR] = $2; last = NR } END { s = 0; for (i in t) s += t[i]; print (s - t[last]) / 1000 }')
    verdict=$(awk "BEGIN { split(\"$range\", r, \" \"); print ($took < r[1] ? \"below\" : $took > r[2] ? \"above\" : \"inside\") }")
    echo "$verdict: $where: $op: $took s, said $range" >&2
    total=$((total + 1))
    case $verdict in inside) inside=$((inside + 1)) ;; below) below=$((below + 1)) ;; above) above=$((above + 1)) ;; esac
done <"$BENCH_TMP/ops"
row "statements whose time lay in the range given, of $total" "$inside" "$below faster, $above slower" "$(ratio "$inside" "$total")" ">= 0.9"
dropdb bench_estimate
