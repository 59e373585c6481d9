#!/usr/bin/env bats
# restore into tables that make it hard: the right rows, or a clear refusal with nothing changed.

load ../lib/common

setup_file() {
    db_create
    key_make
    role_create mig_owner
    role_create mig_guest
    sql "create extension citext" "create extension hstore" "grant all on schema public to mig_owner, mig_guest"
    ORIGINAL=$PGDATABASE
    export ORIGINAL
}
teardown_file() {
    sql -d postgres "drop database if exists \"${ORIGINAL}_w\" with (force)" 2>/dev/null
    PGDATABASE=$ORIGINAL db_drop
}
setup() {
    cd "$BATS_TEST_TMPDIR"
    export MIG_BACKUP_DIR=$BATS_TEST_TMPDIR/shelf
    db_create "${ORIGINAL}_w" "$ORIGINAL"
}
save() { mig mig-backup create --all --no-ddl -q "$@"; assert_exit 0; }
restore() { mig mig-backup restore latest --yes --confirm "$PGDATABASE" --format json "$@"; }
# All rows and the catalog's state, for "nothing has changed".
state() { pg_dump -d "$PGDATABASE" | grep -vE '^\\(un)?restrict' | sha256sum; }
# refused CODE PATTERN RESTORE'S ARGUMENTS...
refused() {
    local code=$1 pattern=$2 before
    shift 2
    before=$(state)
    restore "$@"
    assert_exit "$code"
    assert_err "$pattern"
    assert_equal "$(state)" "$before"
}

@test "a key is compared as its index compares: citext" {
    sql "create table t (id citext primary key, v text)" "insert into t values ('Key', 'a'), ('other', 'b')"
    save
    sql "update t set id = 'KEY', v = 'changed' where id = 'key'" "delete from t where id = 'other'"
    refused 4 '1 rows are there with other values' --mode merge
    restore --mode missing
    assert_exit 0
    assert_equal "$(json "['tables'][0]['inserted']") $(json "['tables'][0]['unchanged']")" "1 1"
    assert_equal "$(sql "select id, v from t order by v")" $'other|b\nKEY|changed'
    restore --mode columns -t t:v --on-conflict overwrite
    assert_exit 0
    assert_equal "$(sql "select id, v from t order by v")" $'KEY|a\nother|b'
    # the key itself is equal, but not the same
    refused 4 '1 rows are there with other values' --mode merge
    restore --mode merge --on-conflict overwrite --verify full
    assert_exit 0
    assert_equal "$(sql "select id, v from t order by v")" $'Key|a\nother|b'
    sql "update t set id = 'KEY' where id = 'key'"
    restore --mode replace --verify full
    assert_exit 0
    assert_equal "$(sql "select id from t order by v")" $'Key\nother'
}

@test "a key whose equality is an extension's alone: hstore; keys of numbers that are equal and not the same" {
    sql "create table h (id hstore not null unique, v text)" "insert into h values ('a=>1,b=>2', 'x'), ('c=>NULL', 'y')" \
        "create table n (id numeric primary key, v text)" "insert into n values (1.0, 'x'), (2.00, 'y')" \
        "create domain code as citext" "create table d (id code primary key, v text)" "insert into d values ('Aa', 'x')" \
        "create table r (id int4range primary key, v text)" "insert into r values ('[1,3]', 'x')"
    save
    sql "update h set v = 'z' where id = 'a=>1,b=>2'" "update n set id = 1.000 where id = 1" "update d set id = 'AA'" "update r set v = null" "delete from n where id = 2"
    restore --mode merge --on-conflict overwrite --verify full
    assert_exit 0
    assert_equal "$(sql "select string_agg(v, '' order by v) from h") $(sql "select string_agg(id::text, ' ' order by id) from n") $(sql "select id from d") $(sql "select v from r")" \
        "xy 1.0 2.00 Aa x"
}

@test "a foreign key over citext: rows that only it finds are not taken along" {
    sql "create table p (id citext primary key)" "insert into p values ('a')" "create table c (p citext references p on delete cascade, v int)"
    mig mig-backup create -t p --no-ddl -q
    sql "insert into p values ('New')" "insert into c values ('NEW', 1)"
    refused 4 'would also delete or empty 1 rows of public.c' --mode replace
}

@test "GENERATED ALWAYS that is not the key: compared, put back, and ALWAYS again" {
    sql "create table t (id int primary key, n bigint generated always as identity, v text)" "insert into t (id, v) values (1, 'a'), (2, 'b')" \
        "create table child (t_id int primary key references t deferrable initially deferred)" "insert into child values (1)"
    save
    sql "update t set n = default where id = 2"
    refused 4 '1 rows are there with other values' --mode merge
    restore --mode merge --on-conflict overwrite --verify full
    assert_exit 0
    assert_equal "$(json "['tables'][0]['updated']")" 1
    assert_equal "$(sql "select n from t where id = 2") $(sql "select attidentity from pg_attribute where attrelid = 't'::regclass and attname = 'n'")" "2 a"
    sql "update t set n = default where id = 1"
    restore -t t:n --on-conflict overwrite
    assert_exit 0
    assert_equal "$(sql "select n from t where id = 1") $(sql "select attidentity from pg_attribute where attrelid = 't'::regclass and attname = 'n'")" "1 a"
    sql "delete from t where id = 2" "update t set n = default where id = 1" "insert into t (id, v) values (9, 'x')"
    restore --mode replace --verify full
    assert_exit 0
    assert_equal "$(sql "select string_agg(id || ':' || n, ' ' order by id) from t")" "1:1 2:2"
}

@test "a column that became NOT NULL, a check, an exclusion, a unique index that the saved rows break" {
    sql "create table t (id int primary key, v text, r int4range)" "insert into t values (1, null, '[1,5)'), (2, 'x', '[2,9)')"
    save
    sql "delete from t" "alter table t alter v set not null"
    refused 3 'null value in column "v"'
    sql "alter table t alter v drop not null, add exclude using gist (r with &&)"
    refused 3 'exclusion constraint'
    sql "alter table t drop constraint t_r_excl, add check (id > 1)"
    refused 3 'check constraint'
}

@test "rules, triggers, generated columns with another expression" {
    sql "create table t (id int primary key, v text, g text generated always as (upper(v)) stored)" "insert into t values (1, 'a'), (2, 'b')" \
        "create table seen (what text)" \
        "create function f() returns trigger language plpgsql as \$\$ begin insert into seen values (tg_op); return null; end \$\$"
    save
    sql "create trigger bef before insert or update or delete on t for each row execute function f()" \
        "create trigger stm after insert or update or delete on t for each statement execute function f()" \
        "create trigger trc before truncate on t for each statement execute function f()" \
        "create rule r as on insert to t do instead nothing" "create rule u as on update to t do also insert into seen values ('rule')" \
        "alter table t disable trigger all" "truncate t" \
        "alter table t drop column g, add column g text generated always as (lower(v)) stored" "alter table t enable trigger all"
    restore -t t --mode merge --verify full
    assert_exit 0
    assert_equal "$(sql "select string_agg(id || v || g, ' ' order by id) from t")" "1aa 2bb"
    assert_equal "$(sql "select count(*) from seen")" 0
    sql "alter table t disable trigger bef, disable rule u" "update t set v = 'z'" "delete from seen" "alter table t enable trigger bef, enable rule u"
    restore -t t --mode replace
    assert_exit 0
    assert_equal "$(sql "select string_agg(v, '' order by id) from t") $(sql "select count(*) from seen")" "ab 0"
    # and they stand as they stood
    assert_equal "$(sql "select count(*) from pg_trigger where tgrelid = 't'::regclass and tgenabled = 'O'") $(sql "select count(*) from pg_rewrite where ev_class = 't'::regclass and ev_enabled = 'O'")" "3 2"
}

@test "row security: the owner under FORCE is refused, not filtered" {
    sql "create table t (id int primary key, tenant int)" "insert into t select g, g % 2 from generate_series(1, 10) g" "alter table t owner to mig_owner"
    save
    sql "delete from t where id < 5" "alter table t enable row level security" "alter table t force row level security" "create policy p on t using (tenant = 1)"
    for mode in missing merge replace; do
        refused 3 'row-level security|row security' -U mig_owner --mode $mode
    done
    restore --mode missing
    assert_exit 0
    assert_equal "$(sql "select count(*) from t")" 10
}

@test "a role that is not the owner: rows where that suffices, else a refusal that says what is missing" {
    sql "create table t (id int primary key, v text)" "insert into t values (1, 'a')" "create table s (id serial primary key)" "insert into s default values" \
        "create function f() returns trigger language plpgsql as 'begin return null; end'"
    save
    sql "truncate t, s"
    refused 3 'permission denied for table' -U mig_guest -t t
    sql "grant select, insert, update, delete on t, s to mig_guest"
    restore -U mig_guest -t t
    assert_exit 0
    # its triggers cannot be switched off
    sql "truncate t" "create trigger x before insert on t for each row execute function f()"
    refused 3 'must be owner of table t' -U mig_guest -t t
    # its sequence is somebody else's
    refused 3 'must be owner of (sequence|relation)' -U mig_guest -t s
}

@test "a role's own settings: timeouts, read only, replica, search_path with look-alikes" {
    sql "create table t (id int primary key, v text)" "insert into t select g, repeat('x', 100) from generate_series(1, 20000) g" "create table c (t_id int primary key references t)"\
        "alter table t owner to mig_owner" "alter table c owner to mig_owner" "create schema trap" "grant usage on schema trap to mig_owner" \
        "create function trap.count() returns bigint language sql as 'select 0::bigint'" "create table trap.t (id int primary key, v text)" \
        "create function trap.no(int, int) returns bool language sql as 'select false'" "create operator trap.= (leftarg = int, rightarg = int, function = trap.no)"
    mig mig-backup create -t public.t -t public.c --no-ddl -q
    assert_exit 0
    for s in "statement_timeout = '1ms'" "lock_timeout = '1ms'" "idle_in_transaction_session_timeout = '1ms'" "default_transaction_read_only = on" \
        "search_path = trap, public, pg_catalog" "default_transaction_isolation = serializable" "row_security = on" "default_transaction_deferrable = on" \
        "synchronous_commit = off" "check_function_bodies = off" "constraint_exclusion = on" "enable_seqscan = off" "work_mem = '64kB'"; do
        sql "alter role mig_owner in database \"$PGDATABASE\" set $s" 2>/dev/null || continue
    done
    sql "delete from t where id % 2 = 0"
    mig mig-backup restore latest -U mig_owner --mode merge --verify full --yes --confirm "$PGDATABASE"
    assert_exit 0
    assert_equal "$(sql "select count(*) from public.t") $(sql "select count(*) from trap.t")" "20000 0"
    sql "alter role mig_owner in database \"$PGDATABASE\" reset all"
    # a superuser whose session skips foreign keys
    sql "insert into c values (1)"
    mig mig-backup create -t public.c -o c.mig --no-ddl -q
    sql "truncate c, t"
    PGOPTIONS='-c session_replication_role=replica' mig mig-backup restore c.mig --yes --confirm "$PGDATABASE"
    assert_exit 3
    assert_err 'foreign key'
    assert_equal "$(sql "select count(*) from c")" 0
}

@test "event triggers: one that forbids DDL is obeyed, one that watches sees no half" {
    sql "create table t (id int primary key)" "insert into t values (1)" "create function f() returns trigger language plpgsql as 'begin return null; end'" \
        "create trigger x before insert on t for each row execute function f()"
    save
    sql "truncate t" "create function no() returns event_trigger language plpgsql as \$\$ begin raise exception 'frozen'; end \$\$" \
        "create event trigger frozen on ddl_command_start when tag in ('ALTER TABLE', 'CREATE TABLE') execute function no()"
    refused 3 'frozen'
    sql "drop event trigger frozen"
    restore
    assert_exit 0
    assert_equal "$(sql "select count(*) from t")" 1
}

@test "what stands under the name now is something else" {
    sql "create table t (id int primary key, v text)" "insert into t values (1, 'a')" "create table gone (id int primary key, a int, b text)" "insert into gone values (1, 2, 'x')"
    save
    sql "drop table t" "create view t as select 1 as id, 'a'::text as v"
    refused 4 'not a plain table now' -t t
    sql "drop view t" "create table t (id int primary key, v text) partition by range (id)"
    refused 4 'not a plain table now' -t t
    sql "alter table gone drop column b" "delete from gone"
    refused 4 'there is no column "b" any more' -t gone
    sql "drop table gone" "create temporary table gone (id int primary key, a int, b text)"
    refused 4 'there is no table public.gone' -t gone
    sql "create table gone (id int primary key, a int, b text collate \"POSIX\")"
    restore -t gone
    assert_exit 0
}

@test "partitions whose bounds have changed since: refused, nothing is dropped or put elsewhere" {
    sql "create table p (id int primary key, v text) partition by range (id)" "create table p1 partition of p for values from (0) to (10)" "create table p2 partition of p for values from (10) to (20)" \
        "insert into p select g, 'v' from generate_series(0, 19) g"
    save
    sql "truncate p" "alter table p detach partition p1" "alter table p detach partition p2" "alter table p attach partition p1 for values from (0) to (5)" "alter table p attach partition p2 for values from (5) to (20)"
    refused 3 'partition constraint'
    assert_err 'bounds of this partition of public.p have changed since.*--into'
    refused 3 'partition constraint' --mode merge
    assert_err 'bounds of this partition of public.p have changed since.*--into'
    # as the hint says
    restore --into rescue --create
    assert_exit 0
    sql "insert into p select * from rescue.p1 union all select * from rescue.p2"
    assert_equal "$(sql "select count(*) filter (where tableoid = 'p1'::regclass), count(*) from p")" "5|20"
    sql "truncate p" "drop schema rescue cascade"
    sql "drop table p2"
    refused 4 'it was a partition of public.p'
}

@test "a deferrable unique key, a deferred foreign key, a cycle: kept as they were" {
    sql "create table u (id int, v text, constraint u_id unique (id) deferrable initially deferred)" "insert into u values (1, 'a'), (2, 'b')" \
        "create table a (id int primary key, b int)" "create table b (id int primary key, a int not null references a)" \
        "alter table a add constraint a_b foreign key (b) references b" "insert into a values (1, null), (2, null)" "insert into b values (1, 1), (2, 2)" "update a set b = id"
    save
    sql "truncate u, a, b"
    restore --verify full
    assert_exit 0
    assert_equal "$(sql "select sum(b) from a") $(sql "select condeferrable from pg_constraint where conname = 'a_b'") $(sql "select count(*) from u")" "3 f 2"
    refused 4 'has no key' -t u --mode merge
    sql "update a set b = 3 - id" "delete from u"
    restore -t a -t b --mode merge --on-conflict overwrite
    assert_exit 0
    assert_equal "$(sql "select count(*) from a where b = id")" 2
}

@test "a safety copy is not \"latest\", and prune does not keep it in a backup's place" {
    sql "create table t (id int primary key, v text)" "insert into t values (1, 'a'), (2, 'b')"
    save
    sql "update t set v = 'x' where id = 1"
    restore --mode merge --on-conflict overwrite
    assert_exit 0
    safety=$(json "['safety_file']")
    mig mig-backup show latest --format json
    assert_out '"purpose": "manual"'
    mig mig-backup prune --keep-last 1
    assert_exit 0
    assert_out '0 of 2 backups removed'
    find "$MIG_BACKUP_DIR" -name '*_manual_*' -delete
    mig mig-backup show latest
    assert_exit 2
    assert_err 'safety cop'
    mig mig-backup cat "$safety" -t t
    assert_out '\["1","x"\]'
}
