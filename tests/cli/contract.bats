#!/usr/bin/env bats
# The command line contract (docs/DESIGN.md, section 6), as a script would see it.

load ../lib/common

setup_file() {
    awareness head 600
    key_make
}
teardown_file() { db_drop; }
setup() {
    APP=$BATS_TEST_TMPDIR/app
    cp -R "$AWARENESS" "$APP"
    cd "$APP"
}

@test "a standard stream that is closed is not the next file that is opened" {
    local before
    before=$(db_digest)
    # Standard output closed: the report did not arrive, and went nowhere else.
    status=0
    mig-backup create -t users >&- 2>err </dev/null || status=$?
    assert_equal "$status" 3
    grep -q 'standard output' err
    for c in "mig-backup list" "mig-backup show latest" "mig-prodcheck --skip backup" "mig-prodcheck --skip backup --format json" \
        "mig-validate history" "mig-rollback list --format json" "mig-rollback plan -1" "mig-backup cat latest -t users"; do
        status=0
        $c >&- 2>err </dev/null || status=$?
        [ "$status" -eq 3 ] || { echo "$c: exit $status"; cat err; return 1; }
    done
    # All three closed: the log, the journal, the server's socket and the backup are not spoken into.
    status=0
    mig-rollback run -1 --yes --confirm "$PGDATABASE" >&- 2>&- <&- || status=$?
    assert_equal "$status" 7
    mig mig-rollback status --format json
    assert_equal "$(json "['outcome']")" committed
    mig mig-backup verify latest
    assert_exit 0
    mig mig-rollback undo --yes --confirm "$PGDATABASE" -q
    assert_exit 0
    status=0
    mig-backup create -t users 2>&- <&- >out || status=$?
    assert_equal "$status" 0
    mig mig-backup verify latest
    assert_exit 0
    mig mig-backup log verify backups/.state/log.jsonl
    assert_exit 0
    assert_equal "$(db_digest)" "$before"
}

@test "the shelf is 0700 and keeps its backups out of repositories, whoever makes it" {
    for c in "mig-backup create -t users" "mig-prodcheck --only connection" "mig-rollback list"; do
        rm -rf new
        (umask 022 && mig $c --dir new/shelf && assert_exit 0) || return 1
        assert_equal "$(stat -c %a new/shelf)" 700
        assert_equal "$(grep -v '^#' new/shelf/.gitignore)" '*'
    done
}
