#!/usr/bin/env bats
# What a database may hold to make a backup or a restore go wrong, or say what is not so.

load ../lib/common

setup_file() {
    db_create
    key_make
    sql "create table ruled (id int primary key, v text)" \
        "insert into ruled select g, 'v' || g from generate_series(1, 10) g" \
        "create rule nothing as on insert to ruled do instead nothing" \
        "create rule neither as on update to ruled do instead nothing" \
        "create sequence counted as int" \
        "create table counted_t (id int primary key default nextval('counted'))" \
        "alter sequence counted owned by counted_t.id" \
        "select setval('counted', 2147483647)" \
        "insert into counted_t values (2147483647)"
    mig-backup create --all -o "$BATS_FILE_TMPDIR/a.mig"
}
teardown_file() { db_drop; }
setup() { cd "$BATS_FILE_TMPDIR"; }

restore() { mig mig-backup restore a.mig --yes --confirm "$PGDATABASE" "$@"; }

@test "rules do not swallow rows that are put back" {
    sql "delete from ruled where id > 5" "alter table ruled disable rule neither" \
        "update ruled set v = 'other' where id = 1" "alter table ruled enable rule neither"
    restore -t ruled --mode merge --on-conflict overwrite
    assert_exit 0
    [ "$(sql "select count(*), count(*) filter (where v = 'v' || id) from ruled")" = '10|10' ]
    sql "delete from ruled where id > 5"
    restore -t ruled --mode missing
    assert_exit 0
    [ "$(sql "select count(*) from ruled")" = 10 ]
    # and they are as they were
    [ "$(sql "select count(*) from pg_rewrite where ev_class = 'ruled'::regclass and ev_enabled = 'O'")" = 2 ]
}

@test "a sequence that has reached its end can be looked at" {
    sql "delete from counted_t" "alter sequence counted restart with 5"
    restore -t counted_t --mode merge
    assert_exit 0
    [ "$(sql "select last_value, is_called from counted")" = '2147483647|t' ]
}

@test "a newer file that a stranger puts on the shelf is not \"latest\"" {
    mig-backup create -t counted_t --dir shelf -q >/dev/null
    ours=$(ls shelf/*.mig)
    sleep 1.1 # its label says a later second
    HOME=$BATS_TEST_TMPDIR mig-backup keygen >/dev/null
    HOME=$BATS_TEST_TMPDIR mig-backup create -t ruled --dir shelf --recipient "$(mig-backup keygen -o "$BATS_TEST_TMPDIR/k")" -q >/dev/null
    theirs=$(ls shelf/*.mig | grep -vxF "$ours")
    touch -d '+1 hour' "$theirs"
    sql "delete from counted_t"
    mig mig-backup restore latest --dir shelf --yes --confirm "$PGDATABASE"
    assert_exit 0
    assert_out 'counted_t'
    # and by itself it is refused
    mig mig-backup restore "$theirs" --yes --confirm "$PGDATABASE"
    assert_exit 5
}

@test "a backup from standard input" {
    sql "delete from counted_t"
    run --separate-stderr mig-backup restore - -t counted_t --yes --confirm "$PGDATABASE" <a.mig
    assert_exit 0
    [ "$(sql "select count(*) from counted_t")" = 1 ]
}

@test "a log that cannot be written after COMMIT does not hide the change" {
    sql "delete from counted_t"
    restore -t counted_t --log-file /dev/full
    assert_exit 7
    assert_err 'are restored and committed; but'
    [ "$(sql "select count(*) from counted_t")" = 1 ]
}

@test "a log that cannot be written after the backup is made is an error that names the backup" {
    mig mig-backup create -t counted_t --no-ddl -o logless.mig --log-file /dev/full
    assert_exit 3
    assert_out 'file +.*logless.mig'
    assert_err 'the backup ".*logless.mig" is made; but'
    mig mig-backup verify logless.mig
    assert_exit 0
}

@test "a name or a label cannot forge a line, nor talk to the terminal" {
    sql $'create table "x\n::error::y\033[2J" (id int)' $'insert into "x\n::error::y\033[2J" values (1)'
    mig mig-backup create -t '*.x*' --name $'n\n::error::z\033[2J' --dir names
    assert_exit 0
    if grep -qE $'^::|\033' <<<"$output$stderr"; then false; fi
    mig mig-backup list --dir names
    if grep -qE $'^::|\033' <<<"$output"; then false; fi
    assert_out 'n.n::error::z.x1b'
    mig mig-backup show latest --dir names
    printf 'DROP TABLE "x\n::error::y\033[2J";' >a.sql
    mig mig-validate sql a.sql
    assert_exit 1
    if grep -qE $'^::|\033' <<<"$output$stderr"; then false; fi
}
