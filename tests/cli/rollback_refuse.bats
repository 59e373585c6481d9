#!/usr/bin/env bats
# What a rollback refuses or survives that the other files do not show: each leaves all as it was.
# asan: no preloaded libraries come before the sanitizers'; rollback.bats runs the same code

load ../lib/common
load ../lib/faults
load ../lib/twostep

setup_file() {
    shim_make
    twostep_begin
    twostep_ready
}

setup() {
    twostep_clone
}

teardown() { exec 7>&- 8>&- || :; db_drop; }
teardown_file() { db_drop "$TEMPLATE"; }

@test "the disk is full during the backup: at a write, at the fsync, at the rename" {
    for fault in "write 28 1" "write 28 3" "fsync 28 1" "fsync 5 1" "rename 28 1"; do
        read -r call errno nth <<<"$fault"
        rm -f mark
        mig env LD_PRELOAD="$SHIM" SHIM_PATH=_rollback_ SHIM_CALL="$call" SHIM_NTH="$nth" SHIM_FAULT="$errno" \
            SHIM_MARK="$PWD/mark" mig-rollback run -1 "${GO[@]}"
        [ -e mark ]
        echo "$fault: exit $status"
        assert_exit 3
        assert_err 'no backup, so nothing was changed'
        unchanged
        [ -z "$(find backups -name '*.mig')" ]
        mig mig-rollback status --format json
        assert_out 'not-started'
    done
}

@test "the disk is full at any step of the journal: before or after, and status says which" {
    local n after=0
    for ((n = 1; ; n++)); do
        rm -f mark
        mig env LD_PRELOAD="$SHIM" SHIM_PATH=/.state/runs/ SHIM_CALL=write SHIM_NTH=$n SHIM_FAULT=28 \
            SHIM_MARK="$PWD/mark" mig-rollback run -1 "${GO[@]}"
        [ -e mark ] || break
        echo "write $n: exit $status"
        assert_err 'No space left'
        if [ "$(sql 'select version_num from alembic_version')" = aaaaaaaaaaa2 ]; then
            [ "$status" -eq 2 ] || [ "$status" -eq 3 ]
            [ "$n" -eq 1 ] || { mig mig-rollback status; assert_exit 0; assert_out 'not-started|rolled-back'; }
        else
            # Only the outcome was missing: the server is asked.
            assert_exit 0
            after=$((after + 1))
            mig mig-rollback status
            assert_out 'committed'
            mig mig-rollback undo "${GO[@]}"
            assert_exit 0
        fi
        unchanged
    done
    [ "$n" -ge 8 ]
    [ "$after" -eq 1 ]
}

@test "the operation log cannot be written after the change: exit 7, and the run is told whole" {
    mig env LD_PRELOAD="$SHIM" SHIM_PATH=log.jsonl SHIM_CALL=write SHIM_NTH=1 SHIM_FAULT=28 SHIM_MARK="$PWD/mark" \
        mig-rollback run -1 "${GO[@]}"
    [ -e mark ]
    assert_exit 7
    assert_err 'is committed; but: cannot write the log' 'No space left'
    assert_out 'Outcome: committed' 'Next: +mig-rollback undo'
    mig mig-rollback undo "${GO[@]}"
    assert_exit 0
    unchanged
    mig mig-backup log verify backups/.state/log.jsonl
    assert_exit 0
}

@test "timeouts that are set on the role stop neither the copy nor the change" {
    role_create mig_hasty
    sql "alter role mig_hasty set statement_timeout = '1ms'" "alter role mig_hasty set lock_timeout = '1ms'" \
        "alter role mig_hasty set idle_in_transaction_session_timeout = '1ms'" "grant pg_monitor to mig_hasty" \
        "alter table t owner to mig_hasty" "alter table d owner to mig_hasty" \
        "alter table alembic_version owner to mig_hasty" "grant all on schema public to mig_hasty"
    mig mig-rollback run -1 "${GO[@]}" -U mig_hasty --force gate --reason "fsync is off here"
    assert_exit 0
    mig mig-rollback undo "${GO[@]}" -U mig_hasty
    assert_exit 0
    unchanged
}

@test "bad input: no such revision, no key, no such file, flags that do not go together" {
    refused 2 'nosuch' mig-rollback run nosuch "${GO[@]}"
    refused 2 'key' env HOME="$BATS_TEST_TMPDIR" mig-rollback run -1 "${GO[@]}"
    mig mig-rollback run --sql nosuch.sql "${GO[@]}"
    [ "$status" -eq 2 ] || [ "$status" -eq 3 ]
    assert_err 'nosuch.sql'
    mig mig-rollback run --plan nosuch.plan "${GO[@]}"
    [ "$status" -ne 0 ]
    refused 2 'backup' mig-rollback run -1 --backup sometimes "${GO[@]}"
    refused 2 'max-block' mig-rollback run -1 --max-block soon "${GO[@]}"
    mig mig-rollback run --to-backup nosuch "${GO[@]}"
    [ "$status" -ne 0 ]
    unchanged
}

@test "a script that ends the transaction itself, or names what is not there" {
    echo 'ALTER TABLE t DROP COLUMN v; ROLLBACK;' >down.sql
    refused 4 'ends the transaction itself' mig-rollback run --sql down.sql "${GO[@]}"
    echo 'ALTER TABLE t DROP COLUMN v; DROP TABLE nosuch;' >down.sql
    refused 4 'not in the database|does not exist' mig-rollback run --sql down.sql "${GO[@]}"
}

@test "writers would wait for longer than --max-block: the ways around are named" {
    sql "update t set keep = (select string_agg(md5(id::text || g), '') from generate_series(1, 1600) g)" "analyze t"
    DIGEST=$(twostep_digest)
    refused 4 '--scope loss.*--backup before' mig-rollback run -1 "${GO[@]}" --max-block 100ms
    mig mig-rollback run -1 "${GO[@]}" --max-block 100ms --backup before
    assert_exit 0
}

@test "the named environment and the address contradict each other" {
    cat >mig.json <<END
{"environments": {"prod": {"hosts": ["db.example.org"], "databases": ["other"], "production": true}}}
END
    mig mig-rollback run -1 "${GO[@]}" --env prod
    [ "$status" -eq 4 ] || [ "$status" -eq 2 ]
    unchanged
}

@test "counters are off: what was written could not be verified" {
    refused 4 'track_counts' env PGOPTIONS='-c track_counts=off' mig-rollback run -1 "${GO[@]}"
}

# hold NAME SQL: in a transaction of session NAME that stays open until release.
hold() {
    mkfifo "$1.pipe"
    PGAPPNAME=$1 psql -XAtq <"$1.pipe" >/dev/null 2>&1 3>&- 7>&- 8>&- &
    case $1 in
    reader) exec 7>"$1.pipe"; echo "begin; $2;" >&7 ;;
    *) exec 8>"$1.pipe"; echo "begin; $2;" >&8 ;;
    esac
}
release() { exec 7>&- 8>&-; wait; rm -f ./*.pipe; }
until_sql() { until [ "$(sql "select ($1)::int")" = 1 ]; do sleep 0.05; done; }
locked="select exists (select from pg_locks join pg_stat_activity a using (pid) where relation = 't'::regclass and mode = 'AccessExclusiveLock'"

@test "a table that somebody holds while the plan is made: who, and what to do" {
    echo '{"rollback": {"lock_timeout": "300ms"}}' >mig.json
    role_create mig_unseeing
    sql "grant select on t, d, alembic_version to mig_unseeing"
    hold deployer "lock table t in access exclusive mode; select 'secret'"
    until_sql "$locked and granted and state = 'idle in transaction')"
    pid=$(sql "select pid from pg_stat_activity where application_name = 'deployer' and datname = current_database()")
    for command in "plan -1" "run -1 ${GO[*]} --cancel-blockers --lock-deadline 1s"; do
        # shellcheck disable=SC2086
        mig mig-rollback $command
        assert_exit 3
        # The run waits until its deadline, and says for whom meanwhile.
        [ "${command% -1*}" = plan ] || assert_err 'warning: waiting: the plan could not be made: public\.t is locked by another session.*deployer' \
            'hint: nothing was changed.*--lock-deadline'
        assert_err 'plan could not be made: public\.t is locked by another session' \
            "pid $pid, role postgres, deployer from local, idle in transaction for .* holds ACCESS EXCLUSIVE on public\\.t" \
            'hint: nothing was changed.*try again.*--lock-(timeout|deadline)'
        refute_err secret
    done
    [ "$(sql "select count(*) from pg_stat_activity where pid = $pid")" = 1 ]
    mig mig-rollback plan -1 -U mig_unseeing
    assert_exit 3
    assert_err "pid $pid, role postgres, holds ACCESS EXCLUSIVE on public\\.t .*pg_monitor"
    release
    unchanged
    # One that waits for a reader stands in the way as well.
    hold reader "select count(*) from t"
    until_sql "select exists (select from pg_stat_activity where application_name = 'reader' and state = 'idle in transaction' and datname = current_database())"
    hold deployer "alter table t add column x int"
    until_sql "$locked and not granted)"
    mig mig-rollback plan -1
    assert_exit 3
    assert_err 'deployer from local, active.* waits for ACCESS EXCLUSIVE on public\.t, behind pid [0-9]+'
    sql "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'deployer' and datname = current_database()"
    release
    # What the plan reads first.
    hold deployer "lock table alembic_version in access exclusive mode"
    until_sql "select exists (select from pg_locks where relation = 'alembic_version'::regclass and granted)"
    mig mig-rollback plan -1
    assert_exit 3
    assert_err 'public\.alembic_version is locked by another session' 'deployer'
    release
    mig mig-rollback plan -1
    assert_exit 0
    unchanged
    # Who ends in time stands in nobody's way: run and undo wait for it.
    hold deployer "lock table t in access exclusive mode"
    until_sql "$locked and granted)"
    mig-rollback run -1 "${GO[@]}" --lock-deadline 60s --force gate --reason x >out 2>err 8>&- 7>&- &
    pid=$!
    until grep -q 'waiting: the plan could not be made' err; do sleep 0.1; kill -0 "$pid"; done
    exec 7>&- 8>&-
    wait "$pid"
    grep -q 'Outcome: committed' out
    rm -f ./*.pipe
    hold deployer "lock table t in access exclusive mode"
    until_sql "$locked and granted)"
    mig-rollback undo "${GO[@]}" --lock-deadline 60s >out 2>err 8>&- 7>&- &
    pid=$!
    until grep -qE 'waiting' err; do sleep 0.1; kill -0 "$pid"; done
    exec 7>&- 8>&-
    wait "$pid"
    grep -q 'Outcome: committed' out
    unchanged
}

@test "the shelf has no room for the backup: refused before anything is locked or written down" {
    no_room() { refused 4 "$@"; }
    spare() { env LD_PRELOAD="$SHIM" SHIM_PATH=backups SHIM_CALL=statvfs SHIM_NTH=1 SHIM_FAULT="$1" "${@:2}"; }
    export -f spare
    export SHIM
    mkdir backups
    mig bash -c 'spare 1000000 "$@"' - mig-rollback plan -1
    assert_exit 4
    no_room 'the shelf "./backups" has 1.0 MB left, the backup may need [0-9.]+ MB' \
        bash -c 'spare 1000000 "$@"' - mig-rollback run -1 "${GO[@]}"
    assert_err '--dir'
    [ ! -d backups/.state/runs ]
    # Who knows better says so by name.
    mig bash -c 'spare 1000000 "$@"' - mig-rollback run -1 "${GO[@]}" --force room --reason "it compresses well"
    assert_exit 0
    mig bash -c 'spare 100000000 "$@"' - mig-rollback undo "${GO[@]}"
    assert_exit 0
    unchanged
}

@test "rows of a foreign table, named or as a partition: never called saved; refused, and forced only by name" {
    sql "create extension postgres_fdw" \
        "create server s foreign data wrapper postgres_fdw options (host '$PGHOST', dbname '$PGDATABASE')" \
        "create user mapping for current_user server s options (user '$PGUSER')" \
        "create table far (id int primary key, v text)" "insert into far values (1, 'a'), (2, 'b')" \
        "create foreign table ft (id int, v text) server s options (table_name 'far')" \
        "create table p (id int, v text) partition by range (id)" "create table p1 partition of p for values from (100) to (200)" \
        "create foreign table p2 partition of p for values from (0) to (100) server s options (table_name 'far')"
    for script in 'DELETE FROM ft' "UPDATE ft SET v = 'x'" 'DELETE FROM p' "UPDATE p SET v = 'x'" 'TRUNCATE p'; do
        echo "$script;" >down.sql
        refused 4 'public\.(ft|p2) is a foreign table: the plan changes or deletes rows of another server' \
            mig-rollback run --sql down.sql "${GO[@]}"
        assert_err '--force foreign --reason' '\[NOT SAVED\]'
        refute_err 'in the backup'
    done
    echo 'DELETE FROM ft;' >down.sql
    mig mig-rollback plan --sql down.sql
    assert_exit 4
    assert_out 'destroys 2 of 2 rows .*\[NOT SAVED\]'
    refused 4 'no backup of the tables covers this loss: DELETE FROM public.ft destroys 2 of 2 rows' \
        mig-rollback run --sql down.sql "${GO[@]}" --force foreign --reason "one of two"
    [ "$(sql 'select count(*) from far')" = 2 ]
    mig mig-rollback run --sql down.sql "${GO[@]}" --force foreign,delete-rows --reason "they are saved there"
    assert_exit 0
    [ "$(sql 'select count(*) from far')" = 0 ]
    # Going, a foreign table takes no rows along.
    echo 'DROP FOREIGN TABLE ft;' >down.sql
    mig mig-rollback run --sql down.sql "${GO[@]}"
    assert_exit 0
    unchanged
}

@test "a foretold failure is refused, with its count, and nothing is begun" {
    echo 'ALTER TABLE t ADD CONSTRAINT c CHECK (id > 0);' >down.sql
    refused 4 'it would fail: ADD CHECK public.t fails: 1 000 of 1 000 rows violate it' mig-rollback run --sql down.sql "${GO[@]}"
    [ ! -d backups/.state/runs ]
    mig mig-rollback plan --sql down.sql
    assert_exit 4
    # Forced, it fails where it was foretold to, and that is rolled back.
    refused 3 'down.sql, statement 1 .*23514|23514' mig-rollback run --sql down.sql "${GO[@]}" --force check-violations --reason "to see it"
}

@test "without a key and a backup: nothing is called saved, and undo says what is left" {
    mig env HOME="$BATS_TEST_TMPDIR" mig-rollback plan -1 --no-backup "no key here"
    assert_exit 0
    assert_out 'destroys 1 000 rows .*\[NOT SAVED\]' 'Backup: NONE \(no key here\): what is destroyed is gone' '^Wait: ' \
        'Undo: impossible: no backup'
    refute_out 'in the backup'
    mig env HOME="$BATS_TEST_TMPDIR" mig-rollback run -1 --no-backup "no key here" "${GO[@]}"
    assert_exit 0
    refute_out '^Next'
    for key in nothing "$HOME"; do
        mig env HOME="$key" mig-rollback undo "${GO[@]}"
        assert_exit 4
        assert_err 'kept no plan, for it had no key: this command cannot undo it' \
            'went from aaaaaaaaaaa2 to aaaaaaaaaaa1; it took no backup'
    done
    [ "$(sql 'select version_num from alembic_version')" = aaaaaaaaaaa1 ]
}

@test "a version statement that moves no row rolls everything back" {
    sql "create function stay() returns trigger language plpgsql as 'begin return null; end'" \
        "create trigger stay before update on alembic_version for each row execute function stay()"
    refused 4 'aaaaaaaaaaa2, statement [0-9]+ .*the version table did not move: 0 rows changed where exactly one should' \
        mig-rollback run -1 "${GO[@]}" --force validate --reason "to see it found"
    mig mig-rollback status
    assert_out 'rolled-back'
}

@test "--terminate-blockers ends clients that are in the way, never a walsender" {
    # What logical replication's first copy does: a walsender that reads the table in a transaction.
    mkfifo walsender.pipe
    PGAPPNAME=copier psql -XAtq "dbname=$PGDATABASE replication=database" <walsender.pipe >/dev/null 2>&1 3>&- 8>&- &
    exec 7>walsender.pipe
    echo "begin; select count(*) from t;" >&7
    hold client "select count(*) from t"
    backend() { sql "select coalesce((select $1::text from pg_stat_activity where application_name = '$2' and datname = current_database() and state = 'idle in transaction'), '')"; }
    until [ -n "$(backend pid copier)" ] && [ -n "$(backend pid client)" ]; do sleep 0.05; done
    [ "$(backend backend_type copier)" = walsender ]
    pid=$(backend pid copier)
    for flag in --terminate-blockers --cancel-blockers; do
        # What is there besides the locks is not of interest here.
        mig mig-rollback run -1 "${GO[@]}" "$flag" --lock-deadline 1s --force gate --reason "only the locks count"
        assert_exit 4
        assert_err "the locks did not come within 1.0 s" "pid $pid, role postgres, copier \\(walsender, left alone\\) from local"
        [ "$flag" = --cancel-blockers ] || assert_err 'terminated pid [0-9]+ \(role postgres, client\)'
        refute_err "(terminated|cancelled the query of) pid $pid "
        [ "$(backend pid copier)" = "$pid" ]
        [ -z "$(backend pid client)" ]
    done
    release
    unchanged
}
