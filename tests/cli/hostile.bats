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
