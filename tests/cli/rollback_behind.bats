#!/usr/bin/env bats
# Rows that a trigger takes behind the plan's back, from tables that the plan touches in another way: no backup holds them.

load ../lib/common
load ../lib/script

setup_file() {
    key_make
    export TEMPLATE=behind_$$
    db_create "$TEMPLATE"
    sql "create table s (id int primary key, v int)" "insert into s select g, 0 from generate_series(1, 10) g" \
        "create table a (id int primary key, x int, y text)" "insert into a select g, g, 'y' || g from generate_series(1, 100) g" \
        "create table partner (id int primary key)" "insert into partner values (1)" \
        "create table child (id int primary key, p int constraint fk references partner)" "insert into child values (1, 1)" \
        "create function act() returns trigger language plpgsql as 'begin execute tg_argv[0]; return null; end'"
}
teardown_file() { db_drop "$TEMPLATE"; }
setup() {
    cd "$BATS_TEST_TMPDIR"
    db_create "" "$TEMPLATE"
}
teardown() { db_drop; }

# behind SQL: whenever s is written.
behind() {
    sql "create trigger t after update on s for each statement execute function act(\$\$$1\$\$)"
}

nothing_lost() {
    assert_exit 4
    assert_out 'rolled-back'
    [ "$(sql "select count(*), sum(x) from a")" = "100|5050" ]
    [ "$(sql "select sum(v) from s")" = 0 ]
}

@test "TRUNCATE of a table that the plan only alters" {
    behind "truncate a"
    run_sql "ALTER TABLE a ADD COLUMN z int; ALTER TABLE a RENAME TO b; ALTER TABLE b RENAME TO a; UPDATE s SET v = 1 WHERE id = 1;"
    nothing_lost
    assert_err 'emptied what its plan keeps' 'public.a lost all its rows'
}

@test "TRUNCATE of a table of which a column goes, and rows put in its place" {
    behind "truncate a; insert into a (id, x) values (1, 1), (2, 2)"
    for scope in tables loss; do
        run_sql "ALTER TABLE a DROP COLUMN y; UPDATE s SET v = 1 WHERE id = 1;" --scope "$scope"
        nothing_lost
        assert_err 'public.a (lost all its rows|had 2 rows inserted)'
    done
}

@test "TRUNCATE of a foreign-key partner, which the plan only locks" {
    behind "truncate partner, child"
    run_sql "ALTER TABLE child DROP CONSTRAINT fk; UPDATE s SET v = 1 WHERE id = 1;"
    nothing_lost
    assert_err 'public.partner lost all its rows'
    [ "$(sql "select count(*) from partner")" = 1 ]
}

@test "DELETE and UPDATE in a table of which only the values of a column are saved" {
    for act in "delete from a where id > 50" "update a set x = 0 where id > 50"; do
        behind "$act"
        run_sql "ALTER TABLE a DROP COLUMN y; UPDATE s SET v = 1 WHERE id = 1;" --scope loss
        nothing_lost
        assert_err 'wrote outside of its plan' 'public.a had 0 rows inserted'
        sql "drop trigger t on s"
    done
}

@test "a trigger that deletes old rows for each new one" {
    sql "create trigger t after insert on a for each row execute function act('delete from public.a where id <= 50')"
    run_sql "INSERT INTO a VALUES (101, 0, 'new');"
    nothing_lost
    assert_err 'public.a had 1 rows inserted, 0 updated, 50 deleted'
}

@test "what the plan says, or keeps, is no surprise" {
    # A new file with all its rows, of a table that is renamed too; of an empty one; an emptied one.
    run_sql "ALTER TABLE a ALTER COLUMN x TYPE bigint; ALTER TABLE a RENAME TO b; INSERT INTO b VALUES (101, 0, 'new');"
    assert_exit 0
    [ "$(sql "select count(*) from b")" = 101 ]
    run_sql "DELETE FROM child WHERE id = 1; ALTER TABLE child ALTER COLUMN id TYPE bigint;"
    assert_exit 0
    run_sql "INSERT INTO partner VALUES (1) ON CONFLICT (id) DO UPDATE SET id = 1;"
    assert_exit 0
    run_sql "TRUNCATE child, partner;"
    assert_exit 0
    run_sql "ALTER TABLE partner ALTER COLUMN id TYPE bigint; ALTER TABLE child ALTER COLUMN p TYPE bigint;"
    assert_exit 0
}

@test "DROP of a table, or of another column of it, that the plan alters" {
    for act in "drop table a" "alter table a drop column y"; do
        behind "$act"
        run_sql "ALTER TABLE a ADD COLUMN z int; UPDATE s SET v = 1 WHERE id = 1;"
        nothing_lost
        assert_err 'was dropped, which the plan does not say'
        sql "drop trigger t on s"
    done
}

@test "what the plan drops, and another search_path does not find" {
    sql "create schema elsewhere"
    behind "select set_config('search_path', 'elsewhere', false)"
    for statement in "DROP TABLE IF EXISTS a;" "ALTER TABLE IF EXISTS a DROP COLUMN y;"; do
        run_sql "UPDATE s SET v = 1 WHERE id = 1; $statement"
        nothing_lost
        assert_err 'should have been dropped and is still there'
    done
}

@test "an index made invalid in the catalog itself" {
    behind "update pg_index set indisvalid = false where indexrelid = 'public.a_pkey'::regclass"
    run_sql "ALTER TABLE a ADD COLUMN z int; UPDATE s SET v = 1 WHERE id = 1;"
    nothing_lost
    assert_err 'public.a_pkey became invalid'
}

@test "a constraint that is made NOT VALID, a schema that is renamed with tables that the plan does not name" {
    behind "alter table a add constraint late check (x > 0) not valid"
    run_sql "ALTER TABLE a ADD COLUMN z int; UPDATE s SET v = 1 WHERE id = 1;"
    nothing_lost
    assert_err 'public.a constraint late is new and not valid'
    sql "drop trigger t on s" "create schema elsewhere" "create table elsewhere.q (id int)"
    behind "alter schema elsewhere rename to gone"
    run_sql "ALTER TABLE a ADD COLUMN z int; UPDATE s SET v = 1 WHERE id = 1;"
    nothing_lost
    assert_err 'gone.q|elsewhere.q'
}

@test "what a trigger changes or deletes in the very table whose new column the script fills" {
    sql "create function more() returns trigger language plpgsql as 'begin new.y := ''other''; return new; end'" \
        "create trigger t before update on a for each row execute function more()"
    for scope in tables loss; do
        run_sql "ALTER TABLE a ADD COLUMN z int; UPDATE a SET z = 1 WHERE id = 1;" --scope "$scope"
        nothing_lost
        assert_err 'values of public.a that the plan keeps were changed'
    done
    sql "drop trigger t on a" "create trigger t after update on a for each statement execute function act('delete from public.a where id > 50')"
    run_sql "ALTER TABLE a ADD COLUMN z int; UPDATE a SET z = 1 WHERE id = 1;"
    nothing_lost
    assert_err 'public.a had 100 rows and would have 50'
}
