#!/usr/bin/env bats
# Where a command takes FILE: a path, a file's name, a name given with --name, an id prefix, "latest".

load ../lib/common

setup_file() {
    db_create
    key_make
    sql 'create table t (id int primary key, v text)' "insert into t values (1, 'a')"
    cd "$BATS_FILE_TMPDIR"
    mig-backup create -t t --name friday -q
    mig-backup create -t t --name saturday -q
}
setup() { cd "$BATS_FILE_TMPDIR"; }
teardown_file() { db_drop; }

@test "each way to name a backup finds the same one" {
    mig mig-backup list --format json
    file=$(ls -t backups/*.mig | tail -n 1)
    mig mig-backup show friday
    assert_exit 0
    id=$(sed -n 's/^id  *//p' <<<"$output")
    friday=$output
    for f in "${id:0:8}" "$(sed -n 's/^file  *\([^ ]*\).*/\1/p' <<<"$friday")" "$(basename "$(sed -n 's/^file  *\([^ ]*\).*/\1/p' <<<"$friday")")"; do
        mig mig-backup show "$f"
        assert_exit 0
        assert_equal "$(sed -n 's/^id  *//p' <<<"$output")" "$id"
    done
    mig mig-backup show latest
    assert_exit 0
    assert_out '^name  *saturday$'
}

@test "list has a column of names where somebody gave one" {
    mig mig-backup list
    assert_exit 0
    assert_out '^FILE +NAME ' ' friday ' ' saturday '
}

@test "a name that two backups have is refused, with both" {
    mig-backup create -t t --name twice -q
    mig-backup create -t t --name twice -q
    mig mig-backup verify twice
    assert_exit 2
    assert_err 'twice.*\.mig.*\.mig'
}

@test "a name that nothing has says what was looked for and where" {
    mig mig-backup show monday
    assert_exit 2
    assert_err 'monday' 'backups'
}

@test "latest: a database of that name on another server is not meant, and that is said" {
    eval "$("$MIG_ROOT/tests/lib/cluster" start --watch $$)"
    sql -d postgres "create database \"$PGDATABASE\""
    mig mig-backup restore latest --yes --confirm "$PGDATABASE"
    "$MIG_ROOT/tests/lib/cluster" stop "$MIG_TEST_CLUSTER"
    assert_exit 2
    assert_err 'holds no backup of the database' 'of a database of that name on another server: .* before pg_upgrade'
}
