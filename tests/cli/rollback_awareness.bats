#!/usr/bin/env bats
# The demo project down through every revision, and each time forward again with undo: the rows of every
# table, and the schema as pg_dump writes it, must be the same as before.
# asan: no rollback.bats runs the same code

load ../lib/common

setup_file() {
    key_make
    awareness head 600
}

setup() {
    cd "$AWARENESS"
    GO=(--yes --confirm "$PGDATABASE")
}

teardown_file() {
    db_drop
}

# Every row by the names of its columns (their order is a history, not a fact), and the schema.
everything() {
    local t
    for t in $(sql "select oid::regclass from pg_class where relkind in ('r', 'm') and relnamespace = 'public'::regnamespace order by relname"); do
        echo "$t $(sql "select count(*) || ' ' || md5(coalesce(string_agg(to_jsonb(x)::text, '' order by to_jsonb(x)::text), '')) from $t x")"
    done
    "$MIG_PG_BINDIR/pg_dump" -s | grep -vE '^(--|$|.restrict|.unrestrict|SET|SELECT)' | sort
}

# there_and_back REV [OPTION...]: run, undo, compare; then run for good.
there_and_back() {
    local rev=$1
    shift
    everything >"$BATS_TEST_TMPDIR/before"
    mig mig-rollback run "$rev" "${GO[@]}" "$@"
    assert_exit 0
    mig mig-rollback undo "${GO[@]}"
    assert_exit 0
    everything >"$BATS_TEST_TMPDIR/after"
    diff "$BATS_TEST_TMPDIR/before" "$BATS_TEST_TMPDIR/after"
    mig mig-rollback run "$rev" "${GO[@]}" "$@"
    assert_exit 0
}

@test "two-factor columns" { there_and_back 19d4b2e7f08c; }
@test "user preferences and a pair of foreign keys, loss scope" { there_and_back 40b6ce19f7a8 --scope loss; }
@test "soft delete" { there_and_back d8e5a1377c4f; }
@test "NOT NULL in three steps" { there_and_back b47c0e2d915f --verify full; }
@test "both branches of a merge: profiles split from users, full-text search" { there_and_back e05f3b9a6d14; }
@test "an enum type" { there_and_back 91d27be4c035; }
@test "an index made CONCURRENTLY" { there_and_back c81e9f63a5d2; }
@test "whole tables, loss scope" { there_and_back 5be0d7714c1a --scope loss; }
@test "courses and enrollments" { there_and_back a3f1c09d2b47; }
