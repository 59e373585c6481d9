#!/usr/bin/env bats
# What run would refuse at its verification, plan says before; and what it needs not refuse, it does.

load ../lib/common

setup_file() {
    key_make
    export TEMPLATE=forecast_$$
    db_create "$TEMPLATE"
    role_create mig_leaver
    sql "create table a (id int primary key, v text, w varchar(20) default 'x', n int)" \
        "insert into a select g, 'v' || g, 'w', g from generate_series(1, 50) g" \
        "create table b (id int primary key, v text)" "insert into b select g, 'b' || g from generate_series(1, 50) g" \
        "create view uv as select id, v from a where id > 10" "create table lg (x text)" \
        "create view rv as select id, v from a" "create rule r as on delete to rv do instead delete from b where id = old.id" \
        "create rule rb as on update to b do also insert into lg values (new.v)" "create table owned (id int)" "alter table owned owner to mig_leaver" \
        "create type ct as (x int, y text)" "create table ty of ct" "insert into ty values (1, 'a')" \
        "create table p1 (c int, o int)" "create table p2 (c int, q int)" "create table kid (k int) inherits (p1, p2)" "insert into kid values (1, 2, 3, 4)" \
        "create table loc (o int, z int) inherits (p1)" "insert into loc values (5, 6, 7)" "create table gkid () inherits (kid)" \
        "create function ef() returns event_trigger language plpgsql as 'begin insert into lg values (tg_tag); end'"
    [ "$(sql 'show server_version_num')" -lt 150000 ] || sql "create publication pc for table a (id, w)"
}
teardown_file() { db_drop "$TEMPLATE"; }
setup() {
    cd "$BATS_TEST_TMPDIR"
    db_create "" "$TEMPLATE"
}
teardown() { db_drop; }

# both SQL EXIT: plan and a dry run of the script answer the same.
both() {
    printf '%s\n' "$1" >down.sql
    mig mig-rollback plan --sql down.sql
    assert_exit "$2"
    mig mig-rollback run --sql down.sql --yes --confirm "$PGDATABASE" --dry-run
    assert_exit "$2"
}

@test "what would be locked or written beside the plan is refused by the plan, by name" {
    while IFS='|' read -r script said; do
        [ -n "$script" ] || continue
        echo "$script"
        both "$script" 4
        assert_err "$said"
    done <<'LIST'
UPDATE uv SET v = 'x' WHERE id = 20;|a write through the view public\.uv: public\.a would be locked and changed, which the plan does not name
INSERT INTO uv VALUES (100, 'x');|a write through the view public\.uv
WITH x AS (DELETE FROM uv WHERE id = 20 RETURNING *) INSERT INTO lg SELECT v FROM x;|a write through the view public\.uv
DELETE FROM rv WHERE id = 20;|rule r of public\.rv: public\.b would be locked
UPDATE b SET v = 'x' WHERE id = 20;|rule rb of public\.b: public\.lg would be locked
REASSIGN OWNED BY mig_leaver TO postgres;|REASSIGN OWNED BY mig_leaver: public\.owned would be locked
ALTER TYPE ct ADD ATTRIBUTE z int CASCADE;|type public\.ct is changed with CASCADE: public\.ty would be locked
ALTER TYPE ct DROP ATTRIBUTE y CASCADE;|type public\.ct is changed with CASCADE: public\.ty
ALTER TYPE ct RENAME ATTRIBUTE x TO xx CASCADE;|type public\.ct is changed with CASCADE: public\.ty
SAVEPOINT s; ALTER TABLE a DROP COLUMN n; ROLLBACK TO SAVEPOINT s; ALTER TABLE b DROP COLUMN v;|ROLLBACK TO SAVEPOINT takes back what line 1 drops
LIST
}

@test "what is named, or reaches nothing else, is not" {
    sql "create rule nothing as on delete to a do instead nothing" "create role mig_nobody_$$"
    while read -r script; do
        [ -n "$script" ] || continue
        echo "$script"
        both "$script" 0
    done <<LIST
UPDATE a SET v = 'y' WHERE id = 3; UPDATE uv SET v = 'x' WHERE id = 20;
DELETE FROM a WHERE id = 20;
INSERT INTO b VALUES (200, 'x');
REASSIGN OWNED BY mig_nobody_$$ TO postgres;
REASSIGN OWNED BY mig_leaver TO postgres; ALTER TABLE owned ADD COLUMN x int;
DROP TABLE ty; ALTER TYPE ct DROP ATTRIBUTE y;
SAVEPOINT s; DELETE FROM lg; ROLLBACK TO SAVEPOINT s; RELEASE s;
DROP EXTENSION plpgsql CASCADE;
LIST
    sql "drop role mig_nobody_$$"
}

@test "a column that a child has of another parent too, or as its own, stays and is not called lost" {
    both "ALTER TABLE p1 DROP COLUMN c;" 0
    refute_err 'public\.kid\.c destroys'
    both "ALTER TABLE p1 DROP COLUMN c; ALTER TABLE p2 DROP COLUMN c;" 0
    assert_err 'public.kid'
    both "ALTER TABLE p1 DROP COLUMN o;" 0
    both "ALTER TABLE ONLY p1 DROP COLUMN o;" 0
    echo "ALTER TABLE p1 DROP COLUMN o;" >down.sql
    mig mig-rollback run --sql down.sql --yes --confirm "$PGDATABASE"
    assert_exit 0
    [ "$(sql "select o, z from loc")" = "6|7" ]
    [ "$(sql "select count(*) from pg_attribute where attrelid in ('kid'::regclass, 'gkid'::regclass) and attname = 'o'")" = 0 ]
}

@test "an event trigger that would fire is named before; one that writes ends the run" {
    sql "create event trigger e on ddl_command_end when tag in ('ALTER TABLE') execute function ef()"
    echo "ALTER TABLE a DROP COLUMN n;" >down.sql
    mig mig-rollback plan --sql down.sql
    assert_exit 0
    assert_err 'warning: event trigger e calls public\.ef\(\) for statements of this plan.*cannot be foretold.*--dry-run'
    mig mig-rollback run --sql down.sql --yes --confirm "$PGDATABASE"
    assert_exit 4
    assert_err 'public\.lg had 1 rows inserted'
    echo "CREATE INDEX i ON a (n);" >down.sql
    mig mig-rollback plan --sql down.sql
    refute_err 'event trigger'
    sql "alter event trigger e disable"
    echo "ALTER TABLE a DROP COLUMN n;" >down.sql
    mig mig-rollback plan --sql down.sql
    refute_err 'event trigger'
}

@test "a publication's list of columns stands in the way until the script takes it away" {
    [ "$(sql 'show server_version_num')" -ge 150000 ] || skip "lists of columns came with 15"
    both "ALTER TABLE a DROP COLUMN w;" 4
    assert_err 'publication pc depends on it'
    both "ALTER PUBLICATION pc ADD TABLE b; ALTER TABLE a DROP COLUMN w;" 4
    both "ALTER PUBLICATION pc DROP TABLE a; ALTER TABLE a DROP COLUMN w;" 0
    both "ALTER PUBLICATION pc SET TABLE a (id, v); ALTER TABLE a DROP COLUMN w;" 0
    both "DROP PUBLICATION pc; ALTER TABLE a DROP COLUMN w;" 0
}
