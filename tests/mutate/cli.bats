#!/usr/bin/env bats
# Damaged backups, seen from the command line: exit 5 and the thing at fault.  Every byte and every
# cut of the same file: tests/unit/test_mutate.c.

load ../lib/common

setup_file() {
    cp -R "$MIG_ROOT/tests/golden" "$BATS_FILE_TMPDIR/golden"
    chmod -R go= "$BATS_FILE_TMPDIR/golden"
}
setup() { cd "$BATS_FILE_TMPDIR/golden"; }

# hurt NAME OFFSET...: a copy of v1.mig with one bit of each byte flipped (negative: from the end).
hurt() {
    "$MIG_PYTHON" - "$@" <<'END'
import sys
data = bytearray(open("v1.mig", "rb").read())
for at in sys.argv[2:]:
    data[int(at)] ^= 4
open(sys.argv[1], "wb").write(data)
END
}
# pick EXPRESSION: of the JSON d on standard input.
pick() {
    "$MIG_PYTHON" -c 'import json,sys
d = json.load(sys.stdin)
v = eval(sys.argv[1], {"d": d})
print(v if isinstance(v, str) else json.dumps(v))' "$1"
}
# refused FILE PATTERN...
refused() {
    local file=$1
    shift
    mig mig-backup verify --key alice.key "$file"
    assert_exit 5
    assert_err "$@"
    assert_out 'NOT VERIFIED'
    mig mig-backup cat --key alice.key -t values "$file"
    assert_exit 5
    assert_equal "$output" ""
}

@test "a flipped byte is named by its part" {
    hurt x.mig 3 && refused x.mig 'x.mig": not a mig backup'
    hurt x.mig 40 && refused x.mig 'head .* damaged'
    hurt x.mig 140 && refused x.mig 'label .* was changed'
    hurt x.mig 3000 && refused x.mig 'padding .* offset 3000'
    hurt x.mig 12300 && refused x.mig 'frame at offset 12288 \([0-9]+ bytes, stream 1, sequence 0\) was changed'
    hurt x.mig -700 && refused x.mig 'index .* was changed'
    hurt x.mig -100 && refused x.mig 'footer .* damaged or forged'
}

@test "the manifest's frame is named" {
    at=$("$MIG_PYTHON" -c '
d = open("v1.mig", "rb").read()
print(int.from_bytes(d[-464:-456], "little") + 60)')
    hurt x.mig "$at" && refused x.mig 'manifest frame at offset'
}

@test "cut, empty, appended, not a backup at all" {
    head -c 13000 v1.mig >x.mig && refused x.mig 'no footer' 'hint: .*cannot be restored'
    : >x.mig && refused x.mig 'empty'
    head -c 50 v1.mig >x.mig && refused x.mig 'cut off'
    { cat v1.mig; echo; } >x.mig && refused x.mig '1 bytes stand after the footer'
    head -c 20000 /dev/urandom >x.mig && refused x.mig 'not a mig backup'
    mig mig-backup verify --key alice.key no-such.mig
    assert_exit 2
}

@test "one damaged copy of the key slots is told and is no loss; verify writes it again" {
    for at in 4200 8300; do
        hurt x.mig "$at"
        mig mig-backup cat --key alice.key -t values x.mig
        assert_exit 0
        assert_equal "$output" "$(cat expected/values.ndjson)"
        assert_err 'copy [AB] of the key slots .*the other copy is good' 'mig-backup verify'
        mig mig-backup verify --key alice.key --format json --format text=said x.mig
        assert_exit 0
        assert_equal "$(pick "d['files'][0]['good']" <<<"$output") $(pick "d['files'][0]['repaired']" <<<"$output")" "true true"
        grep -Eq 'note: copy [AB] of the key slots was damaged .*written again from copy [AB]' said
        cmp x.mig v1.mig
        mig mig-backup verify --key alice.key x.mig
        assert_exit 0
        refute_out 'note'
        refute_err 'damaged'
    done
    hurt x.mig 4200 8300 && refused x.mig 'both copies of the key slots'
}

@test "a slot copy that cannot be written again, or not proven, is told and left" {
    hurt x.mig 4200
    cp x.mig y.mig
    # nobody here has a key: nothing proves the other copy
    mig mig-backup verify --trust alice.pub x.mig
    assert_exit 0
    assert_out 'without a key' 'copy A of the key slots is damaged' 'with a key that opens the file'
    cmp x.mig y.mig
    run --separate-stderr mig-backup verify --key alice.key - <x.mig
    assert_exit 0
    assert_out 'copy A of the key slots is damaged'
    if [ "$(id -u)" -ne 0 ]; then
        chmod 400 x.mig
        mig mig-backup verify --key alice.key x.mig
        assert_exit 0
        assert_out 'copy A of the key slots is damaged' 'not written again: cannot open'
        chmod 600 x.mig
    fi
    cmp x.mig y.mig
}

@test "several files: each is told, one bad one is exit 5" {
    hurt x.mig 12300
    mig mig-backup verify --key alice.key v1.mig x.mig v1-long-row.mig
    assert_exit 5
    assert_out 'v1.mig: good' 'x.mig: NOT VERIFIED' 'v1-long-row.mig: good'
    mig mig-backup verify --key alice.key --format json v1.mig x.mig
    assert_exit 5
    assert_equal "$(pick "[f['good'] for f in d['files']] + [d['good']]" <<<"$output")" '[true, false, false]'
}

@test "from standard input" {
    run --separate-stderr mig-backup cat --key alice.key -t values - <v1.mig
    assert_exit 0
    assert_equal "$output" "$(cat expected/values.ndjson)"
    hurt x.mig 12300
    run --separate-stderr mig-backup cat --key alice.key -t values - <x.mig
    assert_exit 5
    assert_equal "$output" ""
}
