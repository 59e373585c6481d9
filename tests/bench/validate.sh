#!/usr/bin/env bash
# validate: 10 000 statements judged offline, beside squawk; a downgrade of 100 tables counted.
# shellcheck source=tests/bench/lib.bash
source "$(dirname "$0")/lib.bash"

export MIG_STATE_DIR=$BENCH_TMP/state
python3 - "$BENCH_TMP/10k.sql" <<'END'
import sys
with open(sys.argv[1], "w") as f:
    for i in range(10000):
        t = "t%d" % (i % 500)
        f.write([
            "ALTER TABLE {t} ADD COLUMN c{i} integer",
            "ALTER TABLE {t} DROP COLUMN c{i}",
            "CREATE INDEX ix_{i} ON {t} (a, b)",
            "ALTER TABLE {t} ALTER COLUMN a TYPE bigint",
            "UPDATE {t} SET a = {i} WHERE b = 'x{i}'",
            "CREATE TABLE n{i} (id serial PRIMARY KEY, name varchar(50) NOT NULL, at timestamptz DEFAULT now())",
            "ALTER TABLE {t} ADD CONSTRAINT fk{i} FOREIGN KEY (a) REFERENCES t1 (id)",
            "INSERT INTO {t} (a, b) VALUES ({i}, 'v{i}')",
            "DROP TABLE IF EXISTS d{i}",
            "COMMENT ON TABLE {t} IS 'comment {i}'"][i % 10].format(t=t, i=i) + ";\n")
END
judged() { [ "$1" -eq 1 ] || [ "$1" -eq 0 ]; }
best 5 sh -c "mig-validate sql --offline -q '$BENCH_TMP/10k.sql' >/dev/null; [ \$? -eq 1 ]"
ours=$WALL
mem=$RSS
if command -v squawk >/dev/null; then
    best 1 sh -c "squawk '$BENCH_TMP/10k.sql' >/dev/null 2>&1; [ \$? -le 1 ]"
    row "10 000 statements offline" "$ours s" "$WALL s (squawk)" "$(ratio "$WALL" "$ours")" ""
else
    row "10 000 statements offline" "$ours s" "squawk is not installed" "-" ""
fi
row "10 000 statements offline, seconds" "$ours s" "-" "$ours" "<= 0.3"
row "10 000 statements offline, peak memory (MB)" "$((mem / 1024)) MB" "-" "$((mem / 1024))" ""

# 100 tables, 10 million rows by default, dropped in one script.
rows=$(awk "BEGIN { printf \"%d\", 100000 * ${BENCH_SCALE:-1} }")
createdb bench_validate
export PGDATABASE=bench_validate
{
    for i in $(seq 100); do
        echo "create table t$i (id bigint primary key, a text, b int, c timestamptz);"
        echo "insert into t$i select g, 'value ' || g, case when g % 3 = 0 then g end, now() from generate_series(1, $rows) g;"
    done
    echo "vacuum analyze;"
} | psql -Xqo /dev/null
for i in $(seq 100); do
    if [ $((i % 2)) -eq 0 ]; then echo "drop table t$i;"; else echo "alter table t$i drop column b;"; fi
done >"$BENCH_TMP/drop.sql"
best 2 sh -c "mig-validate sql -q -j 2 --budget 600s '$BENCH_TMP/drop.sql' >/dev/null; [ \$? -eq 1 ]"
row "100 tables of $rows rows counted, -j2" "$WALL s" "-" "$(ratio "$WALL" 100) s a table" ""
dropdb bench_validate
