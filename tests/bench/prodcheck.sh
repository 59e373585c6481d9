# prodcheck: all checks on a database of 2 000 tables; round trips; a slow link; check_postgres beside it.
. "$(dirname "${BASH_SOURCE[0]}")/lib.bash"
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
tables=$(awk "BEGIN { printf \"%d\", 2000 * $BENCH_SCALE }")
runs=${BENCH_RUNS:-5}
export PGDATABASE=bench_prodcheck

echo "bench: making $tables tables" >&2
dropdb --if-exists "$PGDATABASE" && createdb "$PGDATABASE"
psql -XAtq -v ON_ERROR_STOP=1 >/dev/null <<END
set client_min_messages = error;
select format('create table t%s (id %s primary key, name text, parent bigint, at timestamptz default now()); create index on t%s (name)', g, case when g % 2 = 0 then 'serial' else 'bigserial' end, g) from generate_series(1, $tables) g \gexec
create table alembic_version (version_num varchar(32) primary key);
insert into alembic_version values ('b1');
END
psql -XAtqc "analyze"
work=$BENCH_TMP/prodcheck
mkdir -p "$work/versions" "$work/link"
cd "$work"
printf '"""one"""\nrevision = "b1"\ndown_revision = None\ndef upgrade(): pass\ndef downgrade(): pass\n' >versions/b1.py
echo 'alter table t1 add column more int; alter table t2 drop column name;' >plan.sql
mig-backup keygen -q >/dev/null
mig-backup create -q -t t1 -t t2 --no-ddl >/dev/null

all() { mig-prodcheck --versions versions --format json=all.json; }
plan() { mig-prodcheck --for-sql plan.sql --format json=plan.json; }
export -f all plan
best "$runs" bash -c all
row "all checks, whole database of $tables tables" "$WALL s" "0.1 s" "$(ratio "$WALL" 0.1)" "<= 1"
checks=$(python3 -c 'import json; print(sum(c["status"] != "skipped" for c in json.load(open("all.json"))["checks"]))')
rss=$RSS
best "$runs" bash -c plan
row "all checks, for a plan" "$WALL s" "0.1 s" "$(ratio "$WALL" 0.1)" "<= 1"
note "$checks checks were made, $((rss / 1024)) MiB at most"

# The link: DELAY ms there and back together.
over() {
    rm -f hold ready
    mkfifo hold
    python3 "$root/tests/lib/proxy.py" "$work/link" "$PGHOST/.s.PGSQL.${PGPORT:-5432}" "$1" "$work/trips" <hold >ready &
    exec 9>hold
    until [ -s ready ]; do sleep 0.05; done
    best 3 bash -c link
    exec 9>&-
    wait
    rm -f "$work/link/.s.PGSQL.5432"
}
link() { PGHOST=$PWD/link PGPORT=5432 mig-prodcheck --versions versions --format json=link.json; }
export -f link
over 50
# Not counted: logging in, and saying goodbye.
trips=$(($(tail -n 1 trips) - 2))
row "round trips after login" "$trips" "5" "$(ratio "$trips" 5)" "<= 1"
row "all checks over a link of 50 ms, there and back" "$WALL s" "0.6 s" "$(ratio "$WALL" 0.6)" "<= 1"
over 100
row "all checks over a link of 50 ms each way" "$WALL s" "0.6 s" "$(ratio "$WALL" 0.6)" "<= 1"

# What both look at, one of their processes each, as Nagios would.
peer() {
    local a
    for a in connection backends locks query_time txn_idle txn_wraparound prepared_txns sequence disabled_triggers archive_ready replication_slots last_vacuum; do
        check_postgres --action="$a" --db="$PGDATABASE" --host="$PGHOST" --dbuser=postgres >/dev/null 2>&1 || :
    done
}
export -f peer
ours() { mig-prodcheck --only connection,connections,lock-waits,long-queries,idle-transactions,wraparound,prepared-transactions,sequences,disabled-triggers,archiving,slots,vacuum-soon >/dev/null; }
export -f ours
if command -v check_postgres >/dev/null; then
    best "$runs" bash -c ours
    mine=$WALL
    best 2 bash -c peer
    row "twelve checks that check_postgres has too" "$mine s" "$WALL s" "$(ratio "$WALL" "$mine")" ""
else
    skip "twelve checks that check_postgres has too" "check_postgres is not installed"
fi
dropdb "$PGDATABASE"
