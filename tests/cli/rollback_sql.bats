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
