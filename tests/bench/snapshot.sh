# snapshot: one large table out and back in, a dropped column's loss, and many small tables.
. "$(dirname "${BASH_SOURCE[0]}")/lib.bash"
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
runs=${BENCH_RUNS:-3}
rows=$(awk "BEGIN { printf \"%d\", 2500000 * $BENCH_SCALE }")
export PGDATABASE=bench_snapshot
q() { psql -XAtqc "$1" "${@:2}"; }
out() { ls -l "$1" | awk '{ print $5 }'; }
mb() { awk "BEGIN { printf \"%.0f MB\", ($1) / 1e6 }"; }

echo "bench: making $rows rows" >&2
dropdb --if-exists "$PGDATABASE" && createdb "$PGDATABASE"
psql -XAtq -v ON_ERROR_STOP=1 -v rows="$rows" -f "$here/rows.sql"
q "checkpoint"
mig-backup keygen -q >/dev/null
export MIG_BACKUP_DIR=$BENCH_TMP/shelf
half=$(q "select relpages / 2 from pg_class where relname = 'events'")

create() { rm -rf "$MIG_BACKUP_DIR"; mig-backup create -q -t events --no-ddl "$@" >/dev/null; }
raw() { # the limit: the same COPY in two ctid halves, thrown away
    psql -XAtqc "copy (select * from events where ctid < '($half,0)') to stdout" >/dev/null &
    psql -XAtqc "copy (select * from events where ctid >= '($half,0)') to stdout" >/dev/null
    wait
}
dump() { rm -rf "$BENCH_TMP/dump"; pg_dump -t events "$@" -f "$BENCH_TMP/dump"; }
pipe() { pg_dump -t events | zstd -q -T0 | age -r "$recipient" -o "$BENCH_TMP/dump.age"; }
export -f create raw dump pipe
export half

# Turn by turn, so that whatever else the machine does falls on all alike.
least() { if [ -z "${2:-}" ] || awk "BEGIN { exit !($1 < $2) }"; then echo "$1"; else echo "$2"; fi; }
ours='' limit='' fc='' z1='' fd='' rss=0
for ((i = 0; i < runs; i++)); do
    echo "bench: snapshot $((i + 1)) of $runs" >&2
    measure bash -c raw; limit=$(least "$WALL" "$limit")
    measure bash -c create; [ "$CODE" = 0 ]; ours=$(least "$WALL" "$ours")
    measure bash -c "dump -Fc -Z1"; z1=$(least "$WALL" "$z1"); z1_size=$(out "$BENCH_TMP/dump")
    measure bash -c create; ours=$(least "$WALL" "$ours"); [ "$RSS" -le "$rss" ] || rss=$RSS
    measure bash -c "dump -Fd -j2 -Z1"; fd=$(least "$WALL" "$fd")
    measure bash -c raw; limit=$(least "$WALL" "$limit")
done
# What bash -c started is not the largest process for long: ask about the program itself.
rm -rf "$MIG_BACKUP_DIR"
measure mig-backup create -q -t events --no-ddl --log-file "$BENCH_TMP/log" --format json="$BENCH_TMP/create.json"
rss=$RSS
measure bash -c "dump -Fc"; fc=$WALL
dump -Fc
file=$(ls "$MIG_BACKUP_DIR"/*.mig)
size=$(out "$file")
plain=$(sed -n 's/^ *"bytes": \([0-9]*\),$/\1/p' "$BENCH_TMP/create.json" | tail -1)

row "snapshot -j2 against pg_dump -Fc" "$ours s" "$fc s" "$(ratio "$fc" "$ours")" ">= 5"
row "snapshot -j2 against pg_dump -Fc -Z1" "$ours s" "$z1 s" "$(ratio "$z1" "$ours")" ">= 2.2"
row "snapshot -j2 against pg_dump -Fd -j2 -Z1" "$ours s" "$fd s" "$(ratio "$fd" "$ours")" ""
row "snapshot -j2 against raw COPY in two halves to /dev/null" "$ours s" "$limit s" "$(ratio "$ours" "$limit")" "<= 1.45"
row "file size against pg_dump -Fc -Z1" "$(mb "$size")" "$(mb "$z1_size")" "$(ratio "$size" "$z1_size")" "<= 1"
row "peak memory of create -j2" "$((rss / 1024)) MiB" "64 MiB" "$(ratio "$rss" 65536)" "<= 1"
if command -v zstd >/dev/null && command -v age >/dev/null; then
    age-keygen -o "$BENCH_TMP/age.key" 2>/dev/null
    recipient=$(age-keygen -y "$BENCH_TMP/age.key")
    export recipient
    measure bash -c pipe
    row "snapshot -j2 against pg_dump | zstd | age" "$ours s" "$WALL s" "$(ratio "$WALL" "$ours")" ""
else
    skip "snapshot -j2 against pg_dump | zstd | age" "zstd and age are not both installed"
fi

best "$runs" mig-backup verify -q "$file"
row "verify, one core, JSON inflated" "$(awk "BEGIN { printf \"%.0f MB/s\", $plain / 1e6 / $WALL }")" "400 MB/s" "$(ratio "$plain / 1e6 / $WALL" 400)" ">= 1"

echo "bench: restore" >&2
psql -XAtqc "copy events to stdout" >"$BENCH_TMP/events.txt"
empty() { psql -XAtqc "truncate events" -c checkpoint; }
back='' text='' theirs=''
for ((i = 0; i < (runs > 2 ? 2 : runs); i++)); do
    empty
    measure psql -XAtqc "\\copy events from '$BENCH_TMP/events.txt'"; text=$(least "$WALL" "$text")
    empty
    measure mig-backup restore -q "$file" --yes --confirm "$PGDATABASE" --format json="$BENCH_TMP/restore.json"
    [ "$CODE" = 0 ]
    back=$(least "$WALL" "$back"); restore_rss=$RSS
done
empty
measure pg_restore -a -d "$PGDATABASE" "$BENCH_TMP/dump"; theirs=$WALL
rm -f "$BENCH_TMP/events.txt"
row "restore into the table with its indexes, against psql \\copy" "$back s" "$text s" "$(ratio "$back" "$text")" "<= 1.1"
row "restore against pg_restore" "$back s" "$theirs s" "$(ratio "$theirs" "$back")" "> 1"
row "peak memory of restore" "$((restore_rss / 1024)) MiB" "64 MiB" "$(ratio "$restore_rss" 65536)" "<= 1"
rm -rf "$BENCH_TMP/dump"

echo "bench: loss scope" >&2
mkdir -p "$BENCH_TMP/alembic/versions"
printf '[alembic]\nscript_location = %s\n' "$BENCH_TMP/alembic" >"$BENCH_TMP/alembic.ini"
cp "$here/env.py" "$BENCH_TMP/alembic/env.py"
cat >"$BENCH_TMP/alembic/versions/a1.py" <<'PY'
revision = "a1"
down_revision = None
from alembic import op
import sqlalchemy as sa
def upgrade():
    op.add_column("events", sa.Column("nickname", sa.Text()))
def downgrade():
    op.drop_column("events", "nickname")
PY
q "alter table events add nickname text" -c "update events set nickname = 'n' || id where id % 100 = 0" \
    -c "create table alembic_version (version_num varchar(32) primary key)" -c "insert into alembic_version values ('a1')" \
    -c "vacuum analyze events"
# The snapshot's own time: Alembic's rendering, the same for both, would only blur the ratio.
loss() {
    rm -rf "$MIG_BACKUP_DIR"
    mig-backup create -q --for-downgrade base --scope "$1" --no-ddl --alembic-config "$BENCH_TMP/alembic.ini" --format json="$BENCH_TMP/loss.json"
    awk -F'[:,]' '/"snapshot_milliseconds"/ { print $2 / 1000 }' "$BENCH_TMP/loss.json"
}
PATH=$PATH:/usr/bin
small='' whole=''
for ((i = 0; i < runs; i++)); do
    whole=$(least "$(loss tables)" "$whole"); whole_size=$(out "$MIG_BACKUP_DIR"/*.mig)
    small=$(least "$(loss loss)" "$small"); small_size=$(out "$MIG_BACKUP_DIR"/*.mig)
done
row "loss-scope snapshot of one dropped column, 1 % of the rows, against the table's" "$small s" "$whole s" "$(ratio "$whole" "$small")" ">= 20"
row "its size" "$(mb "$small_size")" "$(mb "$whole_size")" "$(ratio "$whole_size" "$small_size")" ">= 50"

echo "bench: many small tables" >&2
tables=$(awk "BEGIN { printf \"%d\", 2000 * ($BENCH_SCALE < 1 ? $BENCH_SCALE : 1) }")
export PGDATABASE=bench_small
dropdb --if-exists "$PGDATABASE" && createdb "$PGDATABASE"
for ((i = 0; i < tables; i += 500)); do
    q "do \$\$ begin for i in $i..least($i + 499, $tables - 1) loop
        execute format('create table t%s (id int primary key, name text, at timestamptz)', i);
        execute format('insert into t%s select g, ''row '' || g, timestamptz ''2024-01-01'' + g * interval ''1 h'' from generate_series(1, 100) g', i);
        end loop; end \$\$"
done
q "vacuum analyze"
many() { rm -rf "$MIG_BACKUP_DIR"; mig-backup create -q --all >/dev/null; }
many_dump() { rm -rf "$BENCH_TMP/dump"; pg_dump -Fd -j2 -Z1 -f "$BENCH_TMP/dump"; }
export -f many many_dump
best "$runs" bash -c many; a=$WALL
best "$runs" bash -c many_dump; b=$WALL
row "$tables tables of 100 rows, DDL too, against pg_dump -Fd -j2 -Z1" "$a s" "$b s" "$(ratio "$b" "$a")" "> 1"
rm -rf "$BENCH_TMP/dump"
note "$rows rows, $(mb "$plain") of JSON; the fastest of $runs runs each, taken in turns (pg_dump -Fc, the pipe, pg_restore: one run); loss scope: the snapshot alone, without Alembic's rendering"
