#!/usr/bin/env bats
# mig-prodcheck: revision, backup, window, flag file, health, own SQL, and the forms of the report.

load ../lib/common
load ../lib/prodcheck

HEAD=7c2a5e81d9b3
BEFORE=40b6ce19f7a8

setup_file() {
    awareness head 600
    key_make
}
teardown_file() { db_drop; }
setup() {
    cd "$BATS_TEST_TMPDIR"
    cp -R "$AWARENESS" app
    cd app
}

# --- revision ---

@test "revision: where it is and what is pending" {
    look revision
    verdict_is go
    status_is ok "at $HEAD, nothing to do"
    sql "update alembic_version set version_num = '$BEFORE'"
    look revision
    status_is ok "at $BEFORE; 2 revisions to $HEAD"
    look revision --after
    verdict_is no-go
    status_is fail "not at $HEAD"
    sql "update alembic_version set version_num = '$HEAD'"
    look revision --after
    verdict_is go
}

@test "--after a step: it must be named by itself, for -1 is one further by then" {
    mig mig-prodcheck --after --for-downgrade -1
    assert_exit 2
    assert_err 'needs the revision itself' 'Route'
    mig mig-prodcheck --only revision --after --for-downgrade "$HEAD"
    assert_exit 0
}

@test "revision: the database is ahead of these files" {
    sql "update alembic_version set version_num = 'ffffffffffff'"
    look revision
    verdict_is no-go
    status_is fail ffffffffffff ahead
    sql "update alembic_version set version_num = '$HEAD'"
    look revision
    verdict_is go
}

@test "revision: several heads" {
    cat >migrations/versions/fork.py <<END
"""a fork"""
revision = "aaaaaaaaaaaa"
down_revision = "$BEFORE"
def upgrade(): pass
def downgrade(): pass
END
    look revision
    status_is warn 'several heads' aaaaaaaaaaaa
    assert_equal "$(mig-prodcheck --only revision --strict >/dev/null; echo $?)" 1
    rm migrations/versions/fork.py
    look revision
    status_is ok
}

@test "revision: a file that nobody can read is an error, not a pass" {
    echo 'revision = make_id()' >migrations/versions/odd.py
    look revision
    verdict_is unknown
    status_is error odd.py
}

@test "revision: without a project it is skipped, with one that was named it is not" {
    cd "$BATS_TEST_TMPDIR"
    look revision
    status_is skipped
    mig mig-prodcheck --only revision --alembic-config nowhere.ini
    assert_exit 2
    assert_err nowhere.ini
}

@test "an unknown revision is usage" {
    mig mig-prodcheck --for-downgrade nosuch
    assert_exit 2
    assert_err nosuch
}

# --- backup ---

@test "backup: none, fresh, stale, of another revision, of another database, not trusted, damaged, a receipt" {
    look backup --for-downgrade "$BEFORE"
    verdict_is no-go
    status_is fail 'no backup' 'mig-backup create'

    mig-backup create --for-downgrade "$BEFORE" --receipt "$BATS_TEST_TMPDIR/receipt" >/dev/null
    look backup --for-downgrade "$BEFORE"
    verdict_is go
    status_is ok 'old'

    # It says how much of the file was looked at, and with --verify-backup looks at all of it.
    status_is ok 'signed by someone trusted' 'every stored byte is as signed'
    look backup --for-downgrade "$BEFORE" --verify-backup
    status_is ok 'every row was read back'
    echo '{"prodcheck": {"verify_backup": true}}' >mig.json
    look backup --for-downgrade "$BEFORE"
    status_is ok 'every row was read back'
    rm mig.json
    look backup --backup "$BATS_TEST_TMPDIR/receipt"
    status_is ok 'the file itself was not looked at'
    look backup --backup "$BATS_TEST_TMPDIR/receipt" --verify-backup
    verdict_is unknown
    status_is error 'a receipt'
    file=$(ls backups/*.mig)
    cp "$file" whole
    printf 'X' | dd of="$file" bs=1 seek=$(($(stat -c %s "$file") * 3 / 4)) conv=notrunc 2>/dev/null
    look backup --for-downgrade "$BEFORE"
    verdict_is no-go
    look backup --for-downgrade "$BEFORE" --verify-backup
    verdict_is no-go
    cp whole "$file"

    # Its tables are known to who holds the key: a plan that destroys more is not covered.
    look backup --for-downgrade base
    verdict_is no-go
    status_is fail 'does not hold'

    echo '{"prodcheck": {"backup_max_age": "1ms"}}' >mig.json
    sleep 1.1
    look backup --for-downgrade "$BEFORE"
    verdict_is no-go
    status_is fail 'old'
    rm mig.json

    sql "update alembic_version set version_num = '$BEFORE'"
    look backup --for-downgrade -1
    verdict_is no-go
    status_is fail "taken at revision $HEAD" "at $BEFORE"
    sql "update alembic_version set version_num = '$HEAD'"

    look backup -d postgres
    verdict_is no-go
    status_is fail 'no backup of postgres'

    look backup --for-downgrade "$BEFORE" --backup "$BATS_TEST_TMPDIR/receipt" --dir nowhere
    verdict_is go
    look backup --backup latest
    verdict_is go

    key_make "$BATS_TEST_TMPDIR/other.key"
    look backup --key "$BATS_TEST_TMPDIR/other.key"
    verdict_is no-go
    status_is fail 'trust'
    look backup --key "$BATS_TEST_TMPDIR/other.key" --backup "$BATS_TEST_TMPDIR/receipt"
    verdict_is no-go
    status_is fail 'nothing here trusts' '--trust'

    file=$(ls backups/*.mig)
    truncate -s -1 "$file"
    look backup
    verdict_is no-go
    status_is fail "$(basename "$file")"
    look backup --backup "$file"
    verdict_is no-go
    look backup --backup nosuchfile
    assert_exit 3
}

# --- from here ---

@test "window" {
    # Yesterday's, today's, and one that names its zone.
    read -r day hour < <(sql "select to_char(now() at time zone 'UTC', 'Dy') || ' ' || to_char(now() at time zone 'UTC', 'HH24')")
    tomorrow=$(sql "select to_char((now() at time zone 'UTC') + interval '2 days', 'Dy')")
    echo "{\"prodcheck\": {\"window\": \"$tomorrow 00:00-24:00\"}}" >mig.json
    look window
    verdict_is no-go
    status_is fail "outside of the window $tomorrow"
    echo "{\"prodcheck\": {\"window\": [\"$tomorrow 00:00-24:00\", \"00:00-24:00 Asia/Tokyo\"]}}" >mig.json
    look window
    verdict_is go
    status_is ok Tokyo
    echo '{"prodcheck": {"window": "Mon-Fri 09:00-16:00 Nowhere/Atall"}}' >mig.json
    look window
    verdict_is unknown
    status_is error Nowhere
    echo '{"prodcheck": {"window": "sometimes"}}' >mig.json
    look window
    assert_exit 2
    assert_err sometimes
}

@test "flag file" {
    echo '{"prodcheck": {"flag_file": "HOLD"}}' >mig.json
    touch HOLD
    look flag-file
    verdict_is no-go
    status_is fail HOLD
    rm HOLD
    look flag-file
    verdict_is go
}

@test "health: a command" {
    echo '{"prodcheck": {"health_url": ["test -e well"]}}' >mig.json
    look health
    verdict_is no-go
    status_is fail 'test -e well' 'exit 1'
    touch well
    look health
    verdict_is go
    echo '{"prodcheck": {"health_url": ["no-such-command-at-all"]}}' >mig.json
    look health
    verdict_is unknown
}

@test "health: a URL" {
    cat >serve.py <<'END'
import http.server, os, sys
class H(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if os.path.exists("well") else 503)
        self.end_headers()
    def log_message(self, *a): pass
s = http.server.HTTPServer(("127.0.0.1", 0), H)
open("port.tmp", "w").write(str(s.server_port)); os.rename("port.tmp", "port")
s.serve_forever()
END
    closed "$MIG_PYTHON" serve.py &
    server=$!
    until [ -s port ]; do kill -0 $server; sleep 0.05; done
    echo "{\"prodcheck\": {\"health_url\": \"http://127.0.0.1:$(cat port)/health\"}}" >mig.json
    look health
    verdict_is no-go
    status_is fail '503 instead of 200'
    touch well
    look health
    verdict_is go
    kill $server
    wait $server || :
    look health
    assert_equal "$(json "['verdict']" | grep -c go)" 1
    [ "$status" -ne 0 ]
}

@test "own SQL: above 0 is no-go, what is no number is an error, a failing one stops no other" {
    echo '{"prodcheck": {"sql": {"stuck": "select count(*) from public.users where id < 5", "none": "select 0",
          "broken": "select 1/0", "odd": "select '"'x'"'", "yes": "select true",
          "null": "select sum(id) from public.users where false", "empty": "select 1 where false",
          "nan": "select '"'NaN'"'::float8", "inf": "select '"'Infinity'"'::float8"}}}' >mig.json
    look sql:stuck
    verdict_is no-go
    status_is fail 'more than 0'
    look sql:none
    verdict_is go
    look sql:broken
    verdict_is unknown
    status_is error 'division by zero'
    look sql:odd
    status_is error 'number or a boolean'
    # A query that gave no value could not check.
    look sql:null
    verdict_is unknown
    status_is error 'could not check: the query answers NULL' 'coalesce'
    look sql:empty
    verdict_is unknown
    status_is error 'could not check: the query answers no row' 'count'
    look sql:nan
    verdict_is unknown
    status_is error 'number or a boolean'
    look sql:inf
    verdict_is no-go
    look sql:yes
    verdict_is no-go
    look sql:none,sql:broken,sql:stuck,connections
    verdict_is no-go
    assert_equal "$(json " and len(d['checks'])")" 4
    look sql:none,sql:broken
    verdict_is unknown
}

# --- choosing ---

@test "--only, --skip, thresholds: a name that is not there is usage" {
    mig mig-prodcheck --only long-querys
    assert_exit 2
    assert_err 'long-queries'
    mig mig-prodcheck --skip nosuch
    assert_exit 2
    echo '{"prodcheck": {"thresholds": {"nosuch": {"warn": 1}}}}' >mig.json
    mig mig-prodcheck
    assert_exit 2
    assert_err nosuch
    echo '{"prodcheck": {"thresholds": {"long-queries": {"worn": 1}}}}' >mig.json
    mig mig-prodcheck
    assert_exit 2
    assert_err worn
    echo '{"prodcheck": {"thresholds": {"long-queries": {"warn": "5min", "fail": "1h"}}}}' >mig.json
    look long-queries
    assert_equal "$(json "['checks'][0]['threshold']['fail']")" 3600.0
}

@test "--skip leaves a trace, and the check is not made" {
    echo '{"prodcheck": {"sql": {"broken": "select 1/0"}, "skip": "sql:broken"}}' >mig.json
    mig mig-prodcheck --skip backup --format json
    assert_exit 0
    assert_equal "$(json " and [c['id'] for c in d['checks'] if c['message'] == 'skipped on request']")" '["backup", "sql:broken"]'
}

@test "--list and the manual name every check" {
    mig mig-prodcheck --list
    assert_exit 0
    for id in $(grep -oE '^[a-z-]+' <<<"$output"); do
        grep -qF -- ".B ${id//-/\\-}" "$MIG_ROOT/docs/mig-prodcheck.1" || { echo "not in the manual: $id"; false; }
    done
    mig mig-prodcheck --format json
    for id in $(json " and ' '.join(c['id'] for c in d['checks'])"); do
        mig-prodcheck --list | grep -qE "^$id " || { echo "not listed: $id"; false; }
    done
}

# --- forms ---

@test "text: the verdict first, then what matters, -v for all" {
    mig mig-prodcheck --skip backup
    assert_exit 0
    assert_equal "${output:0:4}" "GO  "
    refute_out 'no long transactions'
    mig mig-prodcheck --skip backup -v
    assert_out 'no long transactions'
    mig mig-prodcheck
    assert_exit 1
    assert_out '^NO-GO' 'why: ' 'do: '
}

@test "several reports in one run; files appear whole" {
    mig mig-prodcheck --format text --format json=r.json --format junit=r.xml --format markdown=r.md --format prometheus=r.prom
    assert_exit 1
    "$MIG_PYTHON" - <<'END'
import json, xml.etree.ElementTree as E
j = json.load(open("r.json"))
assert j["schema"] == "mig-prodcheck/1" and j["verdict"] == "no-go", j
s = E.parse("r.xml").getroot().find("testsuite")
n = {k: sum(c["status"] == k for c in j["checks"]) for k in ("ok", "warn", "fail", "error", "skipped")}
assert int(s.get("tests")) == len(j["checks"]) and int(s.get("failures")) == n["fail"] and int(s.get("skipped")) == n["skipped"]
assert len(s.findall("testcase/failure")) == n["fail"] and len(s.findall("testcase/skipped")) == n["skipped"]
for line in open("r.prom"):
    assert line.startswith("#") or line.rsplit(" ", 1)[0].endswith("}"), line
assert 'check="backup"} 2' in open("r.prom").read()
assert open("r.md").read().startswith("## mig-prodcheck: no-go")
END
    [ -z "$(find . -maxdepth 1 -name 'r.*' ! -name r.json ! -name r.xml ! -name r.md ! -name r.prom)" ]
}

@test "nagios: one line, performance data, its own codes" {
    mig mig-prodcheck --only connections,backup --format nagios
    assert_exit 2
    assert_out "^MIG PRODCHECK CRITICAL - no-go: backup: .* \\| 'connections'=[0-9.]+%;[0-9.]+;[0-9.]+;0;"
    assert_equal "$(wc -l <<<"$output")" 1
    mig mig-prodcheck --only superuser --format nagios
    assert_exit 1
    mig mig-prodcheck --only connections --format nagios
    assert_exit 0
    PGHOST=/nowhere mig mig-prodcheck --format nagios
    assert_exit 3
    assert_out '^MIG PRODCHECK UNKNOWN'
}

@test "github: annotations, escaped" {
    mig mig-prodcheck --only backup,superuser --format github
    assert_exit 1
    assert_out '^::error title=mig-prodcheck backup::' '^::warning title=mig-prodcheck superuser::' '^::notice title=mig-prodcheck::no-go'
    echo '{"prodcheck": {"sql": {"a": "select count(*) from \"100%: no\nwhere\""}}}' >mig.json
    mig mig-prodcheck --only sql:a --format github
    assert_exit 3
    assert_out '100%25: no%0Awhere'
}

@test "no report is taken for an answer when it cannot be written" {
    mig mig-prodcheck --format json=/nowhere/r.json
    assert_exit 2
    assert_err /nowhere
    mig mig-prodcheck --format nosuch
    assert_exit 2
}

# --- before and after ---

@test "--baseline: written once, then compared; --after makes a difference no-go" {
    look baseline
    status_is skipped
    look baseline --baseline base.json --after
    verdict_is unknown
    status_is error 'no baseline base.json'
    look baseline --baseline base.json
    verdict_is go
    status_is ok 'written to base.json'
    look baseline --baseline base.json
    status_is ok 'as in base.json'
    index=$(sql "select indexrelid::regclass from pg_index where indrelid = 'phishing_events'::regclass and not indisprimary limit 1")
    def=$(sql "select pg_get_indexdef('$index'::regclass)")
    sql "drop index $index"
    look baseline --baseline base.json
    verdict_is go
    status_is warn "$index" 'is gone'
    look baseline --baseline base.json --after
    verdict_is no-go
    sql "$def"
    sql "alter database \"$PGDATABASE\" set work_mem to '7MB'"
    look baseline --baseline base.json
    status_is warn 'setting/work_mem.*7168'
    sql "alter database \"$PGDATABASE\" reset work_mem"
    look baseline --baseline base.json
    echo '{}' >base.json
    look baseline --baseline base.json
    verdict_is unknown
    status_is error 'not a baseline'
}

@test "--baseline: errors since" {
    look baseline --baseline base.json
    "$MIG_PYTHON" - <<'END'
import json
b = json.load(open("base.json"))
b["values"]["counter/deadlocks"] -= 1
b["values"]["counter/rollbacks"] -= 500
b["values"]["counter/commits"] -= 500
json.dump(b, open("base.json", "w"))
END
    look baseline --baseline base.json
    status_is warn 'deadlocks.*1 more since' 'rolled back since'
}

# --- how it asks ---

@test "a check that takes too long is cut off, and is an error" {
    echo '{"prodcheck": {"sql": {"slow": "select count(*) from pg_sleep(3600)"}}}' >mig.json
    mig mig-prodcheck --only sql:slow,connections --format json
    verdict_is unknown
    assert_equal "$(json " and [c['status'] for c in d['checks']]")" '["ok", "error"]'
    assert_out 'could not check in time: canceling statement due to statement timeout'
}

@test "all checks in one pipeline: four round trips after login, whatever the link" {
    link=$BATS_TEST_TMPDIR/link
    mkdir "$link"
    mkfifo hold
    closed "$MIG_PYTHON" "$MIG_ROOT/tests/lib/proxy.py" "$link" "$PGHOST/.s.PGSQL.5432" 50 "$PWD/trips" <hold >ready &
    proxy=$!
    exec 7>hold
    until [ -s ready ]; do kill -0 $proxy; sleep 0.05; done
    PGHOST=$link mig mig-prodcheck --skip backup -v --format json
    assert_exit 0
    until [ -s trips ]; do sleep 0.05; done
    exec 7>&-
    wait $proxy || :
    # With logging in and saying goodbye.
    [ "$(cat trips)" -le 6 ] || { cat trips; false; }
    [ "$(cat trips)" -ge 3 ]
}

@test "a managed service: what it lets nobody see is skipped, and leaves the verdict alone" {
    sql "create role rds_superuser" 2>/dev/null || :
    role_create prodcheck_managed
    echo '{"prodcheck": {"sql": {"hidden": "select count(*) from pg_catalog.pg_authid"}}}' >mig.json
    look sql:hidden -U prodcheck_managed
    verdict_is go
    status_is skipped 'lets nobody see'
    sql "drop role rds_superuser"
    look sql:hidden -U prodcheck_managed
    verdict_is unknown
    status_is error 'permission denied' 'GRANT'
}

@test "each run is a line of the operation log, whose head is in the report" {
    echo '{"prodcheck": {"thresholds": {"connections": {"fail": 0.1}}}}' >mig.json
    mig mig-prodcheck --only connections --format json --log-file log.jsonl --reason "ticket 7"
    assert_exit 1
    head=$(json "['log_head']")
    mig mig-backup log verify log.jsonl --head "$head"
    assert_exit 0
    grep -q '"prodcheck"' log.jsonl
    grep -q '"no-go"' log.jsonl
    grep -q 'ticket 7' log.jsonl
    grep -q '"connections"' log.jsonl
    mig mig-prodcheck --only connections --log-file /nowhere/log.jsonl
    assert_exit 2
    assert_err /nowhere
}

@test "--baseline: plans of the queries that matter" {
    sql "create table wide as select g as id, 'v' || g as v from generate_series(1, 20000) g" "analyze wide" \
        "create index wide_id on wide (id)"
    echo '{"prodcheck": {"plans": {"wide": "select v from public.wide where id = 7"}}}' >mig.json
    look baseline --baseline base.json
    status_is ok
    grep -q 'wide_id' base.json
    look baseline --baseline base.json
    status_is ok
    sql "drop index wide_id"
    look baseline --baseline base.json
    status_is warn 'plan/wide' 'Seq Scan'
    sql "drop table wide"
    look baseline --baseline base.json
    status_is warn 'cannot be planned'
}
