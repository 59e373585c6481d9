#!/usr/bin/env bats
# The demo project down under guard, and forward again: every value is back.  Where
# tests/cli/rollback_awareness.bats does not go: between the steps of one change, and to the very base.

load ../lib/common

HEAD=7c2a5e81d9b3

setup_file() {
    awareness head 900
    export TEMPLATE=$PGDATABASE
    key_make
    rows >"$BATS_FILE_TMPDIR/before"
}
teardown_file() { db_drop "$TEMPLATE"; }
setup() {
    cd "$AWARENESS"
    db_create "down_$BATS_TEST_NUMBER" "$TEMPLATE"
}
teardown() { db_drop; }

# One line per table: its name, rows and a digest of all values, whatever the order of rows and columns.
rows() {
    sql "select format('select %L, count(*), md5(coalesce(string_agg(h, '''' order by h), '''')) from (select md5(to_jsonb(t)::text) h from %s t) x', oid::regclass, oid::regclass)
         from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace order by relname" |
        while read -r q; do sql "$q"; done
}

down_and_up() { # REV [VERSION ROWS]
    mig mig-rollback run "$1" --yes --confirm "$PGDATABASE"
    assert_exit 0
    assert_out 'Outcome: committed'
    assert_equal "$(sql 'select version_num from alembic_version order by 1' 2>/dev/null | paste -sd' ')" "${2-$1}"
    mig mig-rollback undo --yes --confirm "$PGDATABASE"
    assert_exit 0
    assert_out 'Outcome: committed'
    diff "$BATS_FILE_TMPDIR/before" <(rows)
    # And the schema is what Alembic makes of it.
    assert_equal "$(pg_dump -s "$PGDATABASE" | grep -E '^(CREATE|ALTER|    ADD)' | sort)" "$(pg_dump -s "$TEMPLATE" | grep -E '^(CREATE|ALTER|    ADD)' | sort)"
}

@test "user preferences: a table, and the foreign key to it" { down_and_up 40b6ce19f7a8; }
@test "NOT NULL, third step" { down_and_up 6f0c94b8e2d1; }
@test "NOT NULL, second step" { down_and_up 83de61f4a07b; }
@test "everything" { down_and_up base ''; }
