#!/usr/bin/env bats
# An undo that was committed and killed before it could say so: it is not done a second time.
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
    # Neither fails where it is done twice, and there are no version rows.
    sql "create table stock (id int primary key, n int)" "insert into stock values (1, 10)"
    echo "INSERT INTO stock SELECT max(id) + 1, 0 FROM stock;" >down.sql
    echo "INSERT INTO stock SELECT max(id) + 1, 1 FROM stock;" >up.sql
    mig mig-rollback run --sql down.sql --undo-sql up.sql "${GO[@]}"
    assert_exit 0
    RUN=$(ls backups/.state/runs/*/)
    RUN=${RUN%.jsonl}
}
teardown() { db_drop; }

# killed TEXT: the undo, as it writes the journal's line with TEXT; it has committed.
killed() {
    run env LD_PRELOAD="$SHIM" SHIM_PATH=/.state/runs/ SHIM_CALL=write SHIM_NTH=1 SHIM_TEXT="$1" SHIM_FAULT=kill \
        mig-rollback undo "${GO[@]}" </dev/null
    [ "$status" -eq 137 ]
    [ "$(sql "select count(*) from stock")" = 3 ]
}

refused() {
    mig mig-rollback undo "$@" "${GO[@]}"
    assert_exit 4
    assert_err "run $RUN was undone by run"
    [ "$(sql "select count(*) from stock")" = 3 ]
}

@test "killed before the run that it undid is marked: the next undo finds out" {
    killed '"step":"undone"'
    refused
    refused "$RUN"
    mig mig-rollback status "$RUN"
    assert_out 'undone by run'
}

@test "the same when status has settled the undo" {
    killed '"step":"undone"'
    mig mig-rollback status
    assert_exit 0
    assert_out 'committed'
    refused
}

@test "killed as its outcome is written: the mark is there" {
    killed '"step":"outcome"'
    grep -q '"undone"' backups/.state/runs/*/"$RUN".jsonl
    refused
}

@test "an undo that was rolled back, or only tried, is no obstacle" {
    mig mig-rollback undo --dry-run "${GO[@]}"
    assert_exit 0
    run env LD_PRELOAD="$SHIM" SHIM_PATH=/.state/runs/ SHIM_CALL=write SHIM_NTH=1 SHIM_TEXT='"step":"commit"' SHIM_FAULT=kill \
        mig-rollback undo "${GO[@]}" </dev/null
    [ "$status" -eq 137 ]
    [ "$(sql "select count(*) from stock")" = 2 ]
    # done, and said that there is a row more than before the rollback: neither script takes one away
    mig mig-rollback undo "${GO[@]}"
    assert_exit 7
    assert_out 'Outcome: committed' '1 row that the upgrade inserted once more'
    [ "$(sql "select count(*) from stock")" = 3 ]
}
