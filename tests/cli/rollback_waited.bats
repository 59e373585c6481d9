#!/usr/bin/env bats
# A lock that does not come when the change has begun: who was in the way.

load ../lib/common

setup_file() {
    key_make
    export TEMPLATE=waited_$$
    db_create "$TEMPLATE"
    sql "create table t (id int primary key, v text)" "insert into t select g, 'v' || g from generate_series(1, 50) g" \
        "create view w as select id from t" "create index i on t (v)" "create materialized view m as select 1 as x"
}
teardown_file() { db_drop "$TEMPLATE"; }
setup() {
    cd "$BATS_TEST_TMPDIR"
    db_create "" "$TEMPLATE"
}
teardown() {
    exec 7>&-
    wait
    db_drop
}

run_sql() {
    printf '%s\n' "$1" >down.sql
    shift
    mig mig-rollback run --sql down.sql --yes --confirm "$PGDATABASE" --force gate --reason "only the locks count" "$@"
}
# hold SQL...: each in one transaction of session deployer that stays open until let_go.
hold() {
    rm -f pipe
    mkfifo pipe
    PGAPPNAME=deployer psql -XAtq <pipe >/dev/null 2>&1 3>&- 7>&- &
    exec 7>pipe
    printf '%s;\n' begin "$@" >&7
    until_sql "select exists (select from pg_stat_activity where application_name = 'deployer' and datname = current_database() and state = 'idle in transaction')"
    PID=$(sql "select pid from pg_stat_activity where application_name = 'deployer' and datname = current_database()")
}
let_go() { exec 7>&-; wait; }
until_sql() { until [ "$(sql "select ($1)::int")" = 1 ]; do sleep 0.05; done; }

@test "a row that somebody has locked: named, with what it is that was waited for" {
    hold "select 'secret', v from t where id = 7 for update"
    run_sql "UPDATE t SET v = upper(v) WHERE id < 10;" --lock-timeout 500ms
    assert_exit 3
    assert_err 'statement 1 .*lock timeout.*55P03' \
        "detail: in the way: pid $PID, role postgres, deployer from local, idle in transaction for .* on a row of public\\.t: select" \
        'hint: nothing of this transaction was kept. Wait until they have ended'
    refute_err secret
    assert_out 'Outcome: rolled-back'
    let_go
    run_sql "UPDATE t SET v = upper(v) WHERE id < 10;" --lock-timeout 500ms
    assert_exit 0
}

@test "a view, a materialized view: what no lock was taken of before" {
    hold "select * from w"
    run_sql "DROP VIEW w;" --lock-timeout 400ms
    assert_exit 3
    assert_err "in the way: pid $PID, role postgres, deployer from local, .* AccessExclusiveLock on public\\.w: "
    let_go
    hold "select * from m"
    run_sql "DROP MATERIALIZED VIEW m;" --lock-timeout 400ms
    assert_exit 3
    assert_err "in the way: pid $PID, role postgres, deployer from local, .* AccessExclusiveLock on public\\.m: "
    let_go
    [ "$(sql "select count(*) from pg_class where relname in ('w', 'm')")" = 2 ]
}

@test "a deadlock: the other one, and what the server says of it" {
    hold "select v from t where id = 7 for update"
    printf '%s;\n' "do \$\$ begin while not exists (select from pg_stat_activity where query like 'UPDATE t SET v = upper%' and datname = current_database() and wait_event_type = 'Lock') loop perform pg_stat_clear_snapshot(), pg_sleep(0.05); end loop; end \$\$" \
        "update t set v = 'x' where id = 9" >&7
    run_sql "UPDATE t SET v = upper(v) WHERE id < 10;" --lock-timeout 10s
    assert_exit 3
    assert_err '40P01' "in the way: pid $PID, role postgres, deployer from local, .* on a row of public\\.t: update t set" 'Process [0-9]+ waits for'
    assert_out 'Outcome: rolled-back'
    let_go
}

@test "outside of a transaction there is no end to the wait: it is told for whom" {
    hold "select count(*) from t"
    mig-rollback run --sql <(echo "DROP INDEX CONCURRENTLY i;") --yes --confirm "$PGDATABASE" --force gate --reason x >out 2>err 7>&- 3>&- &
    local run=$!
    until grep -q "waiting for pid $PID, role postgres, deployer from local" err; do
        kill -0 "$run" || { cat err; return 1; }
        sleep 0.1
    done
    exec 7>&-
    wait "$run"
    [ "$(sql "select count(*) from pg_class where relname = 'i'")" = 0 ]
}

@test "who reads a table that only writers must leave alone is not in the way, and is not ended" {
    hold "select count(*) from t"
    reader=$PID
    PGAPPNAME=writer psql -XAtqc "begin; update t set v = v where id = 50; select pg_sleep(1000)" >/dev/null 2>&1 3>&- 7>&- &
    until_sql "select exists (select from pg_stat_activity where application_name = 'writer' and query like '%pg_sleep(1000)%' and datname = current_database() and wait_event = 'PgSleep')"
    run_sql "UPDATE t SET v = upper(v) WHERE id < 10;" --lock-timeout 200ms --lock-deadline 1s
    assert_exit 4
    assert_err 'the locks did not come' 'role postgres, writer from local'
    refute_err deployer
    run_sql "UPDATE t SET v = upper(v) WHERE id < 10;" --terminate-blockers --lock-deadline 20s
    assert_exit 0
    assert_err 'terminated pid [0-9]+ \(role postgres, writer\)'
    [ "$(sql "select count(*) from pg_stat_activity where pid = $reader")" = 1 ]
    # A change that keeps readers out has the reader in its way.
    run_sql "ALTER TABLE t ADD COLUMN x int;" --lock-timeout 200ms --lock-deadline 1s
    assert_exit 4
    assert_err 'the locks did not come' "pid $reader, role postgres, deployer"
}
