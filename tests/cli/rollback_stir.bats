#!/usr/bin/env bats
# What others do to the catalog between the plan and COMMIT: a run reads it while readers still go on, and
# what was written since must be seen.
#
# The run is stopped (SIGSTOP) as it writes a step of its journal, and goes on when the other is done.
# asan: no a preloaded library comes before the sanitizer's own; rollback.bats runs the same code

load ../lib/common
load ../lib/faults
load ../lib/twostep

setup_file() {
    shim_make
    twostep_begin
    sed -i 's/    op.drop_table("d")/    op.execute("DROP TABLE d CASCADE")/' migrations/versions/a2.py
    twostep_ready
    sql "do \$\$ begin create role mig_stir_reader; exception when duplicate_object then null; end \$\$"
}

setup() {
    twostep_clone
}

teardown() {
    [ -z "${pid:-}" ] || ! kill -CONT "$pid" 2>/dev/null || wait "$pid" || :
    exec 8>&- || :
    db_drop
}

teardown_file() { db_drop "$TEMPLATE"; }

# stopped STEP OPTION...: a run, standing still just before STEP gets into the journal.
stopped() {
    local step=$1
    shift
    LD_PRELOAD="$SHIM" SHIM_PATH=/.state/runs/ SHIM_CALL=write SHIM_NTH=1 SHIM_TEXT="\"step\":\"$step\"" SHIM_FAULT=stop \
        mig-rollback run -1 "${GO[@]}" "$@" >out 2>err </dev/null 3>&- &
    pid=$!
    until [[ $(ps -o stat= -p "$pid") == T* ]]; do
        kill -0 "$pid" || { cat err; return 1; }
        sleep 0.02
    done
}

# goes_on EXIT
goes_on() {
    local code=0
    kill -CONT "$pid"
    wait "$pid" || code=$?
    pid=
    cat out err
    [ "$code" -eq "$1" ]
}

forward() {
    mig mig-rollback undo "${GO[@]}"
    assert_exit 0
    [ "$(twostep_digest)" = "$DIGEST" ]
}

@test "nobody did anything: all is read once" {
    mig mig-rollback run -1 "${GO[@]}"
    assert_exit 0
    refute_err 'once more'
    [ "$(grep -c '"step":"backup"' backups/.state/runs/*/*.jsonl)" -eq 1 ]
}

@test "a column added after the plan" {
    stopped locks
    sql "alter table t add column late text"
    goes_on 4
    grep -q 'public.t.late appeared since the plan was made' err
    [ "$(sql 'select version_num from alembic_version')" = aaaaaaaaaaa2 ]
}

@test "a column of another type, or another name, since the plan" {
    stopped locks
    sql "alter table t alter column keep type varchar(100)"
    goes_on 4
    grep -q 'public.t.keep changed since the plan was made' err
    stopped locks
    sql "alter table t rename column keep to kept"
    goes_on 4
    grep -q 'public.t.keep changed since the plan was made' err
}

@test "a right given after the plan is kept" {
    stopped locks
    sql "grant select on d to mig_stir_reader"
    goes_on 0
    forward
    [ "$(sql "select has_table_privilege('mig_stir_reader', 'd', 'select')")" = t ]
}

@test "a right given while the tables are copied is kept" {
    stopped execute
    sql "grant select on d to mig_stir_reader"
    goes_on 0
    grep -q 'changed meanwhile: once more' err
    # The first attempt's backup does not stay beside the one that counts.
    [ "$(find . -name '*_rollback_*.mig' | wc -l)" = 1 ]
    forward
    [ "$(sql "select has_table_privilege('mig_stir_reader', 'd', 'select')")" = t ]
}

@test "a right on a column" {
    stopped execute
    sql "grant update (v) on t to mig_stir_reader"
    goes_on 0
    forward
    [ "$(sql "select has_column_privilege('mig_stir_reader', 't', 'v', 'update')")" = t ]
}

@test "a view made while the tables are copied comes back with them" {
    stopped execute
    sql "create view late as select id, v from d"
    goes_on 0
    grep -q 'changed meanwhile: once more' err
    [ "$(sql "select to_regclass('late') is null")" = t ]
    forward
    [ "$(sql "select count(*) from late")" = 1000 ]
}

@test "a right taken while the tables are copied does not come back" {
    sql "grant select on d to mig_stir_reader"
    stopped execute
    sql "revoke select on d from mig_stir_reader"
    goes_on 0
    forward
    [ "$(sql "select has_table_privilege('mig_stir_reader', 'd', 'select')")" = f ]
}

@test "what others do elsewhere costs nothing" {
    stopped execute
    sql "create table elsewhere (id int)" "grant select on elsewhere to public"
    goes_on 0
    run ! grep -q 'once more' err
}

@test "a reader who does not let go: the locks are taken in another way, and the copy is made again" {
    mkfifo hold
    psql -XAtq <hold >seen 2>&1 3>&- &
    exec 8>hold
    echo "begin; select 'in', count(*) from d;" >&8
    until grep -q in seen; do sleep 0.02; done
    mig-rollback run -1 "${GO[@]}" --format json >out 2>err </dev/null 3>&- 8>&- &
    pid=$!
    until grep -q 'once more' err; do
        kill -0 "$pid" || { cat err; return 1; }
        sleep 0.02
    done
    echo "commit;" >&8
    exec 8>&-
    goes_on 0
    [ "$(grep -c '"step":"backup"' backups/.state/runs/*/*.jsonl)" -eq 2 ]
    # The newest is the run's.
    [ "$("$MIG_PYTHON" -c 'import json; print(json.load(open("out"))["backup"])')" = "$(ls -t backups/*.mig | head -n 1 | xargs readlink -f)" ]
    forward
}

@test "a row that came after the backup and went between two attempts does not come back" {
    mkfifo hold
    psql -XAtq <hold >seen 2>&1 3>&- &
    exec 8>hold
    stopped locks --backup before 8>&-
    sql "insert into d values (-5000, 'brief')"
    echo "begin; select 'in', count(*) from d;" >&8
    until grep -q in seen; do sleep 0.02; done
    kill -CONT "$pid"
    until grep -q 'once more' err; do
        kill -0 "$pid" || { cat err; return 1; }
        sleep 0.02
    done
    echo "delete from d where id = -5000; commit;" >&8
    exec 8>&-
    goes_on 0
    [ "$(grep -c '"step":"backup-more"' backups/.state/runs/*/*.jsonl)" -eq 2 ]
    forward
}

@test "readers are not kept out while the tables are copied" {
    stopped execute
    sql "set lock_timeout = '100ms'; select count(*) from t; select count(*) from d"
    run ! sql "set lock_timeout = '100ms'; insert into d values (1)"
    goes_on 0
    forward
}

@test "a long copy is not made twice: refused, and the backup stays" {
    sql "update t set keep = repeat(md5(id::text), 1600)" "alter table t alter keep set storage external" \
        "update t set keep = keep || 'x'" "analyze t"
    [ "$(sql "select pg_table_size('t') > 50000000")" = t ]
    stopped execute
    sql "grant select on d to mig_stir_reader"
    goes_on 4
    grep -q 'was changed while they were being copied' err
    [ "$(sql 'select version_num from alembic_version')" = aaaaaaaaaaa2 ]
    [ "$(ls backups/*.mig | wc -l)" -eq 1 ]
}
