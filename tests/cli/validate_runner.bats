#!/usr/bin/env bats
# Who runs a file decides what shares a transaction: what is foretold of CONCURRENTLY is compared with
# what the server says when the script is sent as that tool sends it.

load ../lib/common

setup_file() {
    db_create
    export MIG_STATE_DIR=$BATS_FILE_TMPDIR/state
    sql "create table t (a int, b int)" "insert into t select g, g from generate_series(1, 10) g" "analyze"
}
teardown_file() { db_drop; }

setup() { cd "$BATS_TEST_TMPDIR"; }

field() { "$MIG_PYTHON" -c 'import json,sys; j=json.load(sys.stdin); print(eval(sys.argv[1], {"j": j, "f": j["findings"]}))' "$1" <<<"$output"; }

# compare TOOL PSQL-OPTION... SQL: does it fail when it runs so, and was that foretold?
compare() {
    local tool=$1 script=${*: -1} really=0 foretold
    shift
    printf '%s\n' "$script" >x.sql
    mig mig-validate sql --tool "$tool" --format json x.sql
    foretold=$(field 'any(x["code"] == "not-in-transaction" for x in f)')
    case $tool in
        psql) psql -Xq -v ON_ERROR_STOP=1 -f x.sql >out 2>&1 || really=1 ;;
        single-transaction) psql -Xq -1 -v ON_ERROR_STOP=1 -f x.sql >out 2>&1 || really=1 ;;
        golang-migrate) psql -Xq -v ON_ERROR_STOP=1 -c "$script" >out 2>&1 || really=1 ;;
    esac
    if [ "$really" = 1 ]; then grep -q "cannot run inside a transaction block" out; fi
    if [ "$foretold" = True ]; then foretold=1; else foretold=0; fi
    [ "$really" = "$foretold" ] || { echo "$tool: $script: the server $really, foretold $foretold"; cat out; return 1; }
}

@test "CONCURRENTLY fails if and only if it was foretold, by psql, psql -1 and one message" {
    local tool script
    while IFS= read -r script; do
        for tool in psql single-transaction golang-migrate; do
            sql "drop index if exists i" "drop index if exists k"
            compare "$tool" "$script"
        done
    done <<'END'
create index concurrently i on t (a)
create index concurrently i on t (a); create index concurrently k on t (b)
set lock_timeout = '1s'; create index concurrently i on t (a)
begin; create index i on t (a); commit; create index concurrently k on t (b)
begin; create index concurrently i on t (a); commit
vacuum t
vacuum t; analyze t
END
}

@test "the report says how the file is taken to be run" {
    echo "create index concurrently i on t (a)" >0007_x.up.sql
    mig mig-validate sql 0007_x.up.sql
    [ "$status" -eq 0 ]
    [[ $output == *"0007_x.up.sql: golang-migrate: one message"*"(assumed; --tool says otherwise)"* ]]
    mig mig-validate sql --tool flyway --format json 0007_x.up.sql
    [ "$(field 'j["run_as"]')" = "[{'file': '0007_x.up.sql', 'tool': 'flyway', 'transactions': 'each statement commits by itself', 'assumed': False}]" ]
    # Nobody says who runs it: it can only work where each statement commits by itself, and that is told.
    cp 0007_x.up.sql x.sql
    mig mig-validate sql --format json x.sql
    [ "$status" -eq 0 ]
    [ "$(field '[x["severity"] for x in f if x["code"] == "not-in-transaction"]')" = "['medium']" ]
    mig mig-validate sql --tool flyway --format json V1__x.sql
    [ "$status" -eq 2 ]
}

@test "Flyway: mixed files are refused, its .conf is read" {
    printf 'alter table t add c int;\ncreate index concurrently i on t (c);\n' >V3__x.sql
    mig mig-validate sql --format json V3__x.sql
    [ "$status" -eq 1 ]
    [ "$(field '[x["severity"] for x in f if x["code"] == "not-in-transaction"]')" = "['critical']" ]
    [ "$(field '"Flyway refuses" in j["run_as"][0]["transactions"]')" = True ]
    echo "executeInTransaction=false" >V3__x.sql.conf
    mig mig-validate sql --format json V3__x.sql
    [ "$status" -eq 0 ]
}

@test "an empty file is not safe: there was nothing to check" {
    for text in '' ' ' '-- nothing here' $'\n\n'; do
        printf '%s' "$text" >e.sql
        mig mig-validate sql e.sql
        [ "$status" -eq 3 ]
        [[ $output == *"e.sql holds no statement: there was nothing to check"* ]]
        mig mig-validate sql --offline e.sql
        [ "$status" -eq 3 ]
    done
    # Beside another that is fine, too.
    echo "select 1" >s.sql
    mig mig-validate sql s.sql e.sql
    [ "$status" -eq 3 ]
    # As a way back, an empty file is a finding.
    : >0001_x.down.sql
    mig mig-validate sql 0001_x.down.sql
    [ "$status" -eq 1 ]
    [[ $output == *"has no way back: it holds no statement"* ]]
}

@test "--fail-on info: any finding is unsafe" {
    echo "alter table t add column z int" >x.sql
    mig mig-validate sql x.sql
    [ "$status" -eq 0 ]
    mig mig-validate sql x.sql --fail-on info --format json
    [ "$status" -eq 1 ]
    [ "$(field '{x["severity"] for x in f} <= {"info", "low"}')" = True ]
    printf '{"validate": {"fail_on": "info"}}' >mig.json
    mig mig-validate sql x.sql
    [ "$status" -eq 1 ]
    echo "select 1" >x.sql
    mig mig-validate sql x.sql
    [ "$status" -eq 0 ]
}
