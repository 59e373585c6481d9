#!/usr/bin/env bats
# The helpers that every other test stands on.
# asan: no program of ours runs here

load ../lib/common

setup_file() { db_create; }
teardown_file() { db_drop; }

@test "the cluster is private: a socket only, run by an ordinary account" {
    assert_equal "$(sql "show listen_addresses")" ""
    assert_equal "$(stat -c %a "$PGHOST")" 700
    [ "$(stat -c %u "$PGHOST")" -ne 0 ]
}

@test "each file has a database of its own" {
    assert_equal "$(sql 'select current_database()')" "$PGDATABASE"
    assert_equal "$(sql "select count(*) from pg_class where relnamespace = 'public'::regnamespace")" 0
}

@test "mig_password must give its password" {
    run --separate-stderr psql -XAt -w -U mig_password -c 'select 1'
    [ "$status" -eq 2 ]
    PGPASSWORD=wrong run --separate-stderr psql -XAt -U mig_password -c 'select 1'
    [ "$status" -eq 2 ]
    assert_equal "$(PGPASSWORD=right sql -U mig_password 'select 1')" 1
}

@test "db_digest sees one changed value and nothing else" {
    sql 'create table t (id int primary key, v text)' "insert into t values (1, 'a'), (2, null)"
    before=$(db_digest)
    assert_equal "$(db_digest)" "$before"
    sql "update t set v = '' where id = 2"
    [ "$(db_digest)" != "$before" ]
    sql "update t set v = null where id = 2"
}

@test "a cluster goes when its owner is killed" {
    bash -c 'eval "$("$MIG_ROOT/tests/lib/cluster" start --watch $$)"; echo "$PGHOST" >"$BATS_TEST_TMPDIR/dir"; kill -9 $$' || :
    dir=$(cat "$BATS_TEST_TMPDIR/dir")
    [ -n "$dir" ]
    while [ -d "$dir" ]; do sleep 0.2; done
}

@test "a standby and a pooler come and go with their cluster" {
    eval "$("$MIG_ROOT/tests/lib/cluster" start --watch $$)"
    standby=$("$MIG_ROOT/tests/lib/cluster" standby)
    assert_equal "$(PGHOST=$standby sql -d postgres 'select pg_is_in_recovery()')" t
    pooler=$("$MIG_ROOT/tests/lib/cluster" pooler)
    assert_equal "$(PGHOST=$pooler PGPORT=6432 sql -d postgres 'select 1')" 1
    pid=$(cat "$pooler/pid")
    "$MIG_ROOT/tests/lib/cluster" stop "$PGHOST"
    while [ -d "$standby" ]; do sleep 0.2; done
    while ps -o stat= -p "$pid" | grep -q "^[^Z]"; do sleep 0.2; done
}

@test "the runner counts test by test, and nothing run is a failure" {
    cat >"$BATS_TEST_TMPDIR/some.sh" <<'END'
#!/bin/sh
printf 'ok 1 - a\nnot ok 2 - b\nok 3 - c # SKIP no reason\n1..5\n'
END
    printf '#!/bin/sh\nexit 0\n' >"$BATS_TEST_TMPDIR/none.sh"
    printf '#!/bin/sh\nprintf "1..1\\nok 1 - a\\n"; exit 1\n' >"$BATS_TEST_TMPDIR/code.sh"
    printf '#!/bin/sh\nprintf "1..1\\nok 1 - a\\n"\n' >"$BATS_TEST_TMPDIR/good.sh"
    chmod +x "$BATS_TEST_TMPDIR"/*.sh
    mkdir "$BATS_TEST_TMPDIR/tree"
    cp -R "$MIG_ROOT/tests" "$BATS_TEST_TMPDIR/tree/"
    cd "$BATS_TEST_TMPDIR/tree"
    run tests/run -j1 "$BATS_TEST_TMPDIR/some.sh"
    [ "$status" -eq 1 ]
    assert_equal "${lines[-1]}" "1 passed, 3 failed, 1 skipped"
    run tests/run -j1 "$BATS_TEST_TMPDIR/none.sh"
    [ "$status" -eq 1 ]
    assert_equal "${lines[-1]}" "0 passed, 1 failed"
    run tests/run -j1 "$BATS_TEST_TMPDIR/code.sh"
    [ "$status" -eq 1 ]
    assert_equal "${lines[-1]}" "1 passed, 1 failed"
    run tests/run -j1 "$BATS_TEST_TMPDIR/good.sh"
    [ "$status" -eq 0 ]
    assert_equal "${lines[-1]}" "1 passed, 0 failed"
}

@test "bootstrap sees what is missing, also where dpkg-query fails on a name that it does not know" {
    mkdir "$BATS_TEST_TMPDIR/bin"
    printf '#!/bin/sh\nprintf "ii  make\\nii  util-linux\\n"; exit 1\n' >"$BATS_TEST_TMPDIR/bin/dpkg-query"
    printf '#!/bin/sh\nexit 1\n' >"$BATS_TEST_TMPDIR/bin/apt-get"
    chmod +x "$BATS_TEST_TMPDIR/bin"/*
    PATH=$BATS_TEST_TMPDIR/bin:$PATH run --separate-stderr "$MIG_ROOT/scripts/bootstrap" --check
    assert_exit 1
    assert_err 'missing: gcc .*libpq-dev .*alembic'
    refute_err '[ :]make '
}

@test "bootstrap goes on without what is only nice to have" {
    mkdir "$BATS_TEST_TMPDIR/bin"
    # Everything is there but for dpkg-dev, and the mirror is away.
    printf '#!/bin/sh\nshift 3; for p in "$@"; do case $p in dpkg-dev) ;; *) echo "ii  $p" ;; esac; done; exit 1\n' >"$BATS_TEST_TMPDIR/bin/dpkg-query"
    printf '#!/bin/sh\nexit 0\n' >"$BATS_TEST_TMPDIR/bin/apt-cache"
    printf '#!/bin/sh\necho "$@" >>"$BATS_TEST_TMPDIR/asked"; exit 100\n' >"$BATS_TEST_TMPDIR/bin/apt-get"
    printf '#!/bin/sh\nexec "$@"\n' >"$BATS_TEST_TMPDIR/bin/sudo"
    chmod +x "$BATS_TEST_TMPDIR/bin"/*
    PATH=$BATS_TEST_TMPDIR/bin:$PATH run --separate-stderr "$MIG_ROOT/scripts/bootstrap"
    assert_exit 0
    if [ "$(id -u)" -eq 0 ]; then grep -q dpkg-dev "$BATS_TEST_TMPDIR/asked"; fi
    PATH=$BATS_TEST_TMPDIR/bin:$PATH run --separate-stderr "$MIG_ROOT/scripts/bootstrap" --build
    assert_exit 0
    refute_err dpkg-dev
}
