#!/usr/bin/env bats
# mig-validate: names that are taken already, and objects that fell with others before.

load ../lib/common

setup_file() {
    db_create
    export MIG_STATE_DIR=$BATS_FILE_TMPDIR/state
    sql "create table t (id serial primary key, a int, b int, c int unique, constraint uq_ab unique (a, b), constraint ck check (b > 0))" \
        "create index t_a on t (a)" "create index t_e on t ((b + 1))" "create index t_w on t (id) where c > 0" \
        "create sequence s owned by t.b" "create table u (id int primary key references t)" "create index u_i on u (id)" \
        "create view v as select id from u" "create type e as enum ('x', 'y')" "create schema other" \
        "create function tf() returns trigger language plpgsql as 'begin return new; end'" \
        "create trigger tr before insert on t for each row execute function tf()" \
        "create table parts (id int) partition by list (id)" "create table part_1 partition of parts for values in (1)"
}
teardown_file() { db_drop; }

setup() { cd "$BATS_TEST_TMPDIR"; }

# Each line is a script: it fails on the server if and only if would-fail is said.
foretold_as_it_is() {
    local line really foretold
    while IFS= read -r line; do
        really=0
        printf 'begin;\n%s;\nrollback;\n' "$line" | psql -XAtq -v ON_ERROR_STOP=1 >/dev/null 2>&1 || really=1
        printf '%s;\n' "$line" >x.sql
        mig mig-validate sql x.sql --format json
        foretold=0
        ! grep -q '"would-fail"' <<<"$output" || foretold=1
        [ "$really" = "$foretold" ] || { echo "$line: server $really, foretold $foretold"; return 1; }
    done
}

@test "what fell with a column, a constraint or a table is not there to be dropped" {
    foretold_as_it_is <<'END'
alter table t drop column a; drop index t_a
alter table t drop column b; drop index t_e
alter table t drop column c; drop index t_w
alter table t drop column b; drop index t_a
alter table t drop column a; alter table t drop constraint uq_ab
alter table t drop column b; alter table t drop constraint ck
alter table t drop column b; alter table t drop constraint t_c_key
alter table t drop column b; drop sequence s
drop table u cascade; drop index u_i
drop table t cascade; drop index t_a
drop table t cascade; drop sequence t_id_seq
drop table t cascade; alter table u drop constraint u_id_fkey
drop table u cascade; drop view v
drop table parts; drop table part_1
drop table part_1; drop table parts
alter table t drop constraint uq_ab; drop index uq_ab
drop index uq_ab
drop index t_pkey
alter table t drop constraint uq_ab; alter table t drop column a
drop index t_a; alter table t drop column a
alter table t drop column a; create index t_a on t (b); drop index t_a
alter table t drop column a; alter table t add column a int; drop index t_a
alter table t drop column a; drop index if exists t_a
alter table t rename a to z; alter table t drop column z; drop index t_a
alter table t drop column b; alter index t_e rename to x
alter table t drop constraint uq_ab, drop column a
alter table t drop column a, drop constraint uq_ab
alter table t drop column a, add constraint uq_ab unique (c); alter table t drop constraint uq_ab
alter table t drop column a; alter table t add constraint uq_b unique (b, id); drop index t_a
alter table t drop column a; alter table t add constraint t_a unique (b, id); alter table t drop constraint t_a
drop type nosuch
alter type nosuch add value 'x'
create type nosuch as enum (); drop type nosuch
END
}

@test "a name that is taken is a failure, one that the script has freed is none" {
    foretold_as_it_is <<'END'
create table u (x int)
create table if not exists u (x int)
create temp table u (x int)
create table other.u (x int)
set search_path to other; create table u (x int)
create table s (x int)
create index t_a on t (b)
create index if not exists t_a on t (b)
create index t_a on u (id)
drop index t_a; create index t_a on t (b)
alter table t drop column a; create index t_a on t (b)
alter table t add constraint ck check (a > 0)
alter table t drop constraint ck; alter table t add constraint ck check (b > 0)
alter table t drop constraint ck, add constraint ck check (b > 0)
alter table t add constraint t_a unique (id)
alter table t drop constraint uq_ab; create index uq_ab on t (a)
create table z (id serial primary key, constraint t_a unique (id))
create table if not exists t (id int, constraint ck check (id > 0))
create type e as enum ('z')
create type v as enum ('z')
create domain e as int
drop type e; create type e as enum ('z')
alter type e rename to e2; create type e as enum ('z')
alter type e add value 'x'
alter type e add value if not exists 'x'
alter type e add value 'z'
alter table t rename column a to b
alter table t rename column a to z; alter table t rename column b to a
alter table t drop column a; alter table t rename column b to a
alter table t rename to u
drop table u cascade; alter table t rename to u
drop table u cascade; create table u (x int)
alter table t rename to t2; create table t (a int)
alter table t rename to t2; create table t (id int, constraint t_pkey primary key (id))
alter index t_a rename to t_e
alter index t_a rename to t_f; create index t_a on t (b)
alter index t_e rename to t_f; create index t_a on t (b)
alter table t rename constraint uq_ab to uq_z; create index t_a on t (b)
alter table t rename constraint uq_ab to t_z; create index uq_ab on t (b)
alter table t rename constraint uq_ab to uq_z; alter table t add constraint uq_ab unique (b)
create sequence s
create sequence if not exists s
drop sequence s; create sequence s
create view u as select 1 as x
create or replace view v as select id from u
create materialized view v as select 1 as x
create schema other
create schema if not exists other
create extension plpgsql
create extension if not exists plpgsql
create trigger tr before update on t for each row execute function tf()
drop trigger tr on t; create trigger tr before update on t for each row execute function tf()
alter table t set schema other; create table t (id int); create index t_a on t (id)
END
}

@test "queries that the server does not take, rows that stand in the way of an INSERT, names beside the table" {
    sql "create schema full_of" "create table full_of.x (id int primary key)" \
        "create table a (id int primary key, v text unique, n int, chk int check (chk > 0))" \
        "insert into a select g, 'v' || g, g, g from generate_series(1, 20) g" \
        "create table b (id int primary key, a_id int references a, w text not null)" \
        "insert into b select g, g, 'w' from generate_series(1, 10) g" \
        "create table late (id int primary key, a_id int references a deferrable initially deferred)" \
        "create table ident (id int generated always as identity primary key, v int)" "insert into ident (v) values (1)" \
        "create table uniqd (id int unique deferrable initially deferred, v int)" "insert into uniqd values (1, 1)" \
        "create table self (id int primary key, p int references self)" \
        "create function f(int) returns int language sql immutable as 'select 1'" \
        "create function f(text) returns int language sql immutable as 'select 1'" \
        "create function one() returns int language sql immutable as 'select 1'" \
        "create type spread as range (subtype = float8)"
    foretold_as_it_is <<'END'
insert into a (id, nil) values (1, 2)
insert into a (id) values ('x')
insert into ident (id, v) values (5, 5)
insert into ident (v) values (5)
select nil()
select count(*) from nil
update a set n = nil
set lock_timeout = '1s'; update a set nil = 1
create view w as select nil from a
create view w as select id from a
create table w as select nil from a
create index on a (nil)
create index on a (lower(n))
create index on a (lower(v), n) where n > 3
alter table a add column z int; create index on a (z); insert into a (id, z) values (100, 1)
insert into a values (1, 'new', 1, 1)
insert into a values (100, 'v1', 1, 1)
insert into a values (100, 'new', 1, 1), (100, 'new2', 1, 1)
insert into a values (100, 'new', 1, -1)
insert into a values (100, 'new', 1, 1), (101, null, null, null), (102, null, null, null)
insert into a select id + 100, v, n, chk from a
insert into a select id + 100, 'x' || v, n, chk from a
insert into a select * from a where false
insert into a (id) values (1) on conflict do nothing
insert into b values (100, 99, 'x')
insert into b values (100, null, 'x')
insert into b values (100, 1, null)
insert into b (id, a_id) values (100, 1)
insert into a (id) values (500); insert into b values (100, 500, 'x')
insert into b values (100, 500, 'x'); insert into a (id) values (500)
insert into late values (100, 500); insert into a (id) values (500)
insert into self values (10, 11), (11, null)
delete from b where id = 1; insert into b values (1, 1, 'x')
truncate b; insert into b values (1, 1, 'x')
insert into uniqd values (1, 5); delete from uniqd where v = 1
insert into a select nextval('s') + 1000
alter table a alter n set default nextval('nil')
alter table a add column z int default nextval('nil'::regclass)
alter table a alter n set default nextval('s')
create sequence q; alter table a alter n set default nextval('q')
alter table a add column z serial; alter table a alter n set default nextval('a_z_seq')
create table z (id nil)
create table z (z serial, k e, r spread[], up int references a, like full_of.x)
create table z (id int primary key, up int references z)
create table z (id int references nil)
create table z (like nil)
create table z () inherits (nil)
create type k as enum ('x'); create table z (id k)
drop function f
drop function f(int)
drop function f(bigint)
drop function f(int); drop function f
drop function if exists nil
drop function one
create trigger x before insert on a for each row execute function nil()
create trigger x before insert on a for each row execute function tf()
grant select on nil to public
grant select on a, b to public
grant execute on function nil() to public
lock table nil
alter table a drop constraint a_pkey
alter table a drop constraint a_pkey cascade
alter table b drop constraint b_a_id_fkey; alter table late drop constraint late_a_id_fkey; alter table a drop constraint a_pkey
drop table b; alter table late drop column a_id; alter table a drop constraint a_pkey
alter table b drop constraint b_a_id_fkey; alter table a drop constraint a_pkey
alter table b validate constraint nil
alter table b add constraint k check (id > 0) not valid; alter table b validate constraint k
drop schema full_of
drop table full_of.x; drop schema full_of
alter table full_of.x set schema public; drop schema full_of
drop type spread
END
    # What the server says of a literal holds the literal: it is not repeated.
    echo "insert into a (id) values ('secret-value')" >x.sql
    mig mig-validate sql x.sql
    assert_exit 1
    assert_out 'the server does not take it: SQLSTATE 22P02'
    refute_out 'secret-value'
    refute_err 'secret-value'
}
