#!/usr/bin/env bats
# SIGINT at each step: before COMMIT nothing was changed and nothing is left behind, after it the
# outcome is said; status agrees.
#
# Steps that the journal knows are hit exactly, by a preloaded shim that sends the signal as the step is
# written; the others by a lock, a sleep or a script that they wait for.
# asan: no a preloaded library comes before the sanitizer's own; rollback.bats runs the same code

load ../lib/common
load ../lib/faults
load ../lib/twostep

setup_file() {
    shim_make
    twostep_begin
    twostep_ready
}

setup() {
    twostep_clone
}

teardown() {
    exec 8>&- || :
    db_drop
}

teardown_file() { db_drop "$TEMPLATE"; }

run_int() { run --separate-stderr env --default-signal=INT,TERM,HUP "$@" </dev/null; }

# shimmed NTH PATH-PART COMMAND...: SIGINT with the NTH write to such a file.  HIT: 1 if it came.
shimmed() {
    local nth=$1 path=$2
    shift 2
    rm -f mark
    run_int env LD_PRELOAD="$SHIM" SHIM_PATH="$path" SHIM_CALL=write SHIM_NTH="$nth" SHIM_FAULT=int \
        SHIM_MARK="$PWD/mark" "$@"
    HIT=0
    [ ! -e mark ] || HIT=1
}

# Nothing changed, no session, lock or half-written file is left, and status knows.
clean() {
    [ "$(sql 'select version_num from alembic_version')" = aaaaaaaaaaa2 ]
    [ "$(twostep_digest)" = "$DIGEST" ]
    [ ! -d backups ] || [ -z "$(find backups -type f -not -path '*/.state/*' -not -name '*.mig' -not -name .gitignore)" ]
    local left
    left=$(sql "select count(*) from pg_stat_activity where application_name like 'mig-%' and datname = current_database()")
    # The server may need a moment to see that its client is gone.
    while [ "$left" -gt 0 ]; do
        sleep 0.05
        left=$(sql "select count(*) from pg_stat_activity where application_name like 'mig-%' and datname = current_database()")
    done
}

# status says one of the words, and is right.
says() {
    mig mig-rollback status --format json
    assert_exit 0
    [[ " $* " == *" $(result 'j["outcome"]') "* ]] || { echo "status: $output"; return 1; }
}

@test "run: as each step of the journal is written" {
    n=1 before=0 after=0
    while :; do
        shimmed "$n" /.state/runs/ mig-rollback run -1 "${GO[@]}"
        [ "$HIT" -eq 1 ] || break
        step=$(tail -n 1 "$(ls -t backups/.state/runs/*/*.jsonl | head -n 1)")
        echo "write $n: exit $status, then ${step:0:80}"
        if [ "$(sql 'select version_num from alembic_version')" = aaaaaaaaaaa1 ]; then
            # The signal came when COMMIT was done: what is committed is said to be.
            says committed
            [ "$status" -eq 0 ]
            after=$((after + 1))
            mig mig-rollback undo "${GO[@]}"
            assert_exit 0
        else
            [ "$status" -eq 130 ]
            grep -q 'interrupted by SIGINT' <<<"$stderr"
            clean
            says rolled-back not-started
            before=$((before + 1))
        fi
        [ "$(twostep_digest)" = "$DIGEST" ]
        n=$((n + 1))
    done
    echo "before $before, after $after"
    # begin, plan, locks, backup, execute, commit; outcome
    [ "$before" -ge 6 ]
    [ "$after" -ge 1 ]
}

@test "undo: as each step of the journal is written" {
    n=1 before=0 after=0
    while :; do
        [ "$(sql 'select version_num from alembic_version')" = aaaaaaaaaaa1 ] || {
            mig mig-rollback run -1 "${GO[@]}"
            assert_exit 0
            run_id=$(ls backups/.state/runs/*/ | sort | tail -n 1)
            run_id=${run_id%.jsonl}
        }
        shimmed "$n" /.state/runs/ mig-rollback undo "$run_id" "${GO[@]}"
        [ "$HIT" -eq 1 ] || break
        echo "write $n: exit $status"
        if [ "$(sql 'select version_num from alembic_version')" = aaaaaaaaaaa2 ]; then
            [ "$(twostep_digest)" = "$DIGEST" ]
            after=$((after + 1))
        else
            [ "$status" -eq 130 ]
            [ "$(sql "select to_regclass('d') is null")" = t ]
            before=$((before + 1))
        fi
        n=$((n + 1))
    done
    # Not hit: that undo went through.
    [ "$status" -eq 0 ]
    [ "$(twostep_digest)" = "$DIGEST" ]
    [ "$before" -ge 5 ]
}

@test "the long copy, at several frames" {
    # Wide enough for a long copy with workers of its own.
    sql "update t set keep = (select string_agg(md5(id::text || g), '') from generate_series(1, 1600) g)" "analyze t"
    DIGEST=$(twostep_digest)
    for n in 1 3 9 20; do
        shimmed "$n" _rollback_ mig-rollback run -1 "${GO[@]}"
        [ "$HIT" -eq 1 ]
        echo "write $n: exit $status"
        [ "$status" -eq 130 ]
        clean
        [ -z "$(find backups -name '*.mig')" ]
        says rolled-back not-started
    done
}

@test "while Alembic renders" {
    printf '#!/bin/sh\nkill -INT $PPID\nsleep 0.2\nexec env PATH=/usr/bin:$PATH alembic "$@"\n' >slow
    chmod +x slow
    run_int mig-rollback run -1 "${GO[@]}" --alembic-command "$PWD/slow"
    [ "$status" -eq 130 ]
    clean
}

# at WAIT-SQL COMMAND...: the command runs; when WAIT-SQL says 1, it gets SIGINT.
at() {
    local wait=$1 code=0
    shift
    env --default-signal=INT,TERM,HUP "$@" >out 2>err </dev/null 3>&- &
    pid=$!
    until [ "$(sql "$wait")" = 1 ]; do
        sleep 0.02
        kill -0 "$pid" || { cat err; return 1; }
    done
    kill -INT "$pid"
    wait "$pid" || code=$?
    cat err
    status=$code
}

@test "while the gate or the measuring waits for a lock" {
    mkfifo hold
    PGAPPNAME=holder psql -XAtq <hold >/dev/null 2>&1 3>&- &
    exec 8>hold
    echo "begin; lock table t in access exclusive mode;" >&8
    until [ "$(sql "select count(*) from pg_locks where relation = 't'::regclass and granted")" = 1 ]; do sleep 0.05; done
    at "select least(count(*), 1) from pg_locks where relation = 't'::regclass and not granted" \
        mig-rollback run -1 "${GO[@]}"
    [ "$status" -eq 130 ]
    exec 8>&-
    clean
}

@test "while it waits for its locks" {
    mkfifo hold
    psql -XAtq <hold >/dev/null 2>&1 3>&- &
    exec 8>hold
    echo "begin; lock table d in access share mode;" >&8
    until [ "$(sql "select count(*) from pg_locks where relation = 'd'::regclass and granted")" = 1 ]; do sleep 0.05; done
    at "select least(count(*), 1) from pg_locks where relation = 'd'::regclass and not granted and mode = 'AccessExclusiveLock'" \
        mig-rollback run -1 "${GO[@]}" --force gate --reason x --lock-deadline 60s
    [ "$status" -eq 130 ]
    exec 8>&-
    clean
    says not-started
}

@test "while a statement of the script runs, and while the smoke test does" {
    sed -i 's/op.drop_table("d")/op.drop_table("d"); op.execute("SELECT pg_sleep(600)")/' migrations/versions/a2.py
    at "select least(count(*), 1) from pg_stat_activity where query like '%pg_sleep(600)%' and state = 'active' and pid <> pg_backend_pid()" \
        mig-rollback run -1 "${GO[@]}" --force validate --reason x
    [ "$status" -eq 130 ]
    clean
    says rolled-back
    sed -i 's/; op.execute("SELECT pg_sleep(600)")//' migrations/versions/a2.py
    echo "select 1 where (select pg_sleep(601)::text) is null" >smoke.sql
    at "select least(count(*), 1) from pg_stat_activity where query like '%pg_sleep(601)%' and state = 'active' and pid <> pg_backend_pid()" \
        mig-rollback run -1 "${GO[@]}" --smoke smoke.sql
    [ "$status" -eq 130 ]
    clean
    says rolled-back
}

@test "after COMMIT, in the smoke command: committed is what it says" {
    printf '#!/bin/sh\nkill -INT $PPID\nsleep 1\n' >smoke
    chmod +x smoke
    run_int mig-rollback run -1 "${GO[@]}" --smoke-command "$PWD/smoke" --format json
    [ "$status" -eq 7 ]
    [ "$(result 'j["outcome"]')" = committed ]
    says committed
    mig mig-rollback undo "${GO[@]}"
    assert_exit 0
    [ "$(twostep_digest)" = "$DIGEST" ]
}

@test "a plan of segments: partial where one was done, and resume goes on" {
    cat >migrations/versions/a3.py <<'END'
from alembic import op
revision = "aaaaaaaaaaa3"
down_revision = "aaaaaaaaaaa2"
def upgrade():
    op.execute("ALTER TABLE t ADD COLUMN w text")
    op.execute("ALTER TABLE d ALTER COLUMN v SET DEFAULT 'z'")
    with op.get_context().autocommit_block():
        op.execute("CREATE INDEX CONCURRENTLY t_w ON t (w)")
def downgrade():
    op.execute("ALTER TABLE d ALTER COLUMN v DROP DEFAULT")
    with op.get_context().autocommit_block():
        op.execute("DROP INDEX CONCURRENTLY t_w")
    op.execute("ALTER TABLE t DROP COLUMN w")
END
    PATH=/usr/bin:$PATH alembic upgrade head 2>/dev/null
    sql "update t set w = 'w' || id"
    DIGEST=$(twostep_digest)
    n=1 partial=0
    while :; do
        shimmed "$n" /.state/runs/ mig-rollback run -1 "${GO[@]}"
        [ "$HIT" -eq 1 ] || break
        mig mig-rollback status --format json
        outcome=$(result 'j["outcome"]')
        echo "write $n: exit $status, $outcome"
        case $outcome in
        partial)
            partial=$((partial + 1))
            mig mig-rollback resume "${GO[@]}"
            assert_exit 0
            ;;
        committed) ;;
        *) [ "$(sql 'select version_num from alembic_version')" = aaaaaaaaaaa3 ]; n=$((n + 1)); continue ;;
        esac
        [ "$(sql 'select version_num from alembic_version')" = aaaaaaaaaaa2 ]
        mig mig-rollback undo "${GO[@]}"
        assert_exit 0
        [ "$(twostep_digest)" = "$DIGEST" ]
        n=$((n + 1))
    done
    [ "$partial" -ge 2 ]
}
