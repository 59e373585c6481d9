#!/usr/bin/env bats
# What a statement really destroys, alters or trips over, beside what was counted beforehand.
# asan: no the server is the oracle here; validate.bats runs the same code

load ../lib/common

setup_file() {
    db_create
    sql -f "$MIG_ROOT/tests/oracle/loss_fixture.sql"
    export MIG_STATE_DIR=$BATS_FILE_TMPDIR/state
}
teardown_file() { db_drop; }

@test "losses and failures are counted exactly" {
    run "$MIG_PYTHON" "$MIG_ROOT/tests/oracle/loss.py" "" "$MIG_BIN/mig-validate"
    printf '%s\n' "$output" | grep -A6 '^not ok' || :
    [ "$status" -eq 0 ]
    [ "$(grep -c '^ok' <<<"$output")" -ge 60 ]
}
