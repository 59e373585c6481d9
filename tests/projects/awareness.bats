#!/usr/bin/env bats
# The demo project itself: every revision up and down, online and as SQL.

load ../lib/common

setup_file() { awareness base; }
setup() { cd "$AWARENESS"; }
teardown_file() { db_drop; }

# Structure only, as text: what two ways to one revision must agree on.
schema() { pg_dump -s "${1:-$PGDATABASE}" | grep -vE '^\\(un)?restrict|^--|^$'; }
versions() { sql 'select version_num from alembic_version order by 1' | paste -sd' '; }

# One step up, and the revisions that it ends at.
STEPS=(
    'base:a3f1c09d2b47' 'a3f1c09d2b47:5be0d7714c1a' '5be0d7714c1a:c81e9f63a5d2' 'c81e9f63a5d2:91d27be4c035'
    '91d27be4c035:e05f3b9a6d14' 'e05f3b9a6d14:2d9b7f4ce816' '2d9b7f4ce816:b47c0e2d915f' 'b47c0e2d915f:83de61f4a07b'
    '83de61f4a07b:6f0c94b8e2d1' '6f0c94b8e2d1:d8e5a1377c4f' 'd8e5a1377c4f:40b6ce19f7a8'
    '40b6ce19f7a8:19d4b2e7f08c' '19d4b2e7f08c:7c2a5e81d9b3'
)

@test "it has 14 revisions and one head" {
    assert_equal "$(alembic history 2>/dev/null | wc -l)" 14
    assert_equal "$(alembic heads 2>/dev/null)" "7c2a5e81d9b3 (head)"
}

@test "online: to head with rows, down to base, up again" {
    db_create
    alembic_run "$PGDATABASE" upgrade head
    ./generate --rows 3000
    schema >"$BATS_FILE_TMPDIR/head"
    assert_equal "$(sql 'select count(*) from users where totp_secret is not null and totp_enabled and cardinality(recovery_codes) = 8')" 76
    alembic_run "$PGDATABASE" downgrade base
    assert_equal "$(sql "select count(*) from pg_class where relnamespace = 'public'::regnamespace and relname <> 'alembic_version' and relkind = 'r'")" 0
    assert_equal "$(sql "select count(*) from pg_type where typname = 'user_role'")" 0
    alembic_run "$PGDATABASE" upgrade head
    assert_equal "$(schema | sort)" "$(sort "$BATS_FILE_TMPDIR/head")"
}

@test "online: one revision at a time, both ways, with rows in it" {
    db_create
    alembic_run "$PGDATABASE" upgrade a3f1c09d2b47
    ./generate --rows 2000
    for s in "${STEPS[@]:1}"; do alembic_run "$PGDATABASE" upgrade "${s#*:}"; done
    assert_equal "$(versions)" 7c2a5e81d9b3
    assert_equal "$(sql 'select count(*) from users u join user_profiles p on p.user_id = u.id join user_preferences r on r.id = u.preferences_id')" \
        "$(sql 'select count(*) from users')"
    for ((i = ${#STEPS[@]} - 1; i >= 0; i--)); do alembic_run "$PGDATABASE" downgrade "${STEPS[i]%%:*}"; done
    assert_equal "$(versions)" ""
}

@test "offline: each step's SQL, both ways, leads where Alembic itself does" {
    db_create
    for s in "${STEPS[@]}"; do
        alembic upgrade "$s" --sql 2>/dev/null >"$BATS_TEST_TMPDIR/up.sql"
        sql -f "$BATS_TEST_TMPDIR/up.sql"
    done
    assert_equal "$(versions)" 7c2a5e81d9b3
    assert_equal "$(schema | sort)" "$(sort "$BATS_FILE_TMPDIR/head")"
    # Below the merge two rows stand for one step, which Alembic renders only as a range.
    for s in 7c2a5e81d9b3:19d4b2e7f08c 19d4b2e7f08c:40b6ce19f7a8 40b6ce19f7a8:d8e5a1377c4f d8e5a1377c4f:6f0c94b8e2d1 \
        6f0c94b8e2d1:83de61f4a07b 83de61f4a07b:b47c0e2d915f b47c0e2d915f:e05f3b9a6d14 e05f3b9a6d14:91d27be4c035 \
        91d27be4c035:c81e9f63a5d2 c81e9f63a5d2:5be0d7714c1a 5be0d7714c1a:a3f1c09d2b47 a3f1c09d2b47:base; do
        alembic downgrade "$s" --sql 2>/dev/null >"$BATS_TEST_TMPDIR/down.sql"
        sql -f "$BATS_TEST_TMPDIR/down.sql"
    done
    assert_equal "$(sql "select count(*) from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r' and relname <> 'alembic_version'")" 0
}

@test "the same seed gives the same rows, another seed others" {
    db_create
    alembic_run "$PGDATABASE" upgrade head
    for n in 1 2 3; do
        seed=$((7 + n / 3))
        sql 'set client_min_messages = warning' 'truncate companies, courses, audit_log restart identity cascade'
        ./generate --rows 1500 --seed "$seed"
        pg_dump -a "$PGDATABASE" 2>/dev/null | grep -vE '^\\(un)?restrict' | sha256sum >"$BATS_TEST_TMPDIR/$n"
    done
    cmp "$BATS_TEST_TMPDIR/1" "$BATS_TEST_TMPDIR/2"
    ! cmp -s "$BATS_TEST_TMPDIR/2" "$BATS_TEST_TMPDIR/3"
}
