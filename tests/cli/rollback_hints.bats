#!/usr/bin/env bats
# What is refused says what to do next: hints that other files do not look at.

load ../lib/common

setup_file() { key_make; }
setup() {
    cd "$BATS_TEST_TMPDIR"
    db_create "hints_${BATS_TEST_NUMBER}_$$"
    sql "create table t (id int primary key, v text)" "insert into t select g, 'v' || g from generate_series(1, 20) g" \
        "create table u (id int)" "insert into u values (1)" "create view vw as select 1 as x"
}
teardown() { db_drop; }

# hint CODE HINT COMMAND...
hint() {
    local code=$1 said=$2
    shift 2
    mig "$@"
    assert_exit "$code"
    assert_err "hint: .*$said"
}
# script CODE HINT SQL [FLAGS]
script() {
    local code=$1 said=$2
    printf '%s\n' "$3" >down.sql
    shift 3
    hint "$code" "$said" mig-rollback run --sql down.sql --yes --confirm "$PGDATABASE" "$@"
}
FORCED=(--force validate,opaque --reason "to see it caught")

@test "flags that are not said whole" {
    echo "SELECT 1;" >down.sql
    echo "no plan" >file
    hint 2 'a revision \(-1, an id, base\), --to-backup FILE, --sql FILE or --plan FILE' mig-rollback run
    hint 2 'add --reason TEXT' mig-rollback run --sql down.sql --force gate
    hint 2 'it takes check ids, hazard codes' mig-rollback run --sql down.sql --force nosuch --reason x
    hint 5 'mig-rollback plan REV --save FILE makes one' mig-rollback run --plan file
}

@test "the verification: whose doing it was, and what was kept" {
    script 4 'those rows are not in the backup, so nothing was committed' "DO 'begin update u set id = 2; end';" "${FORCED[@]}"
    script 4 'a function, a DO block or a trigger did it; nothing was committed' "DO 'begin drop view vw; end';" "${FORCED[@]}"
    script 4 'nothing was changed; correct the downgrade' \
        "ALTER TABLE t ADD COLUMN w int; DO 'begin alter table t drop column v; end';" "${FORCED[@]}"
    PGOPTIONS='-c track_counts=off' script 4 'switch it on for this role or database: ALTER ROLE' "ALTER TABLE t ADD COLUMN w int;" --force gate --reason x
    sql "create function f() returns event_trigger language plpgsql as 'begin if to_regclass(''i'') is not null then return; end if; create index i on t (id); alter table t alter w type bigint; end'" \
        "create event trigger e on ddl_command_end when tag in ('ALTER TABLE') execute function f()"
    script 4 'an event trigger, a trigger or a function of the database did it' "ALTER TABLE t ADD COLUMN w int;"
    [ "$(sql "select count(*) from t where v is not null")" = 20 ]
}

@test "a plan that is refused: the way around it" {
    script 4 'is this the right database, and the right search_path' "ALTER TABLE nosuch ADD COLUMN w int;"
    sql "create view tv as select id, v from t"
    script 4 'write to the table itself' "UPDATE tv SET v = 'x';"
    script 4 'leave out what is taken back' "SAVEPOINT s; ALTER TABLE t DROP COLUMN v; ROLLBACK TO SAVEPOINT s;"
}
