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
