#!/usr/bin/env bats
# Keys from end to end: made, found, protected, shared, taken away; and what a backup says beside the database.

load ../lib/common

setup_file() {
    db_create
    sql "create table t (id int primary key, v text)" "insert into t select g, 'v' || g from generate_series(1, 100) g" \
        "create table heap (v text)" "insert into heap values ('a'), ('a'), (null)" \
        "create table gone (id int primary key)" "insert into gone values (1)"
    cd "$BATS_FILE_TMPDIR"
    mig-backup keygen -o alice.key >alice.pub
    mig-backup keygen -o bob.key >bob.pub
    mig-backup keygen -o ci.key --sign-only >ci.pub
    echo 'correct horse' >phrase
    echo 'wrong' >wrong
    chmod 600 phrase wrong
    mig-backup keygen -o locked.key --protect --passphrase-file phrase >locked.pub
}
teardown_file() { db_drop; }
setup() {
    cd "$BATS_FILE_TMPDIR"
    export MIG_BACKUP_DIR=$BATS_TEST_TMPDIR/shelf
}
create() { mig mig-backup create -t t --no-ddl -q "$@"; }

@test "keygen: one line, 0600, never overwritten; the default place; no secret beside it" {
    mig mig-backup keygen
    assert_exit 0
    assert_equal "$(wc -l <"$HOME/.config/mig/key")" 1
    assert_equal "$(stat -c %a "$HOME/.config/mig/key")" 600
    assert_equal "$(stat -c %a "$HOME/.config/mig")" 700
    assert_out '^mig-pub-[A-Za-z0-9_-]+$'
    secret=$(cat "$HOME/.config/mig/key")
    refute_out "$secret"
    refute_err "$secret"
    mig mig-backup keygen
    assert_exit 3
    assert_err 'exists already'
    assert_equal "$(cat "$HOME/.config/mig/key")" "$secret"
    create
    assert_exit 0
    rm -r "$HOME/.config/mig"
}

@test "keygen -o -: the key on standard output, its public line on standard error" {
    mig mig-backup keygen -o -
    assert_exit 0
    assert_out '^mig-key-[A-Za-z0-9_-]+$'
    assert_err '^mig-pub-'
}

@test "without a key nothing is written, and the message says what to do" {
    create
    assert_exit 2
    assert_err 'no key to sign' 'keygen'
    [ -z "$(ls "$MIG_BACKUP_DIR"/*.mig 2>/dev/null)" ]
}

@test "the key from a file, a variable, a command, standard input" {
    create --key alice.key
    assert_exit 0
    file=$(echo "$MIG_BACKUP_DIR"/*.mig)
    mig mig-backup verify --key alice.key "$file"
    assert_exit 0
    MIG_KEY_FILE=alice.key mig mig-backup verify "$file"
    assert_exit 0
    MIG_KEY=$(cat alice.key) mig mig-backup verify "$file"
    assert_exit 0
    mig mig-backup verify --key-command 'cat alice.key' "$file"
    assert_exit 0
    run --separate-stderr mig-backup verify --key - "$file" <alice.key
    assert_exit 0
    mig mig-backup verify --key-command 'cat /nonexistent' "$file"
    assert_exit 2
    assert_err 'key command'
    mig mig-backup verify --key alice.pub "$file"
    assert_exit 2
    assert_err 'public key'
    mig mig-backup verify --key "$(cat alice.key)" "$file"
    assert_exit 2
}

@test "a key file that others can write is refused, one they can read is warned about" {
    cp alice.key mine.key
    chmod 660 mine.key
    create --key mine.key
    assert_exit 2
    assert_err 'can be written by others' 'chmod 600'
    chmod 644 mine.key
    create --key alice.key
    mig mig-backup verify --key mine.key latest
    assert_exit 0
    assert_err 'warning: .*can be read by others'
    rm mine.key
}

@test "a protected key: by file, wrong, and not at all" {
    create --key locked.key --passphrase-file phrase
    assert_exit 0
    mig mig-backup cat --key locked.key --passphrase-file phrase latest -t t
    assert_exit 0
    assert_equal "${#lines[@]}" 100
    mig mig-backup verify --key locked.key --passphrase-file wrong latest
    assert_exit 5
    assert_err 'passphrase does not open the key'
    mig mig-backup verify --key locked.key latest
    assert_exit 2
    assert_err 'no terminal' 'passphrase-file'
    # Whom to trust is known without the passphrase.
    mig mig-backup list --key locked.key
    assert_exit 0
    assert_out ' signed$'
    mig mig-prodcheck --only backup --backup latest --key locked.key
    assert_exit 0
    mig mig-backup prune --key locked.key --keep-last 1
    assert_exit 0
    assert_out 'keep .*among the newest'
}

@test "a pipeline that cannot read what it writes; its signature must be trusted by name" {
    create --key ci.key
    assert_exit 2
    assert_err 'signs only' 'recipient'
    create --key ci.key --recipient "$(cat alice.pub)" --recipient bob.pub --recipient passphrase:phrase
    assert_exit 0
    mig mig-backup verify --key ci.key latest
    assert_exit 0
    assert_out 'without a key'
    mig mig-backup cat --key ci.key latest -t t
    assert_exit 2
    for who in alice bob; do
        mig mig-backup verify --key $who.key latest
        assert_exit 5
        assert_err 'not trusted' "$(cat ci.pub)"
        mig mig-backup verify --key $who.key --trust ci.pub latest
        assert_exit 0
        assert_out '100 rows'
    done
    mig mig-backup verify --passphrase-file phrase --trust "$(cat ci.pub)" latest
    assert_exit 0
    assert_out '100 rows'
    mig mig-backup verify --key locked.key --passphrase-file wrong --trust ci.pub latest
    assert_exit 5
    mig mig-backup show --key ci.key latest
    assert_exit 0
    assert_out 'tables are encrypted' "readable by +$(cat alice.pub)" 'passphrase'
    refute_out 'public\.t'
}

@test "rekey: add, remove, never the last; reencrypt; each is logged" {
    create --key alice.key
    mig mig-backup rekey --key alice.key --recipient bob.pub latest
    assert_exit 0
    assert_out '1 added, 0 removed, 2 can read'
    mig mig-backup rekey --key bob.key --trust alice.pub --remove "$(cat alice.pub)" latest
    assert_exit 0
    assert_out 'reencrypt'
    mig mig-backup verify --key alice.key latest
    assert_exit 5
    assert_err 'wrong key'
    mig mig-backup rekey --key bob.key --trust alice.pub --remove "$(cat bob.pub)" latest
    assert_exit 4
    assert_err 'nobody would be left'
    mig mig-backup rekey --key bob.key --trust alice.pub --remove "$(cat ci.pub)" latest
    assert_exit 2
    mig mig-backup verify --key bob.key --trust alice.pub latest
    assert_exit 0
    mig mig-backup reencrypt --key bob.key --trust alice.pub -o "$BATS_TEST_TMPDIR/new.mig" latest
    assert_exit 0
    mig mig-backup verify --key bob.key "$BATS_TEST_TMPDIR/new.mig"
    assert_exit 0
    assert_equal "$(mig-backup cat --key bob.key --trust alice.pub latest -t t)" "$(mig-backup cat --key bob.key "$BATS_TEST_TMPDIR/new.mig" -t t)"
    mig mig-backup log verify "$MIG_BACKUP_DIR/.state/log.jsonl"
    assert_exit 0
    assert_equal "$(grep -c '"operation":"backup rekey"' "$MIG_BACKUP_DIR/.state/log.jsonl")" 4
    assert_equal "$(grep -c mig-key- "$MIG_BACKUP_DIR/.state/log.jsonl" || :)" 0
}

@test "rekey and reencrypt as JSON" {
    create --key alice.key
    mig mig-backup rekey --key alice.key --recipient bob.pub --format json latest
    assert_exit 0
    assert_equal "$(json "['schema']") $(json "['added']") $(json "['removed']") $(json "['readers']") $(json "['locked_out']")" "mig-backup/1 1 0 2 false"
    mig mig-backup reencrypt --key alice.key --format json --format text=said -o "$BATS_TEST_TMPDIR/new.mig" latest
    assert_exit 0
    assert_equal "$(json "['file']") $(json "['rows']")" "$BATS_TEST_TMPDIR/new.mig 100"
    grep -q 'encrypted anew' said
    mig mig-backup show --key alice.key --format json "$BATS_TEST_TMPDIR/new.mig"
    mig mig-backup rekey --key alice.key --format xml latest
    assert_exit 2
}

@test "a receipt proves the backup where the file is not" {
    create --key alice.key --receipt "$BATS_TEST_TMPDIR/receipt"
    assert_exit 0
    file=$(echo "$MIG_BACKUP_DIR"/*.mig)
    assert_equal "$(json "['file']" - <"$BATS_TEST_TMPDIR/receipt")" "${file##*/}"
    mig mig-prodcheck --only backup --backup "$BATS_TEST_TMPDIR/receipt" --key alice.key
    assert_exit 0
    mig mig-prodcheck --only backup --backup "$BATS_TEST_TMPDIR/receipt" --key bob.key
    [ "$status" -ne 0 ]
    sed 's/"created": "20/"created": "30/' "$BATS_TEST_TMPDIR/receipt" >"$BATS_TEST_TMPDIR/forged"
    mig mig-prodcheck --only backup --backup "$BATS_TEST_TMPDIR/forged" --key alice.key
    [ "$status" -ne 0 ]
}

@test "prune: a rule is needed; dry run changes nothing; the newest stay" {
    for _ in 1 2 3; do
        create --key alice.key
        assert_exit 0
        sleep 1.1
    done
    mig mig-backup prune --key alice.key
    assert_exit 2
    assert_err 'no rule'
    mig mig-backup prune --key alice.key --keep-last 1 --dry-run
    assert_exit 0
    assert_out '2 of 3 backups would be removed'
    assert_equal "$(ls "$MIG_BACKUP_DIR"/*.mig | wc -l)" 3
    newest=$(ls "$MIG_BACKUP_DIR"/*.mig | sort -t_ -k4 | tail -n 1)
    mig mig-backup prune --key bob.key --keep-last 1
    assert_exit 0
    assert_out '0 of 3 backups removed' 'not trusted'
    mig mig-backup prune --key alice.key --keep-last 1 --format json
    assert_exit 0
    assert_equal "$(json "['removed']")" 2
    assert_equal "$(ls "$MIG_BACKUP_DIR"/*.mig | wc -l)" 1
}

@test "verify --against-db: the same, then what is gone, added and changed" {
    mig mig-backup create -t t -t heap -t gone --no-ddl -q --key alice.key
    assert_exit 0
    mig mig-backup verify --key alice.key --against-db latest
    assert_exit 0
    assert_out 'public.t: the same 100 rows' 'public.heap: the same 3 rows'
    sql "delete from t where id <= 3" "update t set v = 'x' where id in (50, 51)" "insert into t values (1000, 'new')" \
        "insert into heap values ('b')" "delete from heap where v is null" "drop table gone"
    mig mig-backup verify --key alice.key --against-db latest
    assert_exit 1
    assert_out 'public.t: since the backup 3 gone, 1 added, 2 changed' 'public.heap: since the backup 1 gone, 1 new' 'public.gone: cannot be compared: the table is gone'
    refute_out '"50"'
    mig mig-backup verify --key alice.key --against-db --show-values --format json --format text=/dev/stderr latest
    assert_exit 1
    assert_equal "$(json "['files'][0]['against'][0]['changed']")$(json "['files'][0]['against'][1]['changed']")$(json "['files'][0]['against'][2]['changed']")" 002
    mig mig-backup verify --key alice.key --against-db --show-values latest
    assert_out 'gone \["1"\]' 'changed \["50"\]' 'added \["1000"\]'
    sql "alter table t alter column v type varchar(50)"
    mig mig-backup verify --key alice.key --against-db latest
    assert_exit 1
    assert_out 'column v is character varying\(50\) now, it was text'
    mig mig-backup verify --against-db --key ci.key latest
    assert_exit 2
}
