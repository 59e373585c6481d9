#!/usr/bin/env bats
# Snapshot -> restore into an empty copy -> snapshot: the same digests, the same pg_dump text; for a schema
# of every type and oddity, in every kind of database, as a role that is no more than the owner.

load ../lib/common

setup_file() {
    key_make
    role_create mig_owner
    export MIG_BACKUP_DIR=$BATS_FILE_TMPDIR/shelf
    P=rt_$$
    export P
}
teardown_file() {
    for db in utf8 latin1 ascii; do
        sql -d postgres "drop database if exists ${P}_$db" "drop database if exists ${P}_${db}_1" \
            "drop database if exists ${P}_${db}_2" 2>/dev/null
    done
}
setup() { cd "$BATS_TEST_TMPDIR"; }

make_db() { # NAME ENCODING
    sql -d postgres "create database $1 owner mig_owner encoding '$2' lc_collate 'C' lc_ctype 'C' template template0"
    sql -d "$1" "grant create on schema public to mig_owner" "create extension hstore" "create extension citext"
}
# pg_dump orders tables of a foreign-key cycle by their oids: its blocks are compared in an order of their own.
data() { pg_dump --data-only -d "$1" 2>/dev/null | grep -vE '^\\(un)?restrict' | "$MIG_PYTHON" -c 'import sys
sys.stdout.buffer.write(b"\n\n".join(sorted(b.strip(b"\n-") for b in sys.stdin.buffer.read().split(b"\n\n\n--\n"))))'; }
schema() { pg_dump --schema-only -d "$1" | grep -vE '^\\(un)?restrict'; }
# What a backup says its tables hold, without what differs between databases.
digests() { json "['tables']" - <"$1" | "$MIG_PYTHON" -c 'import json,sys
for t in json.load(sys.stdin): print(t["name"], t["rows"], t["digest"])'; }

round_trip() { # NAME ENCODING ODD [COPY'S ENCODING]
    local db=${P}_$1
    make_db "$db" "$2"
    PGOPTIONS='-c client_min_messages=warning' psql -XAtq -v ON_ERROR_STOP=1 -U mig_owner -d "$db" -v odd="$3" \
        -f "$MIG_ROOT/tests/lib/everything.sql" >/dev/null
    mig mig-backup create -U mig_owner -d "$db" --all --require-ddl --format json=a.json
    assert_exit 0

    # into nothing: tables, types and sequences are made again
    make_db "${db}_1" "$2"
    sql -U mig_owner -d "${db}_1" 'create function spoil() returns trigger language plpgsql as $$ begin NEW.v := $x$spoiled$x$; return NEW; end $$'
    mig mig-backup restore "$(json "['file']" - <a.json)" -U mig_owner -d "${db}_1" --create --verify full --yes --confirm "${db}_1"
    assert_exit 0
    refute_err warning
    mig mig-backup create -U mig_owner -d "${db}_1" --all --format json=b.json
    assert_exit 0
    assert_equal "$(digests b.json)" "$(digests a.json)"
    diff <(data "$db") <(data "${db}_1")
    diff <(schema "$db" | grep -v spoiled) <(schema "${db}_1" | grep -v spoiled) | grep '^[<>]' | grep -v '^. *\(--.*\|\)$' >schema.diff || true
    assert_equal "$(grep -c 'CREATE TABLE' schema.diff)" 0

    # into an empty copy of the schema
    make_db "${db}_2" "$2"
    pg_dump --schema-only -d "$db" | psql -XAtq -d "${db}_2" >/dev/null 2>&1
    mig mig-backup restore "$(json "['file']" - <b.json)" -U mig_owner -d "${db}_2" --verify full --yes --confirm "${db}_2"
    assert_exit 0
    mig mig-backup create -U mig_owner -d "${db}_2" --all --format json=c.json
    assert_exit 0
    assert_equal "$(digests c.json)" "$(digests a.json)"
    diff <(data "$db") <(data "${db}_2")
    diff <(schema "$db") <(schema "${db}_2")
}

@test "UTF8, as the owner" {
    round_trip utf8 UTF8 "U&'na\\00EFve \\2603 \\+01F418 \\FFFD'"
}

@test "LATIN1, as the owner" {
    round_trip latin1 LATIN1 "chr(239) || chr(255) || chr(160)"
}

@test "SQL_ASCII: bytes that are no text come back as they were" {
    round_trip ascii SQL_ASCII "convert_from('\\xfffe80c3', 'SQL_ASCII') || chr(200)"
}

@test "the role's own settings do not reach the backup" {
    local db=${P}_utf8
    sql -d postgres "alter role mig_owner in database $db set datestyle = 'German'" \
        "alter role mig_owner in database $db set extra_float_digits = -5" \
        "alter role mig_owner in database $db set bytea_output = 'escape'" \
        "alter role mig_owner in database $db set intervalstyle = 'sql_standard'" \
        "alter role mig_owner in database $db set timezone = 'America/St_Johns'" \
        "alter role mig_owner in database $db set client_encoding = 'LATIN1'" \
        "alter role mig_owner in database $db set statement_timeout = '25ms'" \
        "alter role mig_owner in database $db set row_security = 'on'" \
        "alter role mig_owner in database $db set idle_in_transaction_session_timeout = '1ms'" \
        "alter role mig_owner in database $db set search_path = 'nowhere'" \
        "alter role mig_owner in database $db set default_transaction_isolation = 'serializable'"
    mig mig-backup create -U mig_owner -d "$db" -t public.scalars -t public.made -o a.mig --format json=a.json --no-ddl
    assert_exit 0
    sql -d postgres "alter role mig_owner in database $db reset all"
    mig mig-backup create -U mig_owner -d "$db" -t public.scalars -t public.made -o b.mig --format json=b.json --no-ddl
    assert_equal "$(digests a.json)" "$(digests b.json)"
}

@test "row security that applies is an error, not fewer rows" {
    local db=${P}_utf8
    sql -d "$db" "alter table guarded force row level security"
    mig mig-backup create -U mig_owner -d "$db" -t public.guarded -o c.mig
    assert_exit 3
    assert_err 'guarded' 'row-level security|row security'
    [ ! -e c.mig ]
    sql -d "$db" "alter table guarded no force row level security"
}

@test "one session or four: the same digests" {
    local db=${P}_utf8
    mig mig-backup create -d "$db" --all -j 1 -o a.mig --format json=a.json
    mig mig-backup create -d "$db" --all -j 4 -o b.mig --format json=b.json
    assert_exit 0
    assert_equal "$(digests a.json)" "$(digests b.json)"
}

@test "SQL_ASCII: a name that is not UTF-8 is refused, DDL that is not is left out and told" {
    local db=${P}_ascii
    psql -XAtq -v ON_ERROR_STOP=1 -d "$db" <<'END'
set client_encoding = 'SQL_ASCII';
do $$ begin execute format('create table %I (id int)', E'caf\xe9'); end $$;
create table plain (id int primary key, v text);
do $$ begin execute format('alter table plain alter v set default %L', E'\xe9'); end $$;
insert into plain (id) values (1);
END
    mig mig-backup create -d "$db" -t 'public.caf*' -o x.mig
    assert_exit 3
    assert_err 'the table "caf\\xe9" is not UTF-8' '--exclude'
    [ ! -e x.mig ]
    mig mig-backup create -d "$db" -t public.plain -o x.mig
    assert_exit 0
    assert_out 'no DDL, restore --create will not be possible: it has bytes that are not UTF-8'
    mig mig-backup create -d "$db" -t public.plain -o y.mig --require-ddl
    assert_exit 3
    sql -d "$db" "delete from plain"
    mig mig-backup restore x.mig -d "$db" --verify full --yes --confirm "$db"
    assert_exit 0
    assert_equal "$(sql -d "$db" "select encode(v::bytea, 'hex') from plain")" e9
}
