#!/usr/bin/env bats
# Whom --cancel-blockers and --terminate-blockers never touch: a vacuum against wraparound, a base backup.
# Its own cluster: the vacuum has to be made necessary.  (A walsender that reads: rollback_refuse.bats.)
# asan: no what counts is the server's vacuum; the code that asks runs in rollback_waited.bats

load ../lib/common

setup_file() {
    key_make
    eval "$("$MIG_ROOT/tests/lib/cluster" start --watch $$ --set autovacuum_naptime=1s \
        --set autovacuum_vacuum_cost_delay=0 --set vacuum_cost_page_miss=200 --set vacuum_cost_page_hit=200 --set vacuum_cost_page_dirty=200 \
        --set max_wal_senders=4 --set wal_level=replica)"
    db_create
}
teardown_file() { "$MIG_ROOT/tests/lib/cluster" stop; }
setup() { cd "$BATS_TEST_TMPDIR"; }

GO=(--yes --force gate --reason "only the locks count")

@test "a base backup goes on" {
    sql "create table b (id int primary key, v text)" "insert into b values (1, 'x')"
    "$("$MIG_ROOT/tests/lib/cluster" bindir)/pg_basebackup" -D - -Ft -X none --max-rate=32k >/dev/null 2>&1 3>&- &
    local copy=$! pid
    until pid=$(sql "select pid from pg_stat_activity where backend_type = 'walsender' and application_name = 'pg_basebackup'") && [ -n "$pid" ]; do
        kill -0 "$copy"
        sleep 0.05
    done
    echo "ALTER TABLE b DROP COLUMN v;" >down.sql
    mig mig-rollback run --sql down.sql "${GO[@]}" --confirm "$PGDATABASE" --terminate-blockers --lock-deadline 5s
    assert_exit 0
    [ "$(sql "select count(*) from pg_stat_activity where pid = $pid")" = 1 ]
    kill "$copy"
    wait "$copy" || :
}

@test "a vacuum against wraparound is named and left alone" {
    sql "create table t (id int primary key, v text) with (autovacuum_enabled = false, autovacuum_vacuum_cost_delay = 100, autovacuum_vacuum_cost_limit = 1, autovacuum_freeze_max_age = 100000)" "insert into t select g, repeat('x', 700) from generate_series(1, 2000) g"
    # A subtransaction that writes takes a number.
    sql "create temp table n (x int)" "do \$\$ begin for i in 1..101000 loop begin insert into n values (1); exception when others then null; end; end loop; end \$\$"
    # It sleeps 0.4 s at each page, and nothing but the wraparound makes it come.
    until [ "$(sql "select count(*) from pg_stat_activity where backend_type = 'autovacuum worker' and query like '%public.t (to prevent wraparound)'")" = 1 ]; do sleep 0.1; done
    local pid
    pid=$(sql "select pid from pg_stat_activity where backend_type = 'autovacuum worker' and query like '%public.t (to prevent wraparound)'")
    echo "ALTER TABLE t DROP COLUMN v;" >down.sql
    for flag in --terminate-blockers --cancel-blockers; do
        mig mig-rollback run --sql down.sql "${GO[@]}" --confirm "$PGDATABASE" "$flag" --lock-deadline 2s
        assert_exit 4
        assert_err 'the locks did not come within 2.0 s' "pid $pid, \\(autovacuum worker, left alone\\) from local" \
            'autovacuum: VACUUM (ANALYZE )?public.t \(to prevent wraparound\)'
        refute_err "(terminated|cancelled the query of) pid $pid "
        [ "$(sql "select count(*) from pg_stat_activity where pid = $pid and query like '%public.t (to prevent wraparound)'")" = 1 ]
    done
}
