#!/usr/bin/env bats
# What real histories look like, each as a small project of our own: read, planned, rendered, and, where
# there is SQL, run against what Alembic itself does.

load ../lib/common

setup_file() { db_create; }
teardown_file() { db_drop; }
setup() {
    cp -R "$MIG_ROOT/tests/projects/shapes" "$BATS_TEST_TMPDIR/shapes"
    cd "$BATS_TEST_TMPDIR/shapes"
}

plan() { mig "${MIG_BIN%/bin}/tools/plan" "$@"; }
# The word KEY of step REV.
step() { json "['steps'][[s['revision'] for s in d['steps']].index('$1')]['$2']"; }
order() { json "['steps'] and ' '.join(s['revision'] for s in d['steps'])"; }
fresh() { db_create; sql "create schema ops"; }
# Structure and rows, without what two ways may order differently.
state() { pg_dump "$PGDATABASE" | grep -vE '^\\(un)?restrict|^--|^$|setval' | sort; }
# Run the SQL of all steps of $output, as it stands, one psql per step.
execute() {
    local i n
    n=$(json " and len(d['steps'])")
    for ((i = 0; i < n; i++)); do
        [ "$(json "['steps'][$i]['sql'] is not None")" = true ]
        if [ "$(json "['steps'][$i]['segments']")" = 1 ]; then
            json "['steps'][$i]['sql']" | psql -XAtq -1 -v ON_ERROR_STOP=1 >/dev/null
        else
            json "['steps'][$i]['sql']" | psql -XAtq -v ON_ERROR_STOP=1 >/dev/null
        fi
    done
}
# Down to REV and up again, by our SQL and by Alembic: the same database each time.
as_alembic() { # REV
    local ours theirs
    fresh
    ours=$PGDATABASE
    theirs=${PGDATABASE}_theirs
    alembic upgrade heads 2>/dev/null
    db_create "$theirs" "$ours"
    PGDATABASE=$theirs alembic downgrade "$1" 2>/dev/null
    state >"$BATS_TEST_TMPDIR/theirs"
    db_drop "$theirs"
    export PGDATABASE=$ours
    state >"$BATS_TEST_TMPDIR/top"
    plan --connect down "$1"
    assert_exit 0
    execute
    state >"$BATS_TEST_TMPDIR/ours"
    [ -s "$BATS_TEST_TMPDIR/theirs" ]
    diff "$BATS_TEST_TMPDIR/ours" "$BATS_TEST_TMPDIR/theirs"
    plan --connect up heads
    assert_exit 0
    execute
    state >"$BATS_TEST_TMPDIR/ours-top"
    # columns may come in another order where branches tie
    diff "$BATS_TEST_TMPDIR/top" "$BATS_TEST_TMPDIR/ours-top" || [ "${TIES-}" ]
}

@test "what reads the database in Python is told, step by step, with the line" {
    cd online_only
    plan --current head down base
    assert_exit 0
    assert_equal "$(order)" "o5 o4 o3 o2 o1"
    assert_equal "$(step o5 online)" null
    [[ $(step o4 online) == *"bare SELECT"* ]]
    [[ $(step o3 online) == *"(inspect), migrations/versions/o3.py line 18"* ]]
    [[ $(step o2 online) == *"(get_bind), migrations/versions/o2.py line 18"* ]]
    assert_equal "$(step o2 sql)" null
    [[ $(step o1 sql) == *"DROP TABLE t;"* ]]
}

@test "no way back is recognised in every spelling; an empty step both ways is one" {
    cd irreversible
    plan --current head --no-sql down base
    assert_exit 0
    for r in i00 i01 i02 i03 i04 i05 i06 i07 i08 i09 i10; do
        [ "$(step $r irreversible)" != null ] || { echo "$r"; _show; false; }
    done
    [[ $(step i00 irreversible) == *"downgrade() is empty: migrations/versions/i00.py line 17"* ]]
    [[ $(step i02 irreversible) == *"raises: migrations/versions/i02.py line 18"* ]]
    [[ $(step i06 irreversible) == *"has no downgrade()"* ]]
    assert_equal "$(step i11 irreversible)" null
    assert_equal "$(step i12 irreversible)" null
    plan --current head down i09
    assert_exit 0
    [[ $(step i12 sql) == *"DROP COLUMN c12"* ]]
    assert_equal "$(step i10 sql)" null
}

@test "a constraint without a name fails offline and online" {
    cd unnamed
    plan --current head down base
    assert_exit 0
    [[ $(step u2 irreversible) == *"without a name: migrations/versions/u2.py line 18"* ]]
    [[ $(step u1 sql) == *"DROP TABLE t"* ]]
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

@test "tabs, double semicolons, prints, input(), a COMMIT of its own, a false comment" {
    cd text
    plan --current head down x1
    assert_exit 0
    assert_equal "$(step x2 warning)" null
    assert_equal "$(json " and [x['text'] for x in d['steps'][-2]['statements']][:2]")" \
        '["UPDATE t SET v = NULL", "DELETE FROM t"]'
    [[ $(step x4 online) == *"prints to standard output (line 18)"* ]]
    [[ $(step x6 online) == *"asks at the terminal (input), migrations/versions/x6.py line 18"* ]]
    assert_equal "$(step x5 before)" '["x5"]'
    assert_equal "$(step x7 segments)" 3
    plan --current x1 up x2
    assert_exit 0
    [[ $(step x2 warning) == *"a tab inside a string (migrations/versions/x2.py line 14)"* ]]
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

@test "mig-rollback plan --no-sql needs neither a database nor Python" {
    cd branches
    mig env PGHOST=/nonexistent PATH=/nonexistent "$MIG_BIN/mig-rollback" plan web@base --current heads --no-sql --format json
    assert_exit 0
    assert_equal "$(json " and [d['schema'], d['from'], d['to'], [s['revision'] for s in d['steps']]]")" \
        '["mig-rollback/1", ["c3", "d2"], ["c3"], ["d2", "d1", "w4", "w2", "w3", "w1"]]'
    mig mig-rollback plan -1 --current c3 --no-sql
    assert_exit 0
    assert_out '^c3 -> c2 +1 step' 'what it would lose is not known'
    mig mig-rollback plan -1 --no-sql
    assert_exit 2
    assert_err '--current REV,'
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

@test "Flask-Migrate: the ini file is inside and names no script_location" {
    cd flask
    plan -c migrations/alembic.ini --current head --no-sql down -1
    assert_exit 0
    assert_equal "$(order)" f2
    # as `flask db` would: its own configuration, our arguments
    printf '[alembic]\nscript_location = migrations\n' >given.ini
    printf '#!/bin/sh\n[ "$1" = db ] || exit 9\nshift\nexec alembic -c given.ini "$@"\n' >"fl ask"
    chmod +x "fl ask"
    plan --versions migrations/versions --command "'./fl ask' db" --current head down -1
    assert_exit 0
    [[ $(step f2 sql) == *"DROP COLUMN w"* ]]
}

@test "an alembic command with arguments of its own; one that is not there, fails, or prints too much" {
    cd version_table
    plan --command "env LC_ALL=C alembic -c alembic.ini" --current head down -1
    assert_exit 0
    plan --command "no-such-alembic" --current head down -1
    assert_exit 3
    assert_err 'cannot start no-such-alembic' '--no-sql'
    plan --command "sh -c 'echo refused >&2; exit 3'" --current head down -1
    assert_exit 3
    assert_err 'alembic cannot render here \(exit code 3\): refused'
    plan --command "sh -c 'echo BEGIN\\;; exit 0'" --current head down -1
    assert_exit 3
    assert_err 'disagree'
    plan --command "'unclosed" --current head down -1
    assert_exit 2
    # what comes before the failure is thrown away
    plan --command "sh -c 'alembic \"\$@\"; exit 1' x" --current head down -1
    assert_exit 3
    assert_err 'exit code 1'
}

@test "an environment without an offline mode, and one that prints" {
    cd no_offline
    plan --current head down -1
    assert_exit 0
    [[ $(step n2 online) == *"env.py has no offline mode"* ]]
    cd ../env_prints
    plan --current head down -1
    assert_exit 3
    assert_err 'env.py prints to standard output \(1 line\), where alembic --sql writes its SQL' 'standard error'
    refute_err 'loading settings'
    mig mig-rollback plan -1 --current head
    assert_exit 3
    assert_err 'env.py prints to standard output'
}

@test "what is computed needs Python: the file and the line are named" {
    cd computed
    plan --current k1 --no-sql down base
    assert_exit 3
    assert_err 'migrations/versions/k2.py line 10: down_revision is computed: reading it needs Python'
}

@test "configuration: no ini file, another section, interpolation, packages, pyproject.toml" {
    cd branches
    rm alembic.ini
    plan --current head --no-sql down -1
    assert_exit 2
    assert_err 'there is no alembic.ini in this folder' '--alembic-config'
    printf '[tool.alembic]\nscript_location = "migrations"\n' >pyproject.toml
    plan --current head --no-sql down -1
    assert_exit 2
    assert_err 'pyproject.toml, which mig does not read' '--alembic-config'
    plan --versions migrations/core --current head --no-sql down -1
    assert_exit 0
    assert_equal "$(order)" c3
    # Beside an alembic.ini that names the scripts it is said, for a newer Alembic reads both.
    printf '[alembic]\nscript_location = migrations\nversion_locations = migrations/core\n' >alembic.ini
    plan --current head --no-sql down -1
    assert_exit 0
    assert_err 'pyproject.toml has \[tool.alembic\] too' 'what alembic.ini does not set'
    rm alembic.ini
    mkdir sub
    rm pyproject.toml
    printf '[DEFAULT]\nroot = %%(here)s/..\n[web]\nscript_location = %%(root)s/migrations\nversion_locations = %%(script_location)s/core, %%(script_location)s/web\n[os]\nscript_location = x\npath_separator = newline\nversion_locations =\n  migrations/core\n  migrations/web\n[bad]\nscript_location = %%(nothing)s\n[pkg]\nscript_location = app:migrations\n' >sub/a.ini
    for n in web os; do
        plan -c sub/a.ini -n $n --current heads --no-sql down c2
        assert_exit 0
        assert_equal "$(order)" c3
    done
    plan -c sub/a.ini --current heads --no-sql down -1
    assert_exit 2
    assert_err 'has no section \[alembic\]'
    plan -c sub/a.ini -n bad --current heads --no-sql down -1
    assert_exit 2
    assert_err 'refers to %\(nothing\)s'
    plan -c sub/a.ini -n pkg --current heads --no-sql down -1
    assert_exit 2
    assert_err 'app:migrations.* names a Python package' '--versions DIR'
}

@test "compiled revisions without their source are refused, where Alembic would run them" {
    cd merges
    "$MIG_PYTHON" -m compileall -q migrations/versions
    plan --current m8 --no-sql down m1
    assert_exit 0
    echo 'sourceless = true' >>alembic.ini
    plan --current m8 --no-sql down m1
    assert_exit 0
    refute_err 'sourceless'
    rm migrations/versions/m8.py
    plan --current m7 --no-sql down m1
    assert_exit 3
    assert_err '__pycache__/m8.cpython.*pyc is a compiled revision without its source'
    rm -r migrations/versions/__pycache__
    "$MIG_PYTHON" -m compileall -q -b migrations/versions/m7.py
    mv migrations/versions/m7.py .
    plan --current m6 --no-sql down m1
    assert_exit 3
    assert_err 'versions/m7.pyc is a compiled'
}

@test "both ways at once: the same plans, rendered at the same time" {
    for project in branches merges version_table autocommit covered; do
        cd "$BATS_TEST_TMPDIR/shapes/$project"
        plan --current heads --reverse down base
        assert_exit 0
        one=$output
        plan --current heads --reverse --both down base
        assert_exit 0
        assert_equal "$output" "$one"
    done
    cd ../version_table
    cat >slow <<'END'
#!/bin/sh
date +%s%N >>"$1.began"
sleep 1
alembic "$@"
date +%s%N >>"$1.ended"
END
    chmod +x slow
    plan --command ./slow --current head --reverse --both down -1
    assert_exit 0
    [ "$(head -1 upgrade.began)" -lt "$(head -1 downgrade.ended)" ]
    [ "$(head -1 downgrade.began)" -lt "$(head -1 upgrade.ended)" ]
    # One way that fails leaves the other as it is.
    plan --command "sh -c 'case \$1 in upgrade) exit 1 ;; esac; exec alembic \"\$@\"' x" --current head --both down -1
    assert_exit 0
    plan --command "sh -c 'case \$1 in upgrade) exit 1 ;; esac; exec alembic \"\$@\"' x" --current head --reverse --both down -1
    assert_exit 3
}

@test "from the heads of another checkout" {
    cd merges
    cp -R . "$BATS_TEST_TMPDIR/other"
    rm "$BATS_TEST_TMPDIR/other/migrations/versions/"m[678].py
    plan --current-from "$BATS_TEST_TMPDIR/other" --no-sql up heads
    assert_exit 0
    assert_equal "$(json "['from']")" '["m5"]'
    plan --current-from "$BATS_TEST_TMPDIR/other/migrations" --no-sql to m1
    assert_exit 0
    assert_equal "$(json "['from']")" '["m5"]'
    plan --current-from /nonexistent --no-sql up heads
    assert_exit 2
}

@test "other tools' files: Flyway, golang-migrate, sqitch, dbmate, goose, psql" {
    cd plain
    plan sql flyway/U2__drop_w.sql golang/000002_add_w.down.sql sqitch/revert/add_w.sql \
        dbmate/20240101000000_add_w.sql goose/00002_w.sql
    assert_exit 0
    assert_equal "$(json " and [[x['text'] for x in s['statements'] if 'ALTER' in x['text']] for s in d['steps']]")" \
        '[["ALTER TABLE t DROP COLUMN w"], ["ALTER TABLE t DROP COLUMN w"], ["ALTER TABLE t DROP COLUMN w"], ["ALTER TABLE t DROP COLUMN w"], ["ALTER TABLE t DROP COLUMN w"]]'
    assert_equal "$(json "['steps'][3]['statements'][0]['line']")" 5
    plan sql dbmate/20240102000000_index.sql
    assert_equal "$(json " and [(x['segment'], x['alone']) for x in d['steps'][0]['statements']]")" '[[0, true], [1, false]]'
    plan sql psql/copy.sql psql/quotes.sql
    assert_exit 0
    assert_equal "$(json " and [len(s['statements']) for s in d['steps']]")" '[2, 2]'
    plan sql psql/meta.sql
    assert_exit 3
    assert_err "psql/meta.sql:2:1: psql's command is not SQL: .i"
    plan sql nothing.sql
    assert_exit 2
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
