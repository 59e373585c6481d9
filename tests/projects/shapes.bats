#!/usr/bin/env bats
# What real histories look like, each as a small project of our own: read, planned and rendered.
# Those that are run against what Alembic itself does: shapes_run.bats.

load ../lib/common
load ../lib/shapes

setup_file() { db_create; }
teardown_file() { db_drop; }
setup() {
    cp -R "$MIG_ROOT/tests/projects/shapes" "$BATS_TEST_TMPDIR/shapes"
    cd "$BATS_TEST_TMPDIR/shapes"
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
