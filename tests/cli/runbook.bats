#!/usr/bin/env bats
# Every command of docs/runbook.md is run here as it stands there.
# asan: no the same commands as in the other files, from a page

load ../lib/common

TARGET=40b6ce19f7a8
HEAD=7c2a5e81d9b3
PAGE=$MIG_ROOT/docs/runbook.md

setup_file() {
    awareness head 900
    key_make
    export TEMPLATE=$PGDATABASE
    : >"$BATS_FILE_TMPDIR/ran"
}
teardown_file() { db_drop "$TEMPLATE"; }

# Each test has its own database at head, and a folder of its own.
setup() {
    cp -R "$AWARENESS" "$BATS_TEST_TMPDIR/app"
    cd "$BATS_TEST_TMPDIR/app"
    db_create "runbook_$BATS_TEST_NUMBER" "$TEMPLATE"
    export REV=$TARGET TO=$TARGET WHY='people are locked out' NAME=$PGDATABASE TABLE=courses
    mig-backup create --for-downgrade "$TARGET" -q >/dev/null
}
teardown() { db_drop; }

# runs CODE LINE: the line is on the page, in a block of commands; it answers with CODE.
runs() {
    commands | grep -qxF -- "$2" || { echo "not on the page: $2"; return 1; }
    printf '%s\n' "$2" >>"$BATS_FILE_TMPDIR/ran"
    mig bash -c "$2"
    assert_exit "$1"
}
commands() { awk '/^```/ { on = ($0 == "```sh"); next } on' "$PAGE"; }
version() { sql 'select string_agg(version_num, $$ $$) from alembic_version'; }

@test "1. what is going on?" {
    runs 0 'mig-prodcheck'
    assert_out '^GO '
    # Nothing has been rolled back here: that is said, and is no answer of "all is well".
    runs 2 'mig-rollback status'
    assert_err 'no run of this database is known'
}

@test "2. look, then go back, typing the name" {
    before=$(db_digest)
    runs 0 'mig-rollback plan $REV'
    assert_out "$HEAD" "$TARGET" 'user_preferences' 'Wait' 'Undo'
    assert_equal "$(db_digest)" "$before"
    # Without a terminal it refuses and says what to type.
    runs 4 'mig-rollback run $REV --reason "$WHY"'
    assert_err "--yes --confirm $NAME|--yes"
    assert_equal "$(db_digest)" "$before"
    # With one, a wrong name is refused, the right one is taken.
    export MIG_ENV=production
    printf '{"environments": {"production": {"databases": ["%s"], "production": true}}}' "$PGDATABASE" >mig.json
    type='(sleep 1; echo "$TYPED"; sleep 1) | script -qec "mig-rollback run $REV --reason \"$WHY\"" /dev/null'
    TYPED=production/wrong run bash -c "$type"
    [ "$status" -eq 4 ]
    assert_equal "$(db_digest)" "$before"
    TYPED=production/$PGDATABASE run bash -c "$type"
    echo "$output"
    [ "$status" -eq 0 ]
    assert_equal "$(version)" "$TARGET"
}

@test "2. where nobody can type" {
    runs 0 'mig-rollback run $REV --reason "$WHY" --yes --confirm $NAME'
    assert_out 'committed'
    assert_equal "$(version)" "$TARGET"
}

@test "3. it refuses: copy only what is lost" {
    runs 0 'mig-rollback run $REV --reason "$WHY" --scope loss --yes --confirm $NAME'
    assert_equal "$(version)" "$TARGET"
}

@test "3. it refuses: copy before the lock" {
    runs 0 'mig-rollback run $REV --reason "$WHY" --backup before --yes --confirm $NAME'
    assert_equal "$(version)" "$TARGET"
}

# hold SQL: another session does that in a transaction, and stays; its locks are there afterwards.
hold() {
    PGAPPNAME=$1 psql -XAtqc "begin; lock table users in access share mode; $2" >/dev/null 2>&1 3>&- &
    holder=$!
    while [ "$(sql "select count(*) from pg_locks where relation = 'users'::regclass and mode = 'AccessShareLock' and pid <> pg_backend_pid()")" = 0 ]; do sleep 0.1; done
}

@test "3. it refuses: a query holds the lock" {
    hold report 'select pg_sleep(3600)'
    before=$(version)
    mig mig-rollback run "$REV" --reason "$WHY" --yes --confirm "$NAME" --lock-deadline 3s
    assert_exit 4
    grep -q report <<<"$output$stderr"
    assert_equal "$(version)" "$before"
    runs 0 'mig-rollback run $REV --reason "$WHY" --cancel-blockers --yes --confirm $NAME'
    assert_equal "$(version)" "$TARGET"
}

@test "3. it refuses: an idle session holds the lock" {
    mkfifo "$BATS_TEST_TMPDIR/in"
    PGAPPNAME=forgotten psql -XAtq <"$BATS_TEST_TMPDIR/in" >/dev/null 2>&1 3>&- &
    exec 7>"$BATS_TEST_TMPDIR/in"
    echo 'begin; lock table users in access share mode;' >&7
    while [ "$(sql "select count(*) from pg_locks where relation = 'users'::regclass and mode = 'AccessShareLock' and pid <> pg_backend_pid()")" = 0 ]; do sleep 0.1; done
    runs 0 'mig-rollback run $REV --reason "$WHY" --terminate-blockers --yes --confirm $NAME'
    exec 7>&-
    assert_equal "$(version)" "$TARGET"
}

@test "4. and 5. after something unexpected: status" {
    mig mig-rollback run "$REV" --reason "$WHY" --yes --confirm "$NAME"
    assert_exit 0
    runs 0 'mig-rollback status'
    assert_out committed
    # Nothing was left half-way here (tests/cli/rollback_segments.bats does that): it says so.
    runs 4 'mig-rollback resume'
    runs 4 'mig-rollback resume --back'
    assert_err settled
}

@test "6. forward again" {
    before=$(sql "select md5(string_agg(row(u.*, p.*)::text, '' order by u.id)) from users u join user_preferences p on p.user_id = u.id")
    mig mig-rollback run "$REV" --reason "$WHY" --yes --confirm "$NAME"
    assert_exit 0
    runs 0 'mig-rollback undo --yes --confirm $NAME'
    assert_equal "$(version)" "$HEAD"
    # Column order may differ after DROP and ADD: by name.
    assert_equal "$(sql "select md5(string_agg(row(u.*, p.*)::text, '' order by u.id)) from users u join user_preferences p on p.user_id = u.id")" "$before"
}

@test "7. data is gone" {
    mig-backup create -t courses -t enrollments -q
    before=$(db_digest)
    sql 'delete from enrollments where course_id in (1, 2)' 'delete from courses where id in (1, 2)'
    gone=$(db_digest)
    runs 0 'mig-backup list'
    runs 0 'mig-backup show latest'
    assert_out courses
    runs 0 'mig-backup restore latest -t $TABLE --mode missing --dry-run --yes --confirm $NAME'
    assert_equal "$(db_digest)" "$gone"
    runs 0 'mig-backup restore latest -t $TABLE --mode missing --yes --confirm $NAME'
    assert_equal "$(sql 'select count(*) from courses where id in (1, 2)')" 2
    mig mig-backup restore latest -t enrollments --mode missing --yes --confirm "$NAME"
    assert_exit 0
    assert_equal "$(db_digest)" "$before"
}

@test "8. does the backup open?" {
    runs 0 'mig-backup verify latest'
}

@test "9. afterwards" {
    mig mig-rollback run "$REV" --reason "$WHY" --yes --confirm "$NAME"
    assert_exit 0
    runs 0 'mig-prodcheck --after --for-downgrade $TO'
    runs 0 'mig-rollback list'
    assert_out "$TARGET"
    export LOG=backups/.state/log.jsonl
    runs 0 'mig-backup log verify $LOG'
}

@test "no command of the page was left out" {
    diff <(commands | sort -u) <(sort -u "$BATS_FILE_TMPDIR/ran")
}
