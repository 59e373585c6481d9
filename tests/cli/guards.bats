#!/usr/bin/env bats
# Guards that stand behind others: each of these survived being taken out of the code, until it had a test.

load ../lib/common

setup_file() {
    db_create
    key_make
    cd "$BATS_FILE_TMPDIR"
}
teardown_file() { db_drop; }
setup() {
    cd "$BATS_TEST_TMPDIR"
    sql 'drop table if exists users cascade' 'create table users (id int primary key, v int, w text)' \
        "insert into users select i, i, 'w' || i from generate_series(1, 5) i" 2>/dev/null
}
run_sql() {
    printf '%s\n' "$1" >x.sql
    shift
    mig mig-rollback run --sql x.sql --yes --confirm "$PGDATABASE" --force validate,gate --reason why "$@"
}

@test "a value that the plan keeps, and a trigger of the script's own UPDATE changes" {
    sql "create or replace function meddle() returns trigger language plpgsql as 'begin new.w := ''changed''; return new; end'" \
        'create trigger meddle before update on users for each row execute function meddle()'
    for how in quick full; do
        run_sql 'ALTER TABLE users ADD COLUMN z int; UPDATE users SET z = 0;' --verify $how
        assert_exit 4
        assert_err 'values of public.users that the plan keeps were changed'
        assert_equal "$(sql "select count(*) from users where w = 'changed'")" 0
    done
    # Without the trigger it is what it says.
    sql 'drop trigger meddle on users'
    run_sql 'ALTER TABLE users ADD COLUMN z int; UPDATE users SET z = 0;'
    assert_exit 0
}

@test "rows that go by a trigger of the script's own UPDATE" {
    sql "create or replace function eat() returns trigger language plpgsql as 'begin delete from users where id = 5; return null; end'" \
        'create trigger eat after update on users for each statement execute function eat()'
    run_sql 'ALTER TABLE users ADD COLUMN z int; UPDATE users SET z = 0;'
    assert_exit 4
    assert_err 'public.users had 5 rows and would have 4'
    assert_equal "$(sql 'select count(*), sum(v) from users')" '5|15'
}

@test "a trigger that fires ALWAYS does not touch what is put back" {
    mig mig-backup create -t users -o u.mig
    sql 'truncate users' \
        "create or replace function meddle() returns trigger language plpgsql as 'begin new.w := ''changed''; return new; end'" \
        'create trigger meddle before insert on users for each row execute function meddle()' \
        'alter table users enable always trigger meddle'
    mig mig-backup restore u.mig --verify full --yes --confirm "$PGDATABASE"
    assert_exit 0
    assert_equal "$(sql "select count(*) from users where w = 'w' || id")" 5
    assert_equal "$(sql "select tgenabled from pg_trigger where tgname = 'meddle'")" A
}

@test "prune keeps the newest backup that is proven good where the newest is damaged" {
    for i in 1 2 3; do
        sql "update users set v = v + 1"
        mig mig-backup create -t users --name "n$i"
        assert_exit 0
        sleep 1.1
    done
    newest=$(mig-backup show n3 --format json | json "['file']" -)
    # One byte of its last frame: the label and the signature stay good.
    "$MIG_PYTHON" - "$newest" <<'END'
import sys
f = open(sys.argv[1], 'r+b'); d = f.read(); at = 12288 + 120 # behind both copies of the key slots
f.seek(at); f.write(bytes([d[at] ^ 1]))
END
    mig mig-backup verify n3
    assert_exit 5
    mig mig-backup prune --keep-last 1 --format json
    assert_exit 0
    assert_equal "$(json "['removed']")" 1
    mig mig-backup verify n2
    assert_exit 0
    mig mig-backup show n1
    assert_exit 2
    [ -e "$newest" ]
}
