#!/usr/bin/env bats
# mig-backup verify: the same word on a file, however many read it.

load ../lib/common

setup_file() {
    db_create
    key_make
}
teardown_file() { db_drop; }
setup() { cd "$BATS_TEST_TMPDIR"; }

@test "several threads: the same result, and of two faults the one that stands first" {
    local at jobs
    sql "create table none (a int)" "create table one (a int)" "insert into one values (1)" "create table long (id int primary key, v text)" "insert into long select g, repeat(md5(g::text), 300000) from generate_series(1, 16) g" \
        "insert into long select g, md5(g::text) from generate_series(17, 10000) g"
    mig-backup create --all --no-ddl -q -o long.mig >/dev/null
    sql "drop table long"
    # rows of three frames; a piece of work is sixteen
    for jobs in 1 2 3 8 64; do
        mig mig-backup verify -j $jobs long.mig --format json
        assert_exit 0
        assert_equal "$(json "['files'][0]['tables']") $(json "['files'][0]['rows']")" "3 10001"
        [ "$(json "['files'][0]['frames']")" -gt 48 ]
    done
    # two frames of the same file, far apart
    cp long.mig bad.mig
    for at in 28 36; do
        printf 'xxx' | dd of=bad.mig bs=1 seek=$(($(stat -c %s bad.mig) * at / 100)) conv=notrunc status=none
    done
    mig mig-backup verify -j 1 bad.mig
    assert_exit 5
    first=$stderr
    for jobs in 2 3 8; do
        mig mig-backup verify -j $jobs bad.mig
        assert_exit 5
        assert_equal "$stderr" "$first"
    done
    "${MIG_BIN%/bin}/tools/liar" "$HOME/.config/mig/key" long.mig lie.mig long digest
    mig mig-backup verify -j 3 lie.mig
    assert_exit 5
    assert_err 'table public.long is not what the manifest says'
}
