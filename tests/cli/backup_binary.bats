#!/usr/bin/env bats
# Rows read in COPY's binary form are the rows that COPY text would have given, to the byte.

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
insert into b (id, num) select 500000 + i, n from unnest(array['NaN', 'Infinity', '-Infinity', '0', '-0', '0.000', '1e131071', '1e-16383', '-9999.9999',
       '10000', '0.0001', '0.00001', '99999999', '100000000.00000001', '1e-4', '123e20']::numeric[]) with ordinality as x (n, i);
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
