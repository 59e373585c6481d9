#!/usr/bin/env bats
# mig-backup restore: each mode does what it says, all or nothing, and refuses what would lose something.

load ../lib/common

setup_file() {
    db_create
    key_make
    export MIG_BACKUP_DIR=$BATS_FILE_TMPDIR/shelf
    sql "create type mood as enum ('sad', 'ok', 'happy')" "create domain code as text check (value ~ '^[a-z]+\$')" \
        "create table users (id bigint generated always as identity primary key, name text, mood mood, code code, n numeric, phone text default 'none', up text generated always as (upper(name)) stored)" \
        "insert into users (name, mood, code, n, phone) select 'u' || g, (array['sad','ok','happy'])[1 + g % 3]::mood, 'abc', g / 3.0, case when g % 2 = 0 then '+' || g end from generate_series(1, 100) g" \
        "create table orders (id serial primary key, user_id bigint not null references users on delete cascade, v text)" \
        "insert into orders (user_id, v) select g, 'o' || g from generate_series(1, 100) g" \
        "create table notes (order_id int references orders on delete set null, v text)" "insert into notes select g, 'n' from generate_series(1, 10) g" \
        "create table keyless (a int, b text)" "insert into keyless values (1, 'x'), (1, 'x'), (2, null)" \
        "create table hen (id int primary key, egg_id int not null)" "create table egg (id int primary key, hen_id int not null references hen)" \
        "alter table hen add constraint hen_egg foreign key (egg_id) references egg deferrable initially deferred" \
        "begin; insert into hen values (1, 1), (2, 2); insert into egg values (1, 2), (2, 1); commit" \
        "create table staff (id int primary key, boss int references staff)" "insert into staff values (1, 2), (2, 3), (3, null)" \
        "create table watched (id int primary key, v text)" "insert into watched values (1, 'a'), (2, 'b')" \
        "create function spoil() returns trigger language plpgsql as \$\$ begin new.v := 'spoiled'; return new; end \$\$" \
        "create trigger t1 before insert or update on watched for each row execute function spoil()" \
        "create trigger t2 before insert or update on watched for each row execute function spoil()" \
        "alter table watched enable always trigger t2"
    mig-backup create --all --format json=$BATS_FILE_TMPDIR/all.json >/dev/null
    FILE=$(json "['file']" - <"$BATS_FILE_TMPDIR/all.json")
    ORIGINAL=$PGDATABASE
    export FILE ORIGINAL
}
teardown_file() {
    sql -d postgres "drop database if exists \"${ORIGINAL}_w\" with (force)" 2>/dev/null
    PGDATABASE=$ORIGINAL db_drop
}
# Each test works on a copy of its own.
setup() {
    cd "$BATS_TEST_TMPDIR"
    export MIG_BACKUP_DIR=$BATS_FILE_TMPDIR/shelf
    db_create "${ORIGINAL}_w" "$ORIGINAL"
}
restore() { mig mig-backup restore "$FILE" --yes --confirm "$PGDATABASE" "$@"; }
data() { pg_dump --data-only -d "$1" 2>/dev/null | grep -vE '^\\(un)?restrict' | "$MIG_PYTHON" -c 'import sys
def canonical(b):
    lines = b.strip("\n-").replace("mig_owner", "postgres").split("\n")
    return "\n".join(sorted(lines))
print("\n\n".join(sorted(map(canonical, sys.stdin.read().split("\n\n\n--\n")))))'; }
assert_as_original() { diff <(data "$ORIGINAL") <(data "$PGDATABASE"); }
assert_untouched() { assert_equal "$(data "$PGDATABASE" | sha256sum)" "$1"; }
safety_copies() { find "$MIG_BACKUP_DIR" -name '*before-restore*' | wc -l; }

@test "empty: a table with rows is refused, and nothing is changed" {
    sql "delete from keyless"
    local before
    before=$(data "$PGDATABASE" | sha256sum)
    restore
    assert_exit 4
    assert_err 'has rows already' '--mode missing'
    assert_untouched "$before"
}

@test "empty: everything back, foreign keys, cycles, identity, sequences, no trigger fired" {
    sql "truncate users, orders, notes, keyless, hen, egg, staff, watched restart identity"
    restore --verify full
    assert_exit 0
    assert_as_original
    # and the catalog is as it was: triggers, constraints
    assert_equal "$(sql "select string_agg(tgname::text || tgenabled::text, ',' order by tgname) from pg_trigger where tgrelid = 'watched'::regclass")" "t1O,t2A"
    assert_equal "$(sql "select string_agg(conname::text || condeferrable || condeferred, ' ' order by conname) from pg_constraint where contype = 'f'")" \
        "$(sql -d "$ORIGINAL" "select string_agg(conname::text || condeferrable || condeferred, ' ' order by conname) from pg_constraint where contype = 'f'")"
    # the next id is the one that would have come
    assert_equal "$(sql "insert into orders (user_id) values (1) returning id")" 101
    assert_equal "$(sql "insert into users (name) values ('x') returning id, up")" "101|X"
}

@test "missing: rows whose key is absent; others stay as they are" {
    sql "delete from users where id <= 10" "update users set name = 'changed' where id = 50"
    restore -t users -t orders --mode missing --format json
    assert_exit 0
    assert_equal "$(json "['tables'][0]['inserted']") $(json "['tables'][0]['unchanged']")" "10 90"
    assert_equal "$(json "['tables'][1]['inserted']")" 10
    assert_equal "$(sql "select name, up from users where id = 50")" "changed|CHANGED"
    assert_equal "$(sql "select count(*) from orders")" 100
}

@test "merge: differing rows are a conflict, kept or overwritten as told, and saved first" {
    sql "delete from users where id <= 10" "update users set name = 'changed', n = 3.0 where id in (50, 51)"
    local before n
    before=$(data "$PGDATABASE" | sha256sum)
    n=$(safety_copies)
    restore -t users --mode merge
    assert_exit 4
    assert_err '2 rows are there with other values'
    assert_untouched "$before"
    assert_equal "$(safety_copies)" "$n"
    restore -t users --mode merge --on-conflict keep
    assert_exit 0
    assert_equal "$(sql "select count(*) filter (where name = 'changed'), count(*) from users")" "2|100"
    restore -t users -t orders --mode merge --on-conflict overwrite --verify full --format json
    assert_exit 0
    assert_equal "$(json "['tables'][0]['updated']")" 2
    assert_equal "$(sql "select count(*) from users where name = 'changed'")" 0
    # what was there can be had back
    assert_equal "$(safety_copies)" "$((n + 1))"
    mig mig-backup cat "$(json "['safety_file']")" -t users
    assert_equal "$(grep -c changed <<<"$output")" 2
    assert_equal "$(wc -l <<<"$output")" 2
}

@test "a number that is equal but not the same is a difference" {
    sql "update users set n = 1.0 where id = 3"
    assert_equal "$(sql "select n from users where id = 3")" 1.0
    restore -t users --mode merge --on-conflict overwrite --format json
    assert_exit 0
    assert_equal "$(json "['tables'][0]['updated']")" 1
    assert_equal "$(sql "select n from users where id = 3")" 1.00000000000000000000
}

@test "replace: the table is as it was; rows that were not in the backup go" {
    sql "insert into users (name) values ('new')" "update users set phone = null" "delete from users where id = 7" "delete from orders where id < 5" \
        "insert into keyless values (9, 'z')" "insert into staff values (9, 3)" "update staff set boss = 9 where id = 1"
    restore --mode replace --verify full
    assert_exit 0
    assert_as_original
}

@test "replace does not take along rows of tables that are not in the restore" {
    sql "insert into users (name) values ('new')" "insert into orders (user_id, v) values (101, 'theirs')"
    local before
    before=$(data "$PGDATABASE" | sha256sum)
    restore -t users --mode replace
    assert_exit 4
    assert_err 'would also delete or empty 1 rows of public.orders'
    assert_untouched "$before"
}

@test "columns: values by key into null or default; gone rows are counted" {
    sql "alter table users drop column phone" "alter table users add column phone text default 'none'" "delete from users where id = 2"
    restore -t users:phone --format json
    assert_exit 0
    assert_equal "$(json "['tables'][0]['updated']") $(json "['tables'][0]['vanished']")" "99 1"
    assert_equal "$(sql "select count(phone), count(*) from users")" "49|99"
    sql "update users set phone = 'other' where id = 4"
    restore -t users:phone
    assert_exit 4
    assert_err '1 rows have other values by now'
    restore -t users:phone --on-conflict keep
    assert_exit 0
    assert_equal "$(sql "select phone from users where id = 4")" other
    restore -t users:phone --on-conflict overwrite
    assert_exit 0
    assert_equal "$(sql "select phone from users where id = 4")" +4
}

@test "columns: what else of the table has changed does not matter" {
    sql "alter table users drop column mood cascade" "alter table users rename column n to number" "update users set phone = null"
    restore -t users:phone
    assert_exit 0
    assert_equal "$(sql "select count(phone) from users")" 50
    restore -t users:mood
    assert_exit 4
    assert_err 'no column "mood"'
}

@test "a different type, a lost label, another domain: refused, with the difference" {
    sql "alter table users alter n type float8" "alter type mood rename value 'ok' to 'fine'" "truncate users cascade"
    restore -t users
    assert_exit 4
    assert_err 'column "n" was numeric and is double precision' 'type public.mood was \(sad, ok, happy\) and is \(sad, fine, happy\)'
    sql "alter domain code drop constraint code_check" "alter table users alter n type numeric" "alter type mood rename value 'fine' to 'ok'"
    restore -t users
    assert_exit 4
    assert_err 'type public.code was'
    sql "alter type mood add value 'new'" "alter domain code add constraint code_check check (value ~ '^[a-z]+\$')"
    restore -t users
    assert_exit 0
}

@test "columns that came since, or stand elsewhere, are no obstacle" {
    sql "truncate keyless" "alter table keyless drop column a, add column extra int default 5, add column a int"
    restore -t keyless
    assert_exit 0
    assert_equal "$(sql "select a, b, extra from keyless order by 1 limit 1")" "1|x|5"
}

@test "--where, and that it cannot be used to delete" {
    sql "delete from orders where id <= 20"
    restore -t orders --mode missing --where 'id % 2 = 0'
    assert_exit 0
    assert_equal "$(sql "select count(*) from orders where id <= 20")" 10
    restore -t orders --mode replace --where 'id = 1'
    assert_exit 2
    restore -t orders --mode missing --where 'nosuch = 1'
    assert_exit 3
    assert_err '--where does not fit'
}

@test "--into SCHEMA --create: copies to look at" {
    restore --into rescue --create
    assert_exit 0
    assert_equal "$(sql "select count(*) from rescue.users")" 100
    assert_equal "$(sql "select count(*) from users")" 100
}

@test "a missing table: named, and made again with --create, keys and foreign keys too" {
    sql "drop table users cascade" "drop table orders cascade" "drop type mood"
    restore -t users -t orders
    assert_exit 4
    assert_err 'there is no table public\.(users|orders)' '--create'
    restore -t users -t orders --create --verify full
    assert_exit 0
    diff <(pg_dump -s -t users -t orders -d "$ORIGINAL" | grep -vE '^\\(un)?restrict') <(pg_dump -s -t users -t orders | grep -vE '^\\(un)?restrict')
    assert_equal "$(sql "select count(*) from users u join orders o on o.user_id = u.id")" 100
}

@test "--dry-run: counted exactly, nothing changed, no question asked" {
    sql "delete from users where id <= 10"
    local before
    before=$(data "$PGDATABASE" | sha256sum)
    mig mig-backup restore "$FILE" -t users -t orders --mode missing --dry-run
    assert_exit 0
    assert_out 'dry run' '10 put back'
    assert_untouched "$before"
}

@test "--dry-run: table by table what the real run then does, in every mode; no sequence moves" {
    local mode t u
    strip() { "$MIG_PYTHON" -c 'import json,sys
for t in json.load(sys.stdin)["tables"]: print(t["name"], *[t[k] for k in ("rows","inserted","updated","deleted","unchanged","vanished")])' <<<"$output"; }
    for mode in missing merge replace columns; do
        db_create "${ORIGINAL}_w" "$ORIGINAL"
        sql "delete from users where id <= 10" "update users set name = 'changed', phone = null where id in (50, 51)" "insert into staff values (7, null)" \
            "delete from orders where id = 100" "select setval('orders_id_seq', 5)" >/dev/null
        t=$(data "$PGDATABASE" | sha256sum)
        u="-t users -t orders -t staff"
        [ "$mode" != columns ] || u="-t users:name,phone -t orders:v"
        mig mig-backup restore "$FILE" $u --mode $mode --on-conflict overwrite --dry-run --format json
        assert_exit 0
        dry=$(strip)
        assert_untouched "$t"
        mig mig-backup restore "$FILE" $u --mode $mode --on-conflict overwrite --yes --confirm "$PGDATABASE" --format json
        assert_exit 0
        assert_equal "$mode: $(strip)" "$mode: $dry"
        [ "$(data "$PGDATABASE" | sha256sum)" != "$t" ]
    done
}

@test "rows that no longer fit: nothing is changed, and no value is shown" {
    sql "alter table keyless add constraint small check (a < 2)  not valid" "truncate keyless" "delete from watched"
    local before
    before=$(data "$PGDATABASE" | sha256sum)
    restore -t keyless -t watched
    assert_exit 3
    assert_err 'keyless' 'small'
    assert_untouched "$before"
    sql "delete from users"
    restore -t orders
    assert_exit 3
    assert_err 'foreign key'
    refute_err '\(user_id\)=\([0-9]'
}

@test "a damaged frame anywhere: exit 5, nothing is changed" {
    sql "truncate users, orders, notes"
    local before size at
    before=$(data "$PGDATABASE" | sha256sum)
    size=$(stat -c %s "$FILE")
    for at in $((size * 8 / 10)) $((size * 9 / 10)) $((size - 200)); do
        cp "$FILE" bad.mig
        printf '\xff\x00\xff' | dd of=bad.mig bs=1 seek="$at" conv=notrunc status=none
        mig mig-backup restore "$PWD/bad.mig" -t users -t orders --yes --confirm "$PGDATABASE"
        assert_exit 5
        assert_untouched "$before"
    done
}

@test "rows that are not those of the manifest, in a file that is whole and signed: exit 5, nothing is changed" {
    local before lie mode
    sql "delete from watched where id = 1" "truncate keyless"
    before=$(data "$PGDATABASE" | sha256sum)
    for lie in digest rows; do
        "${MIG_BIN%/bin}/tools/liar" "$HOME/.config/mig/key" "$FILE" "$PWD/$lie.mig" keyless $lie
        "${MIG_BIN%/bin}/tools/liar" "$HOME/.config/mig/key" "$FILE" "$PWD/w_$lie.mig" watched $lie
        mig mig-backup verify $lie.mig
        assert_exit 5
        assert_err 'table public.keyless is not what the manifest says'
        mig mig-backup restore "$PWD/$lie.mig" -t keyless --yes --confirm "$PGDATABASE"
        assert_exit 5
        assert_err 'public.keyless: 3 rows with digest [0-9a-f]* were sent, the backup says'
        assert_untouched "$before"
        for mode in missing merge replace; do
            mig mig-backup restore "$PWD/w_$lie.mig" -t watched --mode $mode --on-conflict overwrite --yes --confirm "$PGDATABASE"
            assert_exit 5
            assert_err 'public.watched: 2 rows .* were sent, the backup says'
            assert_untouched "$before"
        done
        # what is true of the other tables is restored
        mig mig-backup restore "$PWD/w_$lie.mig" -t keyless --dry-run
        assert_exit 0
    done
}

@test "--verify full reads the tables again: what somebody's event trigger made of the rows is not passed over" {
    local before mode
    sql "update watched set v = 'z' where id = 1" "delete from watched where id = 2" \
        "create function meddle() returns event_trigger language plpgsql as \$\$ begin update public.watched set v = 'meddled' where id = 2; end \$\$" \
        "create event trigger meddle on ddl_command_end when tag in ('ALTER TABLE') execute function meddle()"
    before=$(data "$PGDATABASE" | sha256sum)
    for mode in merge replace; do
        restore -t watched --mode $mode --on-conflict overwrite --verify full
        assert_exit 3
        assert_err 'public.watched, read again, has 2 rows with digest' 'the backup says 2 with'
        assert_untouched "$before"
    done
    sql "truncate watched"
    restore -t watched --verify full
    assert_exit 3
    assert_err 'read again'
    assert_equal "$(sql "select count(*) from watched")" 0
    # another row more, too
    sql "create or replace function meddle() returns event_trigger language plpgsql as \$\$ begin insert into public.watched select 3, 'c' from public.watched where id = 1 on conflict do nothing; end \$\$"
    restore -t watched --verify full
    assert_exit 3
    assert_err 'has 3 rows with digest'
    sql "alter event trigger meddle disable" "truncate watched"
    restore -t watched --verify full
    assert_exit 0
}

@test "the name must be said, and be right" {
    mig mig-backup restore "$FILE" --mode missing
    assert_exit 4
    assert_err "--confirm $PGDATABASE"
    mig mig-backup restore "$FILE" --mode missing --yes
    assert_exit 4
    mig mig-backup restore "$FILE" --mode missing --yes --confirm wrong
    assert_exit 4
}

@test "a table or column that the file does not hold" {
    restore -t nosuch
    assert_exit 2
    assert_err 'does not hold a table nosuch'
    restore -t users:nosuch
    assert_exit 2
    assert_err 'no column "nosuch"'
    restore -t users:up
    assert_exit 2
    assert_err 'computed'
    restore -t 'users:'
    assert_exit 2
    restore -t keyless --mode merge
    assert_exit 4
    assert_err 'has no key'
}

@test "a backup of another environment needs --from-env" {
    cat >mig.json <<END
{"environments": {"staging": {"databases": ["$PGDATABASE"]}, "production": {"databases": ["$ORIGINAL"], "production": true}}}
END
    mig mig-backup create -d "$ORIGINAL" --env production -t keyless -o p.mig
    assert_exit 0
    sql "truncate keyless"
    mig mig-backup restore p.mig --env staging --yes --confirm "staging/$PGDATABASE"
    assert_exit 4
    assert_err 'from the environment production' '--from-env production'
    mig mig-backup restore p.mig --env staging --from-env production --yes
    assert_exit 0
    mig mig-backup restore p.mig -d "$ORIGINAL" --env production --yes --mode replace
    assert_exit 4
    assert_err "production/$ORIGINAL"
}

@test "as the owner alone, without a superuser" {
    role_create mig_owner
    sql "truncate users, orders, notes, keyless, hen, egg, staff, watched restart identity" "grant all on schema public to mig_owner"
    for t in users orders notes keyless hen egg staff watched; do sql "alter table $t owner to mig_owner"; done
    sql "alter function spoil() owner to mig_owner"
    restore -U mig_owner --verify full
    assert_exit 0
    assert_as_original
}

@test "SIGINT in the middle: exit 130, and nothing of it is there" {
    local pid i
    sql "create table big (id int primary key, v text)" "insert into big select g, repeat(md5(g::text), 8) from generate_series(1, 300000) g"
    mig mig-backup create -t big --no-ddl -o big.mig
    assert_exit 0
    sql "truncate big" "create function slowly(int) returns bool language plpgsql as 'begin if \$1 % 1000 = 0 then perform pg_sleep(0.05); end if; return true; end'" \
        "alter table big add check (slowly(id))"
    (trap - INT; exec mig-backup restore big.mig --yes --confirm "$PGDATABASE" -q >said 2>&1) &
    pid=$!
    for ((i = 0; i < 600; i++)); do
        [ "$(sql "select exists (select 1 from pg_stat_activity where datname = current_database() and query like 'COPY%' and application_name = 'mig-backup')")" != t ] || break
        sleep 0.05
    done
    kill -INT "$pid"
    wait "$pid" && status=0 || status=$?
    assert_equal "$status" 130
    assert_equal "$(sql "select count(*) from big")" 0
}
