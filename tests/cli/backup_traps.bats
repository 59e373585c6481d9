#!/usr/bin/env bats
# The server's traps for whoever copies rows that no other file shows: each with a server that sets it.

load ../lib/common
load ../lib/waiting

setup_file() {
    db_create
    key_make
    role_create mig_owner
    sql "create table big (id int primary key, v text)" \
        "insert into big select g, repeat(md5(g::text), 8) from generate_series(1, 100000) g" \
        "create table more (id int primary key)" "insert into more values (1)" "analyze"
}
teardown_file() {
    sql "drop owned by mig_owner" 2>/dev/null || :
    db_drop
}
setup() {
    cd "$BATS_TEST_TMPDIR"
    export MIG_BACKUP_DIR=$BATS_TEST_TMPDIR/shelf
}

@test "synchronize_seqscans: rows come from the table's start, wherever another's scan stands" {
    # Scans are synchronised in tables of more than a quarter of shared_buffers.
    eval "$("$MIG_ROOT/tests/lib/cluster" start --watch $$ --set shared_buffers=1MB)"
    export PGDATABASE=postgres
    sql "create table t (id int, v text)" "insert into t select g, repeat('x', 1000) from generate_series(1, 20000) g"
    sql "begin; declare c no scroll cursor for select * from t; move 9000 in c; commit" "select id > 1 from t limit 1" >where
    # the trap is set: whoever does not care starts in the middle
    assert_equal "$(cat where)" t
    mig mig-backup create -t t --no-ddl -j 1 -o t.mig
    assert_exit 0
    mig-backup cat t.mig -t t >rows
    assert_equal "$(head -1 rows | cut -c1-5)" '["1",'
    assert_equal "$(wc -l <rows)" 20000
    "$MIG_ROOT/tests/lib/cluster" stop
}

@test "every timeout that the server knows: none ends a copy that takes longer" {
    local names name
    names=$(sql "select name from pg_settings where name in ('statement_timeout', 'transaction_timeout', 'idle_session_timeout', 'idle_in_transaction_session_timeout')")
    # those of this server, and not of one that is older than we think
    assert_equal "$(wc -w <<<"$names")" $((2 + ($(sql "show server_version_num") >= 140000) + ($(sql "show server_version_num") >= 170000)))
    sql "grant all on big, more to mig_owner"
    for name in $names; do sql "alter role mig_owner in database \"$PGDATABASE\" set $name = '400ms'"; done
    # the trap is set
    run psql -XAtq -U mig_owner -c "begin" -c "select pg_sleep(1)" -c "select pg_sleep(1)"
    [ "$status" -ne 0 ]
    for jobs in 1 2; do
        mig-backup create -U mig_owner -t big --no-ddl -j $jobs -o $jobs.mig 2>said &
        freeze_in_copy $!
        sleep 1.2
        kill -CONT $!
        wait $! || { cat said; false; }
        assert_equal "$(mig-backup cat $jobs.mig -t big | wc -l)" 100000
    done
    # nor the leader's transaction, idle while pg_dump is slow
    mkdir bin
    printf '#!/bin/sh\nsleep 1.2\nexec "%s" "$@"\n' "$(command -v pg_dump)" >bin/pg_dump
    chmod +x bin/pg_dump
    PATH=$PWD/bin:$PATH mig mig-backup create -U mig_owner -t more --require-ddl -o slow.mig
    assert_exit 0
    sql "alter role mig_owner in database \"$PGDATABASE\" reset all"
}

@test "restrict_nonsystem_relation_kind: our sessions read no foreign table" {
    sql "create extension file_fdw" "create server files foreign data wrapper file_fdw" \
        "create foreign table elsewhere (a text) server files options (filename '/dev/null')"
    assert_equal "$(sql "select count(*) from elsewhere")" 0
    # a view in the place of a table leads there
    sql "create view innocent as select count(*)::int as n from elsewhere"
    printf '{"prodcheck": {"sql": {"q": "select n from public.innocent"}}}\n' >mig.json
    mig mig-prodcheck --only sql:q
    assert_exit 3
    assert_out 'access to non-system foreign table is restricted'
}

@test "somebody in line for an exclusive lock: workers do not wait behind him, the copy is whole" {
    coproc psql -XAtq
    echo "begin; lock table big; select 'ready';" >&"${COPROC[1]}"
    read -r _ <&"${COPROC[0]}"
    # We wait for that one; the ALTER waits for both of us; and our workers would wait for the ALTER.
    mig-backup create -t big -t more --no-ddl -j 4 --lock-timeout 60s -v -o big.mig >said 2>&1 &
    until_sql "exists (select from pg_locks where relation = 'big'::regclass and mode = 'AccessShareLock' and not granted)"
    psql -XAtqc "alter table big alter v set default 'x'" &
    until_sql "exists (select from pg_locks where relation = 'big'::regclass and mode = 'AccessExclusiveLock' and not granted)"
    echo "rollback;" >&"${COPROC[1]}"
    wait %?mig-backup || { cat said; false; }
    kill "$COPROC_PID"
    wait
    grep -q 'one worker fewer: .*could not obtain lock' said
    assert_equal "$(mig-backup cat big.mig -t big | wc -l)" 100000
    assert_equal "$(sql "select column_default from information_schema.columns where table_name = 'big' and column_name = 'v'")" "'x'::text"
}

@test "a server newer than any that was tested: warned about, and the backup says it" {
    local proxy
    mkdir link
    mkfifo hold
    "$MIG_PYTHON" "$MIG_ROOT/tests/lib/newer.py" "$PWD/link" "$PGHOST/.s.PGSQL.5432" 99.1 <hold >ready 3>&- &
    proxy=$!
    exec 9>hold
    until [ -s ready ]; do kill -0 $proxy; sleep 0.05; done
    PGHOST=$PWD/link mig mig-backup create -t big --no-ddl -o big.mig --format json
    exec 9>&-
    wait $proxy || :
    assert_err 'PostgreSQL 99, newer than any that this mig was tested with'
    # An older server does not have all that a newer one would: this one then says so itself.
    if [ "$(sql "show server_version_num")" -ge 170000 ]; then
        assert_exit 0
        assert_out 'the server is PostgreSQL 99, newer than'
        mig mig-backup show big.mig
        assert_out 'PostgreSQL 99, newer than'
    else
        assert_exit 3
        assert_err 'unrecognized configuration parameter'
        [ ! -e big.mig ]
    fi
    mig mig-backup create -t big --no-ddl -o plain.mig
    assert_exit 0
    refute_err 'newer'
}

@test "what would be a command to psql is text: in the DDL it stays, and nothing is run" {
    sql "create function said() returns text language sql as E'select \\'\\n\\\\restrict one\\n\\\\! touch $PWD/pwned\\n\\\\unrestrict one\\n\\''" \
        "create table worded (id int primary key, v text default E'a\\n\\\\restrict two\\n\\\\! touch $PWD/pwned\\n\\\\unrestrict two\\n\\\\connect postgres\\nz')" \
        "insert into worded (id) values (1)" "comment on table worded is E'c\\n\\\\unrestrict three\\n\\\\! touch $PWD/pwned\\nz'"
    plain() { pg_dump -s -t worded | grep -vE '^\\(un)?restrict [A-Za-z0-9]{20,}$'; }
    plain >before
    grep -q '^.restrict two' before
    mig mig-backup create -t worded --require-ddl -o worded.mig
    assert_exit 0
    mig mig-backup cat worded.mig -t worded
    assert_equal "$(sql "drop table worded" "select to_regclass('worded') is null")" t
    mig mig-backup restore "$PWD/worded.mig" --create --yes --confirm "$PGDATABASE"
    assert_exit 0
    diff before <(plain)
    assert_equal "$(sql "select md5(v) from worded")" "$(sql "insert into worded values (2) returning md5(v)")"
    [ ! -e pwned ]
}
