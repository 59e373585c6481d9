#!/usr/bin/env bats
# The disk is full, fails, writes half; the process is killed: at each write, fsync and rename of
# create and of rekey.  Never a bad file under a good name, never a file that rekey made unreadable.
# asan: no preloaded libraries come before the sanitizers'

load ../lib/common
load ../lib/faults

setup_file() {
    shim_make
    db_create
    key_make
    mig-backup keygen -o "$HOME/bob.key" >"$HOME/bob.pub"
    sql "create table t as select i as id, md5(i::text) || md5((i*7)::text) as v from generate_series(1, 40000) i"
}
teardown_file() { db_drop; }
setup() {
    cd "$BATS_TEST_TMPDIR"
    export MIG_BACKUP_DIR=$BATS_TEST_TMPDIR/shelf MIG_STATE_DIR=$BATS_TEST_TMPDIR/state
}

# Every file under a good name is good.
all_good() {
    local f
    for f in "$MIG_BACKUP_DIR"/*.mig; do
        [ ! -e "$f" ] || mig-backup verify "$f" >/dev/null || { echo "$f is not good"; return 1; }
    done
}
none_left() {
    local left
    left=$(ls -A "$MIG_BACKUP_DIR" 2>/dev/null | grep -E '\.(part|mig)$' || :)
    [ -z "$left" ] || { echo "left: $left"; _show; return 1; }
}

# each_fault CALL FAULT EXPECTED: create with the fault at the 1st, 2nd, ... such call, until there is none.
each_fault() {
    local n=0
    while :; do
        n=$((n + 1))
        rm -rf "$MIG_BACKUP_DIR"
        mkdir -m 700 "$MIG_BACKUP_DIR"
        faulty "$MIG_BACKUP_DIR" "$1" "$n" "$2" mig-backup create -t t --no-ddl -q
        [ "$hit" -eq 1 ] || break
        assert_exit "$3"
        all_good
        [ "$3" -eq 0 ] || [ "$3" -eq 137 ] || none_left
        if [ "$3" -eq 137 ]; then
            # What the killed run left is cleaned by the next.
            mig mig-backup create -t t --no-ddl -q
            assert_exit 0
            [ -z "$(find "$MIG_BACKUP_DIR" -name '*.part')" ]
            all_good
        fi
    done
    assert_exit 0
    echo "$1 $2: $((n - 1)) places"
    [ "$n" -gt "${4:-1}" ]
}

@test "create: the disk is full at each write" { each_fault write 28 3 4; }
@test "create: the disk fails at each write" { each_fault write 5 3 4; }
@test "create: each write is short" { each_fault write short 0 4; }
@test "create: killed at each write, with half of it done" { each_fault write half 137 4; }
@test "create: each fsync fails" { each_fault fsync 5 3 1; }
@test "create: killed at each fsync" { each_fault fsync kill 137 1; }
@test "create: the rename fails, or the process is killed there" {
    each_fault rename 5 3
    each_fault rename kill 137
}

@test "create: killed at random moments" {
    mkdir -m 700 "$MIG_BACKUP_DIR"
    start=$(date +%s%N)
    mig-backup create -t t --no-ddl -q >/dev/null
    took=$(($(date +%s%N) - start))
    killed=0 # those that came too late do not count
    for ((kills = 0; killed < ${MIG_KILLS:-8}; kills++)); do
        mig-backup create -t t --no-ddl -q >/dev/null 2>&1 &
        pid=$!
        sleep "$(awk -v n="$took" -v r="$RANDOM" 'BEGIN { printf "%.3f", n / 1e9 * r / 32768 }')"
        kill -9 "$pid" 2>/dev/null || :
        wait "$pid" 2>/dev/null && code=0 || code=$?
        [ "$code" -ne 137 ] || killed=$((killed + 1))
    done
    echo "$killed of $kills were killed"
    all_good
    mig mig-backup create -t t --no-ddl -q
    assert_exit 0
    [ -z "$(find "$MIG_BACKUP_DIR" -name '*.part')" ]
    mig mig-backup list
    refute_out 'no footer|damaged|cut off'
}

# rekey_fault CALL FAULT EXPECTED
rekey_fault() {
    local n=0 file=$BATS_TEST_TMPDIR/rekey.mig
    while :; do
        n=$((n + 1))
        cp "$MIG_BACKUP_DIR"/*.mig "$file"
        faulty "$file" "$1" "$n" "$2" mig-backup rekey --recipient "$(cat "$HOME/bob.pub")" "$file"
        [ "$hit" -eq 1 ] || break
        assert_exit "$3"
        # Readable by who could read it, whatever happened; and again, it is done.
        mig mig-backup verify "$file"
        assert_exit 0
        mig mig-backup rekey --recipient "$(cat "$HOME/bob.pub")" "$file"
        assert_exit 0
        for key in "$HOME/.config/mig/key" "$HOME/bob.key"; do
            mig mig-backup verify --key "$key" --trust "$(mig-backup show --format json "$file" | json "['signer']" -)" "$file"
            assert_exit 0
            refute_err damaged
        done
    done
    assert_exit 0
    echo "$1 $2: $((n - 1)) places"
    [ "$n" -gt 2 ]
}

@test "rekey: the disk is full, fails, writes half, the process is killed: at each write and fsync" {
    mig mig-backup create -t t --no-ddl -q
    assert_exit 0
    rekey_fault write 28 3
    rekey_fault write 5 3
    rekey_fault write short 0
    rekey_fault write half 137
    rekey_fault write kill 137
    rekey_fault fsync 5 3
    rekey_fault fsync kill 137
}

@test "verify: whatever happens while it repairs a slot copy, the file stays readable" {
    mig mig-backup create -t t --no-ddl -q
    file=$(echo "$MIG_BACKUP_DIR"/*.mig)
    at=$("$MIG_PYTHON" -c 'import sys
d = open(sys.argv[1], "rb").read()
print(d.index(b"MIGSLOTS"))' "$file")
    cp "$file" good
    for fault in write:28:0 write:5:0 write:short:0 write:half:137 write:kill:137 fsync:5:0 fsync:kill:137; do
        IFS=: read -r call what code <<<"$fault"
        n=0
        while :; do
            n=$((n + 1))
            cp good r.mig
            printf 'x' | dd of=r.mig bs=1 seek=$((at + 90)) conv=notrunc status=none
            faulty "$PWD/r.mig" "$call" "$n" "$what" mig-backup verify "$PWD/r.mig"
            [ "$hit" -eq 1 ] || break
            assert_exit "$code"
            if [ "$code" -eq 0 ] && [ "$what" != short ]; then assert_out 'not written again: cannot (write|flush)'; fi
            mig mig-backup verify "$PWD/r.mig"
            assert_exit 0
            cmp good r.mig
        done
        assert_exit 0
        cmp good r.mig
        [ "$n" -gt 1 ]
    done
}

@test "rekey: killed at random moments" {
    mig mig-backup create -t t --no-ddl -q
    cp "$MIG_BACKUP_DIR"/*.mig good
    cp good r.mig
    start=$(date +%s%N)
    mig-backup rekey --recipient "$(cat "$HOME/bob.pub")" r.mig >/dev/null
    took=$(($(date +%s%N) - start))
    killed=0 # those that came too late do not count
    for ((kills = 0; killed < ${MIG_KILLS:-8}; kills++)); do
        # A file that has the reader already is left alone, and quickly; nothing but sleep comes between.
        cp good r.mig
        bob=$(cat "$HOME/bob.pub")
        pause=$(awk -v n="$took" -v r="$RANDOM" 'BEGIN { printf "%.4f", n / 1e9 * r / 32768 }')
        mig-backup rekey --recipient "$bob" r.mig >/dev/null 2>&1 &
        pid=$!
        sleep "$pause"
        kill -9 "$pid" 2>/dev/null || :
        wait "$pid" 2>/dev/null && code=0 || code=$?
        [ "$code" -ne 137 ] || killed=$((killed + 1))
        # by the one who could read it before, and by verify, which repairs what is half written
        mig mig-backup cat r.mig -t t
        assert_exit 0
        assert_equal "${#lines[@]}" 40000
        mig mig-backup verify r.mig
        assert_exit 0
    done
    echo "$killed of $kills were killed"
    mig mig-backup rekey --recipient "$bob" r.mig
    assert_exit 0
    mig mig-backup verify --key "$HOME/bob.key" --trust "$(mig-backup show --format json r.mig | json "['signer']" -)" r.mig
    assert_exit 0
}

@test "create to standard output: a closed pipe or a full device is exit 3" {
    run --separate-stderr bash -c 'mig-backup create -t t --no-ddl -q -o - >/dev/full'
    assert_exit 3
    assert_err 'standard output'
}

@test "create: a real full disk (a small tmpfs)" {
    [ "$(id -u)" -eq 0 ] || skip "needs root to mount"
    mkdir -m 700 "$MIG_BACKUP_DIR"
    mount -t tmpfs -o size=300k none "$MIG_BACKUP_DIR" 2>/dev/null || skip "cannot mount here"
    mig mig-backup create -t t --no-ddl -q
    umount "$MIG_BACKUP_DIR" || umount -l "$MIG_BACKUP_DIR"
    assert_exit 3
    assert_err 'No space left on device' "hint: .*$MIG_BACKUP_DIR" 'written so far is removed' 'mig-backup prune' '--dir'
}

@test "too few file descriptors are said, and not that there is no backup" {
    mig-backup create -t t --no-ddl -q
    cp "$MIG_BACKUP_DIR"/*.mig one.mig
    # Whatever fails for want of a descriptor, at whichever limit: never "no backup", never no-go for it.
    local n said=0
    for n in 6 7 8 9 10 11 12; do
        run --separate-stderr bash -c "ulimit -n $n; mig-backup restore latest --dry-run -q"
        _show
        [[ $stderr != *"holds no backup"* ]]
        [[ $stderr != *"Too many open files"* ]] || { said=$((said + 1)); assert_exit 3; }
        run --separate-stderr bash -c "ulimit -n $n; mig-backup list"
        [[ $output != *"Too many open files"* ]]
        run --separate-stderr bash -c "ulimit -n $n; mig-prodcheck --only backup --format json"
        [[ $output != *'"status": "fail"'*"Too many open files"* ]]
        [[ $output != *'no backup'* ]]
    done
    [ "$said" -gt 0 ]
}
