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
