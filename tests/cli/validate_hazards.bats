#!/usr/bin/env bats
# Every hazard of the table: its example trips it, its close neighbour does not.

load ../lib/common

setup_file() {
    db_create
    sql -f "$MIG_ROOT/tests/oracle/hazards_fixture.sql"
    export MIG_STATE_DIR=$BATS_FILE_TMPDIR/state
}
teardown_file() { db_drop; }

@test "each hazard's example trips it, and its neighbour does not" {
    run "$MIG_PYTHON" "$MIG_ROOT/tests/oracle/hazards.py" "" "$MIG_BIN/mig-validate"
    printf '%s\n' "$output" | grep -A1 '^not ok' || :
    [ "$status" -eq 0 ]
    [ "$(grep -c '^ok' <<<"$output")" -ge 250 ]
}

@test "docs/hazards.md is what the program prints" {
    mig mig-validate hazards --format markdown
    [ "$status" -eq 0 ]
    diff -u "$MIG_ROOT/docs/hazards.md" - <<<"$output"
}
