#!/usr/bin/env bats
# The disk is full, fails, writes half, the process is killed: at each write, fsync and rename of what stands
# beside a backup: the file that reencrypt makes, receipts, keys, reports, the log.
# asan: no preloaded libraries come before the sanitizers'

load ../lib/common
load ../lib/faults

setup_file() {
    shim_make
    db_create
    key_make
    sql "create table t as select i as id, md5(i::text) as v from generate_series(1, 3000) i"
}
teardown_file() { db_drop; }
setup() {
    cd "$BATS_TEST_TMPDIR"
    export MIG_BACKUP_DIR=$BATS_TEST_TMPDIR/shelf MIG_STATE_DIR=$BATS_TEST_TMPDIR/state
}
FAULTS="write:28:3 write:5:3 write:short:0 write:half:137 write:kill:137 fsync:5:3 fsync:kill:137 rename:5:3 rename:kill:137"

# each PATH CHECK COMMAND...: with every fault at the 1st, 2nd, ... such call on PATH, CHECK is called with the
# exit code that is due; CHECK before COMMAND cleans up, with the word "clean".
each() {
    local path=$1 check=$2 fault call what code n total=0
    shift 2
    for fault in $FAULTS; do
        IFS=: read -r call what code <<<"$fault"
        n=0
        while :; do
            n=$((n + 1))
            "$check" clean
            faulty "$path" "$call" "$n" "$what" "$@"
            [ "$hit" -eq 1 ] || break
            total=$((total + 1))
            "$check" "$code" || { echo "$call $n: $what"; _show; return 1; }
        done
        assert_exit 0
    done
    echo "$total faults"
    [ "$total" -ge "${least:-6}" ]
}

reencrypted() {
    if [ "$1" = clean ]; then rm -f out/*.mig out/.*.part; return; fi
    assert_exit "$1" || return
    if [ "$1" -eq 0 ] || [ -e out/new.mig ]; then
        mig-backup verify out/new.mig >/dev/null || return
    else
        [ "$1" -eq 137 ] || [ -z "$(find out -name '*.part')" ] || return
    fi
    [ "$1" -ne 3 ] || [ ! -e out/new.mig ] || return
    mig-backup verify old.mig >/dev/null
}
@test "reencrypt: the new file is whole or not there, the old one stays" {
    mig mig-backup create -t t --no-ddl -q -o old.mig
    assert_exit 0
    mkdir out
    each "$PWD/out/" reencrypted mig-backup reencrypt -q -o out/new.mig old.mig
}

received() {
    if [ "$1" = clean ]; then rm -rf shelf r; mkdir -m 700 shelf; return; fi
    assert_exit "$1" || return
    # the backup is made before its receipt
    mig-backup verify latest >/dev/null || return
    [ "$1" -ne 3 ] || grep -q 'is made; but' <<<"$stderr" || return
    if [ -e r/receipt ]; then mig-prodcheck --only backup --backup r/receipt >/dev/null; else [ "$1" -ne 0 ]; fi
}
@test "a receipt: whole or not there; the backup stands, and the error says so" {
    each "$PWD/r/" received bash -c 'mkdir r; exec mig-backup create -t t --no-ddl -q --receipt "$0/r/receipt"' "$PWD"
}

made() {
    if [ "$1" = clean ]; then rm -rf k; mkdir -m 700 k; return; fi
    assert_exit "$1" || return
    [ "$1" -ne 3 ] || [ ! -e k/key ] || return
    [ "$1" -ne 0 ] || [ -e k/key ] || return
    # what stands there is a whole key
    [ ! -e k/key ] || mig-backup create -t t --no-ddl -q --key k/key -o k/x.mig >/dev/null
}
@test "keygen: a whole key or none, and never one that is only half there" {
    each "$PWD/k/" made mig-backup keygen -o "$PWD/k/key"
}

logged() {
    if [ "$1" = clean ]; then
        rm -rf shelf state
        mkdir -m 700 shelf
        mig-backup create -t t --no-ddl -q -o shelf/first.mig >/dev/null
        return
    fi
    assert_exit "$1" || return
    [ "$1" -ne 3 ] || grep -q 'is made; but: cannot write the log' <<<"$stderr" || return
    mig-backup verify shelf/first.mig >/dev/null || return
    [ "$1" -eq 137 ] || mig-backup verify shelf/second.mig >/dev/null || return
    # whatever stands at its end, the chain goes on
    mig-backup create -t t --no-ddl -q -o shelf/third.mig >/dev/null || return
    mig-backup log verify state/log.jsonl >/dev/null
}
@test "the log: its chain is never broken, and what could not be logged is said" {
    least=5 FAULTS=${FAULTS% rename:5:3*} each "$PWD/state/log.jsonl" logged mig-backup create -t t --no-ddl -q -o shelf/second.mig
}

@test "cat into a full device or a file that may not grow: exit 3, and nothing half under the name" {
    mig mig-backup create -t t --no-ddl -q -o old.mig
    run --separate-stderr bash -c 'mig-backup cat old.mig -t t >/dev/full'
    assert_exit 3
    assert_err 'cannot write.*No space left'
    run --separate-stderr bash -c "trap '' XFSZ; ulimit -f 40; exec mig-backup cat old.mig -t t --format json=rows --log-file /dev/null"
    assert_exit 3
    assert_err 'cannot write'
    [ -z "$(ls rows* 2>/dev/null)" ]
    # a reader that goes away is not a success
    run --separate-stderr bash -c 'set -o pipefail; mig-backup cat old.mig -t t | head -n 1 >/dev/null; exit "${PIPESTATUS[0]}"'
    [ "$status" -ne 0 ]
}
