#!/usr/bin/env bats
# mig-backup create: what is chosen, what is said, and that nothing half-made ever stands under a good name.

load ../lib/common
load ../lib/waiting

setup_file() {
    db_create
    key_make
    sql "create table a (id int primary key, v text, w text)" "insert into a select g, 'v' || g from generate_series(1, 100) g" \
        "create table b (id int primary key, a_id int references a on delete cascade)" "insert into b select g, g from generate_series(1, 50) g" \
        "create table \"Mixed Case\" (x int)" \
        "create schema s" "create table s.a (id int)" \
        "create table p (id int, k int) partition by list (k)" "create table p1 partition of p for values in (1)" \
        "create table p2 partition of p for values in (2)" "insert into p values (1, 1), (2, 2), (3, 2)" \
        "create table mother (id int)" "create table child () inherits (mother)" "insert into mother values (1)" "insert into child values (2)" \
        "create materialized view mv as select 1 as x" "create view plain as select 1 as x" \
        "create unlogged table u (id int)" \
        "create table big (id int primary key, v text)" \
        "insert into big select g, repeat(md5(g::text), 8) from generate_series(1, 300000) g"
}
teardown_file() { db_drop; }
setup() {
    cd "$BATS_TEST_TMPDIR"
    export MIG_BACKUP_DIR=$BATS_TEST_TMPDIR/shelf
    mkdir -p shelf
}

tables() { json "['tables']" | "$MIG_PYTHON" -c 'import json,sys
print(" ".join(t["name"] for t in json.load(sys.stdin)))'; }
# Neither a backup nor what was to become one.
assert_no_file() {
    assert_equal "$(find shelf -type f ! -path '*/.state/*' ! -name .gitignore | wc -l)" 0
}

@test "patterns are psql's" {
    mig mig-backup create --format json -t public.a
    assert_exit 0
    assert_equal "$(tables)" "public.a"
    mig mig-backup create --format json -t 'public.A' -t '*.?'  --exclude 'public.[bup]'
    assert_equal "$(tables)" "public.a s.a"
    mig mig-backup create --format json -t 's.*'
    assert_equal "$(tables)" "s.a"
    mig mig-backup create --format json -t "$PGDATABASE.s.a"
    assert_equal "$(tables)" "s.a"
    mig mig-backup create --format json -t 'other.s.a'
    assert_exit 2
    assert_err 'another database'
    mig mig-backup create --format json -t 'nosuch*'
    assert_exit 2
    assert_err 'nosuch'
}

@test "a name alone is what psql would show: along the role's own search_path" {
    mig mig-backup create --format json -t a -t '"Mixed Case"'
    assert_exit 0
    assert_equal "$(tables)" "public.Mixed Case public.a"
    assert_err 'a: 1 of that name in other schemas is not meant' '"\*\.a" means every schema'
    sql "drop role if exists pat" "create role pat login superuser" "alter role pat set search_path = s, public"
    mig mig-backup create --format json -U pat -t a -t b
    assert_equal "$(tables)" "public.b s.a"
    mig mig-backup create --format json -U pat -t '*.a'
    assert_equal "$(tables)" "public.a s.a"
    PGOPTIONS='-c search_path=s' mig mig-backup create --format json -t a
    assert_equal "$(tables)" "s.a"
    PGOPTIONS='-c search_path=s' mig mig-backup create --format json -t b
    assert_exit 2
    assert_err 'no table matches "b"' 'SCHEMA.NAME'
    # the same answer as psql's, pattern by pattern
    for p in 'a' '?' '[ab]' 'a|b' 'A' '"Mixed Case"' 'm*' '*' 'S.*' '"s".a' 's."a"' 'public.p?' 'p.' 'x$'; do
        wanted=$(psql -XAt -U pat -c "\\dt $p" 2>/dev/null | cut -d'|' -f1,2 | tr '|' . | LC_ALL=C sort | grep -vE '^(public.(big|child|p|p1|p2)$|pg_catalog)' | tr '\n' ' ') || :
        mig mig-backup create --format json -U pat -t "$p" --exclude '*.big' --exclude '*.child' --exclude '*.p' --no-ddl
        got=
        [ "$status" -eq 2 ] || got=$(tables)
        assert_equal "$p: $got" "$p: ${wanted% }"
    done
    sql "drop owned by pat; drop role pat"
}

@test "what no parser can see into is not taken for saved" {
    printf 'drop table b;\ndo $$ begin delete from a; end $$;\n' >t.sql
    mig mig-backup create --for-sql t.sql
    assert_exit 3
    assert_no_file
    assert_err 'nobody can tell what 1 statement of this plan touches' 'DO \(.*t.sql, line 2\)' '--table' '--allow-opaque'
    assert_no_file
    mig mig-backup create --format json --for-sql t.sql --allow-opaque
    assert_exit 0
    assert_err 'DO \(.*t.sql, line 2\)'
    assert_equal "$(tables)" "public.b"
    # A function that is not volatile cannot write: the server says so, the text does not.
    sql "create function seen(int) returns int immutable language sql as 'select \$1'" "create function done(int) returns int language sql as 'select \$1'"
    printf 'alter table a alter id type bigint using seen(id);\n' >t.sql
    mig mig-backup create --format json --for-sql t.sql
    assert_exit 0
    assert_equal "$(tables)" "public.a"
    printf 'alter table a alter id type bigint using seen(done(id));\n' >t.sql
    mig mig-backup create --for-sql t.sql
    assert_exit 3
    assert_err 'what 1 statement of this plan touches' 'function done \('
    sql "drop function seen, done"
    mig mig-backup create -t a --allow-opaque
    assert_exit 2
    printf 'this is not sql;\n' >t.sql
    mig mig-backup create --for-sql t.sql
    assert_exit 3
}

@test "a partitioned table is its partitions; an inheritance parent its own rows" {
    mig mig-backup create --format json -t p -t mother
    assert_exit 0
    assert_equal "$(tables)" "public.mother public.p1 public.p2"
    assert_equal "$(json "['tables'][0]['rows']")" 1
    assert_equal "$(json "['tables'][2]['rows']")" 2
}

@test "everything, but what is excluded; what has no rows of its own is said" {
    mig mig-backup create --format json --all --exclude big --exclude p --exclude 's.*'
    assert_exit 0
    assert_equal "$(tables)" "public.Mixed Case public.a public.b public.child public.mother public.u"
    assert_equal "$(json "['notes'][0]" | grep -c 'public.mv: a materialized view')" 1
}

@test "foreign tables, tables of extensions, large objects: not saved, and each is said" {
    sql "create foreign data wrapper nowhere" "create server far foreign data wrapper nowhere" "create foreign table afar (id int) server far" \
        "create extension citext" "create table config (id int)" "insert into config values (1)" "alter extension citext add table config" "select lo_create(0)" >/dev/null
    mig mig-backup create --all --exclude big --no-ddl
    assert_exit 0
    assert_out 'note: public.afar: a foreign table: its rows are elsewhere' 'note: public.config: belongs to an extension: not saved' \
        'note: the database holds 1 large objects: their contents are not saved'
    mig mig-backup create --format json -t afar -t config --no-ddl
    assert_exit 0
    assert_equal "$(tables)" ""
    assert_equal "$(json "['notes']" | grep -c afar)" 1
    sql "alter extension citext drop table config" "drop table config" "drop extension citext" "drop server far cascade" "drop foreign data wrapper nowhere" \
        "select lo_unlink(oid) from pg_largeobject_metadata" >/dev/null 2>&1
}

@test "the leader waits for nobody with a table half renamed: the names are looked at again under the locks" {
    sql "create table moving (id int)" "insert into moving values (1)"
    coproc psql -XAtq
    echo "begin; alter table moving rename to moved; create table moving (id int); insert into moving values (2), (3); select 'ready';" >&"${COPROC[1]}"
    read -r _ <&"${COPROC[0]}"
    mig-backup create -t moving --no-ddl --lock-timeout 60s --format json >said.json 2>said &
    pid=$!
    until_sql "exists (select 1 from pg_stat_activity where application_name = 'mig-backup' and wait_event_type = 'Lock')"
    echo "commit; select 'done';" >&"${COPROC[1]}"
    read -r _ <&"${COPROC[0]}"
    wait "$pid" && status=0 || status=$?
    kill "$COPROC_PID"
    # what was asked for was found by its name before the rename: it is saved whole, under the name it has now
    assert_equal "$status" 0
    output=$(cat said.json)
    assert_equal "$(tables) $(json "['tables'][0]['rows']")" "public.moved 1"
    sql "drop table moving, moved"
}

@test "a script: CASCADE and foreign keys are followed" {
    printf 'truncate a cascade;\n' >t.sql
    mig mig-backup create --format json --for-sql t.sql
    assert_exit 0
    assert_equal "$(tables)" "public.a public.b"
    printf 'delete from a where id < 5;\n' >t.sql
    mig mig-backup create --format json --for-sql t.sql
    assert_equal "$(tables)" "public.a public.b"
    printf 'create index on a (v);\n' >t.sql
    mig mig-backup create --for-sql t.sql
    assert_exit 0
    assert_out 'nothing is affected'
}

@test "loss scope of other tools' scripts: the key and the column, of every row" {
    printf 'alter table a drop column v;\n' >t.sql
    mig mig-backup create --format json --for-sql t.sql --scope loss
    assert_exit 0
    assert_equal "$(tables)" "public.a"
    assert_equal "$(json "['tables'][0]['rows']")" 100
    assert_equal "$(json "['tables'][0]['complete']")" false
    assert_equal "$(json "['tables'][0]['columns'][1]['name']")" v
    printf 'alter table mother drop column id;\n' >t.sql
    mig mig-backup create --for-sql t.sql --scope loss
    assert_exit 0
    assert_out 'public.mother: it has no key, so it is saved whole'
}

@test "flags that exclude one another" {
    mig mig-backup create --all -t a
    assert_exit 2
    mig mig-backup create --all --scope loss
    assert_exit 2
    mig mig-backup create -t a -o x.mig --dir shelf
    assert_exit 2
    mig mig-backup create -t a -o - --format json
    assert_exit 2
    assert_err 'standard output is taken'
}

@test "-o -: the file on standard output, the summary on standard error, and said to be unverified" {
    mig-backup create -t a -o - >x.mig 2>said
    grep -q 'NOT verified' said
    mig mig-backup verify x.mig
    assert_exit 0
}

@test "a file that is there is not overwritten" {
    echo mine >x.mig
    mig mig-backup create -t a -o x.mig
    [ "$status" -ne 0 ]
    assert_equal "$(cat x.mig)" mine
}

@test "a temporary table is refused" {
    # another session's temporary table is not to be seen by name
    coproc psql -XAtq
    echo "create temp table passing (id int); select 'ready', pg_my_temp_schema()::regnamespace;" >&"${COPROC[1]}"
    IFS='|' read -r _ schema <&"${COPROC[0]}"
    mig mig-backup create -t "$schema.passing"
    kill "$COPROC_PID"
    [ "$status" -ne 0 ]
    assert_err 'passing'
    assert_no_file
}

@test "a locked table: the wait is bounded and whoever holds the lock is named" {
    coproc PGAPPNAME=blocking_app psql -XAtq
    echo "begin; lock table a; select 'ready';" >&"${COPROC[1]}"
    read -r _ <&"${COPROC[0]}"
    mig mig-backup create -t a --lock-timeout 200ms
    kill "$COPROC_PID"
    assert_exit 3
    assert_err 'could not be locked' 'blocking_app.* holds an exclusive lock on public.a'
    assert_no_file
}

@test "somebody in line for an exclusive lock is named too" {
    coproc psql -XAtq
    echo "begin; lock table big in access share mode; select 'ready';" >&"${COPROC[1]}"
    read -r _ <&"${COPROC[0]}"
    psql -XAtqc "alter table big add column waits int" &
    until_sql "exists (select 1 from pg_locks where mode = 'AccessExclusiveLock' and not granted and relation = 'big'::regclass)"
    mig mig-backup create -t big --lock-timeout 200ms
    assert_exit 3
    assert_err 'waits for an exclusive lock on public.big'
    kill "$COPROC_PID"
    wait
    sql "alter table big drop column if exists waits"
}

@test "SIGINT, SIGTERM, SIGHUP in the middle: the exit code says so and nothing is left" {
    local pid sig code
    for sig in INT:130 TERM:143 HUP:129; do
        code=${sig#*:}
        (trap - INT; exec mig-backup create -t big -j 1 --no-ddl -o shelf/x.mig 2>said) &
        pid=$!
        freeze_in_copy "$pid"
        kill -"${sig%:*}" "$pid"
        kill -CONT "$pid"
        wait "$pid" && status=0 || status=$?
        assert_equal "$status" "$code"
        assert_no_file
    done
}

@test "the server ends the session, or cancels the query: exit 3, nothing is left" {
    for f in pg_terminate_backend pg_cancel_backend; do
        mig-backup create -t big -j 1 --no-ddl -o shelf/x.mig 2>said &
        freeze_in_copy $!
        sql "select $f(pid) from pg_stat_activity where datname = current_database() and query like 'COPY%' and application_name = 'mig-backup'"
        kill -CONT $!
        wait $! && status=0 || status=$?
        assert_equal "$status" 3
        assert_no_file
    done
}

@test "no more room: exit 3, nothing is left" {
    run bash -c "trap '' XFSZ; ulimit -f 2000; exec mig-backup create -t big --no-ddl"
    assert_equal "$status" 3
    grep -q 'File too large' <<<"$output"
    assert_no_file
}

@test "no key: nothing begins" {
    mig env HOME="$BATS_TEST_TMPDIR" mig-backup create -t a
    assert_exit 2
    assert_err 'no key' 'keygen'
}

@test "without pg_dump there is no DDL, and the result says so; --require-ddl fails" {
    mkdir bin
    mig env PATH="$PWD/bin" "$MIG_BIN/mig-backup" create -t a
    assert_exit 0
    assert_out 'note: no DDL'
    mig env PATH="$PWD/bin" "$MIG_BIN/mig-backup" create -t a --require-ddl --dir shelf2
    assert_exit 3
    assert_err 'no DDL' 'pg_dump'
    assert_equal "$(find shelf2 -name '*.mig' | wc -l)" 0
}

@test "a receipt, a name, a reason: signed, in the clear" {
    mig mig-backup create -t a --name before-friday --reason 'ticket 12' --receipt r.mig-receipt
    assert_exit 0
    [ -s r.mig-receipt ]
    mig mig-backup show "$(basename shelf/*.mig)"
    assert_out 'before-friday' 'ticket 12'
}

@test "no word of a row is in the file, on the disk or on the screen" {
    sql "create table secrets (id int primary key, v text)" "insert into secrets select g, 'hunter2hunter2' from generate_series(1, 1000) g"
    mig mig-backup create -v -t secrets
    assert_exit 0
    refute_out hunter2
    refute_err hunter2
    ! grep -rq hunter2 shelf
}
