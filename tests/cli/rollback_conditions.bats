#!/usr/bin/env bats
# Conditions of a run that could once be taken out of the program, and no test failed.
# asan: no a preloaded library comes before the sanitizer's own; rollback.bats runs the same code

load ../lib/common
load ../lib/faults

setup_file() {
    shim_make
    key_make
}
setup() {
    cd "$BATS_TEST_TMPDIR"
    db_create
    GO=(--yes --confirm "$PGDATABASE")
    sql "create table a (id int primary key, v text)" "insert into a select g, 'v' || g from generate_series(1, 20) g"
}
teardown() {
    [ -z "${pid:-}" ] || ! kill -CONT "$pid" 2>/dev/null || wait "$pid" || :
    db_drop
}

@test "--force passes nothing that cannot be forced" {
    echo "DELETE FROM a WHERE id = 1;" >down.sql
    mig mig-rollback run --sql down.sql "${GO[@]}" --plan 0123456789abcdef --force validate,gate --reason test
    assert_exit 4
    assert_err 'the plan is not the one that was reviewed'
    [ "$(sql "select count(*) from a")" = 20 ]
}

@test "the digest is of what the plan reaches, too: a foreign key that carries it on makes another plan" {
    echo "DELETE FROM a WHERE id = 1;" >down.sql
    mig mig-rollback plan --sql down.sql --format json
    digest=$("$MIG_PYTHON" -c 'import json,sys; print(json.load(sys.stdin)["digest"])' <<<"$output")
    sql "create table b (id int references a on delete cascade)" "insert into b values (1)"
    mig mig-rollback run --sql down.sql "${GO[@]}" --plan "$digest"
    assert_exit 4
    assert_err 'the plan is not the one that was reviewed'
    [ "$(sql "select count(*) from b")" = 1 ]
}

@test "undo names what was not there before" {
    echo "ALTER TABLE a DROP COLUMN v;" >down.sql
    echo "ALTER TABLE a ADD COLUMN v text; CREATE INDEX new_one ON a (v);" >up.sql
    mig mig-rollback run --sql down.sql --undo-sql up.sql "${GO[@]}"
    assert_exit 0
    mig mig-rollback undo "${GO[@]}"
    assert_exit 7
    assert_out 'index public.new_one was not there before'
    [ "$(sql "select count(*) from a where v = 'v' || id")" = 20 ]
}

@test "a script that lifts the timeout of statements gets it again with the next one" {
    echo "SET statement_timeout = 0; UPDATE a SET v = 'x' WHERE id = 1; SELECT count(*) FROM generate_series(1, 1000000000);" >down.sql
    mig mig-rollback run --sql down.sql "${GO[@]}" --statement-timeout 1s
    assert_exit 3
    assert_err '57014'
    [ "$(sql "select v from a where id = 1")" = v1 ]
}

@test "rows that are saved are not written between the copy and the change, whatever weak lock the change needs" {
    echo "DELETE FROM a WHERE id < 5;" >down.sql
    LD_PRELOAD="$SHIM" SHIM_PATH=/.state/runs/ SHIM_CALL=write SHIM_NTH=1 SHIM_TEXT='"step":"execute"' SHIM_FAULT=stop \
        mig-rollback run --sql down.sql "${GO[@]}" >out 2>err </dev/null 3>&- &
    pid=$!
    until [[ $(ps -o stat= -p "$pid") == T* ]]; do kill -0 "$pid"; sleep 0.02; done
    run sql "set lock_timeout = '100ms'" "update a set v = 'late' where id = 1"
    [ "$status" -ne 0 ]
    [[ "$output" == *'lock timeout'* ]]
    [ "$(sql "select count(*) from a")" = 20 ]
    kill -CONT "$pid"
    wait "$pid"
    pid=
    [ "$(sql "select count(*) from a")" = 16 ]
}
