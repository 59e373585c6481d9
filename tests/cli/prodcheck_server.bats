#!/usr/bin/env bats
# mig-prodcheck: checks on the whole server, on clusters of this file's own.

load ../lib/common
load ../lib/prodcheck

setup_file() {
    export SHARED=$MIG_TEST_CLUSTER
    eval "$("$MIG_ROOT/tests/lib/cluster" start --watch $$ --set archive_mode=on --set "archive_command=false" --set checkpoint_timeout=30s --set max_wal_size=1GB --set logging_collector=off)"
    export OWN=$MIG_TEST_CLUSTER PGHOST PGPORT PGUSER PGDATABASE=postgres
    sql "create table t (id int, x text)"
}
teardown_file() {
    [ ! -f "$BATS_FILE_TMPDIR/standby" ] || "$MIG_ROOT/tests/lib/cluster" stop "$(cat "$BATS_FILE_TMPDIR/standby")"
    "$MIG_ROOT/tests/lib/cluster" stop "$OWN"
}
setup() { cd "$BATS_TEST_TMPDIR"; }

@test "archiving: a failing archive_command" {
    sql "select pg_switch_wal()" >/dev/null
    until_sql "select failed_count > 0 from pg_stat_archiver"
    look archiving
    verdict_is no-go
    status_is fail 'never succeeded' archive_command
    sql "alter system set archive_command to 'true'" "select pg_reload_conf()" >/dev/null
    sql "insert into t values (1)" "select pg_switch_wal()" >/dev/null
    until_sql "select coalesce(last_archived_time > last_failed_time, false) from pg_stat_archiver"
    look archiving
    verdict_is go
}

@test "slots: one that nobody reads" {
    sql "select pg_create_physical_replication_slot('gone', true)" >/dev/null
    look slots
    status_is warn gone inactive pg_drop_replication_slot
    limits slots 1 2
    sql "insert into t values (2)"
    look slots
    verdict_is no-go
    status_is fail gone
    sql "select pg_drop_replication_slot('gone')" >/dev/null
    look slots
    verdict_is go
    status_is ok
}

@test "checkpoint: late, with WAL behind it" {
    limits checkpoint 0.000001 0.000002
    sql "checkpoint"
    look checkpoint
    status_is ok
    sql "insert into t select g, repeat('x', 2000) from generate_series(1, 40000) g"
    look checkpoint
    verdict_is no-go
    status_is fail 'last checkpoint at'
    sql "checkpoint"
    look checkpoint
    status_is ok
}

@test "disk" {
    limits disk 0.0001 0.0002
    look disk
    verdict_is no-go
    status_is fail 'left' "$OWN/data"
    limits disk 99.998 99.999
    look disk
    status_is ok
    # A server that is somewhere else is not judged by this machine's disk.
}

@test "replication: a standby that is paused" {
    standby=$("$MIG_ROOT/tests/lib/cluster" standby "$OWN")
    echo "$standby" >"$BATS_FILE_TMPDIR/standby"
    until_sql "select exists (select from pg_stat_replication where state = 'streaming')"
    look replication
    verdict_is go
    psql -XAtq -h "$standby" -c "select pg_wal_replay_pause()"
    sql "insert into t select g, repeat('x', 2000) from generate_series(1, 40000) g"
    until_sql "select pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn) > 64 * 1024 * 1024 from pg_stat_replication"
    look replication
    status_is warn 'behind'
    psql -XAtq -h "$standby" -c "select pg_wal_replay_resume()"
    until_sql "select pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn) = 0 from pg_stat_replication"
    look replication
    verdict_is go
    status_is ok
}

@test "replication: seconds of lag, of a standby that was paused while the primary wrote" {
    standby=$(cat "$BATS_FILE_TMPDIR/standby")
    limits replication 0.2 0.5
    # The primary learns the time when a write is replayed at last, and forgets it when all is quiet again.
    psql -XAtq -h "$standby" -c "alter system set wal_receiver_status_interval to '60s'" -c "select pg_reload_conf()"
    psql -XAtq -h "$standby" -c "select pg_wal_replay_pause()"
    sql "insert into t values (7)"
    at=$(sql "select pg_current_wal_lsn()")
    until_sql "select flush_lsn >= '$at' from pg_stat_replication"
    sleep 1.2
    psql -XAtq -h "$standby" -c "select pg_wal_replay_resume()"
    until_sql "select coalesce(replay_lag > '1s', false) from pg_stat_replication"
    look replication
    verdict_is no-go
    status_is fail walreceiver 'for [0-9.]+ s'
    assert_equal "$(json " and d['checks'][0]['value'] >= 1")" true
    psql -XAtq -h "$standby" -c "alter system set wal_receiver_status_interval to '1s'" -c "select pg_reload_conf()"
    until_sql "select replay_lag is null or replay_lag < '0.1s' from pg_stat_replication"
    look replication
    verdict_is go
    status_is ok
}

@test "replication: a synchronous standby that is not there" {
    sql "alter system set synchronous_standby_names to 'nobody'" "select pg_reload_conf()" >/dev/null
    until_sql "select current_setting('synchronous_standby_names') = 'nobody'"
    look replication
    verdict_is no-go
    status_is fail nobody 'every COMMIT waits'
    sql "alter system reset synchronous_standby_names" "select pg_reload_conf()" >/dev/null
    until_sql "select current_setting('synchronous_standby_names') = ''"
    look replication
    status_is ok
}

@test "standby: the wrong server" {
    standby=$(cat "$BATS_FILE_TMPDIR/standby")
    look standby -h "$standby"
    verdict_is no-go
    status_is fail standby target_session_attrs
    mig mig-prodcheck -h "$standby" --skip backup --format json
    assert_exit 1
    # Nothing that a standby cannot answer is an error.
    assert_equal "$(json " and 0 or [c['id'] for c in d['checks'] if c['status'] == 'error']")" "[]" || { _show; false; }
}

@test "a server that hangs: unknown, exit 3, within the timeout" {
    pid=$(head -1 "$OWN/data/postmaster.pid")
    kill -STOP "$pid"
    mig mig-prodcheck --timeout 1s --format json
    kill -CONT "$pid"
    assert_exit 3
    assert_equal "$(json "['verdict']")" unknown
    assert_equal "$(json " and (d['seconds'] < 30)")" true
}

@test "a server that hangs after it let us in" {
    # Our own backend is stopped in the middle of a query.
    printf '{"prodcheck": {"sql": {"slow": "select 0 from pg_sleep(1.9)"}}}' >mig.json
    closed mig-prodcheck --only sql:slow --timeout 3s --format json >out 2>err </dev/null &
    run_pid=$!
    until_sql "select exists (select from pg_stat_activity where application_name = 'mig-prodcheck' and query like '%pg_sleep(1.9)%' and state = 'active' and pid <> pg_backend_pid())"
    backend=$(sql "select pid from pg_stat_activity where application_name = 'mig-prodcheck' and state = 'active' and pid <> pg_backend_pid()")
    kill -STOP "$backend"
    code=0
    wait $run_pid || code=$?
    kill -CONT "$backend"
    assert_equal "$code" 3
    grep -q '"unknown"' out
    grep -q 'did not answer within 3 s' out
}

@test "a server that is shut down in between" {
    printf '{"prodcheck": {"sql": {"slow": "select 0 from pg_sleep(1.9)"}}}' >mig.json
    closed mig-prodcheck --only sql:slow --format json >out 2>err </dev/null &
    run_pid=$!
    until_sql "select exists (select from pg_stat_activity where application_name = 'mig-prodcheck' and query like '%pg_sleep(1.9)%' and state = 'active' and pid <> pg_backend_pid())"
    "$MIG_ROOT/tests/lib/cluster" restart "$OWN"
    code=0
    wait $run_pid || code=$?
    assert_equal "$code" 3
    grep -q '"unknown"' out
}
