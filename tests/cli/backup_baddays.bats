#!/usr/bin/env bats
# restore on a bad day: the shelf, the file, the server or the table is not what it was.  The right exit code, what to
# do next, and nothing half done.

load ../lib/common
load ../lib/waiting

setup_file() {
    key_make
    role_create mig_guest
}
setup() {
    cd "$BATS_TEST_TMPDIR"
    export MIG_BACKUP_DIR=$BATS_TEST_TMPDIR/shelf
    db_create "baddays_${BATS_TEST_NUMBER}_$$"
}
teardown() {
    if mountpoint -q "$BATS_TEST_TMPDIR/mnt" 2>/dev/null; then umount "$BATS_TEST_TMPDIR/mnt"; fi
    # not where the test had a server of its own
    [ ! -S "$PGHOST/.s.PGSQL.5432" ] || db_drop
}
save() { mig mig-backup create --all --no-ddl -q "$@"; assert_exit 0; }
restore() { mig mig-backup restore "${FILE:-latest}" --yes --confirm "$PGDATABASE" --format json "$@"; }
rows() { sql "select * from t order by 1, 2"; }
# refused CODE PATTERN RESTORE'S ARGUMENTS...: and nothing has changed
refused() {
    local code=$1 pattern=$2 before
    shift 2
    before=$(rows)
    restore "$@"
    assert_exit "$code"
    assert_err "$pattern" 'hint: '
    assert_equal "$(rows)" "$before"
}

@test "the key by which rows were saved tells them apart no more: refused, not written over several" {
    sql "create table t (id int primary key, v text)" "insert into t values (1, 'a'), (2, 'b')"
    save
    sql "alter table t drop constraint t_pkey, alter id drop not null" "update t set v = 'x' where id = 2"
    # as long as they are apart, it serves
    restore --mode merge --on-conflict overwrite
    assert_exit 0
    assert_equal "$(rows)" $'1|a\n2|b'
    sql "insert into t values (1, 'other'), (null, 'none')"
    for mode in merge columns replace; do
        refused 4 'key by which it was saved does not tell its rows apart' --mode $mode --on-conflict overwrite
        assert_err '1 rows of the backup are several rows there'
    done
    restore --mode missing
    assert_exit 0
    # equal to a collation that came since, and not when they were saved
    sql "truncate t" "alter table t alter v set not null, add primary key (v)" "insert into t values (1, 'A'), (2, 'a')"
    save
    sql "create collation fold (provider = icu, locale = 'und-u-ks-level2', deterministic = false)" "truncate t" \
        "alter table t alter v type text collate fold" "insert into t values (1, 'A')"
    refused 4 '1 rows there are several rows of the backup' --mode merge --on-conflict overwrite
}

@test "unique values that rows have exchanged since come back" {
    sql "create table t (id int primary key, pos int not null unique, r int4range, g int generated always as (pos + 1) stored, n int generated always as identity, exclude using gist (r with &&))" \
        "insert into t values (1, 10, '[1,3)'), (2, 20, '[3,5)'), (3, 30, '[5,7)')"
    save
    before=$(rows)
    for mode in merge replace; do
        sql "delete from t where id = 3" "update t set pos = -pos, r = null" "update t set pos = case id when 1 then 30 else 10 end, r = case id when 1 then '[5,7)' else '[1,3)' end::int4range"
        restore --mode $mode --on-conflict overwrite --verify full
        assert_exit 0
        assert_equal "$(json "['tables'][0]['updated']") $(json "['tables'][0]['inserted']") $(json "['tables'][0]['unchanged']")" "2 1 0"
        assert_equal "$(rows)" "$before"
    done
    # rows that may not go, for a column that came since or for what refers to them: numbers are exchanged all the same
    sql "alter table t add column kept text default 'k'" "create table c (id int references t on delete cascade)" "insert into c values (1), (2)" \
        "update t set pos = pos * 100" "update t set pos = 30 - id * 10 where id < 3"
    restore --mode merge --on-conflict overwrite
    assert_exit 0
    assert_equal "$(sql "select id, pos, kept from t order by id")" $'1|10|k\n2|20|k\n3|30|k'
    assert_equal "$(sql "select count(*) from c")" 2
}

@test "texts that rows have exchanged and only one may have: a refusal that says what to do where the rows may not go" {
    sql "create table t (id int primary key, name text not null unique)" "insert into t values (1, 'a'), (2, 'b')"
    save
    sql "alter table t add column kept text default 'k'" "update t set name = 'x' where id = 1" "update t set name = 'a' where id = 2" \
        "update t set name = 'b' where id = 1"
    refused 3 'another row holds by now what only one may have' --mode merge --on-conflict overwrite
    sql "alter table t drop column kept" "create table c (id int references t on delete cascade)" "insert into c values (1), (2)"
    refused 3 'another row holds by now what only one may have' --mode merge --on-conflict overwrite
    assert_equal "$(sql "select count(*) from c")" 2
}

@test "a row that is there holds what only one may have: partial unique index, exclusion" {
    sql "create table t (id int primary key, name text, gone bool)" "create unique index one on t (name) where not gone" \
        "insert into t values (1, 'a', false), (2, 'b', false)"
    save
    sql "delete from t where id = 1" "insert into t values (9, 'a', false)"
    for mode in merge missing; do
        refused 3 'cannot put rows into public.t: .*"one"' --mode $mode
        refute_err '=\(a\)'
    done
    restore --mode missing --where "name <> 'a'"
    assert_exit 0
    restore --mode replace
    assert_exit 0
    assert_equal "$(rows)" $'1|a|f\n2|b|f'
}

@test "a role that may insert and no more: what it needs is said" {
    sql "create table t (id int primary key, v text)" "insert into t values (1, 'a')" "grant usage on schema public to mig_guest"
    save
    sql "truncate t" "grant insert on t to mig_guest"
    refused 3 'permission denied for table t' -U mig_guest
    assert_err 'grant SELECT, INSERT, UPDATE and DELETE'
    sql "grant select, update, delete on t to mig_guest"
    restore -U mig_guest --mode merge
    assert_exit 0
    assert_equal "$(rows)" '1|a'
}

@test "the file is exchanged, overwritten, cut or deleted in the middle: what was opened is restored, or nothing" {
    sql "create table t (id int primary key, v text)" "insert into t select g, repeat(md5(g::text), 8) from generate_series(1, 100000) g"
    save -o good.mig
    local how code pid size
    size=$(stat -c %s good.mig)
    sql "truncate t" "create function slowly(int) returns bool language plpgsql as 'begin if \$1 % 1000 = 0 then perform pg_sleep(0.01); end if; return true; end'" \
        "alter table t add check (slowly(id))"
    for how in rename:0 delete:0 overwrite:5 cut:5; do
        code=${how#*:}
        cp good.mig r.mig
        mig-backup restore "$PWD/r.mig" --yes --confirm "$PGDATABASE" -q >said 2>&1 &
        pid=$!
        freeze_in_copy $pid
        case $how in
        rename*) head -c "$size" /dev/urandom >other && mv other r.mig ;;
        delete*) rm r.mig ;;
        overwrite*) head -c "$size" /dev/urandom | dd of=r.mig conv=notrunc bs=1M status=none ;;
        cut*) : >r.mig ;;
        esac
        kill -CONT $pid
        wait $pid && status=0 || status=$?
        assert_equal "$how: $status" "$how: $code"
        assert_equal "$how: $(sql "select count(*) from t")" "$how: $((code == 0 ? 100000 : 0))"
        sql "truncate t"
    done
}

@test "the server is restarted in the middle: exit 3, nothing has changed, and the result says so" {
    local how pid
    db_drop
    eval "$("$MIG_ROOT/tests/lib/cluster" start --watch $$)"
    export PGDATABASE=postgres
    sql "create table t (id int primary key, v text)" "insert into t select g, repeat(md5(g::text), 8) from generate_series(1, 100000) g"
    save -o good.mig
    for how in restart kill; do
        sql "truncate t"
        mig-backup restore "$PWD/good.mig" --yes --confirm postgres -q >said 2>&1 &
        pid=$!
        freeze_in_copy $pid
        "$MIG_ROOT/tests/lib/cluster" $how
        kill -CONT $pid
        wait $pid && status=0 || status=$?
        assert_equal "$status" 3
        grep -q 'nothing was committed, and nothing has changed' said
        [ $how = restart ] || "$MIG_ROOT/tests/lib/cluster" restart
        assert_equal "$(sql "select count(*) from t")" 0
    done
    "$MIG_ROOT/tests/lib/cluster" stop
}

@test "the server is lost in COMMIT: exit 6, and how to find out" {
    local pid
    db_drop
    eval "$("$MIG_ROOT/tests/lib/cluster" start --watch $$)"
    export PGDATABASE=postgres PGOPTIONS='-c synchronous_commit=off'
    sql "create table t (id int primary key, v text)" "insert into t values (1, 'a')"
    save -o good.mig
    # COMMIT waits for a standby that is not there
    sql "truncate t" "alter system set synchronous_standby_names = 'nobody'" "select pg_reload_conf()" >/dev/null
    until_sql "current_setting('synchronous_standby_names') = 'nobody'"
    mig-backup restore "$PWD/good.mig" --yes --confirm postgres -q >said 2>&1 &
    pid=$!
    until_sql "exists (select from pg_stat_activity where wait_event = 'SyncRep')"
    "$MIG_ROOT/tests/lib/cluster" kill
    wait $pid && status=0 || status=$?
    assert_equal "$status" 6
    grep -q 'lost while it committed' said
    grep -q 'verify .*good.mig --against-db says whether the rows are there' said
    "$MIG_ROOT/tests/lib/cluster" restart
    mig mig-backup verify good.mig --against-db
    assert_exit 0
    assert_out 'the same 1 row'
    "$MIG_ROOT/tests/lib/cluster" stop
}

@test "a key on a pipe: read once, for every command that needs one" {
    sql "create table t (id int primary key)" "insert into t values (1)"
    mkfifo key
    for command in "create -t t --no-ddl -o a.mig" "verify a.mig" "cat a.mig -t t" "restore $PWD/a.mig --mode merge --dry-run" "reencrypt a.mig -o b.mig" "list"; do
        cat "$HOME/.config/mig/key" >key &
        mig mig-backup $command --key key -q
        assert_exit 0
        wait
    done
    mig mig-backup verify b.mig
    assert_exit 0
}

@test "the shelf is on a read-only mount: what only reads works, what writes says where else" {
    [ "$(id -u)" -eq 0 ] || skip "needs root to mount"
    sql "create table t (id int primary key, v text)" "insert into t values (1, 'a')"
    save
    sql "update t set v = 'x'"
    mkdir mnt
    mount --bind shelf mnt && mount -o remount,ro,bind mnt || skip "cannot mount here"
    export MIG_BACKUP_DIR=$PWD/mnt
    for command in "list" "show latest" "verify latest"; do
        mig mig-backup $command
        assert_exit 0
    done
    for command in "create -t t --no-ddl" "prune --keep-last 1" "reencrypt latest" "cat latest -t t" "restore latest --mode merge --yes --confirm $PGDATABASE"; do
        mig mig-backup $command
        assert_exit 2
        assert_err 'Read-only file system' '--state-dir'
    done
    refused 2 'cannot save the rows that would change: .*Read-only' --mode merge --on-conflict overwrite --state-dir "$PWD/state"
    assert_err '--dir'
    restore --mode merge --on-conflict overwrite --state-dir "$PWD/state" --no-safety-copy
    assert_exit 0
    assert_equal "$(rows)" '1|a'
}

@test "no room for the safety copy: nothing changes, and no half file stays" {
    [ "$(id -u)" -eq 0 ] || skip "needs root to mount"
    sql "create table t (id int primary key, v text)" "insert into t select g, md5(g::text) from generate_series(1, 20000) g"
    save -o good.mig
    sql "update t set v = md5(v)"
    mkdir mnt
    mount -t tmpfs -o size=64k,mode=700 none mnt || skip "cannot mount here"
    export MIG_BACKUP_DIR=$PWD/mnt
    FILE=$PWD/good.mig refused 3 'cannot save the rows that would change: .*No space left' --mode merge --on-conflict overwrite --state-dir "$PWD/state"
    assert_err '--no-safety-copy' 'let --dir .* name a folder'
    assert_equal "$(find mnt -name '*.mig*' -o -name '*.part' | wc -l)" 0
}
