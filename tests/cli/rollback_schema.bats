#!/usr/bin/env bats
# The schema in the run's own backup: pg_dump reads it before the locks, and it is the one that was locked.

load ../lib/common
load ../lib/twostep

setup_file() {
    twostep_begin
    twostep_ready
}

setup() {
    twostep_clone
    mkdir bin
    REAL=$(command -v pg_dump)
}

teardown() { db_drop; }
teardown_file() { db_drop "$TEMPLATE"; }

# dumper TEXT: a pg_dump that notes each call in ./calls and goes on with TEXT; $REAL "$@" is the real one.
dumper() {
    printf '#!/bin/bash\necho x >>"%s/calls"\nREAL=%q\n%s\n' "$PWD" "$REAL" "$1" >bin/pg_dump
    chmod +x bin/pg_dump
}
run_() { PATH=$PWD/bin:$PATH mig mig-rollback run -1 "${GO[@]}" "$@"; }
saved() { ls -tr backups/*_rollback_*.mig | tail -n 1; }
again() { mig mig-backup restore "$(saved)" --create -t d "${GO[@]}"; }

@test "a table that the downgrade dropped is made again from the run's backup, in each mode" {
    local before
    before=$(sql "select string_agg(d::text, ' ' order by id) from d")
    for mode in "--backup locked" "--backup before" "--backup locked --scope loss"; do
        # shellcheck disable=SC2086
        run_ $mode
        assert_exit 0
        refute_err 'no DDL'
        [ "$(sql "select to_regclass('d') is null")" = t ]
        mig mig-backup show "$(saved)"
        assert_out 'DDL +in the file'
        again
        assert_exit 0
        [ "$(sql "select string_agg(d::text, ' ' order by id) from d")" = "$before" ]
        [ "$(sql "select count(*) from pg_index where indrelid = 'd'::regclass and indisprimary")" = 1 ]
        sql "drop table d"
        mig mig-rollback undo "${GO[@]}"
        assert_exit 0
    done
}

@test "several segments: each backup holds the schema as it was then" {
    cat >migrations/versions/a3.py <<'END'
from alembic import op
revision = "aaaaaaaaaaa3"
down_revision = "aaaaaaaaaaa2"
def upgrade():
    op.add_column("d", __import__("sqlalchemy").Column("more", __import__("sqlalchemy").Text()))
    with op.get_context().autocommit_block():
        op.execute("CREATE INDEX CONCURRENTLY i ON d (v)")
def downgrade():
    op.execute("DROP TABLE d")
    with op.get_context().autocommit_block():
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS i")
    op.execute("ALTER TABLE t DROP COLUMN v")
    op.execute("CREATE TABLE d (id bigint PRIMARY KEY, v text)")
END
    PATH=/usr/bin:$PATH alembic upgrade head 2>/dev/null
    run_ --force validate --reason test
    assert_exit 0
    local first second
    first=$(ls -tr backups/*_rollback_*.mig | head -n 1)
    second=$(saved)
    [ "$first" != "$second" ]
    sql "drop table d" "drop table t"
    mig mig-backup restore "$second" --create -t t "${GO[@]}"
    assert_exit 0
    [ "$(sql "select count(v) from t")" = 1000 ]
    mig mig-backup restore "$first" --create -t d "${GO[@]}"
    assert_exit 0
    [ "$(sql "select count(*), count(more) from d")" = '1000|0' ]
}

@test "no pg_dump, or one that fails: a warning, and the run goes on" {
    dumper 'echo "pg_dump: error: aborting because of server version mismatch" >&2; exit 1'
    run_
    assert_exit 0
    assert_err 'holds no DDL' 'version mismatch'
    mig mig-backup show "$(saved)"
    assert_out 'none: .*version mismatch'
    again
    assert_exit 4
    assert_err 'holds no DDL'
}

@test "a schema that is changed while it is read is read again" {
    sql "create type mood as enum ('glad')" "alter table d add m mood"
    # The first reader is overtaken.
    dumper '"$REAL" "$@"; code=$?; [ "$(wc -l <'"$PWD"'/calls)" -gt 1 ] || psql -qXc "alter type mood add value '"'sad'"'"; exit $code'
    run_ --force validate --reason test
    assert_exit 0
    assert_err 'the schema was changed while pg_dump read it: once more'
    [ "$(wc -l <calls)" = 2 ]
    sql "drop type mood"
    again
    assert_exit 0
    [ "$(sql "select string_agg(enumlabel, ' ' order by enumsortorder) from pg_enum where enumtypid = 'mood'::regtype")" = 'glad sad' ]
}

@test "a schema that never stands still is left out, and said" {
    dumper '"$REAL" "$@"; code=$?; psql -qXc "create table again$(wc -l <'"$PWD"'/calls) ()"; exit $code'
    run_
    assert_exit 0
    [ "$(wc -l <calls)" = 3 ]
    assert_err 'holds no DDL' 'again and again'
    mig mig-backup show "$(saved)"
    assert_out 'none: .*again and again'
}

@test "temporary tables of others, and VACUUM, are no change of the schema" {
    dumper '"$REAL" "$@"; code=$?; psql -qXc "vacuum analyze t" -c "create temp table x (id int primary key, v text)"; exit $code'
    run_
    assert_exit 0
    refute_err 'no DDL' 'once more'
    [ "$(wc -l <calls)" = 1 ]
}

@test "a run that is refused does not wait for pg_dump" {
    dumper 'sleep 1000'
    PATH=$PWD/bin:$PATH refused 4 'confirm' mig-rollback run -1 --yes --confirm nobody
    [ "$(wc -l <calls)" = 1 ]
}

@test "writers and readers do not wait for pg_dump" {
    dumper 'sleep 1; psql -qXAtc "select count(*) from pg_locks where relation = '"'d'"'::regclass and mode <> '"'AccessShareLock'"'" >'"$PWD"'/held; exec "$REAL" "$@"'
    run_
    assert_exit 0
    [ "$(cat held)" = 0 ]
    refute_err 'no DDL'
}
