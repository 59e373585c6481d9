#!/usr/bin/env bats
# What must never be called safe.

load ../lib/common

setup_file() { db_create; }
teardown_file() { db_drop; }
setup() { cd "$BATS_TEST_TMPDIR"; }

@test "a step whose SQL was not read is unknown" {
    mkdir v
    printf '[alembic]\nscript_location = .\nversion_locations = v\n' >alembic.ini
    printf 'revision = "r1"\ndown_revision = None\nfrom alembic import op\ndef upgrade():\n    op.create_table("x")\ndef downgrade():\n    op.drop_table("x")\n' >v/a.py
    mig mig-validate downgrade base --current r1 --no-sql --offline
    assert_exit 3
    assert_out '^unknown' 'r1'
}

@test "mig.json says which project and version table, to every program" {
    mkdir app
    mkdir app/v
    printf '[alembic]\nscript_location = %%(here)s\nversion_locations = %%(here)s/v\n' >app/alembic.ini
    printf 'revision = "r1"\ndown_revision = None\nfrom alembic import op\ndef upgrade():\n    op.execute("create table x()")\ndef downgrade():\n    op.execute("drop table x")\n' >app/v/a.py
    echo '{"alembic": {"config": "app/alembic.ini", "version_table": "ops.versions"}}' >mig.json
    sql "create schema ops" "create table ops.versions (version_num text)" "insert into ops.versions values ('r1')"
    mig mig-validate downgrade base --no-sql
    assert_exit 3
    assert_out 'r1 -> base'
    mig mig-prodcheck --only revision --format json
    assert_out 'at r1'
    mig-backup keygen >/dev/null
    mig mig-backup create --all --no-ddl --format json
    assert_exit 0
    assert_out '"r1"'
}

@test "a table's own checks, triggers and generated columns do not keep it from being dropped" {
    sql "create table own (a int, b int, g int generated always as (a + 1) stored, check (a < b))" \
        "create function own_f() returns trigger language plpgsql as 'begin return new; end'" \
        "create trigger own_t before update of a on own for each row when (new.a > old.b) execute function own_f()"
    echo 'DROP TABLE own;' >a.sql
    mig mig-validate sql a.sql --format json
    if grep -q would-fail <<<"$output"; then false; fi
    echo 'ALTER TABLE own DROP COLUMN b;' >a.sql
    mig mig-validate sql a.sql --format json
    assert_out 'would-fail' 'own_t'
}

@test "what triggers, rules and views make of a write is not called safe" {
    sql "create table spilled (a int)" "insert into spilled select generate_series(1, 9)" \
        "create table fired (a int)" "create function spill() returns trigger language plpgsql as 'begin delete from spilled; return null; end'" \
        "create trigger spill after insert on fired for each statement execute function spill()" \
        "create table merged (a int primary key)" "insert into merged values (9)" \
        "create trigger spill after update on merged for each statement execute function spill()" \
        "create view through as select a from spilled"
    for script in "INSERT INTO fired VALUES (1);" "INSERT INTO merged VALUES (1) ON CONFLICT (a) DO UPDATE SET a = 2;" "INSERT INTO through VALUES (1);" \
        "CREATE VIEW fresh AS SELECT a FROM spilled; DELETE FROM fresh;" \
        "CREATE RULE r AS ON INSERT TO spilled DO ALSO DELETE FROM fired; INSERT INTO spilled VALUES (1);"; do
        echo "$script" >a.sql
        mig mig-validate sql a.sql
        echo "$script"
        assert_exit 3
        assert_out '^unknown' 'fires-triggers'
    done
    echo "-- mig:ignore fires-triggers it was read
INSERT INTO fired VALUES (1);" >a.sql
    mig mig-validate sql a.sql
    assert_exit 0
}

@test "CASCADE from what is not followed, and SQL in a function's argument, are not called safe" {
    sql "create collation coll from \"C\"" "create table spelled (id int primary key, v text collate coll)" "insert into spelled values (1, 'x')"
    for script in "DROP COLLATION coll CASCADE;" "DROP SERVER IF EXISTS nowhere CASCADE;" \
        "SELECT ts_rewrite('a'::tsquery, 'SELECT 1');"; do
        echo "$script" >a.sql
        mig mig-validate sql a.sql
        echo "$script"
        assert_exit 3
        assert_out '^unknown' 'opaque'
    done
    echo 'DROP COLLATION coll;' >a.sql
    mig mig-validate sql a.sql
    [ "$status" != 3 ]
}

@test "a user's volatile function that DDL runs for every row is as opaque as in a query" {
    sql "create table prey (id int)" "insert into prey select generate_series(1, 5)" "create table host (c text)" "insert into host values ('1'), ('2')" \
        "create function hunt() returns int language plpgsql as 'begin delete from prey; return 1; end'" \
        "create function hunt(x text) returns int language plpgsql as 'begin delete from prey; return 1; end'" \
        "create function calm(x text) returns int language sql immutable as 'select 1'" "create domain hunted as text" "create table holder (h hunted)"
    for ddl in "alter table host add column z int default hunt()" "alter table host add column z int default (1 + hunt())" \
        "alter table host alter column c type int using hunt(c)" "alter table host add check (hunt(c) > 0)" \
        "alter table host add column z int check (hunt('x') > 0)" "alter domain hunted add check (hunt(value::text) > 0)"; do
        echo "$ddl" >x.sql
        mig mig-validate sql x.sql
        echo "$ddl: $output"
        assert_out 'calls hunt'
        [[ $output != *$'\nsafe'* ]]
        [ "$status" -ge 1 ]
    done
    for ddl in "alter table host add column z uuid default gen_random_uuid()" "alter table host add column z timestamptz default clock_timestamp()" \
        "alter table host add column z float default random()" "alter table host alter column c type int using calm(c)" \
        "alter table host alter column c set default hunt()" "alter table host add check (hunt(c) > 0) not valid" \
        "alter table host add check (calm(c) > 0)"; do
        echo "$ddl" >x.sql
        mig mig-validate sql x.sql
        echo "$ddl: $output"
        [[ $output != *"cannot be known"* ]]
        [[ $output != unknown* ]]
    done
}
