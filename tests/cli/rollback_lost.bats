#!/usr/bin/env bats
# The connection is lost in COMMIT: the server is asked, and its answer is held against the version rows.

load ../lib/common
load ../lib/twostep

setup_file() {
    twostep_begin
    twostep_up
}

setup() {
    twostep_clone
    DIGEST=$(twostep_digest)
    DIRECT=$PGHOST
    LINK=$(mktemp -d /tmp/mig-cut.XXXXXX)
}

teardown() {
    exec 7>&- || :
    wait
    rm -rf "$LINK"
    PGHOST=$DIRECT db_drop
}

teardown_file() {
    db_drop "$TEMPLATE"
}

version() { PGHOST=$DIRECT sql 'select version_num from alembic_version'; }

# cutter HOW [COMMAND]: from now on PGHOST is the link that breaks.
cutter() {
    mkfifo hold
    "$MIG_PYTHON" "$MIG_ROOT/tests/lib/cutter.py" "$LINK" "$DIRECT/.s.PGSQL.${PGPORT:-5432}" "$@" <hold >ready 3>&- &
    exec 7>hold
    until grep -q ready ready 2>/dev/null; do sleep 0.05; done
    export PGHOST=$LINK PGPORT=5432
}

@test "cut after the server committed: it is asked, and says so" {
    cutter after
    mig mig-rollback run -1 "${GO[@]}" --format json
    assert_exit 0
    assert_err 'was lost while it committed' 'asking the server'
    [ "$(result 'j["outcome"]')" = committed ]
    [ "$(version)" = aaaaaaaaaaa1 ]
    PGHOST=$DIRECT mig mig-rollback undo "${GO[@]}"
    assert_exit 0
    [ "$(PGHOST=$DIRECT twostep_digest)" = "$DIGEST" ]
}

@test "cut before the server saw COMMIT: it rolled back, and says so" {
    cutter before
    mig mig-rollback run -1 "${GO[@]}" --format json
    assert_exit 3
    assert_err 'the server rolled back'
    [ "$(result 'j["outcome"]')" = rolled-back ]
    [ "$(version)" = aaaaaaaaaaa2 ]
}

@test "Ctrl-C and a lost COMMIT together: still settled" {
    # The signal arrives while the answer is awaited.
    cutter after 'kill -TERM $(cat pid); sleep 0.3'
    sh -c 'echo $$ >pid; exec mig-rollback run -1 "$@" --format json' x "${GO[@]}" >out 2>err </dev/null &
    code=0
    wait $! || code=$?
    cat err
    output=$(cat out)
    [ "$(result 'j["outcome"]')" = committed ]
    [ "$code" -eq 0 ]
    [ "$(version)" = aaaaaaaaaaa1 ]
}

@test "Ctrl-C, a lost COMMIT and a server that is not reached: unknown, until status" {
    cutter refuse 'kill -TERM $(cat pid); sleep 0.3'
    sh -c 'echo $$ >pid; exec mig-rollback run -1 "$@" --format json' x "${GO[@]}" >out 2>err </dev/null &
    code=0
    wait $! || code=$?
    cat err
    output=$(cat out)
    [ "$code" -eq 6 ]
    [ "$(result 'j["outcome"]')" = unknown ]
    PGHOST=$DIRECT mig mig-rollback status --format json
    assert_exit 0
    [ "$(result 'j["outcome"]')" = committed ]
}

@test "the server says committed, the version rows say the opposite: unknown" {
    # Between COMMIT and the question somebody puts the old row back, as a failover does with an id that
    # is given out again.
    cutter after "PGHOST=$DIRECT psql -XAtqc \"update alembic_version set version_num = 'aaaaaaaaaaa2'\""
    mig mig-rollback run -1 "${GO[@]}" --format json
    assert_exit 6
    assert_err 'the version table holds'
    [ "$(result 'j["outcome"]')" = unknown ]
    [[ "$(result 'j["next"]')" == "mig-rollback status "* ]]
}
