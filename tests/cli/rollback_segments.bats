#!/usr/bin/env bats
# Plans that cannot be one transaction: CONCURRENTLY.  Journalled segment by segment, resumed after a
# failure or a crash.

load ../lib/common
load ../lib/twostep

setup_file() {
    twostep_begin
    cat >migrations/versions/a3.py <<'END'
"""index"""
import sqlalchemy as sa
from alembic import op
revision = "aaaaaaaaaaa3"
down_revision = "aaaaaaaaaaa2"
def upgrade():
    op.add_column("t", sa.Column("w", sa.Text(), nullable=True))
    with op.get_context().autocommit_block():
        op.create_index("t_w", "t", ["w"], postgresql_concurrently=True)
    op.add_column("d", sa.Column("w", sa.Text(), nullable=True))
def downgrade():
    op.drop_column("d", "w")
    with op.get_context().autocommit_block():
        op.drop_index("t_w", table_name="t", postgresql_concurrently=True)
    op.drop_column("t", "w")
END
    twostep_up
    sql "update t set w = 'w' || id where id % 3 = 0" "update d set w = 'x' || id where id % 5 = 0"
    export DIGEST
    DIGEST=$(twostep_digest)
}

setup() {
    twostep_clone
}

teardown() {
    db_drop
}

teardown_file() {
    db_drop "$TEMPLATE"
}

# "VERSION d.w t_w t.w"
state() {
    sql "select (select version_num from alembic_version) || ' ' ||
        (select count(*) from pg_attribute where attrelid = 'd'::regclass and attname = 'w' and not attisdropped) ||
        (select count(*) from pg_class where relname = 't_w') ||
        (select count(*) from pg_attribute where attrelid = 't'::regclass and attname = 'w' and not attisdropped)"
}

@test "a plan with CONCURRENTLY says so, runs in segments, and is undone exactly" {
    mig mig-rollback plan -1
    assert_exit 0
    assert_out '3 segments'
    assert_out 'Undo: staged'
    mig mig-rollback run -1 "${GO[@]}" --format json
    assert_exit 0
    [ "$(result 'j["outcome"]')" = committed ]
    [ "$(state)" = "aaaaaaaaaaa2 000" ]
    mig mig-rollback undo "${GO[@]}"
    assert_exit 0
    [ "$(state)" = "aaaaaaaaaaa3 111" ]
    [ "$(twostep_digest)" = "$DIGEST" ]
    [ "$(sql "select indisvalid from pg_index where indexrelid = 't_w'::regclass")" = t ]
}

@test "it fails in the middle: partial, exit 7; resume goes on; undo brings all back" {
    # Nobody but the owner may drop an index; the others' table stands in the way of the third segment.
    sql "create view v as select w from t"
    sed -i 's/op.drop_column("t", "w")/op.execute("ALTER TABLE t DROP COLUMN w")/' migrations/versions/a3.py
    mig mig-rollback run -1 "${GO[@]}" --force validate --reason "to see it fail"
    assert_exit 7
    assert_err 'mig-rollback resume'
    [ "$(state)" = "aaaaaaaaaaa3 001" ]
    mig mig-rollback status --format json
    assert_exit 0
    [ "$(result 'j["outcome"]')" = partial ]
    [[ "$(result 'j["next"]')" == "mig-rollback resume "* ]]
    sql "drop view v"
    mig mig-rollback resume "${GO[@]}" --format json
    assert_exit 0
    [ "$(result 'j["outcome"]')" = committed ]
    [ "$(state)" = "aaaaaaaaaaa2 000" ]
    mig mig-rollback undo "${GO[@]}"
    assert_exit 0
    [ "$(state)" = "aaaaaaaaaaa3 111" ]
    [ "$(twostep_digest)" = "$DIGEST" ]
    mig mig-rollback resume "${GO[@]}"
    assert_exit 4
    assert_err 'nothing to go on with'
}

@test "it fails in the middle: resume --back returns to the start, schema and values" {
    sql "create view v as select w from t"
    pg_dump -s | grep -vE '^.(un)?restrict' >before.sql
    mig mig-rollback plan -1
    assert_out 'resume --back'
    mig mig-rollback run -1 "${GO[@]}" --force validate --reason "to see it fail"
    assert_exit 7
    assert_out 'to go back instead of on: mig-rollback resume --back '
    [ "$(state)" = "aaaaaaaaaaa3 001" ]
    mig mig-rollback status
    assert_out 'mig-rollback resume --back'
    mig mig-rollback resume --back "${GO[@]}" --format json
    assert_exit 0
    [ "$(result 'j["outcome"]')" = committed ]
    [ "$(state)" = "aaaaaaaaaaa3 111" ]
    [ "$(twostep_digest)" = "$DIGEST" ]
    [ "$(sql "select string_agg(coalesce(w, '-'), ' ' order by id) from d")" = "$(sql "select string_agg(case when id % 5 = 0 then 'x' || id else '-' end, ' ' order by id) from d")" ]
    pg_dump -s | grep -vE '^.(un)?restrict' >after.sql
    diff before.sql after.sql
    # Settled: neither on nor back, and the version rows are those of the start.
    mig mig-rollback resume "${GO[@]}"
    assert_exit 4
    mig mig-rollback resume --back "${GO[@]}"
    assert_exit 4
    assert_err 'nothing to go back from|is an undo'
    # The start is a start: the whole way works.
    sql "drop view v"
    mig mig-rollback run -1 "${GO[@]}"
    assert_exit 0
    [ "$(state)" = "aaaaaaaaaaa2 000" ]
}

@test "a statement outside of a transaction that was begun: resume --back makes its index whole again" {
    # DROP INDEX CONCURRENTLY that was cut off leaves it invalid.
    mig mig-rollback run -1 "${GO[@]}" --lock-timeout 1s &
    wait $! || :
    mig mig-rollback undo "${GO[@]}"
    sql "create table t_w_blocker (id int)"
    sed -i 's/op.drop_index("t_w"/op.drop_index("t_gone"/' migrations/versions/a3.py
    mig mig-rollback run -1 "${GO[@]}" --force validate,missing --reason "no such index"
    assert_exit 7
    sql "update pg_index set indisvalid = false where indexrelid = 't_w'::regclass"
    mig mig-rollback resume --back "${GO[@]}"
    assert_exit 0
    [ "$(sql "select indisvalid from pg_index where indexrelid = 't_w'::regclass")" = t ]
    [ "$(state)" = "aaaaaaaaaaa3 111" ]
    [ "$(twostep_digest)" = "$DIGEST" ]
}

@test "kill -9 between segments and in them: resume --back finishes at the start" {
    for i in $(seq "$(fewer "${MIG_CRASH_ROUNDS:-4}")"); do
        mig-rollback run -1 "${GO[@]}" -q >/dev/null 2>&1 &
        pid=$!
        # As soon as the first segment is done, or some time later.
        while kill -0 "$pid" 2>/dev/null && ! [ "$(sql "select count(*) from pg_attribute where attrelid = 'd'::regclass and attname = 'w' and not attisdropped")" = 0 ]; do :; done
        sleep "0.0$((RANDOM % 10))"
        kill -9 "$pid" 2>/dev/null || :
        wait "$pid" 2>/dev/null || :
        mig mig-rollback status --format json
        outcome=$(result 'j["outcome"]')
        echo "round $i: $(state), $outcome"
        case "$outcome" in
        partial) mig mig-rollback resume --back "${GO[@]}" ;;
        committed) mig mig-rollback undo "${GO[@]}" ;;
        *) continue ;;
        esac
        assert_exit 0
        [ "$(state)" = "aaaaaaaaaaa3 111" ]
        [ "$(twostep_digest)" = "$DIGEST" ]
        [ "$(sql "select indisvalid from pg_index where indexrelid = 't_w'::regclass")" = t ]
    done
}

@test "the killed run's backend is still dropping the index: resume waits for it" {
    local blocker run
    psql -XAtqc "begin; lock table t in access share mode; select pg_sleep(1000)" >/dev/null 2>&1 3>&- &
    blocker=$!
    mig-rollback run -1 "${GO[@]}" -q >/dev/null 2>&1 3>&- &
    run=$!
    until [ "$(sql "select count(*) from pg_stat_activity where query like 'DROP INDEX CONCURRENTLY%' and wait_event_type = 'Lock'")" = 1 ]; do
        kill -0 "$run"
        sleep 0.05
    done
    kill -9 "$run"
    wait "$run" || :
    mig-rollback resume "${GO[@]}" >said 2>&1 3>&- &
    run=$!
    # It must not drop beside the other, who would then have dropped what it looks for.
    until grep -q 'waiting for backend [0-9]*: it still runs a statement' said; do
        kill -0 "$run"
        [ "$(sql "select count(*) from pg_stat_activity where query like 'DROP INDEX CONCURRENTLY%' and state = 'active'")" = 1 ]
        sleep 0.05
    done
    sql "select count(pg_terminate_backend(pid)) from pg_stat_activity where query like '%pg_sleep(1000)%' and pid <> pg_backend_pid()" >/dev/null
    wait "$blocker" || :
    wait "$run" && status=0 || status=$?
    cat said
    [ "$status" -eq 0 ]
    [ "$(state)" = "aaaaaaaaaaa2 000" ]
}

@test "a dry run of several segments tries their transactions and says what it could not try" {
    mig mig-rollback run -1 --dry-run
    assert_exit 0
    assert_out 'rolled-back' 'not tried, .* DROP INDEX CONCURRENTLY t_w' 'commits between them'
    [ "$(state)" = "aaaaaaaaaaa3 111" ]
    [ "$(twostep_digest)" = "$DIGEST" ]
    sql "create view v as select w from t"
    mig mig-rollback run -1 --dry-run --force validate --reason "to see it fail"
    assert_exit 3
    assert_err 'cannot drop column w'
    sql "drop view v"
    mig mig-rollback run -1 "${GO[@]}"
    assert_exit 0
    mig mig-rollback undo --dry-run
    assert_exit 0
    assert_out 'not tried, .* CREATE INDEX CONCURRENTLY t_w'
    [ "$(state)" = "aaaaaaaaaaa2 000" ]
}

@test "an invalid index that a broken undo left is dropped and made again" {
    mig mig-rollback run -1 "${GO[@]}"
    assert_exit 0
    sed -i 's/^/&/' migrations/versions/a3.py
    # The index cannot be built: its name is taken by a table.
    sql "create table t_w ()"
    mig mig-rollback undo "${GO[@]}"
    assert_exit 7
    sql "drop table t_w" "create index concurrently t_w on t (w)" \
        "update pg_index set indisvalid = false where indexrelid = 't_w'::regclass"
    mig mig-rollback resume "${GO[@]}"
    assert_exit 0
    [ "$(sql "select indisvalid from pg_index where indexrelid = 't_w'::regclass")" = t ]
    [ "$(state)" = "aaaaaaaaaaa3 111" ]
    [ "$(twostep_digest)" = "$DIGEST" ]
}

newest_file() { ls -t backups/.state/runs/*/*.jsonl 2>/dev/null | head -n 1; }

# series ROUNDS KILLER...: a run each, cut off at a random moment; status is right, resume finishes.
series() {
    local rounds=$1 i at pid before outcome is step last
    shift
    twostep_span
    for i in $(seq "$rounds"); do
        before=$(ls backups/.state/runs/*/ 2>/dev/null | wc -l)
        last=$(newest_file)
        mig-rollback run -1 "${GO[@]}" -q >/dev/null 2>&1 3>&- &
        pid=$!
        # Some aim at a step of the journal: the statement alone, a COMMIT.
        case $((i % 3)) in
        0) at=$((RANDOM % (SPAN + 1))); sleep "$(printf '%d.%03d' $((at / 1000)) $((at % 1000)))" ;;
        *)
            [ $((i % 3)) -eq 1 ] && step=alone || step=commit
            while kill -0 "$pid" 2>/dev/null; do
                [ "$(newest_file)" = "$last" ] || ! grep -q "\"step\":\"$step\"" "$(newest_file)" || break
            done
            sleep "0.$(printf '%03d' $((RANDOM % 20)))"
            ;;
        esac
        "$@" "$pid"
        wait "$pid" 2>/dev/null || :
        [ "$(ls backups/.state/runs/*/ 2>/dev/null | wc -l)" -gt "$before" ] || continue
        mig mig-rollback status --format json
        outcome=$(result 'j["outcome"]')
        is=$(state)
        echo "round $i: $is, $outcome"
        case "$outcome" in
        rolled-back | not-started) [ "$is" = "aaaaaaaaaaa3 111" ]; continue ;;
        partial)
            [[ "$is" == "aaaaaaaaaaa3 "* ]]
            mig mig-rollback resume "${GO[@]}"
            assert_exit 0
            ;;
        committed) ;;
        *) false ;;
        esac
        [ "$(state)" = "aaaaaaaaaaa2 000" ]
        mig mig-rollback undo "${GO[@]}"
        assert_exit 0
        [ "$(state)" = "aaaaaaaaaaa3 111" ]
        [ "$(twostep_digest)" = "$DIGEST" ]
    done
}

kill_it() { kill -9 "$1" 2>/dev/null || :; }
kill_backend() {
    sql "select count(pg_terminate_backend(pid)) from pg_stat_activity where application_name = 'mig-rollback' and datname = current_database()" >/dev/null
}
stop_server() {
    "$MIG_ROOT/tests/lib/cluster" kill "$MIG_TEST_CLUSTER"
    sleep 0.2
    "$MIG_ROOT/tests/lib/cluster" restart "$MIG_TEST_CLUSTER"
}

@test "kill -9 at random moments: status is right, resume finishes" {
    series "$(fewer "${MIG_CRASH_ROUNDS:-6}")" kill_it
}

@test "the server's backend is killed at random moments: status is right, resume finishes" {
    series "$(fewer "${MIG_CRASH_ROUNDS:-6}")" kill_backend
}

@test "the server is stopped at random moments: status is right, resume finishes" {
    # A cluster of its own: the other files' one may not be stopped.
    kept=$MIG_TEST_CLUSTER name=$PGDATABASE host=$PGHOST
    dump=$(pg_dump -Fc | base64 -w0)
    eval "$("$MIG_ROOT/tests/lib/cluster" start --watch $$ --set fsync=on)"
    db_create "$name"
    base64 -d <<<"$dump" | pg_restore -d "$name" 2>/dev/null
    series "${MIG_STOP_ROUNDS:-2}" stop_server
    "$MIG_ROOT/tests/lib/cluster" stop "$MIG_TEST_CLUSTER"
    export MIG_TEST_CLUSTER=$kept PGHOST=$host
}
