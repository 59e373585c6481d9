#!/usr/bin/env bats
# Sessions with the server: the address, who refuses, what a role's settings may not bend, Ctrl-C, poolers.

load ../lib/common

setup_file() {
    db_create
    role_create session_evil
    sql "create schema evil" \
        "create function evil.set_config(text, text, boolean) returns text language sql as 'select null::text'" \
        "create table public.t (id int primary key)" \
        "grant pg_monitor to session_evil"
    sql "alter role session_evil in database \"$PGDATABASE\" set search_path to evil, public" \
        "alter role session_evil in database \"$PGDATABASE\" set \"DateStyle\" to 'German'" \
        "alter role session_evil in database \"$PGDATABASE\" set \"TimeZone\" to 'Asia/Tokyo'" \
        "alter role session_evil in database \"$PGDATABASE\" set \"IntervalStyle\" to 'iso_8601'" \
        "alter role session_evil in database \"$PGDATABASE\" set bytea_output to 'escape'" \
        "alter role session_evil in database \"$PGDATABASE\" set extra_float_digits to 0" \
        "alter role session_evil in database \"$PGDATABASE\" set row_security to on" \
        "alter role session_evil in database \"$PGDATABASE\" set statement_timeout to '50ms'" \
        "alter role session_evil in database \"$PGDATABASE\" set default_transaction_isolation to 'serializable'" \
        "alter role session_evil in database \"$PGDATABASE\" set client_encoding to 'LATIN1'" \
        "alter role session_evil in database \"$PGDATABASE\" set gin_fuzzy_search_limit to 1" \
        "alter role session_evil in database \"$PGDATABASE\" set array_nulls to off" \
        "alter role session_evil in database \"$PGDATABASE\" set xmloption to document"
}
teardown_file() { db_drop; }
setup() { cd "$BATS_TEST_TMPDIR"; }

# ask SQL...: mig.json whose own checks are these; each answers 0 (good) or 1.
ask() {
    local n=0 out='' q
    for q in "$@"; do
        n=$((n + 1))
        out+="${out:+, }\"q$n\": \"$q\""
    done
    printf '{"prodcheck": {"sql": {%s}}}\n' "$out" >mig.json
    only=$(seq -s, 1 $n | sed 's/[0-9]\+/sql:q&/g')
}

@test "a role's settings do not reach our sessions" {
    ask "select (current_setting('search_path') <> '')::int" \
        "select (current_setting('DateStyle') !~ '^ISO')::int" \
        "select (current_setting('TimeZone') <> 'UTC')::int" \
        "select (current_setting('IntervalStyle') <> 'postgres')::int" \
        "select (current_setting('bytea_output') <> 'hex')::int" \
        "select (current_setting('extra_float_digits') <> '3')::int" \
        "select (current_setting('row_security') <> 'off')::int" \
        "select (current_setting('client_encoding') <> 'UTF8')::int" \
        "select (current_setting('lock_timeout') = '0')::int" \
        "select (current_setting('application_name') <> 'mig-prodcheck')::int" \
        "select (current_setting('synchronize_seqscans') <> 'off')::int" \
        "select (current_setting('gin_fuzzy_search_limit') <> '0')::int" \
        "select (current_setting('array_nulls') <> 'on')::int" \
        "select (current_setting('xmloption') <> 'content')::int" \
        "select 0 from pg_sleep(0.2)"
    PGUSER=session_evil mig mig-prodcheck --only "$only" -v
    assert_exit 0
    assert_out '^GO' '0 failed, 0 could not be checked, 0 warnings, 15 ok'
}

@test "a superuser's settings skip no foreign key and no damaged page" {
    role_create session_replica superuser
    sql "alter role session_replica set session_replication_role to replica" \
        "alter role session_replica set zero_damaged_pages to on"
    ask "select (current_setting('session_replication_role') <> 'origin')::int" \
        "select (current_setting('zero_damaged_pages') <> 'off')::int"
    PGUSER=session_replica mig mig-prodcheck --only "$only"
    assert_exit 0
}

@test "no value of a row is in a message, nor in its detail" {
    ask "select 'geheim'::int" "select ('[1, geheim]'::json is null)::int" "select '99999999999geheim'::numeric"
    mig mig-prodcheck --only "$only" -v
    assert_exit 3
    assert_out 'invalid input syntax for type integer: "\.\.\."' 'invalid input syntax for type json'
    if grep -q geheim <<<"$output$stderr"; then false; fi
}

@test "production is recognised by any spelling of its host, and by its cluster" {
    printf '{"environments": {"production": {"hosts": "LOCALHOST", "production": true}}}' >mig.json
    mig mig-prodcheck --only environment --format json
    assert_out '"environment": "production"'
    printf '{"environments": {"production": {"hosts": ["db.example.com"], "production": true, "cluster_id": "%s"}}}' \
        "$(sql "select system_identifier from pg_control_system()")" >mig.json
    mig mig-prodcheck --only environment --format json
    assert_out '"production": true'
}

@test "the test above can fail" {
    ask "select (current_setting('search_path') = '')::int"
    PGUSER=session_evil mig mig-prodcheck --only "$only"
    assert_exit 1
    assert_out 'sql:q1'
}

@test "an own check can write nothing" {
    ask "insert into public.t values (1) returning 0"
    mig mig-prodcheck --only "$only"
    assert_exit 3
    assert_out 'read-only transaction'
    assert_equal "$(sql 'select count(*) from t')" 0
}

@test "no server" {
    PGHOST=$BATS_TEST_TMPDIR/nowhere mig mig-prodcheck
    assert_exit 3
    assert_out '^UNKNOWN' "$BATS_TEST_TMPDIR/nowhere" 'is the server running'
}

@test "no server, as JSON: unknown, never go" {
    PGHOST=$BATS_TEST_TMPDIR/nowhere mig mig-prodcheck --format json
    assert_exit 3
    assert_equal "$(json "['verdict']")" unknown
    assert_equal "$(json "['checks'][0]['id']")" connection
    assert_equal "$(json "['checks'][0]['status']")" error
}

@test "wrong password: named role, no password" {
    PGUSER=mig_password PGPASSWORD=qu1te-wrong mig mig-prodcheck
    assert_exit 3
    assert_out 'mig_password' 'refused the password'
    refute_out 'qu1te-wrong'
    refute_err 'qu1te-wrong'
}

@test "no password: says where one may stand" {
    PGUSER=mig_password mig mig-prodcheck -w
    assert_exit 3
    assert_out 'pgpass'
}

@test "the right password, from a password file" {
    printf '*:*:*:mig_password:right\n' >pass
    chmod 600 pass
    ask "select (session_user <> 'mig_password')::int"
    PGUSER=mig_password PGPASSFILE=$PWD/pass mig mig-prodcheck --only "$only"
    assert_exit 0
}

@test "unknown database" {
    mig mig-prodcheck -d no_such_database
    assert_exit 3
    assert_out 'no_such_database' 'psql -l'
}

@test "addresses: URL, SQLAlchemy URL, conninfo, service, and which of them was used" {
    local url="postgresql+asyncpg://session_evil@/$PGDATABASE?host=$PGHOST"
    db=$PGDATABASE host=$PGHOST
    unset PGDATABASE PGHOST PGUSER
    DATABASE_URL=$url mig mig-prodcheck --only connection -v
    assert_exit 0
    assert_out 'session_evil@.*\(from \$DATABASE_URL\)'
    DATABASE_URL=postgresql://nobody@/nothing MIG_DATABASE_URL=$url mig mig-prodcheck --only connection -v
    assert_out 'session_evil@.*\(from \$MIG_DATABASE_URL\)'
    DATABASE_URL=postgresql://nobody@/nothing mig mig-prodcheck --only connection -v -d "host=$host user=postgres dbname=$db"
    assert_out 'postgres@.*\(from --dbname\)'
    printf '[here]\nhost=%s\nuser=postgres\ndbname=%s\n' "$host" "$db" >service
    PGSERVICEFILE=$PWD/service PGSERVICE=here mig mig-prodcheck --only connection -v
    assert_exit 0
    assert_out "/$db \(from \\\$PGSERVICE\)"
}

@test "addresses that are not served" {
    mig mig-prodcheck -d 'mysql://u:sekret@h/d'
    assert_exit 2
    assert_err 'mysql'
    refute_err sekret
    mig mig-prodcheck -d 'postgresql+asyncpg://u:sekret@h/d?pool_size=5'
    assert_exit 2
    assert_err 'pool_size'
    refute_err sekret
}

@test "--role: taken, or refused with its name" {
    ask "select (current_user <> 'session_evil')::int"
    mig mig-prodcheck --role session_evil --only "$only"
    assert_exit 0
    mig mig-prodcheck --role no_such_role --only "$only"
    assert_exit 3
    assert_out 'no_such_role'
}

@test "Ctrl-C cancels the query, and is told by the exit code" {
    sleeping="from pg_stat_activity where query like '%pg_sleep(1.9)%' and state = 'active' and pid <> pg_backend_pid()"
    ask "select 0 from pg_sleep(1.9)"
    # On a busy machine it may be over before we come to it: then once more.
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        # A shell without job control would start it with SIGINT ignored.
        set -m
        mig-prodcheck --only "$only" >out 2>err </dev/null &
        pid=$!
        set +m
        until [ "$(sql "select count(*) $sleeping")" = 1 ] || [[ $(ps -o stat= -p "$pid") == Z* ]]; do :; done
        kill -INT "$pid"
        code=0
        wait "$pid" || code=$?
        [ "$code" -eq 0 ] || break
    done
    assert_equal "$code" 130
    assert_equal "$(sql "select count(*) $sleeping")" 0
}

@test "a pooler is named, and keeps nothing of ours for the application" {
    pool=$("$MIG_ROOT/tests/lib/cluster" pooler "$MIG_TEST_CLUSTER")
    before=$(psql -XAtq -h "$pool" -p 6432 -c "select current_setting('search_path'), current_setting('lock_timeout'), current_setting('transaction_read_only')")
    mig mig-prodcheck -h "$pool" -p 6432 -d "$PGDATABASE" -v
    assert_out 'pooler'
    [ "$status" -ne 0 ] || [[ $output == GO* ]]
    for _ in 1 2 3 4 5; do
        after=$(psql -XAtq -h "$pool" -p 6432 -c "select current_setting('search_path'), current_setting('lock_timeout'), current_setting('transaction_read_only')")
        assert_equal "$after" "$before"
    done
    mig mig-prodcheck -h "$pool" -p 6432 -d "$PGDATABASE" --role session_evil
    assert_exit 4
    assert_err 'pooler'
}
