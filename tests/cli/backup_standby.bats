#!/usr/bin/env bats
# A standby as the source: the same rows as on the primary, what it has not is said, and nothing is restored into one.

load ../lib/common

setup_file() {
    db_create
    key_make
    sql "create table t (id int primary key, v text)" "insert into t select g, repeat(md5(g::text), 4) from generate_series(1, 60000) g" \
        "create table p (id int, k int) partition by list (k)" "create table p1 partition of p for values in (1)" "insert into p values (1, 1)" \
        "create sequence s" "select setval('s', 41)" "create unlogged table u (id int)" "insert into u values (1)"
    STANDBY=$("$MIG_ROOT/tests/lib/cluster" standby "$MIG_TEST_CLUSTER" 2>/dev/null)
    export STANDBY
}
teardown_file() {
    "$MIG_ROOT/tests/lib/cluster" stop "$STANDBY"
    db_drop
}
setup() {
    cd "$BATS_TEST_TMPDIR"
    export MIG_BACKUP_DIR=$BATS_TEST_TMPDIR/shelf
    # The standby has what the primary has.
    local lsn i
    lsn=$(sql "select pg_current_wal_lsn()")
    for ((i = 0; i < 600; i++)); do
        [ "$(PGHOST=$STANDBY sql "select pg_last_wal_replay_lsn() >= '$lsn'")" != t ] || return 0
        sleep 0.05
    done
    echo "the standby does not follow"
    return 1
}
digests() { "$MIG_PYTHON" -c 'import json,sys
for t in json.load(open(sys.argv[1]))["tables"]: print(t["name"], t["rows"], t["digest"])' "$1"; }

@test "rows, sequences and DDL are the primary's, with several sessions on one snapshot" {
    mig mig-backup create --all --exclude u --require-ddl -j 3 --dir one --format json=one.json
    assert_exit 0
    PGHOST=$STANDBY mig mig-backup create --all --exclude u --require-ddl -j 3 --dir two --format json=two.json
    assert_exit 0
    assert_equal "$(digests two.json)" "$(digests one.json)"
    [ "$(digests two.json | wc -l)" -eq 2 ]
    # and they come back, into the primary
    sql "truncate t, p" "select setval('s', 1)"
    mig mig-backup restore "$(json "['file']" - <two.json)" --verify full --yes --confirm "$PGDATABASE"
    assert_exit 0
    assert_equal "$(sql "select count(*) from t") $(sql "select count(*) from p") $(sql "select nextval('s')")" "60000 1 42"
}

@test "an unlogged table has no rows there: refused, not saved as empty" {
    PGHOST=$STANDBY mig mig-backup create -t u
    assert_exit 3
    assert_err 'public.u is an unlogged table: on a standby it has no rows' '--exclude'
    [ -z "$(ls "$MIG_BACKUP_DIR"/*.mig 2>/dev/null)" ]
}

@test "nothing is restored into a standby" {
    mig mig-backup create -t t
    assert_exit 0
    PGHOST=$STANDBY mig mig-backup restore latest --yes --confirm "$PGDATABASE" --mode merge
    assert_exit 4
    assert_err 'standby' 'primary'
    PGHOST=$STANDBY mig mig-backup verify --against-db latest
    assert_exit 0
    assert_out 'public.t: the same 60 000 rows'
}

@test "replay that takes rows away under the copy ends it: no file, exit 3" {
    sql "create table churn as select g as id, repeat(md5(g::text), 8) as v from generate_series(1, 300000) g"
    PGHOST=$STANDBY sql "alter system set max_standby_streaming_delay = 0" "select pg_reload_conf()" >/dev/null
    local lsn
    lsn=$(sql "select pg_current_wal_lsn()")
    until [ "$(PGHOST=$STANDBY sql "select pg_last_wal_replay_lsn() >= '$lsn'")" = t ]; do sleep 0.05; done
    PGHOST=$STANDBY mig-backup create -t churn -j 1 --no-ddl -o x.mig >said 2>&1 &
    pid=$!
    # Stopped where nobody reads, the copy stays open until the primary's exclusive lock arrives.
    seen=f
    until [ "$seen" = t ]; do
        kill -CONT "$pid"
        sleep 0.02
        kill -STOP "$pid"
        [[ $(ps -o stat= -p "$pid") != Z* ]] || { echo "it was never seen in COPY"; return 1; }
        seen=$(PGHOST=$STANDBY sql "select count(*) > 0 from pg_stat_activity where datname = current_database() and query like 'COPY%' and state = 'active' and application_name = 'mig-backup'")
    done
    sql "drop table churn"
    # The lock waits, or has waited long enough already: the server ended the copy.
    until [ "$(PGHOST=$STANDBY sql "select exists (select from pg_locks where mode = 'AccessExclusiveLock' and not granted)
        or not exists (select from pg_stat_activity where datname = current_database() and application_name = 'mig-backup' and state = 'active')")" = t ]; do sleep 0.05; done
    kill -CONT "$pid"
    wait "$pid" && status=0 || status=$?
    assert_equal "$status" 3
    [ ! -e x.mig ]
    grep -q 'conflict with recovery' said || { cat said; return 1; }
}
