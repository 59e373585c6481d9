#!/usr/bin/env bats
# The demo project down to every revision under guard, and forward again: every value is back.

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

@test "two-factor login" { down_and_up 19d4b2e7f08c; }
@test "user preferences: a table, and the foreign key to it" { down_and_up 40b6ce19f7a8; }
@test "soft delete" { down_and_up d8e5a1377c4f; }
@test "NOT NULL, third step" { down_and_up 6f0c94b8e2d1; }
@test "NOT NULL, second step" { down_and_up 83de61f4a07b; }
@test "NOT NULL, first step" { down_and_up b47c0e2d915f; }
@test "both branches below the merge" { down_and_up e05f3b9a6d14; }
@test "the enum" { down_and_up 91d27be4c035; }
@test "the index built CONCURRENTLY" { down_and_up c81e9f63a5d2; }
@test "campaigns and events" { down_and_up 5be0d7714c1a; }
@test "courses" { down_and_up a3f1c09d2b47; }
@test "everything" { down_and_up base ''; }
