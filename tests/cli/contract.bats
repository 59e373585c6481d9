#!/usr/bin/env bats
# The command line contract (docs/DESIGN.md, section 6), as a script would see it.

load ../lib/common

setup_file() {
    awareness head 600
    key_make
}
teardown_file() { db_drop; }
setup() {
    APP=$BATS_TEST_TMPDIR/app
    cp -R "$AWARENESS" "$APP"
    cd "$APP"
}

@test "a standard stream that is closed is not the next file that is opened" {
    local before
    before=$(db_digest)
    # Standard output closed: the report did not arrive, and went nowhere else.
    status=0
    mig-backup create -t users >&- 2>err </dev/null || status=$?
    assert_equal "$status" 3
    grep -q 'standard output' err
    for c in "mig-backup list" "mig-backup show latest" "mig-prodcheck --skip backup" "mig-prodcheck --skip backup --format json" \
        "mig-validate history" "mig-rollback list --format json" "mig-rollback plan -1" "mig-backup cat latest -t users"; do
        status=0
        $c >&- 2>err </dev/null || status=$?
        [ "$status" -eq 3 ] || { echo "$c: exit $status"; cat err; return 1; }
    done
    # All three closed: the log, the journal, the server's socket and the backup are not spoken into.
    status=0
    mig-rollback run -1 --yes --confirm "$PGDATABASE" >&- 2>&- <&- || status=$?
    assert_equal "$status" 7
    mig mig-rollback status --format json
    assert_equal "$(json "['outcome']")" committed
    mig mig-backup verify latest
    assert_exit 0
    mig mig-rollback undo --yes --confirm "$PGDATABASE" -q
    assert_exit 0
    status=0
    mig-backup create -t users 2>&- <&- >out || status=$?
    assert_equal "$status" 0
    mig mig-backup verify latest
    assert_exit 0
    mig mig-backup log verify backups/.state/log.jsonl
    assert_exit 0
    assert_equal "$(db_digest)" "$before"
}

@test "the shelf is 0700 and keeps its backups out of repositories, whoever makes it" {
    for c in "mig-backup create -t users" "mig-prodcheck --only connection" "mig-rollback list"; do
        rm -rf new
        (umask 022 && mig $c --dir new/shelf && assert_exit 0) || return 1
        assert_equal "$(stat -c %a new/shelf)" 700
        assert_equal "$(grep -v '^#' new/shelf/.gitignore)" '*'
    done
}

# The log's last head is the one that the result names.
last_head() { "$MIG_PYTHON" -c 'import json; print(json.loads(open("backups/.state/log.jsonl").readlines()[-1])["hash"])'; }

@test "results name the log's head, and the log says who did what where" {
    mig mig-backup create -t users --format json --reason why
    assert_equal "$(json "['log_head']")" "$(last_head)"
    mig mig-validate downgrade -1 --format json
    assert_exit 1
    assert_equal "$(json "['log_head']")" "$(last_head)"
    mig mig-prodcheck --skip backup --format json
    assert_equal "$(json "['log_head']")" "$(last_head)"
    for c in "plan -1" "list" "run -1 --yes --confirm $PGDATABASE" status "undo --yes --confirm $PGDATABASE"; do
        mig mig-rollback $c --format json
        assert_exit 0
        assert_equal "$(json "['log_head']")" "$(last_head)"
    done
    mig mig-backup log verify backups/.state/log.jsonl --head "$(json "['log_head']")"
    assert_exit 0
    "$MIG_PYTHON" - "$PGDATABASE" <<'END'
import json, sys
lines = [json.loads(l) for l in open("backups/.state/log.jsonl")]
for l in lines:
    for k in ("time", "operation", "duration_ms", "os_user", "command", "result", "database", "role"):
        assert k in l, (k, l)
    assert sys.argv[1] in l["database"], l
assert lines[0]["reason"] == "why" and lines[0]["backup"].endswith(".mig")
plans = {l["operation"]: l.get("plan") for l in lines if "-1" in l["command"]}
assert len(plans["rollback plan"]) == 64 and plans["rollback plan"] == plans["rollback run"], plans
END
}

@test "mig-rollback: a run that was refused or failed is JSON too, with outcome not-started" {
    for c in "run -1" "run -1 --yes --confirm nobody" "run -1 --yes --confirm $PGDATABASE --plan 00000000" \
        "run nosuch --yes --confirm $PGDATABASE" "undo" "resume"; do
        mig mig-rollback $c --format json -q
        [ "$status" -eq 2 ] || [ "$status" -eq 4 ] || { echo "$c"; _show; return 1; }
        assert_equal "$(json "['schema'], d['run'], d['outcome'], d['backup'], d['next']")" \
            '["mig-rollback/1", null, "not-started", null, null]'
        [ -n "$(json "['why']")" ]
    done
    PGPORT=1 mig mig-rollback run -1 --format json
    assert_exit 3
    assert_equal "$(json "['outcome']")" not-started
}

@test "mig-rollback: from and to are version rows, of a plan and of a run" {
    head=$(sql 'select version_num from alembic_version')
    mig mig-rollback plan -1 --format json -q
    from=$(json "['from']") to=$(json "['to']")
    assert_equal "$from" "[\"$head\"]"
    mig mig-rollback run -1 --yes --confirm "$PGDATABASE" --format json -q
    assert_equal "$(json "['from']") $(json "['to']")" "$from $to"
    mig mig-rollback status --format json -q
    assert_equal "$(json "['from']") $(json "['to']")" "$from $to"
    mig mig-rollback undo --yes --confirm "$PGDATABASE" --format json -q
    assert_equal "$(json "['from']") $(json "['to']")" "$to $from"
    echo 'alter table users add column nothing int;' >x.sql
    mig mig-rollback run --sql x.sql --dry-run --format json -q
    assert_exit 0
    assert_equal "$(json "['from']") $(json "['to']")" "[] []"
}

@test "mig-rollback run --plan DIGEST needs no REV: the log knows what was planned" {
    mig mig-rollback plan -1 --format json -q
    digest=$(json "['digest']")
    mig mig-rollback run --plan "${digest:0:12}" --dry-run --format json -q
    assert_exit 0
    assert_equal "$(json "['outcome']")" rolled-back
    mig mig-rollback run --plan 0123456789ab --dry-run -q
    assert_exit 2
    assert_err '0123456789ab'
    # Planned for something that is no longer so: what the log says is planned anew and compared.
    sql "update alembic_version set version_num = '19d4b2e7f08c'"
    mig mig-rollback run --plan "$digest" --yes --confirm "$PGDATABASE" --format json -q
    sql "update alembic_version set version_num = '7c2a5e81d9b3'"
    assert_exit 4
}

@test "mig-validate: what could not be judged is unknown to a program too" {
    for c in "downgrade -1" "upgrade head" "sql $MIG_ROOT/tests/golden/setup_suite.bash"; do
        PGPORT=1 mig mig-validate $c --format json
        assert_exit 3
        assert_equal "$(json "['schema'], d['verdict'], d['findings'], d['locks']")" '["mig-validate/1", "unknown", [], []]'
        [[ "$(json "['why']")" == *connect* ]]
    done
    # Beside the text, in a file; but no empty file of another form.
    PGPORT=1 mig mig-validate downgrade -1 --format text --format json=v.json
    assert_exit 3
    assert_equal "$(json "['verdict']" - <v.json)" unknown
    PGPORT=1 mig mig-validate downgrade -1 --format json --format junit=v.xml
    assert_exit 3
    [ ! -e v.xml ]
}

@test "one is one row, and what was just made was not made 0 ms ago" {
    sql 'create table single (v int primary key, w text)' "insert into single values (1, 'a')"
    echo 'alter table single drop column w;' >x.sql
    mig mig-validate sql x.sql
    assert_out 'destroys 1 non-null value in 1 row ' '1 value in 1 row would be lost'
    mig mig-backup create -t single
    assert_out '1 table of [^,]*, 1 row:' ' 1 row  '
    mig mig-backup show latest
    refute_out ' ms ago' '1 rows'
    mig mig-backup restore latest --mode replace --yes --confirm "$PGDATABASE"
    assert_out '1 row in the backup'
    sql 'drop table single'
}

@test "a name from the database speaks neither to the terminal nor to the pipeline" {
    local esc nl
    esc=$(printf 'esc\033]0;pwn\007\rname')
    nl=$(printf 'evil\n::error file=x::pwn %%0A%%s|`<b>&')
    sql "create schema hostile" "create table hostile.\"$esc\" (id int primary key, v text)" "insert into hostile.\"$esc\" values (1, 'a')" \
        "create table hostile.\"$nl\" (id int primary key, v text)" "insert into hostile.\"$nl\" values (1, 'a'), (2, 'b')"
    printf 'DROP TABLE hostile."%s";\nALTER TABLE hostile."%s" DROP COLUMN v;\n' "$nl" "$esc" >x.sql
    tame() {
        refute_out $'[\x01-\x08\x0b-\x1f\x7f]' '^::error file=x::pwn'
        refute_err $'[\x01-\x08\x0b-\x1f\x7f]' '^::error file=x::pwn'
    }
    for f in text json sarif junit markdown github gitlab; do
        mig mig-validate sql x.sql --format $f
        assert_exit 1
        assert_out pwn
        tame
    done
    mig mig-backup create -t 'hostile.*'
    assert_exit 0
    assert_out 'evil'
    tame
    for c in "show latest" "verify latest --against-db" "restore latest --mode replace --yes --confirm $PGDATABASE" \
        "restore latest -t hostile.esc*:v --mode columns --dry-run"; do
        mig mig-backup $c
        tame
    done
    mig mig-rollback run --sql x.sql --dry-run
    assert_exit 0
    tame
    for f in text json junit markdown prometheus nagios github; do
        mig mig-prodcheck --for-sql x.sql --skip backup -v --format $f
        tame
    done
    sql 'drop schema hostile cascade' 2>/dev/null
}

@test "latest is of the database that the environment names" {
    mig mig-backup create -t users
    first=$(basename backups/*.mig)
    sql -d postgres "drop database if exists ${PGDATABASE}_2" "create database ${PGDATABASE}_2" 2>/dev/null
    PGDATABASE=${PGDATABASE}_2 mig mig-backup create --all
    assert_exit 0
    mig mig-backup show latest --format json
    assert_equal "$(basename "$(json "['file']")")" "$first"
    PGDATABASE=${PGDATABASE}_2 mig mig-backup show latest --format json
    assert_equal "$(json "['label']['database']")" "${PGDATABASE}_2"
    (unset PGDATABASE && mig mig-backup show latest && assert_exit 2 && assert_err 'not clear') || return 1
    db_drop "${PGDATABASE}_2"
}

@test "a secret key where a file's name belongs is not repeated" {
    local secret
    secret=$(mig-backup keygen -o - 2>/dev/null)
    [[ "$secret" == mig-key-* ]]
    for c in "--key $secret" "--recipient $secret" "--trust $secret"; do
        mig mig-backup create -t users $c
        assert_exit 2
        assert_err 'secret key'
        refute_err "${secret:0:20}"
    done
    MIG_KEY_FILE=$secret mig mig-backup create -t users
    assert_exit 2
    refute_err "${secret:0:20}"
    [ ! -e backups ] || ! grep -rq "${secret:0:20}" backups
}

@test "a receipt that cannot be written is known before the backup is made" {
    echo old >receipt
    mig mig-backup create -t users --receipt receipt
    assert_exit 3
    assert_err '"receipt" exists already'
    assert_equal "$(cat receipt)" old
    [ -z "$(find . -name '*.mig')" ]
}

@test "files on the shelf are named DATABASE_PURPOSE_TIME_ID8.mig" {
    mig mig-backup create -t users --format json
    [[ "$(basename "$(json "['file']")")" =~ ^${PGDATABASE}_manual_[0-9]{8}T[0-9]{6}Z_[0-9a-f]{8}\.mig$ ]]
    assert_equal "$(json "['archive_id'][:8]")" "$(basename "$(json "['file']")" .mig | tail -c 9)"
    sql -d postgres 'create database "--all/../x"'
    mig mig-backup create --all -d '--all/../x' --format json
    sql -d postgres 'drop database "--all/../x"'
    assert_exit 0
    [[ "$(basename "$(json "['file']")")" =~ ^_-all----x_manual_ ]]
}

@test "an environment that the address contradicts is a refusal, one that is not configured a usage error" {
    cat >mig.json <<END
{ "environments": { "production": { "hosts": ["$PGHOST"], "production": true }, "staging": { "hosts": ["db.staging.example"] } } }
END
    for c in "mig-backup create -t users" "mig-validate downgrade -1" "mig-rollback plan -1" "mig-rollback run -1 --yes --confirm staging/$PGDATABASE"; do
        mig $c --env staging
        assert_exit 4
        assert_err 'staging'
        MIG_ENV=nosuch mig $c
        assert_exit 2
        assert_err '"nosuch"'
    done
    mig mig-prodcheck --env staging --only environment
    assert_exit 1
    [ -z "$(find . -name '*.mig')" ]
    mig mig-validate downgrade -1 --env production
    assert_exit 1
    mig mig-backup create -t users
    assert_exit 0
    mig mig-backup show latest --format json
    assert_equal "$(json "['label']['environment']")" production
}
