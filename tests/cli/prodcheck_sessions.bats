#!/usr/bin/env bats
# mig-prodcheck: each check on sessions and locks, with its cause and without it.
# asan: no most of it waits for sessions to grow old; prodcheck_project.bats runs the same code

load ../lib/common
load ../lib/prodcheck

setup_file() {
    db_create
    sql "create table users (id int primary key, phone text)" \
        "create table other (id int primary key)" \
        "insert into users select g, 'p' || g from generate_series(1, 2000) g"
    role_create prodcheck_blind
}
teardown_file() { db_drop; }
setup() {
    cd "$BATS_TEST_TMPDIR"
    echo 'alter table users drop column phone;' >plan.sql
}

@test "long-queries" {
    limits long-queries 0.1 0.2
    session report
    tell report "select pg_sleep(600)"
    until_sql "select exists (select from pg_stat_activity where application_name = 'report' and now() - query_start > '0.3s')"
    look long-queries
    verdict_is no-go
    status_is fail report pg_cancel_backend
    sql "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'report'"
    hang_up report
    look long-queries
    verdict_is go
    status_is ok
}

@test "long-queries: what it says of the query holds no literal" {
    limits long-queries 0.1 0.2
    session report
    tell report "select pg_sleep(600), 'hunter2'"
    until_sql "select exists (select from pg_stat_activity where application_name = 'report' and now() - query_start > '0.3s')"
    look long-queries
    status_is fail 'select pg_sleep'
    refute_out hunter2
    sql "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'report'"
    hang_up report
}

@test "long-transactions, and with a plan only those that hold its tables" {
    limits long-transactions 0.1 0.2
    session report
    tell report "begin; select count(*) from other"
    until_sql "select exists (select from pg_stat_activity where application_name = 'report' and now() - xact_start > '0.3s')"
    look long-transactions
    verdict_is no-go
    status_is fail report pg_terminate_backend
    look long-transactions --for-sql plan.sql
    verdict_is go
    status_is warn report
    tell report "select count(*) from users"
    until_sql "select exists (select from pg_locks l join pg_stat_activity a using (pid) where application_name = 'report' and relation = 'users'::regclass)"
    look long-transactions --for-sql plan.sql
    verdict_is no-go
    status_is fail report users
    hang_up report
    look long-transactions
    verdict_is go
}

@test "idle-transactions" {
    limits idle-transactions 0.1 0.2
    session idler
    tell idler "begin; select 1"
    until_sql "select exists (select from pg_stat_activity where application_name = 'idler' and state = 'idle in transaction' and now() - state_change > '0.3s')"
    look idle-transactions
    verdict_is no-go
    status_is fail idler 'idle in transaction'
    hang_up idler
    look idle-transactions
    verdict_is go
}

@test "lock-waits name who waits, for what, and who is in the way" {
    session blocker
    tell blocker "begin; lock table users in access exclusive mode"
    until_sql "select exists (select from pg_locks l join pg_stat_activity a using (pid) where application_name = 'blocker' and mode = 'AccessExclusiveLock' and granted)"
    session waiter
    tell waiter "select count(*) from users"
    until_sql "select exists (select from pg_locks l join pg_stat_activity a using (pid) where application_name = 'waiter' and not granted)"
    look lock-waits --for-sql plan.sql
    verdict_is no-go
    status_is fail waiter 'AccessShareLock on public.users' 'blocked by pid [0-9]+ \(blocker\)'
    limits lock-waits 0.1 0.2
    look lock-waits
    verdict_is no-go
    hang_up blocker
    hang_up waiter
    look lock-waits --for-sql plan.sql
    verdict_is go
}

@test "target-locks" {
    limits target-locks 0.1 0.2
    session holder
    tell holder "begin; select count(*) from users"
    until_sql "select exists (select from pg_stat_activity where application_name = 'holder' and now() - xact_start > '0.3s' and state = 'idle in transaction')"
    look target-locks --for-sql plan.sql
    verdict_is no-go
    status_is fail holder 'AccessShareLock on public.users'
    look target-locks
    status_is skipped for-downgrade
    hang_up holder
    look target-locks --for-sql plan.sql
    verdict_is go
    status_is ok
}

@test "prepared-transactions" {
    limits prepared-transactions 0.1 0.2
    sql "begin; insert into other values (1); prepare transaction 'left behind'"
    until_sql "select exists (select from pg_prepared_xacts where now() - prepared > '0.3s')"
    look prepared-transactions
    verdict_is no-go
    status_is fail 'left behind' 'ROLLBACK PREPARED'
    sql "rollback prepared 'left behind'"
    look prepared-transactions
    verdict_is go
}

@test "migration-locks of other tools" {
    session flyway
    tell flyway "select pg_advisory_lock(77431708279161)"
    until_state flyway idle
    look migration-locks
    verdict_is no-go
    status_is fail Flyway flyway
    hang_up flyway
    session unrelated
    tell unrelated "select pg_advisory_lock(42)"
    until_state unrelated idle
    look migration-locks
    verdict_is go
    hang_up unrelated
}

@test "migration-locks: the keys that depend on the database's name" {
    crc=$("$MIG_PYTHON" -c 'import sys, zlib; print(zlib.crc32(sys.argv[1].encode()))' "$PGDATABASE")
    for key in $((2053462845 * crc)) $((crc * 1486364155 % 4294967296)); do
        session tool
        tell tool "select pg_advisory_lock($key)"
        until_state tool idle
        look migration-locks
        verdict_is no-go
        hang_up tool
        rm "$BATS_TEST_TMPDIR/tool"
    done
    assert_out golang-migrate
}

@test "xmin-horizon" {
    limits xmin-horizon 0.1 0.2
    session reader
    tell reader "begin isolation level repeatable read; select count(*) from other"
    until_sql "select exists (select from pg_stat_activity where application_name = 'reader' and now() - xact_start > '0.3s' and backend_xmin is not null)"
    look xmin-horizon
    verdict_is no-go
    status_is fail reader snapshot
    hang_up reader
    look xmin-horizon
    verdict_is go
}

@test "connections" {
    limits connections 0.5 1
    look connections
    verdict_is no-go
    status_is fail 'of 97 connections'
    rm mig.json
    look connections
    verdict_is go
}

@test "vacuum, and on an affected table" {
    sql "delete from users where id > 1000"
    session cleaner
    tell cleaner "set vacuum_cost_delay = 100; set vacuum_cost_limit = 1"
    tell cleaner "vacuum users"
    until_sql "select exists (select from pg_stat_progress_vacuum)"
    look vacuum
    verdict_is go
    status_is warn users
    look vacuum --for-sql plan.sql
    verdict_is no-go
    status_is fail users
    sql "select pg_cancel_backend(pid) from pg_stat_progress_vacuum"
    hang_up cleaner
    look vacuum --for-sql plan.sql
    verdict_is go
    status_is ok
}

@test "progress: an index that is being built, concurrently" {
    session writer
    tell writer "begin; insert into users values (100001, 'x')"
    until_state writer 'idle in transaction'
    session builder
    tell builder "create index concurrently users_phone on users (phone)"
    until_sql "select exists (select from pg_stat_progress_create_index where relid = 'users'::regclass)"
    look progress
    verdict_is go
    status_is warn users 'CREATE INDEX CONCURRENTLY'
    look progress --for-sql plan.sql
    verdict_is no-go
    # An index that is being built is not an invalid one.
    look invalid-indexes
    status_is ok
    hang_up writer
    hang_up builder
    look progress --for-sql plan.sql
    status_is ok
    sql "drop index users_phone" "delete from users where id = 100001"
}

@test "a role that may not see other sessions: could not check, never go" {
    for id in long-queries long-transactions idle-transactions lock-waits xmin-horizon vacuum progress replication; do
        look "$id" -U prodcheck_blind
        verdict_is unknown
        status_is error 'could not check' 'GRANT pg_monitor TO prodcheck_blind'
    done
    sql "grant pg_monitor to prodcheck_blind"
    look long-transactions -U prodcheck_blind
    verdict_is go
    sql "revoke pg_monitor from prodcheck_blind"
}

@test "what that role does see still fails" {
    [ "$(sql 'show server_version_num')" -ge 140000 ] || skip "before 14 pg_locks does not say since when it is waited for"
    limits lock-waits 0.1 0.2
    session blocker
    tell blocker "begin; lock table users in access exclusive mode"
    until_sql "select exists (select from pg_locks l join pg_stat_activity a using (pid) where application_name = 'blocker' and mode = 'AccessExclusiveLock' and granted)"
    session waiter
    tell waiter "select count(*) from users"
    until_sql "select exists (select from pg_locks where not granted and now() - waitstart > '0.3s')"
    look lock-waits -U prodcheck_blind
    verdict_is no-go
    hang_up blocker
    hang_up waiter
}

@test "a failure that passes by itself is looked at again" {
    limits long-transactions 0.1 0.2
    session brief
    tell brief "begin; select pg_sleep(0.7)"
    until_sql "select exists (select from pg_stat_activity where application_name = 'brief' and now() - xact_start > '0.25s')"
    tell brief "commit"
    look long-transactions
    verdict_is go
    hang_up brief
}

@test "--wait: until the cause is gone, saying what it waits for" {
    limits long-transactions 0.1 0.2
    session report
    tell report "begin; select count(*) from users"
    until_sql "select exists (select from pg_stat_activity where application_name = 'report' and now() - xact_start > '0.3s')"
    closed mig-prodcheck --only long-transactions --wait 10min --format json >out 2>err </dev/null &
    pid=$!
    until grep -q 'waiting.*long-transactions.*report' err; do kill -0 $pid; sleep 0.05; done
    hang_up report
    wait $pid
    assert_equal "$("$MIG_PYTHON" -c 'import json; print(json.load(open("out"))["verdict"])')" go
}

@test "--wait gives up when its time is over" {
    limits long-transactions 0.1 0.2
    session report
    tell report "begin; select count(*) from users"
    until_sql "select exists (select from pg_stat_activity where application_name = 'report' and now() - xact_start > '0.3s')"
    mig mig-prodcheck --only long-transactions --wait 2s
    assert_exit 1
    assert_err 'waiting'
    hang_up report
}

@test "nothing that it runs takes a lock above AccessShare" {
    # Whoever holds AccessExclusive on the catalog's largest customer stops nobody but the checks that size it.
    session blocker
    tell blocker "begin; lock table users in access exclusive mode; lock table other in access exclusive mode"
    until_sql "select count(*) >= 2 from pg_locks l join pg_stat_activity a using (pid) where application_name = 'blocker' and mode = 'AccessExclusiveLock' and granted and relation in ('users'::regclass, 'other'::regclass)"
    mig mig-prodcheck --skip backup,long-transactions,idle-transactions --format json
    assert_equal "$(json "['verdict']")" go
    look sizes --for-sql plan.sql
    verdict_is unknown
    status_is error 'in time'
    hang_up blocker
    # Share mode conflicts with everything above RowShare: all of it passes.
    session blocker2
    tell blocker2 "begin; lock table users, other, pg_class, pg_attribute, pg_index, pg_constraint, pg_trigger, pg_depend, pg_database in share mode"
    until_sql "select count(*) >= 9 from pg_locks l join pg_stat_activity a using (pid) where application_name = 'blocker2' and mode = 'ShareLock' and granted"
    mig mig-prodcheck --skip backup,long-transactions,idle-transactions,target-locks --for-sql plan.sql --format json
    assert_equal "$(json "['verdict']")" go
    hang_up blocker2
}
