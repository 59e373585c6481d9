#!/usr/bin/env bats
# Whatever dies, and whenever: fully before or fully after, and status says which.
#
# MIG_CRASH_ROUNDS (default 8) rounds of kill -9 and of killed backends, a quarter of it stops of the
# server (MIG_STOP_ROUNDS); make check runs few of them.
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
    ROUNDS=${MIG_CRASH_ROUNDS:-8}
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

# aim I SPAN LAST: a random moment of the run that has begun: anywhere, near its end, or just when the
# journal says that it executes or is about to commit (the run after LAST).
aim() {
    local i=$1 span=$2 last=$3 step at
    case $((i % 4)) in
    0) at=$((RANDOM % span)) ;;
    1) at=$((span * 8 / 10 + RANDOM % (span * 3 / 10 + 1))) ;;
    *)
        [ $((i % 4)) -eq 2 ] && step=execute || step=commit
        while kill -0 "$pid" 2>/dev/null; do
            [ "$(newest)" = "$last" ] || ! grep -q "\"step\":\"$step\"" "$(newest_file)" || break
        done
        at=$((RANDOM % 12))
        ;;
    esac
    sleep "$(printf '%d.%03d' $((at / 1000)) $((at % 1000)))"
}

newest_file() { ls -t backups/.state/runs/*/*.jsonl 2>/dev/null | head -n 1; }
# The newest run's name, to tell whether a round began one.
newest() { ls -t backups/.state/runs/*/ 2>/dev/null | head -n 1; }

@test "kill -9 of mig-rollback at random moments" {
    DIGEST=$(twostep_digest) AFTER=0 BEFORE=0
    twostep_span
    for i in $(seq "$ROUNDS"); do
        last=$(newest)
        mig-rollback run -1 --yes --confirm "$PGDATABASE" -q >/dev/null 2>&1 &
        pid=$!
        aim "$i" "$SPAN" "$last"
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
    twostep_span
    for i in $(seq "$ROUNDS"); do
        last=$(newest)
        mig-rollback run -1 --yes --confirm "$PGDATABASE" -q >/dev/null 2>"$BATS_TEST_TMPDIR/err" &
        pid=$!
        aim "$i" "$SPAN" "$last"
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
    twostep_span
    for i in $(seq "${MIG_STOP_ROUNDS:-$(((ROUNDS + 3) / 4))}"); do
        last=$(newest)
        mig-rollback run -1 --yes --confirm crash -q >/dev/null 2>&1 &
        pid=$!
        aim "$i" "$SPAN" "$last"
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

@test "kill -9 exactly as a step of the journal is written: before it, in its middle, before its fsync" {
    ${CC:-cc} -shared -fPIC -o "$BATS_TEST_TMPDIR/shim.so" "$MIG_ROOT/tests/lib/shim.c" -ldl
    DIGEST=$(twostep_digest) AFTER=0 BEFORE=0
    for how in "write kill" "write half" "fsync kill"; do
        n=1
        while :; do
            last=$(newest)
            rm -f "$BATS_TEST_TMPDIR/mark"
            code=0
            env LD_PRELOAD="$BATS_TEST_TMPDIR/shim.so" SHIM_PATH=/.state/runs/ SHIM_CALL="${how% *}" SHIM_NTH=$n \
                SHIM_FAULT="${how#* }" SHIM_MARK="$BATS_TEST_TMPDIR/mark" \
                mig-rollback run -1 --yes --confirm "$PGDATABASE" -q >/dev/null 2>&1 </dev/null || code=$? # the shell says "Killed"
            echo "$how $n: exit $code"
            KNOWN=
            [ "$(newest)" != "$last" ] || KNOWN=earlier
            settle "$how $n"
            [ -e "$BATS_TEST_TMPDIR/mark" ] || break
            [ "$code" -eq 137 ]
            n=$((n + 1))
        done
        [ "$n" -ge 7 ]
    done
    echo "before $BEFORE, after $AFTER"
    # The outcome is the one step that is written after COMMIT; and thrice nothing was hit.
    [ "$AFTER" -ge 6 ]
}
