#!/usr/bin/env bats
# Files of each released format: we read them, and so does a reader that was written from
# docs/FORMAT.md alone.  They are never remade (tests/lib/golden.c made them).

load ../lib/common

setup_file() {
    # A fresh checkout's modes are the umask's; a key file must be ours alone.
    cp -R "$MIG_ROOT/tests/golden" "$BATS_FILE_TMPDIR/golden"
    chmod -R go= "$BATS_FILE_TMPDIR/golden"
}
setup() { cd "$BATS_FILE_TMPDIR/golden"; }

# pick EXPRESSION: of the JSON d on standard input.
pick() {
    "$MIG_PYTHON" -c 'import json,sys
d = json.load(sys.stdin)
v = eval(sys.argv[1], {"d": d})
print(v if isinstance(v, str) else json.dumps(v))' "$1"
}
decode() { "$MIG_PYTHON" "$MIG_ROOT/tests/lib/decode.py" "$@"; }

@test "v1: whole, by us" {
    mig mig-backup verify --key alice.key v1.mig v1-long-row.mig
    assert_exit 0
    assert_out 'v1.mig: good' '4 tables, 14 rows' 'v1-long-row.mig: good'
}

@test "v1: the same rows, by us and by the independent reader" {
    for t in values empty no_columns not_utf8; do
        mig-backup cat --key alice.key v1.mig -t "$t" | cmp - "expected/$t.ndjson"
        decode --key alice.key v1.mig "$t" | cmp - "expected/$t.ndjson"
    done
}

@test "v1: the same manifest, by us and by the independent reader" {
    mig mig-backup show --key alice.key --format json v1.mig
    assert_exit 0
    ours=$(pick "[(t['name'], t['rows'], t['digest']) for t in d['tables']]" <<<"$output")
    theirs=$(decode --key alice.key v1.mig | pick "[('public.' + t['name'], t['rows'], t['digest']) for t in d['tables']]")
    assert_equal "$ours" "$theirs"
}

@test "v1: a row longer than a frame" {
    ours=$(mig-backup cat --key alice.key v1-long-row.mig | sha256sum)
    theirs=$(decode --no-digest --key alice.key v1-long-row.mig long_row | sha256sum)
    assert_equal "$ours" "$theirs"
    assert_equal "$(mig-backup cat --key alice.key v1-long-row.mig | head -n 1 | wc -c)" 9437193
}

@test "v1: each recipient and the passphrase open it, the machine that wrote it does not" {
    mig mig-backup cat --key bob.key --trust ci.pub v1-recipients.mig
    assert_exit 0
    assert_equal "$output" "$(cat expected/small.ndjson)"
    mig mig-backup cat --key locked.key --passphrase-file passphrase --trust ci.pub v1-recipients.mig
    assert_equal "$output" "$(cat expected/small.ndjson)"
    mig mig-backup cat --trust ci.pub --passphrase-file passphrase v1-recipients.mig
    assert_equal "$output" "$(cat expected/small.ndjson)"
    mig mig-backup cat --key ci.key v1-recipients.mig
    assert_exit 2
    assert_err 'signs only'
    mig mig-backup verify --key ci.key v1-recipients.mig
    assert_exit 0
    assert_out 'as far as can be told without a key'
    for with in "--key bob.key" "--key locked.key --passphrase passphrase" "--passphrase passphrase"; do
        # shellcheck disable=SC2086
        decode $with --trust ci.pub v1-recipients.mig small | cmp - expected/small.ndjson
    done
}

@test "v1: wrong key, wrong passphrase, unknown signer, signing key: each is named, exit 5" {
    mig mig-backup verify --key alice.key --trust ci.pub v1-recipients.mig
    assert_exit 5
    assert_err 'wrong key' "$(cat bob.pub)" 'a passphrase'
    mig mig-backup verify --key bob.key v1-recipients.mig
    assert_exit 5
    assert_err 'not trusted' "$(cat ci.pub)"
    echo wrong >wrong
    chmod 600 wrong
    mig mig-backup verify --trust ci.pub --passphrase-file wrong v1-recipients.mig
    assert_exit 5
    assert_err 'the passphrase does not open'
    mig mig-backup cat --key locked.key --passphrase-file wrong v1-recipients.mig
    assert_exit 5
    assert_err 'does not open the key'
    run decode --key alice.key v1-recipients.mig small
    [ "$status" -eq 5 ]
}

@test "v1: csv and objects" {
    mig mig-backup cat --key alice.key v1.mig -t public.not_utf8 --objects
    assert_equal "$output" '{"id":"1","v":"/wAB"}
{"id":"2","v":null}'
    mig-backup cat --key alice.key v1.mig -t values --format csv >"$BATS_TEST_TMPDIR/csv"
    "$MIG_PYTHON" - "$BATS_TEST_TMPDIR/csv" expected/values.ndjson <<'END'
import csv, json, sys
rows = list(csv.reader(open(sys.argv[1], newline="")))
want = [[v or "" for v in json.loads(l)] for l in open(sys.argv[2])]
assert rows[0] == ["id", "v", "w"], rows[0]
assert rows[1:] == want, (rows[1:], want)
END
}

@test "v1: what stands on the shelf needs no key to be listed" {
    mkdir -p shelf
    cp v1.mig v1-recipients.mig shelf/
    head -c 9000 v1.mig >shelf/cut.mig
    HOME=/nonexistent mig mig-backup list --dir shelf --trust ci.pub
    assert_exit 0
    assert_out 'v1-recipients.mig +before the release +shop +pre-deploy +4f2a91c7d0e3 .* signed$' 'v1.mig .* signed by a key not trusted here' 'cut.mig .*no footer'
    mig mig-backup list --dir shelf --key alice.key --format json
    assert_exit 0
    assert_equal "$(pick "[(b['revision'], b['trusted']) for b in d['backups'] if b['file'].endswith('/v1.mig')]" <<<"$output")" '[[["4f2a91c7d0e3"], true]]'
    id=$(pick "[b['archive_id'] for b in d['backups'] if b['file'].endswith('/v1.mig')][0]" <<<"$output")
    mig mig-backup show --dir shelf --key alice.key "${id:0:6}"
    assert_exit 0
    assert_out "$id"
    mig mig-backup show --dir shelf --key alice.key v1
    assert_exit 0
    mig mig-backup show --dir shelf --key alice.key no-such
    assert_exit 2
}
