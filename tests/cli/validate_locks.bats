#!/usr/bin/env bats
# What each of some 400 forms really locks, rewrites and scans, beside the prediction.
# The oracle is the server: pg_locks, file nodes, debug messages.
# asan: no the server is the oracle here; validate.bats runs the same code

load ../lib/common

setup_file() {
    db_create
    sql -f "$MIG_ROOT/tests/oracle/locks_fixture.sql"
    export MIG_STATE_DIR=$BATS_FILE_TMPDIR/state
}
teardown_file() { db_drop; }

@test "locks, rewrites and scans are predicted exactly" {
    run "$MIG_PYTHON" "$MIG_ROOT/tests/oracle/locks.py" "" "$MIG_BIN/mig-validate"
    printf '%s\n' "$output" | grep -v '^ok' || :
    [ "$status" -eq 0 ]
    [ "$(grep -c '^ok' <<<"$output")" -ge 400 ]
}

@test "locks of statements that run in no transaction block are predicted too" {
    run "$MIG_PYTHON" "$MIG_ROOT/tests/oracle/concurrent.py" "" "$MIG_BIN/mig-validate"
    printf '%s\n' "$output" | grep -v '^ok' || :
    [ "$status" -eq 0 ]
    [ "$(grep -c '^ok' <<<"$output")" -ge 17 ]
}
