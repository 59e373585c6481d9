#!/usr/bin/env bats
# Whatever dies, and whenever: fully before or fully after, and status says which.
#
# MIG_CRASH_ROUNDS (default 12) rounds each; make check runs few of them.
# asan: no what counts here is the moment of the kill; rollback.bats runs the same code

load ../lib/common
load ../lib/twostep

setup_file() {
    db_create
    key_make
    twostep "$BATS_FILE_TMPDIR/app"
    twostep_up
}

setup() {
    cd "$BATS_FILE_TMPDIR/app"
    ROUNDS=${MIG_CRASH_ROUNDS:-12}
}

teardown_file() {
    db_drop
}

# "before" or "after", of the whole: anything between fails the test.
state() {
    local version column table
    version=$(sql 'select version_num from alembic_version')
    column=$(sql "select count(*) from pg_attribute where attrelid = 't'::regclass and attname = 'v' and not attisdropped")
    table=$(sql "select count(*) from pg_class where oid = to_regclass('d')")
    case "$version $column $table" in
    "aaaaaaaaaaa2 1 1") echo before ;;
    "aaaaaaaaaaa1 0 0") echo after ;;
    *) echo "between: $version $column $table" ;;
    esac
}

# What status says of the newest run must be what the database shows; then go back to the start.
settle() {
    local is says
    is=$(state)
    run --separate-stderr mig-rollback status --format json -q
    says=$("$MIG_PYTHON" -c 'import json, sys; print(json.load(sys.stdin)["outcome"])' <<<"$output" 2>/dev/null || :)
    echo "round $1: $is, status says ${says:-nothing} (exit $status)"
    case "$is" in
    after)
        [ "$says" = committed ]
        AFTER=$((AFTER + 1))
        mig mig-rollback undo --yes --confirm "$PGDATABASE" -q
        assert_exit 0
        ;;
    before)
        # A run that was killed before its journal began is not known, and that is what status says.
        [ "$says" = rolled-back ] || [ "$says" = not-started ] || [ "$status" -eq 2 ] || [ -n "$KNOWN" ]
        BEFORE=$((BEFORE + 1))
        ;;
    *) false ;;
    esac
    [ "$(state)" = before ]
    [ "$(twostep_digest)" = "$DIGEST" ]
}

# The newest run's name, to tell whether a round began one.
newest() { ls -t backups/.state/runs/*/ 2>/dev/null | head -n 1; }

@test "kill -9 of mig-rollback at random moments" {
    DIGEST=$(twostep_digest) AFTER=0 BEFORE=0
    # How long an undisturbed run takes, in ms.
    began=$(date +%s%N)
    mig mig-rollback run -1 --yes --confirm "$PGDATABASE" -q
    assert_exit 0
    span=$((($(date +%s%N) - began) / 1000000))
    mig mig-rollback undo --yes --confirm "$PGDATABASE" -q
    assert_exit 0
    for i in $(seq "$ROUNDS"); do
        last=$(newest)
        mig-rollback run -1 --yes --confirm "$PGDATABASE" -q >/dev/null 2>&1 &
        pid=$!
        # Half of the rounds aim at the transaction, at the end of the run.
        if [ $((i % 2)) -eq 0 ]; then at=$((RANDOM % span)); else at=$((span * 8 / 10 + RANDOM % (span * 3 / 10 + 1))); fi
        sleep "$(printf '0.%03d' $((at % 1000)))"
        kill -9 "$pid" 2>/dev/null || :
        wait "$pid" 2>/dev/null || :
        KNOWN=
        [ "$(newest)" != "$last" ] || KNOWN=earlier
        # The backend notices that its client is gone when it next speaks; status waits for it.
        settle "$i"
    done
    echo "before $BEFORE, after $AFTER"
}

@test "the server's backend is killed at random moments" {
    DIGEST=$(twostep_digest) AFTER=0 BEFORE=0
    for i in $(seq "$ROUNDS"); do
        last=$(newest)
        mig-rollback run -1 --yes --confirm "$PGDATABASE" -q >/dev/null 2>"$BATS_TEST_TMPDIR/err" &
        pid=$!
        sleep "0.$(printf '%03d' $((300 + RANDOM % 500)))"
        sql "select count(pg_terminate_backend(pid)) from pg_stat_activity where application_name = 'mig-rollback' and datname = current_database()" >/dev/null
        code=0
        wait "$pid" || code=$?
        KNOWN=
        [ "$(newest)" != "$last" ] || KNOWN=earlier
        case "$(state)" in
        before) [ "$code" -ne 0 ] ;;
        esac
        settle "$i"
    done
    echo "before $BEFORE, after $AFTER"
}

@test "an immediate stop of the server at random moments" {
    # A cluster of its own: the other files' one may not be stopped.
    eval "$("$MIG_ROOT/tests/lib/cluster" start --watch $$ --set fsync=on)"
    mkdir "$BATS_TEST_TMPDIR/own"
    db_create crash
    twostep "$BATS_TEST_TMPDIR/own"
    twostep_up
    DIGEST=$(twostep_digest) AFTER=0 BEFORE=0
    for i in $(seq $(((ROUNDS + 3) / 4))); do
        last=$(newest)
        mig-rollback run -1 --yes --confirm crash -q >/dev/null 2>&1 &
        pid=$!
        sleep "0.$(printf '%03d' $((400 + RANDOM % 400)))"
        "$MIG_ROOT/tests/lib/cluster" kill "$MIG_TEST_CLUSTER"
        sleep 0.2
        "$MIG_ROOT/tests/lib/cluster" restart "$MIG_TEST_CLUSTER"
        wait "$pid" || :
        KNOWN=
        [ "$(newest)" != "$last" ] || KNOWN=earlier
        settle "$i"
    done
    echo "before $BEFORE, after $AFTER"
    "$MIG_ROOT/tests/lib/cluster" stop "$MIG_TEST_CLUSTER"
}
