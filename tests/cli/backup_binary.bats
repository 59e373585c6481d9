#!/usr/bin/env bats
# Rows that travel in COPY's binary form, either way, are the rows that COPY text would have given, to the byte.

load ../lib/common

setup_file() {
    db_create
    key_make
    sql -f - <<'SQL'
select setseed(0.5);
create table b (
    id bigint primary key, small smallint, n int, big bigint, o oid, flag boolean, u uuid, t text, v varchar(200), c char(12),
    nm name, j json, jb jsonb, d date, tm time, tm3 time(3), ts timestamp, ts3 timestamp(3), tz timestamptz, num numeric, num2 numeric(12,2)
);
-- Random values of every size, and nulls.
insert into b
select i, (random() * 65535 - 32768)::int::smallint, ((random() - 0.5) * power(2, i % 33) * 0.99)::bigint::int, ((random() - 0.5) * power(2, i % 64) * 0.99)::bigint,
       (random() * 4294967295)::bigint::oid, case i % 3 when 0 then true when 1 then false end, gen_random_uuid(),
       repeat(chr(1 + i % 300), i % 70) || chr(1 + i % 127) || repeat('x"\', i % 5), md5(i::text) || E'\t' || chr(1 + i % 40), 'c' || i % 1000,
       ('n' || i)::name, json_build_object('k' || chr(1 + i % 200), i, 'x', repeat('"', i % 40)), jsonb_build_object('k' || chr(1 + i % 200), i, 'x', array[repeat('"', i % 40)]),
       date '4713-01-01 BC' + (random() * 2147483)::int, time '00:00' + random() * interval '24 h', time '00:00' + random() * interval '24 h',
       timestamp '4713-01-01 BC' + random() * interval '298988 years', timestamp '1990-01-01' + random() * interval '60 years',
       timestamptz '2000-01-01' + (random() - 0.5) * interval '8000 years',
       round(((random() - 0.5) * power(10::numeric, i % 60))::numeric, i % 25) / power(10::numeric, i % 31), round((random() * 1e9)::numeric, 2)
  from generate_series(1, 20000) i;
insert into b (id, d) select 100000 + i, date '4713-01-01 BC' + i * 37 from generate_series(0, 120000) i;
insert into b (id, ts, tz) select 300000 + i, 'epoch'::timestamp + i * interval '1 us', 'epoch'::timestamptz - i * interval '1 us' from generate_series(0, 2000) i;
insert into b (id, ts) select 400000 + i, timestamp '0001-01-03' - i * interval '1 day' from generate_series(0, 800) i;
insert into b (id, num) select 500000 + i, n from unnest(array['NaN', '0', '-0', '0.000', '1e131071', '1e-16383', '-9999.9999',
       '10000', '0.0001', '0.00001', '99999999', '100000000.00000001', '1e-4', '123e20']::numeric[]) with ordinality as x (n, i);
select current_setting('server_version_num')::int >= 140000 as infinite \gset
\if :infinite
insert into b (id, num) values (505000, 'Infinity'), (505001, '-Infinity');
\endif
insert into b (id, num) select 510000 + i, (case when i % 2 = 0 then 1 else -1 end) * power(10::numeric, i - 60) * (i * 7919 % 100003) from generate_series(0, 120) i;
insert into b (id, num) select 520000 + i, round(1::numeric / 3, i) from generate_series(0, 40) i;
insert into b (id, d, ts, tz, tm) values (600000, 'infinity', 'infinity', 'infinity', '24:00'), (600001, '-infinity', '-infinity', '-infinity', '00:00'),
       (600002, '5874897-12-31', '294276-12-31 23:59:59.999999', '294276-12-31 23:59:59.999999+00', '23:59:59.999999'),
       (600003, '4713-01-01 BC', '4713-01-01 00:00:00 BC', '4713-01-01 00:00:00+00 BC', '00:00:00.000001');
insert into b (id, small, n, big, o) values (700000, -32768, -2147483648, -9223372036854775808, 0), (700001, 32767, 2147483647, 9223372036854775807, 4294967295);
insert into b (id, t) select 800000 + i, repeat('a', i) || chr(34) || repeat('b', 200 - i) || chr(92) from generate_series(0, 200) i;
insert into b (id, t) values (900000, repeat(E'long \t "row" \\ ', 400000)), (900001, ''), (900002, null);
create table other (id int primary key, f float8, e text[], i interval);
insert into other values (1, 0.1, '{a,NULL}', '1 day');
-- Types of our own, bytes, and floating point, which is only put back in binary.
create type mood as enum ('calm', 'in "a" hurry\', 'ärgerlich');
create domain cents as numeric(12,2) check (value > -1000000);
create domain label as varchar(20) not null;
create domain deeper as cents;
create domain moody as mood;
create table u (id int primary key, y bytea, m mood, c cents, l label, mm moody);
insert into u select i, case i % 7 when 0 then null else decode(md5(i::text) || repeat('005c22ff', i % 50), 'hex') end, (enum_range(null::mood))[1 + i % 4],
       (random() * 1e6)::numeric(12,2), 'l' || i || E'\t"', (enum_range(null::mood))[1 + i % 3] from generate_series(1, 5000) i;
insert into u values (10001, '', null, null, '', null), (10002, decode(repeat('00', 3000000), 'hex'), 'calm', 0, 'x', null);
create table f (id int primary key, r real, d float8);
insert into f select i, ((random() - 0.5) * power(10::float8, i % 60 - 30))::real, (random() - 0.5) * power(10::float8, i % 600 - 300) from generate_series(1, 20000) i;
insert into f values (30001, 'NaN', 'NaN'), (30002, 'Infinity', '-Infinity'), (30003, -0.0, '-0'), (30004, '1e-37', '2.2250738585072014e-308'),
       (30005, '3.4028235e38', '1.7976931348623157e308'), (30006, 16777216, 9007199254740993), (30007, 0.3, 0.30000000000000004), (30008, 1e15, 1e15), (30009, 123456.7, 1e23);
create table f2 (like f including all);
insert into f2 select * from f;
insert into f2 values (40000, '1e-45', '5e-324');
create table deep (id int primary key, d deeper);
insert into deep values (1, 1.5);
SQL
}
teardown_file() { db_drop; }
setup() {
    cd "$BATS_TEST_TMPDIR"
    export MIG_BACKUP_DIR=$BATS_TEST_TMPDIR/shelf
}

# What COPY text says, made JSON by someone else.
oracle() {
    psql -XAtq -c "set datestyle = 'ISO'" -c "set timezone = 'UTC'" -c "copy (select * from $1 order by id) to stdout" | "$MIG_PYTHON" -c '
import json, sys
letters = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "\\": "\\"}
def field(f):
    if f == "\\N":
        return None
    out, i = [], 0
    while i < len(f):
        if f[i] == "\\":
            i += 1
            out.append(letters[f[i]])
        else:
            out.append(f[i])
        i += 1
    return "".join(out)
for line in sys.stdin.buffer.read().decode().split("\n")[:-1]:
    print(json.dumps([field(f) for f in line.split("\t")], ensure_ascii=False, separators=(",", ":")))' | LC_ALL=C sort
}

@test "every type that is read in binary gives the text that COPY text gives" {
    mig mig-backup create -t b --no-ddl
    assert_exit 0
    mig-backup cat latest -t b >ours
    LC_ALL=C sort ours >sorted
    oracle b >theirs
    [ "$(wc -l <theirs)" -gt 140000 ]
    cmp sorted theirs
}

@test "the server was asked for binary where every type is known, for text elsewhere" {
    sql "alter database \"$PGDATABASE\" set log_statement = 'all'"
    mig mig-backup create -t other -t b --no-ddl
    assert_exit 0
    grep -a "statement: COPY \"public\".\"b\" (\"id\", \"small\"" "$MIG_TEST_CLUSTER/server.log" | tail -1 >asked
    grep -q "FORMAT binary" asked
    grep -a "statement: COPY \"public\".\"other\" (\"id\", \"f\"" "$MIG_TEST_CLUSTER/server.log" | tail -1 >asked
    assert_equal "$(grep -c "TO STDOUT$" asked) $(grep -c "FORMAT binary" asked)" "1 0"
    mig-backup cat latest -t other >ours
    assert_equal "$(cat ours)" '["1","0.1","{a,NULL}","1 day"]'
}

# How rows were put into TABLE.
# Of this database: the same worker may run this file twice.
copies() { grep -a "@$PGDATABASE .*statement: COPY $1 .* FROM STDIN" "$MIG_TEST_CLUSTER/server.log" | sed 's/.*FROM STDIN/FROM STDIN/'; }
dump() { pg_dump --data-only -t "$1" | sed -n '/^COPY/,/^\\\.$/p' | sed '1d;$d' | LC_ALL=C sort; }

@test "restored in binary and as text, every type is what it was" {
    # An interval puts the same rows on the way of text.
    sql "create table bt as select *, interval '1 day' as i from b" "create schema back" "create table back.b (like b including all)" "create table back.bt (like bt)" \
        "create schema again" "create table again.b (like b including all)"
    mig mig-backup create -t b -t bt --no-ddl
    assert_exit 0
    sql "alter database \"$PGDATABASE\" set log_statement = 'all'"
    mig mig-backup restore latest --into back --yes --confirm "$PGDATABASE"
    assert_exit 0
    # The longest numerics, an infinity too, are for text: the table goes on in it from there.
    assert_equal "$(copies '"back"."b"')" "$(printf 'FROM STDIN (FORMAT binary)\nFROM STDIN')"
    assert_equal "$(copies '"back"."bt"')" "FROM STDIN"
    dump b >was
    [ "$(wc -l <was)" -gt 140000 ]
    dump back.b >now
    cmp was now
    dump bt >was
    dump back.bt >now
    cmp was now
    # Without those, all of it in binary.
    sql "delete from b where length(num::text) > 2000 or num::text like '%Infinity'"
    mig mig-backup create -t b --no-ddl
    assert_exit 0
    mig mig-backup restore latest --into again --verify full --yes --confirm "$PGDATABASE"
    assert_exit 0
    assert_out "digest equal"
    assert_equal "$(copies '"again"."b"')" "FROM STDIN (FORMAT binary)"
    dump b >was
    dump again.b >now
    cmp was now
}

# TYPE, what format_type() makes of it where that is longer, then values: each is written into a signed backup, restored, and must be what the server makes
# of the same text, or be refused with the table and the server's or our reason.
forged() {
    local type=$1 name=$2 value
    shift 2
    for value in "$@"; do
        sql "set client_min_messages = error" "drop table if exists forged" "create table forged (c1 int, c2 $type)"
        rm -f forged.mig
        "$MIG_PYTHON" -c 'import json, sys; print(json.dumps(["1", sys.argv[1]], ensure_ascii=False))' "$value" | tr -d '\n' | sed 's/", "/","/; s/$/\n/' |
            "$forge" "$HOME/.config/mig/key" forged.mig forged integer "$name"
        psql -XAtq -v ON_ERROR_STOP=1 -v v="$value" >expected 2>expected.err <<'SQL' || echo refused >expected
set datestyle = 'ISO, MDY'; set timezone = 'UTC'; set search_path = '';
create temporary table x as select * from public.forged;
insert into x values (1, :'v');
select * from x;
SQL
        mig mig-backup restore forged.mig --yes --confirm "$PGDATABASE"
        if [ "$status" = 0 ]; then
            sql "set timezone = 'UTC'" "select * from forged" >found
        else
            assert_exit 3
            assert_err "public.forged"
            [ "${#stderr}" -gt 40 ]
            echo refused >found
            assert_equal "$(sql "select count(*) from forged")" 0
        fi
        if ! cmp expected found >&2; then
            echo "$type '$value': $(cat expected) expected, $(cat found) found" >&2
            return 1
        fi
    done
}

@test "a value in other words than the server's, or a wrong one: what the server makes of it, or its refusal" {
    forge=$(dirname "$(command -v mig-backup)")/../tools/forge # make unit-build
    forged boolean boolean true ' t' 2 t
    forged smallint smallint 40000 -32769 ' 7' +7 007 -0 x ''
    forged int integer 2147483648 1.0 1e3
    forged bigint bigint 9223372036854775808 -9223372036854775808
    forged oid oid -1 4294967296 4294967295
    forged uuid uuid 0E04FB6D-7795-41B0-A442-39F7B7940539 '{0e04fb6d-7795-41b0-a442-39f7b7940539}' 0e04fb6d779541b0a44239f7b7940539 0e04fb6d-7795-41b0-a442-39f7b794053
    forged date date 2001-02-29 '1 Feb 2020' 2020-2-3 0000-01-01 4714-11-23\ BC 4714-11-24\ BC 5874898-01-01 5874897-12-31 99999-12-31 epoch
    forged time "time without time zone" 24:00:00 24:00:01 12:30 '12:30:00 PM' 12:00:60 12:00:00.1234567
    forged 'time(2)' "time(2) without time zone" 12:00:00.129 23:59:59.999
    forged timestamp "timestamp without time zone" '2020-01-01' '2020-01-01 24:00:00' '294277-01-01 00:00:00' '4714-11-23 23:59:59 BC' '2020-01-01 00:00:00+05' '2020-02-30 00:00:00'
    forged 'timestamp(1)' "timestamp(1) without time zone" '2020-01-01 00:00:00.25' '294276-12-31 23:59:59.99'
    forged timestamptz "timestamp with time zone" '2020-01-01 00:00:00' '2020-01-01 00:00:00+05' '0001-01-01 00:00:00+00 BC' '294277-01-01 00:00:00+00'
    forged numeric numeric 1e5 .5 1. -0 -0.00 007.10 Infinity NaN nan 1e131072 1e-20000 "$(printf '9%.0s' {1..3000}).5"
    forged 'numeric(5,2)' "numeric(5,2)" 123.456 999.995 1000 -999.994 0.001 NaN Infinity
    forged 'varchar(3)' "character varying(3)" abc 'ab   ' abcd äöü äöüß ''
    forged 'char(3)' "character(3)" a 'a     ' abcd ''
    forged text text '\N' '\.' $'tab\there' 'a\tb'
    forged bytea bytea '\x' '\xAB' '\x0' '\xzz' abc 'a\000b' '\x 01'
    forged float8 "double precision" 1e400 5e-324 1e-400 ' 1' inf nan 0x10 1.5 '' -0
    forged real real 1e39 1e-46 16777217 0.1 NaN
    forged json json '{"a":  1,"a":2}' '{a}' '' '"\u0000"'
    forged jsonb jsonb '{"b":1, "a":  2,"a":3}' '{a}' '' '"\u0000"' '"\ud800"' 1e400
}

@test "enums, domains and bytes travel in binary both ways, floating point back" {
    sql "create schema mine" "create table mine.u (like u including all)" "create table mine.f (like f including all)" "create table mine.f2 (like f including all)" \
        "create table mine.deep (like deep including all)" "alter database \"$PGDATABASE\" set log_statement = 'all'"
    mig mig-backup create -t u -t f -t f2 -t deep --no-ddl
    assert_exit 0
    for t in "u binary" "f text" "deep text"; do
        grep -a "statement: COPY \"public\".\"${t% *}\" .*TO STDOUT" "$MIG_TEST_CLUSTER/server.log" | tail -1 >asked
        case $t in
        *binary) grep -q "FORMAT binary" asked ;;
        *) run ! grep "FORMAT binary" asked ;;
        esac
    done
    mig-backup cat latest -t u | LC_ALL=C sort >ours
    oracle u >theirs
    cmp ours theirs
    mig mig-backup restore latest --into mine --verify full --yes --confirm "$PGDATABASE"
    assert_exit 0
    assert_equal "$(copies '"mine"."u"')" "FROM STDIN (FORMAT binary)"
    assert_equal "$(copies '"mine"."f"')" "FROM STDIN (FORMAT binary)"
    assert_equal "$(copies '"mine"."f2"')" "$(printf 'FROM STDIN (FORMAT binary)\nFROM STDIN')" # subnormal
    assert_equal "$(copies '"mine"."deep"')" "FROM STDIN"
    for t in u f f2 deep; do
        dump "$t" >was
        dump "mine.$t" >now
        cmp was now
    done
    # A domain's rule holds in binary too.
    sql "truncate mine.u" "alter domain cents drop constraint cents_check" "alter domain cents add check (value <> 0) not valid"
    mig mig-backup restore latest -t u --into mine --yes --confirm "$PGDATABASE"
    assert_exit 4 # the domain is another now
    sql "alter domain cents drop constraint cents_check" "alter domain cents add constraint cents_check check (value > -1000000)"
    sql "alter table mine.u add check (m <> 'calm')"
    mig mig-backup restore latest -t u --into mine --yes --confirm "$PGDATABASE"
    assert_exit 3
    assert_err "violates check constraint"
}

@test "what the server refuses of binary rows, it says why, and nothing stays" {
    sql "create table strict (id int primary key, t text, n numeric)" "insert into strict select i, 'v' || i, i from generate_series(1, 30000) i"
    mig mig-backup create -t strict --no-ddl
    assert_exit 0
    sql "truncate strict" "alter table strict add check (n <> 20000)"
    mig mig-backup restore latest --yes --confirm "$PGDATABASE"
    assert_exit 3
    assert_err "cannot write public.strict"
    assert_err "violates check constraint"
    assert_equal "$(sql "select count(*) from strict")" 0
}

@test "columns that are not put back travel as the text that they are staged as" {
    sql "create table part (id int primary key, a int, u uuid, t text)" "insert into part select i, i * 3, gen_random_uuid(), 't' || i from generate_series(1, 5000) i" \
        "create table part_was as table part"
    mig mig-backup create -t part --no-ddl
    assert_exit 0
    sql "update part set a = null, u = null, t = null"
    mig mig-backup restore latest -t part:u --on-conflict overwrite --yes --confirm "$PGDATABASE"
    assert_exit 0
    assert_equal "$(sql "select count(*) from part join part_was w using (id) where part.u = w.u and part.a is null and part.t is null")" 5000
}

@test "verify --against-db, which reads text, finds the same rows" {
    mig mig-backup create -t b --no-ddl
    assert_exit 0
    mig mig-backup verify latest --against-db
    assert_exit 0
    assert_out "the same"
}

@test "in ctid ranges too, whatever -j" {
    sql "create table wide as select i as id, repeat('q\"', 1000) as t, i::numeric / 7 as n, 'x'::text as k from generate_series(1, 60000) i" "alter table wide alter t set storage external"
    mig mig-backup create -t wide --no-ddl -j 1 --format json=one.json
    assert_exit 0
    mig mig-backup create -t wide --no-ddl -j 3 --format json=three.json
    assert_exit 0
    assert_equal "$(grep -h digest one.json)" "$(grep -h digest three.json)"
    mig mig-backup verify latest --against-db
    assert_exit 0
    assert_out "the same"
}
