#!/usr/bin/env bats
# mig-prodcheck: each check on the catalog, the role and the plan, with its cause and without it.

load ../lib/common
load ../lib/prodcheck

setup_file() {
    db_create
    role_create prodcheck_owner
    role_create prodcheck_guest
    # As 15 has it.
    sql "revoke create on schema public from public"
    sql "create table users (id int generated always as identity primary key, email text, phone text)" \
        "create table other (id bigserial primary key, user_id int)" \
        "alter table users owner to prodcheck_owner" \
        "insert into users (email) select 'same' from generate_series(1, 50)" \
        "grant create on schema public to prodcheck_owner"
}
teardown_file() { db_drop; }
setup() {
    cd "$BATS_TEST_TMPDIR"
    echo 'alter table users drop column phone;' >plan.sql
}

@test "invalid-indexes: what a cancelled CREATE INDEX CONCURRENTLY leaves" {
    run psql -Xq -c "create unique index concurrently users_email on users (email)"
    [ "$status" -ne 0 ]
    look invalid-indexes
    verdict_is go
    status_is warn users_email 'REINDEX INDEX CONCURRENTLY'
    look invalid-indexes --strict
    assert_exit 1
    look invalid-indexes --after
    assert_exit 1
    look invalid-indexes --for-sql plan.sql
    verdict_is no-go
    status_is fail users_email
    sql "drop index users_email"
    look invalid-indexes --for-sql plan.sql
    verdict_is go
    status_is ok
}

@test "not-valid-constraints" {
    sql "alter table other add constraint other_user foreign key (user_id) references users not valid"
    look not-valid-constraints
    status_is warn 'public.other.other_user' 'VALIDATE CONSTRAINT'
    sql "alter table other validate constraint other_user"
    look not-valid-constraints
    status_is ok
    sql "alter table other drop constraint other_user"
}

@test "disabled-triggers" {
    sql "create function nothing() returns trigger language plpgsql as 'begin return new; end'" \
        "create trigger stamp before insert on other for each row execute function nothing()" \
        "alter table other disable trigger stamp"
    look disabled-triggers
    status_is warn 'public.other.stamp' 'ENABLE TRIGGER'
    sql "alter table other enable trigger stamp"
    look disabled-triggers
    status_is ok
}

@test "sequences: against the column that they feed, not their own end" {
    sql "alter sequence other_id_seq as bigint" "alter table other alter id type int" \
        "select setval('other_id_seq', 2050000000)"
    look sequences
    verdict_is no-go
    status_is fail other_id_seq '2050000000 of 2147483647' '95 %' bigint
    sql "select setval('other_id_seq', 1900000000)"
    look sequences
    verdict_is go
    status_is warn other_id_seq
    sql "select setval('other_id_seq', 1)"
    look sequences
    status_is ok
    sql "alter table other alter id type bigint"
}

@test "sequences that the role may not read are not called fine" {
    look sequences -U prodcheck_guest
    verdict_is unknown
    status_is error 'may not read'
}

@test "sizes" {
    limits sizes 0.00001 1000
    look sizes --for-sql plan.sql
    status_is warn public.users
    rm mig.json
    look sizes --for-sql plan.sql
    status_is ok
    look sizes
    status_is skipped
}

@test "privileges: exactly those that the plan needs" {
    look privileges -U prodcheck_guest --for-sql plan.sql
    verdict_is no-go
    status_is fail 'public.users' 'owner.*prodcheck_owner'
    look privileges -U prodcheck_owner --for-sql plan.sql
    verdict_is go
    status_is ok
}

@test "privileges: rows that it changes, and where it creates" {
    echo "update users set email = 'x' where id = 1;" >plan.sql
    look privileges -U prodcheck_guest --for-sql plan.sql
    status_is fail 'may not UPDATE|may not INSERT|may not DELETE|cannot be backed up'
    sql "grant select, insert, update, delete on users to prodcheck_guest"
    look privileges -U prodcheck_guest --for-sql plan.sql
    status_is ok
    sql "revoke all on users from prodcheck_guest"
    echo "create table fresh (id int);" >plan.sql
    look privileges -U prodcheck_guest --for-sql plan.sql
    status_is fail 'public' 'may not CREATE in this schema'
    look privileges -U prodcheck_owner --for-sql plan.sql
    status_is ok
}

@test "privileges: rows that row security hides cannot be backed up" {
    echo "alter table users drop column email;" >plan.sql
    sql "alter table users enable row level security"
    look privileges -U prodcheck_owner --for-sql plan.sql
    status_is ok
    sql "alter table users force row level security"
    look privileges -U prodcheck_owner --for-sql plan.sql
    sql "alter table users disable row level security" "alter table users no force row level security"
    verdict_is no-go
    status_is fail 'public.users' 'row security hides rows' BYPASSRLS
}

@test "privileges: a foreign key needs REFERENCES on its partner" {
    for plan in 'create table child (id int, u bigint references other);' \
        'alter table users add constraint users_other foreign key (id) references other not valid;' \
        'alter table users add column o bigint references other;'; do
        echo "$plan" >plan.sql
        look privileges -U prodcheck_owner --for-sql plan.sql
        verdict_is no-go
        status_is fail 'public.other' 'GRANT REFERENCES'
        sql "grant references on other to prodcheck_owner"
        look privileges -U prodcheck_owner --for-sql plan.sql
        verdict_is go
        sql "revoke references on other from prodcheck_owner" "grant references (id) on other to prodcheck_owner"
        look privileges -U prodcheck_owner --for-sql plan.sql
        verdict_is go
        sql "revoke references (id) on other from prodcheck_owner"
    done
    # What points nowhere but to itself, or is dropped, needs nothing of the kind.
    echo 'create table child (id int primary key, up int references child); drop table child;' >plan.sql
    look privileges -U prodcheck_owner --for-sql plan.sql
    verdict_is go
}

@test "tool-state: locks that are rows, migrations that stopped halfway" {
    sql 'create table databasechangeloglock (id int primary key, locked boolean not null, lockgranted timestamp, lockedby varchar(255))' \
        "insert into databasechangeloglock values (1, false, null, null)" \
        'create schema ops' 'create table ops."Moved" (version bigint primary key, dirty boolean not null)' \
        "insert into ops.\"Moved\" values (7, false)" \
        'create table flyway_schema_history (installed_rank int, version text, script text, success boolean)' \
        "insert into flyway_schema_history values (1, '1', 'V1__<one>.sql', true)" \
        'create table _prisma_migrations (id text, migration_name text, finished_at timestamptz, rolled_back_at timestamptz, applied_steps_count int)' \
        "insert into _prisma_migrations values ('a', 'one', now(), null, 1), ('b', 'two', null, now(), 0)" \
        'create table knex_migrations_lock ("index" serial primary key, is_locked int)' \
        'insert into knex_migrations_lock (is_locked) values (0)' \
        'create table schema_migrations (version varchar primary key)' # of Rails, dbmate: nothing to tell
    look tool-state
    verdict_is go
    status_is ok
    sql "update databasechangeloglock set locked = true, lockgranted = '2026-01-02', lockedby = 'ci (10.0.0.1)'"
    look tool-state
    verdict_is no-go
    status_is fail public.databasechangeloglock 'locked by ci \(10.0.0.1\) since 2026-01-02' 'release-locks'
    sql "update databasechangeloglock set locked = false"
    look tool-state
    verdict_is go
    sql 'update ops."Moved" set dirty = true'
    look tool-state
    verdict_is no-go
    status_is fail 'ops.\\*"Moved' 'dirty at version 7' 'migrate force'
    sql 'update ops."Moved" set dirty = false'
    sql "insert into flyway_schema_history values (2, '2', 'V2__two.sql', false)"
    look tool-state
    verdict_is no-go
    status_is fail flyway_schema_history 'failed: V2__two.sql' 'flyway repair'
    sql "delete from flyway_schema_history where not success"
    sql "insert into _prisma_migrations values ('c', 'three', null, null, 0)"
    look tool-state
    verdict_is no-go
    status_is fail _prisma_migrations 'not finished: three'
    sql "delete from _prisma_migrations where id = 'c'"
    sql "update knex_migrations_lock set is_locked = 1"
    look tool-state
    verdict_is no-go
    status_is fail knex_migrations_lock 'migrate:unlock'
    sql "update knex_migrations_lock set is_locked = 0"
    look tool-state
    verdict_is go
    # A role that may not read them has not seen that all is well.
    look tool-state -U prodcheck_guest
    verdict_is unknown
    status_is error 'may not read'
    sql 'drop table databasechangeloglock, flyway_schema_history, _prisma_migrations, knex_migrations_lock, schema_migrations' 'drop schema ops cascade' 2>/dev/null
    look tool-state -U prodcheck_guest
    verdict_is go
}

@test "sizes: what takes longer than the limit is no-go" {
    sql "insert into users (email) select repeat('x', 500) from generate_series(1, 5000)"
    limits sizes 0.001 0.01
    echo 'alter table users alter id type bigint;' >plan.sql
    look sizes --for-sql plan.sql
    verdict_is no-go
    status_is fail public.users 'MB|kB'
    sql "delete from users where email <> 'same'" "vacuum full users"
    look sizes --for-sql plan.sql
    verdict_is go
}

@test "a name does not steer the terminal, nor begin a line of its own" {
    name="\"x$(printf '\033')[31mred
::error::\""
    sql "create table $name (id int)" "alter table $name add constraint c check (id > 0) not valid"
    for form in text nagios markdown github; do
        mig mig-prodcheck --only not-valid-constraints --format $form -v
        assert_out 'red'
        ! grep -q "$(printf '\033')" <<<"$output" || { _show; false; }
        ! grep -q '^::error::' <<<"$output" || { _show; false; }
    done
    mig mig-prodcheck --only not-valid-constraints -v
    assert_out 'x\\x1b\[31mred\\n::error::'
    sql "drop table $name"
}

@test "extensions: not there, or not for this role" {
    echo 'create extension no_such_extension;' >plan.sql
    look extensions --for-sql plan.sql
    verdict_is no-go
    status_is fail no_such_extension 'not available'
    echo 'create extension plpgsql; create extension pg_no;' >plan.sql
    look extensions --for-sql plan.sql
    status_is fail pg_no
    echo 'create extension if not exists plpgsql;' >plan.sql
    look extensions -U prodcheck_owner --for-sql plan.sql
    status_is ok
}

@test "extensions: one that only a superuser may create" {
    [ "$(sql "select count(*) from pg_available_extensions where name = 'pageinspect'")" = 1 ] || skip "contrib is not installed"
    echo 'create extension pageinspect;' >plan.sql
    look extensions -U prodcheck_owner --for-sql plan.sql
    status_is fail pageinspect 'not trusted'
    look extensions --for-sql plan.sql
    status_is ok
}

@test "settings of the role" {
    look settings -U prodcheck_guest
    status_is warn 'lock_timeout is 0'
    sql "alter role prodcheck_guest in database \"$PGDATABASE\" set lock_timeout to '2s'" \
        "alter role prodcheck_guest in database \"$PGDATABASE\" set statement_timeout to '3s'"
    look settings -U prodcheck_guest
    status_is warn 'statement_timeout is 3000 ms'
    # What is said belongs to what is wrong (of a cluster for tests fsync is, too).
    refute_out 'lock_timeout is 0' 'SET lock_timeout' 'waits without a limit'
    assert_out '"why": "a (long statement|crash)' '"remedy": .*SET statement_timeout'
    sql "alter role prodcheck_guest in database \"$PGDATABASE\" reset statement_timeout" \
        "alter role prodcheck_guest in database \"$PGDATABASE\" set synchronous_commit to off"
    look settings -U prodcheck_guest
    status_is warn 'synchronous_commit is off'
    refute_out 'SET lock_timeout' 'SET statement_timeout'
    assert_out '"remedy": .*SET synchronous_commit'
    sql "alter role prodcheck_guest in database \"$PGDATABASE\" reset synchronous_commit"
    look settings -U prodcheck_guest
    refute_out 'statement_timeout'
}

@test "superuser" {
    look superuser
    status_is warn postgres
    look superuser -U prodcheck_guest
    status_is ok
    look superuser --role prodcheck_guest
    status_is ok
}

@test "standby: a role or database that is read-only" {
    sql "alter role prodcheck_guest in database \"$PGDATABASE\" set default_transaction_read_only to on"
    look standby -U prodcheck_guest
    verdict_is no-go
    status_is fail default_transaction_read_only
    sql "alter role prodcheck_guest in database \"$PGDATABASE\" reset default_transaction_read_only"
    look standby -U prodcheck_guest
    verdict_is go
}

@test "vacuum-soon and wraparound" {
    limits vacuum-soon 0.0000001 0.0000002
    look vacuum-soon --for-sql plan.sql
    verdict_is no-go
    status_is fail public.users 'transaction age'
    limits wraparound 1 2
    look wraparound
    verdict_is no-go
    status_is fail 'transaction age'
    rm mig.json
    look vacuum-soon
    status_is ok
    look wraparound
    status_is ok
}

@test "environment: named, confirmed by the address, contradicted by it" {
    look environment
    status_is skipped
    cat >mig.json <<END
{"environments": {"production": {"hosts": ["db-prod*"], "production": true},
                  "test": {"hosts": ["/*"], "databases": ["t_*"]}}}
END
    look environment
    status_is ok '^test'
    assert_equal "$(json "['environment']")" test
    look environment --env production
    verdict_is no-go
    status_is fail 'production.*that of test'
    MIG_ENV=production look environment
    verdict_is no-go
    look environment --env nosuch
    assert_exit 2
    assert_err nosuch 'production, test'
}

@test "environment: a cluster id or a marker contradicts, and never suffices" {
    cat >mig.json <<END
{"environments": {"test": {"hosts": "/*", "cluster_id": "1"}}}
END
    look environment
    verdict_is no-go
    status_is fail 'cluster 1'
    cat >mig.json <<END
{"environments": {"test": {"hosts": "/*", "marker_table": "public.environment"}}}
END
    look environment
    verdict_is no-go
    status_is fail 'marker table'
    sql "create table public.environment (name text)" "insert into public.environment values ('test')"
    look environment
    verdict_is go
    sql "update public.environment set name = 'production'"
    look environment
    verdict_is no-go
    status_is fail 'public.environment says "production"'
    sql "drop table public.environment"
}

@test "stricter limits in production" {
    cat >mig.json <<END
{"environments": {"live": {"hosts": "/*", "production": true}}}
END
    look long-transactions
    assert_equal "$(json "['checks'][0]['threshold']['fail']")" 120.0
    assert_equal "$(json "['production']")" true
    rm mig.json
    look long-transactions
    assert_equal "$(json "['checks'][0]['threshold']['fail']")" 300.0
}

@test "a statement whose reach nobody knows: the whole database is looked at" {
    run psql -Xq -c "create unique index concurrently users_email on users (email)"
    echo "do 'begin execute ''select 1''; end';" >plan.sql
    look invalid-indexes --for-sql plan.sql
    status_is warn users_email
    echo "alter table other add column x int;" >plan.sql
    look invalid-indexes --for-sql plan.sql
    status_is warn users_email
    sql "drop index users_email"
}
