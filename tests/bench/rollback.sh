# rollback: one step down, beside plain `alembic downgrade` of the same step; how long others wait.
#
# "The DDL's own" time under ACCESS EXCLUSIVE is what plain Alembic keeps a reader waiting for the same
# step on the same data: from the moment the lock is there to COMMIT.  Ours begins when the lock is there
# and holds the same statements, the proof and COMMIT: the copy and all else that is read come before,
# under SHARE ROW EXCLUSIVE (readers go on).  Both are felt by the same sessions (holds.py).  Wall times
# are taken without these: they would take a processor of their own.
. "$(dirname "${BASH_SOURCE[0]}")/lib.bash"
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
export LC_ALL=C.UTF-8 MIG_PYTHON=/usr/bin/python3 PATH=$PATH
runs=${BENCH_RUNS:-3}
work=$BENCH_TMP/rollback
mkdir -p "$work"
. "$root/tests/lib/twostep.bash"
sql() { for s in "$@"; do psql -XAtqc "$s"; done; }
export PGDATABASE=postgres
twostep "$work/app"
mig-backup keygen -q >/dev/null
cat >migrations/versions/a3.py <<'END'
from alembic import op
revision = "aaaaaaaaaaa3"
down_revision = "aaaaaaaaaaa2"
def upgrade():
    op.execute("ALTER TABLE t ALTER COLUMN n TYPE bigint")
def downgrade():
    op.execute("ALTER TABLE t ALTER COLUMN n TYPE integer")
END
export ALEMBIC=$(PATH=/usr/bin:$PATH command -v alembic)

# template NAME ROWS: at a3, with so many rows in t and d.
template() {
    echo "bench: $1, $2 rows" >&2
    dropdb --if-exists "$1" && createdb "$1"
    PGDATABASE=$1 "$ALEMBIC" upgrade aaaaaaaaaaa2 2>/dev/null
    PGDATABASE=$1 sql "alter table t add column n integer" \
        "insert into t (id, keep, v, n) select i, repeat('k' || i, 8), 'value ' || i, i from generate_series(1, $2) i" \
        "insert into d select i, 'd' || i from generate_series(1, $2) i"
    PGDATABASE=$1 "$ALEMBIC" upgrade head 2>/dev/null
    PGDATABASE=$1 sql "vacuum analyze" "checkpoint"
}

# fresh TEMPLATE WHAT: a copy, one step above what is measured.
fresh() {
    export PGDATABASE=bench_rollback
    dropdb --if-exists --force "$PGDATABASE" 2>/dev/null && createdb -T "$1" "$PGDATABASE"
    [ "$2" = rewrite ] || "$ALEMBIC" downgrade -1 2>/dev/null
    sql checkpoint
}
went_well() {
    [ "$CODE" -eq 0 ] || { echo "bench: exit $CODE: $*" >&2; tail -n 5 "$work/said" >&2; return 1; }
}
smaller() { if [ -z "$1" ] || awk "BEGIN { exit !($2 < $1) }"; then echo "$2"; else echo "$1"; fi; }

# walls TEMPLATE WHAT COMMAND...: the best WALL of $runs, alone.
walls() {
    local i w=''
    for ((i = 0; i < runs; i++)); do
        fresh "$1" "$2"
        measure "${@:3}"
        went_well "${@:3}" || return 1
        w=$(smaller "$w" "$WALL")
    done
    WALL=$w
}
# waits TEMPLATE WHAT COMMAND...: the best READS and WRITES (ms) of $runs, each by itself; LOOK of the last.
waits() {
    local i r='' k='' prober tables=t
    [ "$2" = rewrite ] || tables='t d'
    for ((i = 0; i < runs; i++)); do
        fresh "$1" "$2"
        rm -f hold seen
        mkfifo hold
        # shellcheck disable=SC2086
        "$MIG_PYTHON" "$root/tests/bench/holds.py" $tables <hold >seen &
        prober=$!
        exec 8>hold
        until grep -q READY seen; do
            kill -0 "$prober" || return 1
            sleep 0.02
        done
        measure "${@:3}"
        exec 8>&-
        wait "$prober"
        went_well "${@:3}" || return 1
        read -r READS WRITES LOOK < <(tail -n 1 seen)
        r=$(smaller "$r" "$READS")
        k=$(smaller "$k" "$WRITES")
    done
    READS=$r WRITES=$k
}
plain() { "$ALEMBIC" downgrade -1 2>/dev/null; }
ours() { mig-rollback run -1 --yes --confirm bench_rollback --max-block 1h --force gate,validate --reason bench "$@" >"$work/said" 2>&1; }
export -f plain ours
export work

small=1000
large=$(awk "BEGIN { printf \"%d\", 1000000 * $BENCH_SCALE }")
template bench_small "$small"
template bench_large "$large"
for size in small large; do
    rows=${!size}
    for what in rewrite drop; do
        label="$what, $rows rows"
        walls bench_$size $what bash -c plain
        wall=$WALL
        waits bench_$size $what bash -c plain
        own=$READS
        note "$label: alembic took $wall s and kept readers waiting for $own ms, writers for $WRITES ms"
        walls bench_$size $what bash -c 'ours --no-backup bench'
        row "$label: wall, no backup (peer: alembic + 0.5 s)" "$WALL s" "$(awk "BEGIN { print $wall + 0.5 }") s" \
            "$(ratio "$WALL" "$wall + 0.5")" "<= 1"
        none=$WALL
        for mode in locked before; do
            walls bench_$size $what bash -c "ours --backup $mode"
            row "$label: --backup $mode, wall" "$WALL s" "$wall s" "$(ratio "$WALL" "$wall")" ""
            waits bench_$size $what bash -c "ours --backup $mode"
            row "$label: --backup $mode, readers wait" "$READS ms" "$own ms" "$(ratio "$READS" "$own")" "<= 1.3"
            note "$label: --backup $mode: the backup took $(awk "BEGIN { printf \"%.2f\", $WALL - $none }") s; writers wait $WRITES ms; a look takes $LOOK ms"
        done
    done
done
dropdb --force bench_rollback
