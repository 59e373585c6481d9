#!/usr/bin/env bats
# What real histories look like: the SQL of our plans run beside what Alembic itself does.

load ../lib/common
load ../lib/shapes

setup_file() { db_create; }
teardown_file() { db_drop; }
setup() {
    cp -R "$MIG_ROOT/tests/projects/shapes" "$BATS_TEST_TMPDIR/shapes"
    cd "$BATS_TEST_TMPDIR/shapes"
}

@test "autocommit blocks become segments, alone and balanced" {
    cd autocommit
    plan --current head down base
    assert_exit 0
    assert_equal "$(json " and [s['segments'] for s in d['steps']]")" "[3, 1, 3, 1]"
    assert_equal "$(json " and all(s['balanced'] for s in d['steps'])")" true
    assert_equal "$(json " and [x['alone'] for x in d['steps'][0]['statements']].count(True)")" 1
    assert_equal "$(step a4 autocommit)" 19
    as_alembic base
}

@test "one transaction per migration: the boundaries are Alembic's, not the step's" {
    cd per_migration
    plan --current head down base
    assert_exit 0
    assert_equal "$(step p2 segments)" 1
    refute_out 'BEGIN.*ALTER TABLE t DROP COLUMN w'
    as_alembic base
}

@test "branches in several folders, labels, dependencies, a folder that is gone" {
    cd branches
    plan --current heads down base
    assert_exit 0
    assert_equal "$(order)" "c3 d2 d1 w4 w2 w3 w1 c2 c1"
    assert_equal "$(step d2 after)" '["d1", "w4"]'
    plan --current heads --no-sql down web@base
    assert_equal "$(order)" "d2 d1 w4 w2 w3 w1"
    plan --current heads --no-sql down data@-1
    assert_equal "$(order)" "d2"
    plan --current c3,w4 --no-sql down -1
    assert_equal "$(order)" "c3"
    assert_err 'ambiguous: it starts at c3'
    plan --current w4 --no-sql to core@head
    assert_equal "$(order)" "c3"
    assert_equal "$(json "['up']")" true
    TIES=1 as_alembic base
    TIES=1 as_alembic core@c1
}

@test "merges: empty ones, and one that moves data" {
    cd merges
    plan --current m2,m3,m4 up heads
    assert_exit 0
    [[ $(step m5 sql) == *"UPDATE t SET a = b;"*"DELETE FROM"*"DELETE FROM"*"UPDATE"* ]]
    TIES=1 as_alembic m1
}

@test "a dependency that the parent has too: the rows are those of the alembic that runs" {
    cd covered
    fresh
    alembic upgrade heads 2>/dev/null
    plan --connect down k2
    execute
    ours=$(sql 'select version_num from alembic_version order by 1')
    fresh
    alembic upgrade heads 2>/dev/null
    alembic downgrade k2 2>/dev/null
    assert_equal "$ours" "$(sql 'select version_num from alembic_version order by 1')"
    # Alembic before 1.13.1 left a row for k1 beside k2's, and mig asks it which it is; without, it is a newer one.
    case $(alembic --version) in "alembic 1."[0-9].* | "alembic 1.1"[0-2].*) rows='["k1", "k2"]' ;; *) rows='["k2"]' ;; esac
    plan --current k3 down k2
    assert_equal "$(json "['to']")" "$rows"
    plan --current k3 --no-sql down k2
    assert_equal "$(json "['to']")" '["k2"]'
    plan --current k2 --no-sql up heads
    assert_equal "$(json "['to']")" '["k3"]'
}

@test "the version table of another name, in another schema: from the SQL, the flag, the catalog" {
    cd version_table
    plan --current head down -1
    assert_equal "$(json "['schema']").$(json "['table']")" ops.schema_history
    plan --version-table ops.schema_history --current head down -1
    assert_exit 0
    as_alembic base
    fresh
    alembic upgrade head 2>/dev/null
    plan --connect down -1
    assert_equal "$(json "['from']")" '["v2"]'
    assert_equal "$(json "['schema']")" ops
    sql "create table alembic_version (version_num varchar(32) primary key)" "create schema old" \
        "create table old.alembic_version (version_num varchar(32) primary key)"
    plan --connect down -1
    assert_exit 2
    assert_err 'has 3 version tables' 'with --version-table'
    plan --version-table ops.schema_history --connect down -1
    assert_exit 0
    plan --version-table ops.nothing --connect down -1
    assert_exit 2
    assert_err 'there is no version table ops.nothing'
}

@test "the database is ahead of these files; redundant rows are accepted; no table is base" {
    cd merges
    fresh
    plan --connect down base
    assert_exit 0
    assert_equal "$(json "['from']")" '[]'
    alembic upgrade m5 2>/dev/null
    sql "insert into alembic_version values ('m2')"
    plan --connect down m1
    assert_exit 0
    assert_equal "$(json "['to']")" '["m1"]'
    execute
    assert_equal "$(sql 'select version_num from alembic_version')" m1
    sql "update alembic_version set version_num = 'f00ba4'"
    plan --connect down base
    assert_exit 3
    assert_err 'the database is at revision f00ba4, which these files do not have'
}

@test "mig-validate history names all that is wrong, by file and line" {
    cd broken
    mig mig-validate history --offline --format json
    assert_exit 1
    assert_equal "$(json "['verdict']")" unsafe
    assert_equal "$(json " and [(f['code'], f['file'], f['line']) for f in d['findings'] if f['severity'] != 'low']")" \
        '[["missing-parent", "migrations/versions/b4.py", 8], ["multiple-heads", "migrations/versions/b2.py", null], ["unreachable-file", "migrations/versions/old/b5.py", null]]'
    # What cannot be rendered: by the source, or by alembic, and which of the two it was.
    cd ../online_only
    mig mig-validate history --offline
    assert_exit 0
    assert_out 'judged from the source alone' 'o2.py:18 +low  \[online-only\]' 'may not be known before it runs'
    mig mig-validate history --offline --render
    assert_exit 0
    assert_out 'alembic rendered the downgrades' 'o2.py:18 +low' 'alembic cannot render downgrade\(\): reads the database' 'o4.py:[0-9]+ .*online-only'
    mig mig-validate history --offline --render --format json
    assert_equal "$(json " and [f['revision'] for f in d['findings'] if f['code'] == 'online-only']")" '["o2", "o3", "o4"]'
    assert_equal "$(json "['rendered']")" true
    mig mig-validate history --offline --render --alembic-command no-such-alembic
    assert_exit 3
    assert_err 'cannot start no-such-alembic'
    cd ../computed
    mig mig-validate history --offline
    assert_exit 3
    assert_out 'migrations/versions/k2.py:10 ' 'needs-python' '^unknown'
    cd ../irreversible
    mig mig-validate history --offline --format github
    assert_exit 0
    assert_out '^::warning file=migrations/versions/i00.py,line=17,col=1,title=irreversible::downgrade\(\) does nothing'
    mig mig-validate history --offline --fail-on medium
    assert_exit 1
    cd ../merges
    fresh
    alembic upgrade m2 2>/dev/null
    mig mig-validate history --format json
    assert_exit 0
    assert_equal "$(json "['from']") $(json "['pending']")" '["m2"] 6'
    sql "update alembic_version set version_num = 'gone'"
    mig mig-validate history
    assert_exit 1
    assert_out 'the database is at revision gone, which no file has'
}
