#!/usr/bin/env bats
# No gap: eight clients hammer the tables; every row that was committed before the change is in the
# backup, and undo brings back exactly those.  An independent log (hammer.py) is the witness.
#
# MIG_GAPS (default 2) rollbacks in each mode.
# asan: no what counts here is the race with writers; rollback.bats runs the same code

load ../lib/common
load ../lib/twostep

setup_file() {
    key_make
}

setup() {
    ROUNDS=${MIG_GAPS:-2}
}

# The same form as hammer.py's notes; rows below 0 are the filling.
have() {
    sql "select 't|' || id || '|' || replace(replace(v, e'\\\\', e'\\\\\\\\'), e'\\t', e'\\\\t') from t where id > 0 and v is not null
         union all
         select 'd|' || id || '|' || replace(replace(v, e'\\\\', e'\\\\\\\\'), e'\\t', e'\\\\t') from d where id > 0" | LC_ALL=C sort
}

# The same form again, of what the run's backup holds by itself.
saved() {
    local file table
    file=$("$MIG_PYTHON" -c 'import json, sys; print(json.load(sys.stdin)["backup"])')
    for table in t d; do
        mig-backup cat "$file" -t $table --objects -q </dev/null | "$MIG_PYTHON" -c '
import json, sys
for line in sys.stdin:
    row = json.loads(line)
    if int(row["id"]) > 0 and row["v"] is not None:
        print("%s|%s|%s" % (sys.argv[1], row["id"], row["v"].replace("\\", "\\\\").replace("\t", "\\t")))' $table
    done | LC_ALL=C sort
}

# rounds DIR OPTION...: hammer, roll back, undo, compare.
rounds() {
    local n
    cd "$1"
    shift
    : >all
    for n in $(seq "$ROUNDS"); do
        rm -f ready truth
        "$MIG_PYTHON" "$MIG_ROOT/tests/lib/hammer.py" 120 truth ready $HAMMER 3>&- &
        pid=$!
        while [ ! -e ready ]; do
            sleep 0.05
            [ "$(ps -o stat= -p "$pid" | cut -c1)" != Z ] || { echo "the hammer died"; return 1; }
        done
        mig mig-rollback run -1 --yes --confirm "$PGDATABASE" --format json "$@"
        assert_exit 0
        wait "$pid"
        cat truth >>all
        LC_ALL=C sort all >want
        # Nothing that was committed before the change is missing from the backup, nothing is in it
        # that was not.  (Saved before: what came since is in a second file.)
        if [[ " $* " != *" before "* ]]; then
            saved <<<"$output" >kept
            diff want kept | head -n 20
            cmp want kept
        fi
        mig mig-rollback undo --yes --confirm "$PGDATABASE"
        assert_exit 0
        have >have
        diff want have | head -n 20
        cmp want have
        [ "$(sql "select count(*) from t where id < 0 and v = 'v' || -id")" = "$TWOSTEP_ROWS" ]
        [ "$(sql "select count(*) from d where id < 0 and v = 'd' || -id")" = "$TWOSTEP_ROWS" ]
        [ -s want ]
        # Checked; or the copies would grow with the rounds, and with them the time.
        [ $((n % 5)) -ne 0 ] || { : >all; sql "delete from t where id > 0" "delete from d where id > 0" "vacuum t, d"; }
        echo "round $n: $(wc -l <truth) rows noted"
    done
}

@test "writers hammer; the role's default is READ COMMITTED" {
    db_create
    twostep "$BATS_TEST_TMPDIR/app"
    TWOSTEP_ROWS=1000 twostep_up
    TWOSTEP_ROWS=1000 HAMMER='' rounds "$BATS_TEST_TMPDIR/app" --cancel-blockers
    db_drop
}

@test "writers hammer; the role's default is REPEATABLE READ" {
    db_create
    sql "alter database \"$PGDATABASE\" set default_transaction_isolation = 'repeatable read'"
    twostep "$BATS_TEST_TMPDIR/app"
    TWOSTEP_ROWS=1000 twostep_up
    TWOSTEP_ROWS=1000 HAMMER='' rounds "$BATS_TEST_TMPDIR/app" --cancel-blockers
    db_drop
}

@test "a long copy: readers that write later make raising a deadlock; --cancel-blockers gets through" {
    db_create
    twostep "$BATS_TEST_TMPDIR/app"
    TWOSTEP_ROWS=1000 twostep_up
    # Wide enough that the copy is expected to take longer than a second.
    sql "update t set keep = repeat(md5(id::text), 1600)" "alter table t alter keep set storage external" \
        "update t set keep = keep || 'x'" "analyze t"
    [ "$(sql "select pg_table_size('t') > 50000000")" = t ]
    TWOSTEP_ROWS=1000 HAMMER=slow rounds "$BATS_TEST_TMPDIR/app" --cancel-blockers
    db_drop
}

@test "--backup before: what changed between the backup and the locks is found and saved" {
    db_create
    twostep "$BATS_TEST_TMPDIR/app"
    TWOSTEP_ROWS=1000 twostep_up
    TWOSTEP_ROWS=1000 HAMMER='' rounds "$BATS_TEST_TMPDIR/app" --backup before
    grep -q 'newer than the backup' <<<"$stderr" || grep -qr backup-more backups/.state/runs
    # Rows that went between the two do not come back.
    grep -qr '"mode":"replace"' backups/.state/runs
    db_drop
}

@test "without --cancel-blockers it gives up at the deadline, keeps the backup and changes nothing" {
    db_create
    twostep "$BATS_TEST_TMPDIR/app"
    TWOSTEP_ROWS=1000 twostep_up
    digest=$(twostep_digest)
    mkfifo hold
    PGAPPNAME=quarterly-report psql -XAtq <hold >/dev/null 2>&1 3>&- &
    exec 8>hold
    echo "begin; select count(*) from t; select count(*) from d;" >&8
    while [ "$(sql "select count(*) from pg_stat_activity where application_name = 'quarterly-report' and state = 'idle in transaction'")" = 0 ]; do sleep 0.05; done
    mig mig-rollback run -1 --yes --confirm "$PGDATABASE" --lock-deadline 2s
    assert_exit 4
    assert_err 'quarterly-report'
    assert_err 'cancel-blockers'
    [ "$(twostep_digest)" = "$digest" ]
    # Flags allow it: the session ends, the run goes through.
    mig mig-rollback run -1 --yes --confirm "$PGDATABASE" --lock-deadline 20s --terminate-blockers
    assert_exit 0
    exec 8>&-
    db_drop
}
