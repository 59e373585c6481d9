#!/usr/bin/env bats
# docs/ci: the shell in each example does what it says, on a real project.
# asan: no it runs the shell parts of examples

load ../lib/common

HEAD=7c2a5e81d9b3
BEFORE=40b6ce19f7a8

setup_file() {
    awareness head 300
    key_make
    export FULL=$PGDATABASE
    mkdir -p "$BATS_FILE_TMPDIR/bin"
    # The project's own alembic, as a pipeline would have it on its path.
    printf '#!/bin/sh\nexec "%s" -c "from alembic.config import main; main()" "$@"\n' "$MIG_PYTHON" >"$BATS_FILE_TMPDIR/bin/alembic"
    chmod +x "$BATS_FILE_TMPDIR/bin/alembic"
    export PATH=$BATS_FILE_TMPDIR/bin:$PATH
}
teardown_file() { db_drop "$FULL"; }
setup() {
    cd "$BATS_TEST_TMPDIR"
    cp -R "$AWARENESS" app
    cd app
    sed -i '/^timezone/d' alembic.ini # needs dateutil, which Alembic does without otherwise
    export DATABASE_URL=postgresql:// MIG_DATABASE_URL="host=$PGHOST user=$PGUSER dbname=$PGDATABASE"
    export GITHUB_STEP_SUMMARY=$BATS_TEST_TMPDIR/summary.md GITHUB_WORKFLOW=w GITHUB_RUN_ID=1 CI_PIPELINE_ID=1 HOSTNAME=pod
    export GITHUB_ACTIONS=true
    : >"$GITHUB_STEP_SUMMARY"
}
at() { assert_equal "$(sql 'select version_num from alembic_version')" "$1"; }
back() { alembic -q downgrade "$BEFORE" 2>/dev/null || alembic downgrade "$BEFORE" 2>/dev/null; }

# blocks FILE: every literal block of shell into block.1, block.2, ... (what installs packages apart).
blocks() {
    "$MIG_PYTHON" - "$MIG_ROOT/docs/ci/$1" <<'END'
import re, sys
lines, n, i = open(sys.argv[1]).read().split("\n"), 0, 0
while i < len(lines):
    m = re.match(r"^(\s*)(- |run: |- run: )\|$", lines[i])
    i += 1
    if not m:
        continue
    body = []
    while i < len(lines) and (not lines[i].strip() or len(lines[i]) - len(lines[i].lstrip()) > len(m.group(1))):
        body.append(lines[i])
        i += 1
    if any("apt-get" in l for l in body):
        continue
    n += 1
    indent = min(len(l) - len(l.lstrip()) for l in body if l.strip())
    open("block.%d" % n, "w").write("\n".join(l[indent:] for l in body) + "\n")
print(n)
END
}
# judged FILE: mig-validate ran and wrote FILE (this upgrade may be judged unsafe: the report is what counts).
judged() {
    [ "$status" -le 1 ] || { _show; return 1; }
    [ -s "$1" ]
}
# step N: run it as the runner does.
step() { mig bash -e "block.$1"; }

@test "GitHub Actions" {
    back
    assert_equal "$(blocks github-actions.yml)" 5
    step 1
    judged mig-validate.xml
    step 2
    assert_exit 0
    [ -s receipt.mig ]
    step 3
    assert_exit 0
    assert_out '::notice title=mig-prodcheck::go'
    grep -q '## mig-prodcheck: go' "$GITHUB_STEP_SUMMARY"
    [ -s mig-prodcheck.xml ]
    step 4
    assert_exit 0
    at "$HEAD"
    step 5
    assert_exit 0
}

@test "GitLab CI, and back by hand" {
    back
    assert_equal "$(blocks gitlab-ci.yml)" 6
    step 1
    judged mig-validate.xml
    step 2
    assert_exit 0
    step 3
    assert_exit 0
    step 4
    assert_exit 0
    at "$HEAD"
    step 5
    assert_exit 0
    step 6
    [ "$status" -ne 0 ]
    assert_err 'ROLLBACK_TO'
    export ROLLBACK_TO=$BEFORE ROLLBACK_CONFIRM=$PGDATABASE
    step 6
    assert_exit 0
    at "$BEFORE"
    alembic upgrade heads 2>/dev/null
}

@test "Kubernetes Job" {
    back
    assert_equal "$(blocks kubernetes-job.yaml)" 1
    export MIG_BACKUP_DIR=$BATS_TEST_TMPDIR/shelf
    # As the pod does: sh -ec, one string.  An unsafe judgement stops it before anything is touched.
    sed -i '/^mig-validate/s/$/ --fail-on critical/' block.1
    mig sh -ec "$(cat block.1)"
    assert_exit 0
    at "$HEAD"
    [ "$(ls "$MIG_BACKUP_DIR"/*.mig | wc -l)" = 1 ]
}

@test "Helm: a gate that lets go, and stops" {
    back
    assert_equal "$(blocks helm-pre-upgrade.yaml)" 1
    export MIG_BACKUP_DIR=$BATS_TEST_TMPDIR/shelf
    sed -i 's/--wait 5min/--wait 1s/' block.1
    mig sh -ec "$(cat block.1)"
    assert_exit 0
    assert_out '^GO'
    # Old image, newer database.
    sql "update alembic_version set version_num = 'ffffffffffff'"
    mig sh -ec "$(cat block.1)"
    [ "$status" -ne 0 ]
    grep -q ffffffffffff <<<"$output$stderr"
    sql "update alembic_version set version_num = '$BEFORE'"
    alembic upgrade heads 2>/dev/null
}

@test "mig.mk: every target" {
    printf 'include %s/docs/ci/mig.mk\n' "$MIG_ROOT" >Makefile
    m() { mig make -s --no-print-directory "$@"; }
    back
    m migrate-current
    assert_exit 0
    assert_out "$BEFORE"
    m migrate-history
    assert_out "$HEAD"
    m migrate-check
    [ "$status" -le 2 ]
    m migrate-new
    assert_exit 2
    assert_err 'MSG='
    m migrate-new "MSG=it's a \"new\" one; touch oops"
    assert_exit 0
    [ ! -e oops ]
    rm migrations/versions/*new_one*
    m migrate-validate
    assert_exit 2
    m migrate-validate REV=heads
    [ "$status" -le 2 ]
    m migrate-backup
    assert_exit 0
    m migrate-list-backups
    assert_exit 0
    assert_out "$PGDATABASE"
    m migrate-show-backup BACKUP=latest
    assert_exit 0
    m migrate-show-backup
    assert_exit 2
    m migrate-prod-check
    assert_exit 0
    assert_out '^GO'
    m migrate-up
    assert_exit 0
    at "$HEAD"
    m migrate-backup REV=-1
    assert_exit 0
    m migrate-rollback
    assert_exit 2
    m migrate-rollback REV=-2 MIG_FLAGS="--yes --confirm $PGDATABASE --reason test"
    assert_exit 0
    at "$BEFORE"
    m migrate-up
    m migrate-test
    assert_exit 2
    assert_err MIG_TEST_DATABASE_URL
    m migrate-test MIG_TEST_DATABASE_URL=postgresql://
    assert_exit 0
    at "$HEAD"
}
