#!/usr/bin/env bats
# Other tools' scripts: golang-migrate, Flyway, sqitch, a psql file.

load ../lib/common

setup_file() {
    key_make
}
setup() {
    db_create "sqlfile_${BATS_TEST_NUMBER}_$$"
    sql "create table t (id int primary key, v text)" "insert into t values (1, 'one'), (2, 'two')"
    cd "$BATS_TEST_TMPDIR"
    GO=(--yes --confirm "$PGDATABASE")
}
teardown() { db_drop; }

# down_sql TEXT: in printf's manner.
down_sql() { printf "$1" >down.sql; }

@test "COPY FROM STDIN with its data in the script runs: text, CSV, and between segments" {
    down_sql 'COPY t (id, v) FROM stdin;\n3\ta;b\\tc\n4\t\\N\n\\.\n\nCREATE INDEX CONCURRENTLY t_v ON t (v);
COPY t FROM STDIN WITH (FORMAT csv);\n5,"x,y"\n\\.\n'
    mig mig-validate sql down.sql
    refute_out 'not understood'
    mig mig-backup create --for-sql down.sql -d "dbname=$PGDATABASE"
    assert_exit 0
    mig mig-rollback run --sql down.sql "${GO[@]}"
    assert_exit 0
    assert_equal "$(sql "select id, v from t where id > 2 order by id")" $'3|a;b\tc\n4|\n5|x,y'
    [ "$(sql "select indisvalid from pg_index where indexrelid = 't_v'::regclass")" = t ]
}

@test "a bad row of COPY data rolls everything back and shows no value" {
    down_sql 'DELETE FROM t;\nCOPY t FROM stdin;\nsecret\ty\n\\.\n'
    mig mig-rollback run --sql down.sql "${GO[@]}"
    assert_exit 3
    assert_err 'down.sql, line 2' 'invalid input syntax for type integer'
    refute_err secret
    [ "$(sql "select count(*) from t")" = 2 ]
}

@test "a row that a constraint refuses is not shown, whatever its text looks like" {
    sql "create table m (id int primary key, note text, n int not null, check (n < 100))" "insert into m values (1, 'hidden=(x)', 1)"
    for s in "UPDATE m SET n = NULL;" "UPDATE m SET n = 100;" "INSERT INTO m VALUES (1, 'other', 2);"; do
        down_sql "$s\n"
        mig mig-rollback run --sql down.sql --force validate --reason test "${GO[@]}"
        assert_exit 3
        assert_err 'detail: .*\(\.\.\.\)'
        refute_err hidden
    done
    assert_err 'Key \(id\)=\(\.\.\.\)'
}

@test "what only psql understands is refused by name, with file and line, before anything starts" {
    for command in '\\set x 1' '\\i other.sql' '\\connect other' '\\copy t from x'; do
        down_sql "DELETE FROM t;\n$command\n"
        mig mig-rollback run --sql down.sql "${GO[@]}"
        assert_exit 3
        assert_err "down.sql:2:1: psql's command is not SQL: \\\\${command:2:1}"
        mig mig-validate sql down.sql
        assert_exit 3
        assert_err "psql's command is not SQL"
    done
    down_sql 'DELETE FROM t;\nCOPY t FROM stdin;\n3\tx\n'
    mig mig-rollback run --sql down.sql "${GO[@]}"
    assert_exit 3
    assert_err 'down.sql:2:1: the data of COPY FROM STDIN do not end in'
    down_sql 'DELETE FROM t WHERE id = :id;\n'
    mig mig-rollback run --sql down.sql "${GO[@]}"
    assert_exit 4
    [ "$(sql "select count(*) from t")" = 2 ]
}

@test "golang-migrate: the .up.sql beside it is the way forward; its record is named, unless the script moves it" {
    mkdir -p migrations
    echo 'ALTER TABLE t DROP COLUMN v;' >migrations/000002_v.down.sql
    echo 'ALTER TABLE t ADD COLUMN v text;' >migrations/000002_v.up.sql
    sql "create table schema_migrations (version bigint primary key, dirty boolean not null)" \
        "insert into schema_migrations values (2, false)"
    mig mig-rollback run --sql migrations/000002_v.down.sql "${GO[@]}"
    assert_exit 0
    assert_err "public.schema_migrations is golang-migrate's record" 'migrate force' 'Undo: exact'
    mig mig-rollback undo "${GO[@]}"
    assert_exit 0
    [ "$(sql "select string_agg(v, ',' order by id) from t")" = one,two ]
    echo 'UPDATE schema_migrations SET version = 1;' >>migrations/000002_v.down.sql
    mig mig-rollback plan --sql migrations/000002_v.down.sql
    refute_err "golang-migrate's record"
}

@test "a file that holds both ways, and a sqitch project, have a way forward by themselves" {
    printf -- '-- migrate:up\nALTER TABLE t ADD COLUMN v text;\n-- migrate:down\nALTER TABLE t DROP COLUMN v;\n' >2_v.sql
    mig mig-rollback run --sql 2_v.sql "${GO[@]}"
    assert_exit 0
    assert_err 'Undo: exact'
    mig mig-rollback undo "${GO[@]}"
    assert_exit 0
    [ "$(sql "select string_agg(v, ',' order by id) from t")" = one,two ]
    mkdir -p revert deploy
    printf 'BEGIN;\nALTER TABLE t DROP COLUMN v;\nCOMMIT;\n' >revert/v.sql
    printf 'BEGIN;\nALTER TABLE t ADD COLUMN v text;\nCOMMIT;\n' >deploy/v.sql
    mig mig-rollback run --sql revert/v.sql "${GO[@]}"
    assert_exit 0
    mig mig-rollback undo "${GO[@]}"
    assert_exit 0
    [ "$(sql "select string_agg(v, ',' order by id) from t")" = one,two ]
}

# versions_make: golang-migrate's table, and a script that moves its row itself, with the way forward.
versions_make() {
    sql "create table schema_migrations (version bigint primary key, dirty boolean not null)" \
        "insert into schema_migrations values (2, false)"
    down_sql 'ALTER TABLE t DROP COLUMN v;\nUPDATE schema_migrations SET version = 1;\n'
    printf 'ALTER TABLE t ADD COLUMN v text;\nUPDATE schema_migrations SET version = 2;\n' >up.sql
    RECORD=(--version-table schema_migrations --version-column version)
    VIA=(--sql down.sql --undo-sql up.sql "${RECORD[@]}")
}

@test "version rows by flags: the script runs only from the expected one, to the expected one, and undo goes back" {
    versions_make
    mig mig-rollback plan "${VIA[@]}" --version-before 3 --version-after 1
    assert_exit 4
    assert_err 'public.schema_migrations, version: the version table holds 2 now, where 3 was expected'
    mig mig-rollback run "${VIA[@]}" --version-before 3 --version-after 1 "${GO[@]}"
    assert_exit 4
    for after in '' --version-after=0; do
        mig mig-rollback run "${VIA[@]}" --version-before 2 $after "${GO[@]}"
        assert_exit 4
        assert_err 'the version table holds 1 after the change'
        [ "$(sql "select version from schema_migrations")" = 2 ]
        [ "$(sql "select string_agg(v, ',' order by id) from t")" = one,two ]
    done
    mig mig-rollback run "${VIA[@]}" --version-before 2 --version-after 1 "${GO[@]}"
    assert_exit 0
    assert_out 'Route:   2 -> 1'
    [ "$(sql "select version from schema_migrations")" = 1 ]
    sql "update schema_migrations set version = 7"
    mig mig-rollback undo "${GO[@]}"
    assert_exit 4
    assert_err 'holds 7 now, where 1 was expected'
    sql "update schema_migrations set version = 1"
    mig mig-rollback undo "${GO[@]}"
    assert_exit 0
    [ "$(sql "select version, dirty from schema_migrations")" = '2|f' ]
    [ "$(sql "select string_agg(v, ',' order by id) from t")" = one,two ]
}

@test "version rows by flags: an undo whose script does not bring the row back is rolled back" {
    versions_make
    echo 'ALTER TABLE t ADD COLUMN v text; UPDATE schema_migrations SET version = 5;' >up.sql
    mig mig-rollback run "${VIA[@]}" --version-before 2 --version-after 1 "${GO[@]}"
    assert_exit 0
    mig mig-rollback undo "${GO[@]}"
    assert_exit 4
    assert_err 'the version table holds 5 after the change, where 2 was expected'
    [ "$(sql "select version from schema_migrations")" = 1 ]
}

@test "version rows by flags: read again under the locks, which hold other tools off" {
    versions_make
    # Whoever migrates meanwhile: it holds its record until the run waits for the lock.
    psql -qX <<'SQL' &
BEGIN;
UPDATE schema_migrations SET version = 9;
DO $$ BEGIN
    WHILE NOT EXISTS (SELECT FROM pg_locks WHERE relation = 'schema_migrations'::regclass AND NOT granted) LOOP
        PERFORM pg_sleep(0.02), pg_stat_clear_snapshot();
    END LOOP;
END $$;
COMMIT;
SQL
    local other=$!
    until [ "$(sql "select count(*) from pg_locks where relation = 'schema_migrations'::regclass and mode = 'RowExclusiveLock'")" = 1 ]; do
        sleep 0.02
    done
    echo 'ALTER TABLE t DROP COLUMN v;' >down.sql
    mig mig-rollback run "${VIA[@]}" --version-before 2 "${GO[@]}"
    wait "$other"
    assert_exit 4
    assert_err 'the version table holds 9 now, where 2 was expected' 'somebody migrated meanwhile'
    [ "$(sql "select string_agg(v, ',' order by id) from t")" = one,two ]
}

@test "version rows by flags: a script that leaves the row alone runs, and so does its undo; a trigger's write is refused" {
    versions_make
    echo 'ALTER TABLE t DROP COLUMN v;' >down.sql
    echo 'ALTER TABLE t ADD COLUMN v text;' >up.sql
    mig mig-rollback run "${VIA[@]}" --version-before 2 "${GO[@]}"
    assert_exit 0
    mig mig-rollback undo "${GO[@]}"
    assert_exit 0
    [ "$(sql "select string_agg(v, ',' order by id) from t")" = one,two ]
    sql "create function f() returns trigger language plpgsql as 'begin update schema_migrations set dirty = true; return null; end'" \
        "create trigger g after delete on t for each row execute function f()"
    echo 'DELETE FROM t WHERE id = 1;' >down.sql
    mig mig-rollback run --sql down.sql "${RECORD[@]}" --version-before 2 "${GO[@]}"
    assert_exit 4
    [ "$(sql "select dirty from schema_migrations")" = f ]
    [ "$(sql "select count(*) from t")" = 2 ]
}

@test "version rows by flags: several rows are a set, names are quoted as in psql, half of the flags is no flag" {
    sql 'create schema "S.x"' 'create table "S.x"."Hist" ("The Version" text, success boolean)' \
        "insert into \"S.x\".\"Hist\" values ('10', true), ('9', true), (null, true)"
    echo "DELETE FROM \"S.x\".\"Hist\" WHERE \"The Version\" = '10';" >down.sql
    local table=(--version-table '"S.x"."Hist"' --version-column '"The Version"')
    mig mig-rollback run --sql down.sql "${table[@]}" --version-before 10 --version-before 9 "${GO[@]}"
    assert_exit 4
    mig mig-rollback run --sql down.sql "${table[@]}" --version-before 9 --version-before '(null)' --version-before 10 \
        --version-after '(null)' --version-after 9 "${GO[@]}"
    assert_exit 0
    [ "$(sql 'select count(*) from "S.x"."Hist"')" = 2 ]
    mig mig-rollback plan --sql down.sql --version-table hist --version-column v --version-before 9
    assert_exit 2
    assert_err 'there is no version table hist'
    mig mig-rollback plan --sql down.sql --version-table '"S.x"."Hist"' --version-column v --version-before 9
    assert_exit 2
    assert_err 'has no column v'
    mig mig-rollback plan --sql down.sql --version-before 9
    assert_exit 2
    mig mig-rollback plan -1 "${table[@]}" --version-before 9
    assert_exit 2
    assert_err 'belong to --sql'
}

@test "version rows by flags: they are part of the digest and of a saved plan; segments check what does not move" {
    versions_make
    mig mig-rollback plan --sql down.sql --format json
    local plain=$(json "['digest']")
    mig mig-rollback plan "${VIA[@]}" --version-before 2 --version-after 1 --save kept.plan --format json
    assert_exit 0
    local digest=$(json "['digest']")
    [ "$digest" != "$plain" ]
    sql "create table elsewhere as table schema_migrations"
    mig mig-rollback plan --sql down.sql --undo-sql up.sql --version-table elsewhere --version-column version \
        --version-before 2 --version-after 1 --format json
    assert_exit 0
    [ "$(json "['digest']")" != "$digest" ]
    sql "update schema_migrations set version = 3"
    mig mig-rollback run --plan kept.plan "${GO[@]}"
    assert_exit 4
    assert_err 'holds 3 now, where 2 was expected'
    sql "update schema_migrations set version = 2"
    mig mig-rollback run --plan kept.plan "${GO[@]}"
    assert_exit 0
    [ "$(sql "select version from schema_migrations")" = 1 ]
    down_sql 'ALTER TABLE t ADD COLUMN w int;\nCREATE INDEX CONCURRENTLY t_w ON t (w);\n'
    mig mig-rollback run --sql down.sql "${RECORD[@]}" --version-before 1 --version-after 0 "${GO[@]}"
    assert_exit 4
    assert_err 'cannot be checked where statements run outside of a transaction'
    mig mig-rollback run --sql down.sql "${RECORD[@]}" --version-before 1 "${GO[@]}"
    assert_exit 0
}

@test "a role with array_nulls off: names without a schema are found all the same" {
    sql "create table u (id int references t)" "insert into u values (1)" "create function gone() returns int language sql as 'select 1'"
    sql "alter role current_user in database \"$PGDATABASE\" set array_nulls to off"
    down_sql 'ALTER TABLE t DROP COLUMN v;\nDROP FUNCTION gone();\nDROP TABLE u;\n'
    mig mig-rollback run --sql down.sql --dry-run
    assert_exit 0
    if grep -qE 'not in the database|is not there|does not exist' <<<"$output$stderr"; then _show; false; fi
    mig mig-rollback run --sql down.sql "${GO[@]}"
    assert_exit 0
    assert_err 'public\.t' 'public\.u'
    if grep -qE 'not in the database' <<<"$output$stderr"; then _show; false; fi
    [ "$(sql "select to_regclass('u') is null")" = t ]
}

@test "version rows by flags: status after a cut-off asks the server, and does not believe it against the rows" {
    versions_make
    mig mig-rollback run "${VIA[@]}" --version-before 2 --version-after 1 "${GO[@]}"
    assert_exit 0
    local journal
    journal=$(ls backups/.state/runs/*/*.jsonl)
    cp "$journal" whole
    cut_off() { grep -v '"step":"outcome"' whole >"$journal"; }
    cut_off
    mig mig-rollback status
    assert_exit 0
    assert_out 'Outcome: committed' 'Route:   2 -> 1'
    # The tool's own next migration is no contradiction; the row from before the run is.
    cut_off
    sql "update schema_migrations set version = 7"
    mig mig-rollback status
    assert_exit 0
    cut_off
    sql "update schema_migrations set version = 2"
    mig mig-rollback status
    assert_exit 6
    assert_err 'the version table holds what run .* would have left otherwise' 'compare the schema with 2 -> 1'
    # Killed in the change: the row is there as before, and that is no contradiction either.
    sql "update schema_migrations set version = 1"
    echo "ALTER TABLE t ADD COLUMN z int; UPDATE schema_migrations SET version = 0; SELECT pg_sleep(1000);" >down.sql
    mig-rollback run --sql down.sql "${RECORD[@]}" --version-before 1 --version-after 0 "${GO[@]}" --force validate --reason x >/dev/null 2>&1 3>&- &
    local run=$!
    until [ "$(sql "select count(*) from pg_stat_activity where query like '%pg_sleep(1000)%' and datname = current_database() and pid <> pg_backend_pid()")" = 1 ]; do
        kill -0 "$run"
        sleep 0.05
    done
    kill -9 "$run"
    wait "$run" || :
    sql "select count(pg_terminate_backend(pid)) from pg_stat_activity where query like '%pg_sleep(1000)%' and pid <> pg_backend_pid()" >/dev/null
    mig mig-rollback status
    assert_exit 0
    assert_out 'Outcome: rolled-back' 'Route:   1 -> 0'
}

@test "version rows by flags: the table and column from mig.json, values with commas, and what the shelf's list says" {
    versions_make
    sql "alter table schema_migrations alter version type text" "update schema_migrations set version = 'v2, the second'"
    printf "ALTER TABLE t DROP COLUMN v;\nUPDATE schema_migrations SET version = 'base';\n" >down.sql
    echo '{"rollback": {"version_table": "schema_migrations", "version_column": "version"}}' >mig.json
    mig mig-rollback plan --sql down.sql --version-before 'v1' --version-after base
    assert_exit 4
    assert_err 'public.schema_migrations, version: the version table holds v2, the second now'
    mig mig-rollback run --sql down.sql --version-before 'v2, the second' --version-after base "${GO[@]}" --format json
    assert_exit 0
    assert_equal "$(json "['from'], d['to']")" '[["v2, the second"], ["base"]]'
    mig mig-rollback status
    assert_out 'Route:   "v2, the second" -> "base"'
    mig mig-rollback status --format json
    assert_equal "$(json "['from'], d['to']")" '[["v2, the second"], ["base"]]'
    mig mig-backup list
    assert_exit 0
    assert_out 'v2, the second'
    # Without the values nothing is checked, as before; without the names the values are not enough.
    mig mig-rollback plan --sql down.sql
    refute_err 'version rows of --sql are not said whole'
    rm mig.json
    mig mig-rollback plan --sql down.sql --version-before x
    assert_exit 2
    assert_err 'not said whole' 'rollback.version_table'
}
