# shapes: what the tests of tests/projects/shapes share.

plan() { mig "${MIG_BIN%/bin}/tools/plan" "$@"; }
# The word KEY of step REV.
step() { json "['steps'][[s['revision'] for s in d['steps']].index('$1')]['$2']"; }
order() { json "['steps'] and ' '.join(s['revision'] for s in d['steps'])"; }
fresh() { db_create; sql "create schema ops"; }
# Structure and rows, without what two ways may order differently.
state() { pg_dump "$PGDATABASE" | grep -vE '^\\(un)?restrict|^--|^$|setval' | sort; }
# Run the SQL of all steps of $output, as it stands, one psql per step.
execute() {
    local i n
    n=$(json " and len(d['steps'])")
    for ((i = 0; i < n; i++)); do
        [ "$(json "['steps'][$i]['sql'] is not None")" = true ]
        if [ "$(json "['steps'][$i]['segments']")" = 1 ]; then
            json "['steps'][$i]['sql']" | psql -XAtq -1 -v ON_ERROR_STOP=1 >/dev/null
        else
            json "['steps'][$i]['sql']" | psql -XAtq -v ON_ERROR_STOP=1 >/dev/null
        fi
    done
}
# Down to REV and up again, by our SQL and by Alembic: the same database each time.
as_alembic() { # REV
    local ours theirs
    fresh
    ours=$PGDATABASE
    theirs=${PGDATABASE}_theirs
    alembic upgrade heads 2>/dev/null
    db_create "$theirs" "$ours"
    PGDATABASE=$theirs alembic downgrade "$1" 2>/dev/null
    state >"$BATS_TEST_TMPDIR/theirs"
    db_drop "$theirs"
    export PGDATABASE=$ours
    state >"$BATS_TEST_TMPDIR/top"
    plan --connect down "$1"
    assert_exit 0
    execute
    state >"$BATS_TEST_TMPDIR/ours"
    [ -s "$BATS_TEST_TMPDIR/theirs" ]
    diff "$BATS_TEST_TMPDIR/ours" "$BATS_TEST_TMPDIR/theirs"
    plan --connect up heads
    assert_exit 0
    execute
    state >"$BATS_TEST_TMPDIR/ours-top"
    # columns may come in another order where branches tie
    diff "$BATS_TEST_TMPDIR/top" "$BATS_TEST_TMPDIR/ours-top" || [ "${TIES-}" ]
}
