#!/usr/bin/env bats
# What the proof lets pass and what it does not: by identity, not by the last part of a name.

load ../lib/common
load ../lib/script

setup_file() {
    key_make
    export TEMPLATE=proof_$$
    db_create "$TEMPLATE"
    sql "create table a (id int primary key, v text, w text)" "insert into a select g, 'v' || g, 'w' from generate_series(1, 50) g" \
        "create table b (id int primary key, v text)" "insert into b select g, 'b' || g from generate_series(1, 50) g" \
        "create schema other" "create table other.alembic_version (version_num text)" \
        "insert into other.alembic_version values ('not ours')" \
        "create table alembic_version (version_num varchar(32) primary key)" \
        "insert into alembic_version values ('x')" \
        "create type mood as enum ('sad', 'glad')" "create table feels (id int primary key, m mood)" \
        "insert into feels values (1, 'sad')" \
        "create table p (id int, v text) partition by range (id)" "create table p1 partition of p for values from (0) to (100)" \
        "insert into p values (1, 'x')"
}
teardown_file() { db_drop "$TEMPLATE"; }
setup() {
    cd "$BATS_TEST_TMPDIR"
    db_create "" "$TEMPLATE"
}
teardown() { db_drop; }

@test "a rename that the plan says, and one behind its back" {
    run_sql 'ALTER TABLE a RENAME COLUMN v TO "V x"; ALTER TABLE a RENAME TO "A"; ALTER TABLE p RENAME COLUMN v TO w;'
    assert_exit 0
    [ "$(sql 'select "V x" from "A" where id = 1')" = v1 ]
    [ "$(sql 'select w from p1')" = x ]
    # The plan renames one column; the block renames another table's, and another of the same one.
    run_sql "ALTER TABLE \"A\" RENAME COLUMN \"V x\" TO v; DO 'begin alter table b rename column v to z; end';" --force validate --reason test
    assert_exit 4
    assert_err 'public.b'
    run_sql "ALTER TABLE \"A\" RENAME COLUMN \"V x\" TO v; DO 'begin alter table \"A\" rename column w to z; end';" --force validate --reason test
    assert_exit 4
    assert_err 'was renamed, which the plan does not say'
    run_sql "ALTER TABLE \"A\" RENAME TO a; DO 'begin alter table b rename to bb; end';" --force validate --reason test
    assert_exit 4
    assert_err 'public.b was renamed|public.b is locked'
}

@test "a schema that is renamed takes its tables along" {
    run_sql 'ALTER SCHEMA other RENAME TO another;'
    assert_exit 0
    [ "$(sql 'select version_num from another.alembic_version')" = 'not ours' ]
}

@test "a type that is renamed has not changed its columns" {
    run_sql 'ALTER TYPE mood RENAME TO temper;'
    assert_exit 0
    [ "$(sql "select pg_typeof(m) from feels")" = temper ]
}

@test "another schema's table of the version table's name is not exempt" {
    mkdir -p app/migrations/versions
    source "$MIG_ROOT/tests/lib/twostep.bash"
    sql "drop table a, b, alembic_version"
    twostep "$PWD/app"
    twostep_up
    sql "create function f() returns trigger language plpgsql as 'begin update other.alembic_version set version_num = ''gone''; return old; end'" \
        "create trigger g after delete on d for each row execute function f()"
    sed -i 's/op.drop_table("d")/op.execute("DELETE FROM d"); op.drop_table("d")/' migrations/versions/a2.py
    mig mig-rollback run -1 --yes --confirm "$PGDATABASE" --force validate --reason "to see it found" --version-table public.alembic_version
    assert_exit 4
    assert_err 'other.alembic_version'
    [ "$(sql 'select version_num from other.alembic_version')" = 'not ours' ]
    # An UPDATE of one schema's table says nothing of another's.
    sql "drop trigger g on d" "create schema s" "create table s.t (id int, keep text)" "insert into s.t values (1, 'x')" \
        "create function h() returns trigger language plpgsql as 'begin update s.t set keep = ''gone''; return old; end'" \
        "create trigger g after update on t for each row execute function h()"
    sed -i "s/op.execute(\"DELETE FROM d\")/op.execute(\"UPDATE t SET keep = 'new' WHERE id = -1\")/" migrations/versions/a2.py
    mig mig-rollback run -1 --yes --confirm "$PGDATABASE" --force validate --reason "to see it found" --version-table public.alembic_version
    assert_exit 4
    assert_err 's\.t'
}

# said FLAGS...: exit code and complaint of the run of down.sql that was tried.
said() {
    mig mig-rollback run --sql down.sql --yes --confirm "$PGDATABASE" --dry-run --no-backup test --force validate,gate --reason test "$@"
    echo "$status"
    grep -v -e '^Digest' -e '^Log' -e 'chain' <<<"$stderr" | grep -e error -e refused -e detail -e DETAIL -e 'not say' -e 'plan' || :
}

@test "what the transaction has locked tells as much as the whole catalog does" {
    sql "create view vw as select id from b" "create function fn(int) returns int language sql as 'select 1'" \
        "create type unused as (x int)" "create domain dom as int" "create sequence sq" "create schema nothing" "create index ix on b (v)" \
        "create policy pol on b using (true)" "create rule ru as on delete to vw do instead nothing" \
        "create statistics st on id, v from b" "create publication pub for table p1" \
        "create function tf() returns trigger language plpgsql as 'begin return new; end'" \
        "create trigger tg before insert on b for each row execute function tf()" \
        "create materialized view mv as select 1 as x" "create aggregate ag (int) (sfunc = int4pl, stype = int)"
    while IFS='|' read -r expected block; do
        [ -n "$block" ] || continue
        printf 'ALTER TABLE a ADD COLUMN extra int; DO $$ begin %s end $$;\n' "$block" >down.sql
        said --verify quick >quick
        said --verify full >full
        echo "$expected: $block"
        # The full one counts more, before it looks at the catalog.
        grep -q 'that the plan keeps' full || diff full quick
        case $expected in
        no) [ "$(head -n 1 quick)" = 4 ] || { cat quick; return 1; } ;;
        yes) [ "$(head -n 1 quick)" = 0 ] || { cat quick; return 1; } ;;
        esac
    done <<'LIST'
no|drop view vw;
no|drop function fn(int);
no|drop aggregate ag (int);
no|drop type unused;
no|drop domain dom;
no|drop sequence sq;
no|drop schema nothing;
no|drop index ix;
no|drop policy pol on b;
no|drop rule ru on vw;
no|drop statistics st;
no|drop publication pub;
no|drop trigger tg on b;
no|drop materialized view mv;
no|drop table b cascade;
no|alter table b drop column v;
no|alter table b alter v type varchar(20);
no|alter table b rename column v to z;
no|alter table b rename to bb;
no|alter table b disable trigger tg;
no|alter table b drop constraint b_pkey;
no|alter table b set unlogged;
no|alter table b add constraint late check (id > 0) not valid;
no|alter table a drop column w;
no|alter table a rename column w to z;
no|alter schema other rename to another;
no|truncate b;
no|update b set v = 'x' where id = 1;
no|update a set w = 'x' where id = 1;
no|delete from a where id = 1;
no|perform lo_create(0);
no|update pg_catalog.pg_attribute set attname = 'hacked' where attrelid = 'b'::regclass and attname = 'v';
no|delete from pg_catalog.pg_proc where proname = 'fn';
no|begin drop view vw; exception when others then null; end;
yes|begin drop view vw; raise 'no'; exception when others then null; end;
yes|begin alter table b rename to bb; raise 'no'; exception when others then null; end;
yes|create table made (id int primary key); create view seen as select * from made; drop view seen; drop table made;
yes|perform count(*) from b; perform fn(1);
LIST
}
