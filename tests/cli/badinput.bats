#!/usr/bin/env bats
# Bad input: one clear message that names the object, the right exit code, and nothing changed.

load ../lib/common

HEAD=7c2a5e81d9b3
TARGET=40b6ce19f7a8

setup_file() {
    awareness head 600
    export DATABASE=$PGDATABASE
    key_make
    db_digest >"$BATS_FILE_TMPDIR/before"
}
teardown_file() { db_drop "$DATABASE"; }

setup() {
    APP=$BATS_TEST_TMPDIR/app
    cp -R "$AWARENESS" "$APP"
    cd "$APP"
}

# Nothing changed: neither the database nor the shelf.
unchanged() {
    PGHOST=$MIG_TEST_CLUSTER PGUSER=postgres db_digest "$DATABASE" | cmp - "$BATS_FILE_TMPDIR/before" || {
        echo "the database was changed"
        _show
        return 1
    }
    local left
    left=$(find "$APP" "$BATS_TEST_TMPDIR" -name '*.mig' -o -name '*.tmp' -o -name '*.part*' | sort -u)
    [ -z "$left" ] || { echo "left behind: $left"; return 1; }
}

# refused CODE PATTERN COMMAND...: this exit code, exactly one error, which says PATTERN; nothing on stdout
# that could be taken for an answer; nothing changed.
refused() {
    local code=$1 pattern=$2
    shift 2
    mig "$@"
    assert_exit "$code"
    assert_err "$pattern"
    if [ "$(grep -c ': error: ' <<<"$stderr")" -ne 1 ]; then
        echo "not exactly one error: $*"
        _show
        return 1
    fi
    refute_err 'assert|Segmentation|core dumped|runtime error|\(null\)'
    unchanged
}

# Each program's own way to ask about the downgrade.
each() { # CODE PATTERN [OPTION...]
    local code=$1 pattern=$2
    shift 2
    refused "$code" "$pattern" mig-backup create --for-downgrade "$TARGET" "$@"
    refused "$code" "$pattern" mig-validate downgrade "$TARGET" "$@"
    refused "$code" "$pattern" mig-rollback plan "$TARGET" "$@"
    refused "$code" "$pattern" mig-rollback run "$TARGET" --yes --confirm "$DATABASE" "$@"
}

@test "no server" {
    export PGHOST=$BATS_TEST_TMPDIR/nowhere
    each 3 "$PGHOST"
    mig mig-prodcheck --for-downgrade "$TARGET"
    assert_exit 3
    grep -qF "$PGHOST" <<<"$output$stderr"
}

@test "wrong password" {
    export PGUSER=mig_password PGPASSWORD=wrong
    each 3 mig_password
    mig mig-prodcheck --for-downgrade "$TARGET"
    assert_exit 3
    grep -qF mig_password <<<"$output$stderr"
}

@test "unknown database" {
    export PGDATABASE=no_such_database
    each 3 no_such_database
    mig mig-prodcheck --for-downgrade "$TARGET"
    assert_exit 3
    grep -qF no_such_database <<<"$output$stderr"
}

@test "unknown revision" {
    refused 2 feedbeef mig-backup create --for-downgrade feedbeef
    refused 2 feedbeef mig-validate downgrade feedbeef
    refused 2 feedbeef mig-prodcheck --for-downgrade feedbeef
    refused 2 feedbeef mig-rollback plan feedbeef
    refused 2 feedbeef mig-rollback run feedbeef --yes --confirm "$DATABASE"
}

@test "no alembic.ini" {
    mkdir "$BATS_TEST_TMPDIR/empty"
    cd "$BATS_TEST_TMPDIR/empty"
    each 2 alembic.ini
    refused 2 alembic.ini mig-prodcheck --for-downgrade "$TARGET"
    each 2 elsewhere.ini --alembic-config elsewhere.ini
}

@test "unparsable revision file: named with its line" {
    file=migrations/versions/20251006_19d4b2e7f08c_user_preferences.py
    sed -i "s/^down_revision = .*/down_revision = latest()/" "$file"
    line=$(grep -n '^down_revision' "$file" | cut -d: -f1)
    each 3 "20251006_19d4b2e7f08c_user_preferences.py(:| line |, line )$line"
    mig mig-prodcheck --for-downgrade "$TARGET" --skip backup
    assert_exit 3
    assert_out "20251006_19d4b2e7f08c_user_preferences.py(:| line )$line" 1.could.not.be.checked
    unchanged
}

@test "an unterminated string in a revision file" {
    file=migrations/versions/20251006_19d4b2e7f08c_user_preferences.py
    sed -i "s/^revision = .*/revision = '''19d4b2e7f08c/" "$file"
    each 3 "20251006_19d4b2e7f08c_user_preferences.py"
}

@test "two heads: both are named, and so is what to type" {
    sed -e "s/7c2a5e81d9b3/aaaa00000000/; s/two-factor login/another/" \
        migrations/versions/20251103_7c2a5e81d9b3_two_factor_login.py >migrations/versions/20251104_aaaa00000000_another.py
    sed -i "s/^Revision ID:.*/Revision ID: aaaa00000000/; s/^revision = .*/revision = 'aaaa00000000'/" migrations/versions/20251104_aaaa00000000_another.py
    refused 2 "7c2a5e81d9b3.*aaaa00000000|aaaa00000000.*7c2a5e81d9b3" mig-backup create --for-upgrade head
    refused 2 "7c2a5e81d9b3.*aaaa00000000|aaaa00000000.*7c2a5e81d9b3" mig-validate upgrade head
    assert_err heads
    refused 2 "7c2a5e81d9b3.*aaaa00000000|aaaa00000000.*7c2a5e81d9b3" mig-prodcheck --for-upgrade head
    # mig-rollback goes down from where the database is: a second head in the files is not in its way.
    mig mig-rollback plan "$TARGET"
    assert_exit 0
    refused 2 "7c2a5e81d9b3.*aaaa00000000|aaaa00000000.*7c2a5e81d9b3" mig-rollback plan head
}

@test "two heads in the database: -1 is what Alembic makes of it, with a warning" {
    db_create "" "$DATABASE"
    sql "insert into alembic_version values ('f6a81c3d0e95')" "delete from alembic_version where version_num = '$HEAD'" \
        "insert into alembic_version values ('2d9b7f4ce816')"
    before=$(db_digest)
    mig mig-validate downgrade -1
    assert_exit 1
    assert_err 'warning: .*ambiguous.*(f6a81c3d0e95|2d9b7f4ce816)'
    mig mig-rollback plan -1
    assert_err 'warning: .*ambiguous.*(f6a81c3d0e95|2d9b7f4ce816)'
    assert_equal "$(db_digest)" "$before"
    db_drop
}

@test "a revision in the database that these files do not have" {
    db_create "" "$DATABASE"
    sql "update alembic_version set version_num = 'fffffffffff1'"
    for c in "mig-backup create --for-downgrade $TARGET" "mig-validate downgrade $TARGET" "mig-rollback plan $TARGET"; do
        mig $c
        assert_exit 3
        assert_err fffffffffff1
    done
    mig mig-prodcheck --for-downgrade "$TARGET"
    [ "$status" -eq 1 ] || [ "$status" -eq 3 ]
    grep -qF fffffffffff1 <<<"$output$stderr"
    db_drop
}

@test "wrong key" {
    cp "$HOME/.config/mig/"* "$BATS_TEST_TMPDIR/" 2>/dev/null || :
    shelf=$BATS_FILE_TMPDIR/shelf
    mig mig-backup create -t courses --dir "$shelf"
    assert_exit 0
    key_make "$BATS_TEST_TMPDIR/other.key"
    for c in "cat latest -t courses" "verify latest" "restore latest --mode replace --yes --confirm $DATABASE"; do
        refused 5 'key|signer' mig-backup $c --dir "$shelf" --key "$BATS_TEST_TMPDIR/other.key"
    done
}

@test "missing key" {
    export HOME=$BATS_TEST_TMPDIR/nobody
    mkdir "$HOME"
    refused 2 'keygen|key' mig-backup create --for-downgrade "$TARGET"
    refused 2 'keygen|key' mig-rollback run "$TARGET" --yes --confirm "$DATABASE"
    refused 2 "nokey.txt" mig-backup create --for-downgrade "$TARGET" --key "$BATS_TEST_TMPDIR/nokey.txt"
    echo 'not a key at all' >"$BATS_TEST_TMPDIR/garbage.key"
    chmod 600 "$BATS_TEST_TMPDIR/garbage.key"
    refused 2 "garbage.key" mig-backup create --for-downgrade "$TARGET" --key "$BATS_TEST_TMPDIR/garbage.key"
    refute_err 'not a key at all'
    touch "$BATS_TEST_TMPDIR/empty.key"
    chmod 600 "$BATS_TEST_TMPDIR/empty.key"
    refused 2 "empty.key" mig-backup create --for-downgrade "$TARGET" --key "$BATS_TEST_TMPDIR/empty.key"
}

# A folder that nobody can write to, root included: a read-only mount when we may, else permissions.
readonly_dir() {
    DIR=$BATS_TEST_TMPDIR/readonly
    mkdir "$DIR"
    if [ "$(id -u)" -eq 0 ]; then
        mount -t tmpfs -o ro,size=64m mig-test "$DIR" 2>/dev/null || skip "root writes everywhere and may not mount here"
    else
        chmod 555 "$DIR"
    fi
}
# A file system of SIZE.
small_dir() {
    DIR=$BATS_TEST_TMPDIR/small
    mkdir "$DIR"
    mount -t tmpfs -o "size=$1" mig-test "$DIR" 2>/dev/null || skip "may not mount a small file system here"
}
teardown() {
    if [ -n "${DIR:-}" ] && mountpoint -q "$DIR"; then umount -l "$DIR"; fi
}

@test "unwritable directory" {
    readonly_dir
    refused 2 "$DIR" mig-backup create --for-downgrade "$TARGET" --dir "$DIR" --log-file "$BATS_TEST_TMPDIR/log"
    refused 3 "$DIR" mig-backup create --for-downgrade "$TARGET" -o "$DIR/x.mig" --log-file "$BATS_TEST_TMPDIR/log"
    refused 2 "$DIR/.state" mig-rollback run "$TARGET" --yes --confirm "$DATABASE" --dir "$DIR" --log-file "$BATS_TEST_TMPDIR/log"
    refused 2 "$DIR" mig-rollback run "$TARGET" --yes --confirm "$DATABASE" --dir "$DIR" --state-dir "$BATS_TEST_TMPDIR/state"
    refused 2 "$DIR/log" mig-validate downgrade "$TARGET" --log-file "$DIR/log"
    touch "$BATS_TEST_TMPDIR/file"
    refused 2 "$BATS_TEST_TMPDIR/file" mig-backup create --for-downgrade "$TARGET" --dir "$BATS_TEST_TMPDIR/file/shelf" --log-file "$BATS_TEST_TMPDIR/log"
}

@test "full disk" {
    small_dir 24k
    refused 3 'No space left|full|room' mig-backup create --all --dir "$DIR" --log-file "$BATS_TEST_TMPDIR/log"
    assert_err "$DIR"
    [ -z "$(find "$DIR" -type f -name '*mig*' -size +0)" ]
    refused 3 'No space left|full|room' mig-backup create --all -o "$DIR/x.mig" --log-file "$BATS_TEST_TMPDIR/log"
    mig mig-rollback run "$TARGET" --yes --confirm "$DATABASE" --dir "$DIR" --log-file "$BATS_TEST_TMPDIR/log"
    [ "$status" -eq 3 ] || [ "$status" -eq 4 ]
    assert_err 'No space left|full|room'
    unchanged
}

@test "a file that may not grow (ulimit -f) is an error, not a death" {
    DIR=$BATS_TEST_TMPDIR/limited
    refused 3 'File too large' prlimit --fsize=1024 mig-backup create --all --dir "$DIR"
    [ -z "$(find "$DIR" -type f -name '*mig*')" ]
    refused 3 'File too large' prlimit --fsize=16384 mig-rollback run "$TARGET" --yes --confirm "$DATABASE" --dir "$DIR"
    unchanged
}

@test "standard output that is full" {
    [ -c /dev/full ] || skip "no /dev/full"
    status=0
    mig-validate downgrade "$TARGET" --format json >/dev/full 2>"$BATS_TEST_TMPDIR/err" || status=$?
    stderr=$(cat "$BATS_TEST_TMPDIR/err") output=
    assert_exit 3
    assert_err 'No space left'
}

@test "unknown option, unknown command, missing argument" {
    for b in mig-backup mig-validate mig-prodcheck mig-rollback; do
        refused 2 '\-\-frobnicate' $b --frobnicate
    done
    refused 2 '"--for-downgrad"' mig-backup create --for-downgrad "$TARGET"
    assert_err 'did you mean --for-downgrade'
    refused 2 'destroy' mig-backup destroy
    refused 2 'explode' mig-validate explode
    refused 2 'detonate' mig-rollback detonate
    refused 2 'REV|revision|argument' mig-validate downgrade
    refused 2 '\-\-for-downgrade' mig-backup create --for-downgrade
    refused 2 'fail-on|sometimes' mig-validate downgrade "$TARGET" --fail-on sometimes
    refused 2 'jobs|many' mig-backup create -j many
    refused 2 'yaml' mig-validate downgrade "$TARGET" --format yaml
}

@test "malformed mig.json" {
    printf '{\n  "backup": { "dir": "x",, }\n}\n' >mig.json
    each 2 'mig.json.*2'
    refused 2 'mig.json.*2' mig-prodcheck
    printf '{ "bakcup": { "dir": "x" } }' >mig.json
    each 2 'mig.json.*bakcup'
    assert_err 'backup'
    printf '{ "backup": { "jobs": "many" } }' >mig.json
    each 2 'backup.jobs'
    printf '[]' >mig.json
    each 2 'mig.json'
    printf '{}' >mig.json
    each 2 'nowhere.json' --config nowhere.json
}

@test "an address that is not served" {
    unset PGDATABASE PGHOST PGUSER PGPORT
    refused 2 'mysql' mig-validate downgrade "$TARGET" -d mysql://u:topsecret@h/db
    refute_err topsecret
    refused 2 'sqlite' mig-backup create --for-downgrade "$TARGET" -d sqlite:///x.db
    DATABASE_URL='postgresql+psycopg2://u:topsecret@h/db?sslmod=require' refused 2 'sslmod' mig-rollback plan "$TARGET"
    refute_err topsecret
}
