#!/usr/bin/env bats
# What a script, a database or a machine may do to make a rollback lose something or say what is not so.

load ../lib/common
load ../lib/script

setup_file() {
    db_create
    key_make
    sql "create table users (id int primary key, phone text, v int default 0)" \
        "insert into users select g, case when g % 3 = 0 then 'p' || g end, 0 from generate_series(1, 100) g" \
        "create table other (id int primary key, v text)" "insert into other values (1, 'keep')"
}
teardown_file() { db_drop; }
setup() { cd "$BATS_TEST_TMPDIR"; }

@test "a deferred trigger's writes are found before COMMIT" {
    sql "create function later() returns trigger language plpgsql as 'begin update public.other set v = ''gone''; return null; end'" \
        "create constraint trigger late after update on users deferrable initially deferred for each row execute function later()"
    run_sql "UPDATE users SET v = 1 WHERE id = 1;"
    sql "drop trigger late on users"
    assert_exit 4
    assert_err 'wrote outside of its plan' 'public.other'
    [ "$(sql "select v from other")" = keep ]
    [ "$(sql "select v from users where id = 1")" = 0 ]
}

@test "a gate that is no-go by its warnings alone is not passed" {
    sql "create role hostile_super superuser login" || :
    echo '{"prodcheck": {"strict": true}}' >mig.json
    PGUSER=hostile_super run_sql "UPDATE users SET v = 2 WHERE id = 2;"
    assert_exit 4
    assert_err 'warnings are no-go'
    [ "$(sql "select v from users where id = 2")" = 0 ]
}

@test "what fails after COMMIT does not say that nothing was done" {
    run_sql "UPDATE users SET v = 3 WHERE id = 3;" --log-file /dev/full
    assert_exit 7
    assert_err 'is committed; but'
    [ "$(sql "select v from users where id = 3")" = 3 ]
}

@test "the gate sees a mig-rollback at work" {
    sql "select pg_advisory_lock(7169383, 1919905644)" "select pg_sleep(60)" >/dev/null 3>&- &
    until [ "$(sql "select count(*) from pg_locks where locktype = 'advisory'")" -gt 0 ]; do sleep 0.1; done
    mig mig-prodcheck --only migration-locks
    sql "select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory'"
    wait $! || :
    assert_exit 1
    assert_out 'mig-rollback is migrating'
}

@test "status does not believe a transaction id that was used again" {
    awareness head 0
    from=$(sql "select version_num from alembic_version")
    mig mig-rollback run -1 --yes --confirm "$PGDATABASE" -q
    assert_exit 0
    journal=$(ls backups/.state/runs/*/*.jsonl)
    grep -v '"step":"outcome"' "$journal" >j && cat j >"$journal"
    mig mig-rollback status -q
    assert_exit 0
    assert_out 'committed'
    # A failover lost the change; its id was given to another transaction, which committed.
    grep -v '"step":"outcome"' "$journal" >j && cat j >"$journal"
    sql "update alembic_version set version_num = '$from'"
    mig mig-rollback status -q
    assert_exit 6
    assert_out 'unknown'
    db_drop
}

@test "a constraint that the script makes NOT VALID is not a surprise" {
    run_sql 'ALTER TABLE users ADD CONSTRAINT "Odd" CHECK (v < 100) NOT VALID;'
    assert_exit 0
    [ "$(sql "select convalidated from pg_constraint where conname = 'Odd'")" = f ]
    sql 'alter table users drop constraint "Odd"'
}

@test "what a DO block drops, and a large object that it writes, is found before COMMIT" {
    sql "create view hv as select 1 as x" "create function hf() returns int language sql as 'select 1'" \
        "create type ht as enum ('a')" "create sequence hs" "create statistics hst on phone, v from users" \
        "create policy hp on users using (true)" "select lo_create(4711)"
    for what in "drop view hv|view public.hv" "drop function hf()|function public.hf" "drop type ht|type public.ht" \
        "drop sequence hs|sequence public.hs" "drop statistics hst|statistics public.hst|public.users" \
        "drop policy hp on users|policy hp of public.users|public.users"; do
        run_sql "DO \$\$ BEGIN EXECUTE '${what%%|*}'; END \$\$;" --force validate,opaque --reason "to see it caught"
        assert_exit 4
        assert_err "which the plan does not say|outside of its plan" "${what##*|}"
    done
    run_sql "DO \$\$ BEGIN PERFORM lo_unlink(4711); END \$\$;" --force validate,opaque --reason "to see it caught"
    assert_exit 4
    assert_err 'large objects were written'
    [ "$(sql "select count(*) from pg_largeobject_metadata where oid = 4711")" = 1 ]
    # What the plan says is nobody's business; reading a large object is no write.
    run_sql "DROP VIEW hv; DROP FUNCTION hf(); DROP TYPE ht; DROP SEQUENCE hs; DROP STATISTICS hst; DROP POLICY hp ON users; SELECT lo_get(4711);" \
        --force validate,opaque --reason "lo_get is opaque"
    assert_exit 0
}

@test "a foreign table: its DROP is as planned; that undo leaves its rows is said before" {
    sql "create extension postgres_fdw" "create table remote (id int)" "insert into remote values (1), (2)" \
        "create server here foreign data wrapper postgres_fdw options (dbname '$PGDATABASE', host '$PGHOST', port '$PGPORT')" \
        "create user mapping for current_user server here options (user '$PGUSER')" \
        "create foreign table ft (id int) server here options (table_name 'remote')"
    echo 'SELECT 1;' >up.sql
    run_sql "DELETE FROM ft WHERE id = 1;" --undo-sql up.sql
    assert_exit 4
    assert_equal "$(sql "select count(*) from remote")" 2
    run_sql "DELETE FROM ft WHERE id = 1;" --undo-sql up.sql --force foreign,delete-rows --reason "its rows are kept elsewhere"
    assert_exit 0
    assert_err 'Undo: inexact: public.ft is a foreign table'
    run_sql "DROP FOREIGN TABLE ft;"
    assert_exit 0
    [ "$(sql "select to_regclass('ft') is null")" = t ]
}

@test "an env.py whose SQL has every % twice: what would be stored is not what the migration says, so it is not run" {
    load ../lib/twostep
    twostep "$BATS_TEST_TMPDIR/percent"
    cat >migrations/versions/a3.py <<'END'
"""fifty percent"""
from alembic import op
revision = "aaaaaaaaaaa3"
down_revision = "aaaaaaaaaaa2"
def upgrade():
    op.execute("CREATE TABLE rates (id int PRIMARY KEY, v text)")
def downgrade():
    op.execute("UPDATE d SET v = '50%'")
    op.execute("DROP TABLE rates")
END
    (PATH=/usr/bin:$PATH && alembic upgrade head 2>/dev/null)
    sql "insert into d values (1, 'x')"
    (PATH=/usr/bin:$PATH && alembic downgrade aaaaaaaaaaa3:aaaaaaaaaaa2 --sql 2>/dev/null) |
        grep -q "50%%'" || skip "this alembic writes it once"
    mig mig-validate downgrade -1
    assert_exit 3
    assert_out 'online-only' 'every % twice' 'paramstyle'
    mig mig-rollback run -1 --yes --confirm "$PGDATABASE"
    assert_exit 4
    assert_err 'every % twice'
    [ "$(sql "select v from d")" = x ]
    # As it says: then it is what the migration says, and a %% of its own stays.
    sed -i 's/literal_binds=True/literal_binds=True, dialect_opts={"paramstyle": "named"}/' migrations/env.py
    sed -i "s/'50%'/'50% or %%'/" migrations/versions/a3.py
    mig mig-rollback run -1 --yes --confirm "$PGDATABASE"
    assert_exit 0
    [ "$(sql "select v from d")" = "50% or %%" ]
    sql "drop table t, d, alembic_version"
}

@test "a partition beside a default one: its default is locked by plan, and all goes there and back" {
    sql "create table p (id int, k int, v text, primary key (id, k)) partition by list (k)" \
        "create table p1 partition of p for values in (1)" "create table pd partition of p default" \
        "insert into p select g, g % 3, 'v' || g from generate_series(1, 60) g"
    before=$(sql "select md5(string_agg(p::text, ',' order by id)) from p")
    # Each: the way back, the way forward, rows of p in between.
    for what in "ALTER TABLE p DETACH PARTITION p1;|ALTER TABLE p ATTACH PARTITION p1 FOR VALUES IN (1);|40" \
        "DROP TABLE p1;|CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1);|40" \
        "CREATE TABLE p9 PARTITION OF p FOR VALUES IN (9);|DROP TABLE p9;|60"; do
        IFS='|' read -r down up rows <<<"$what"
        echo "$up" >up.sql
        run_sql "$down" --undo-sql up.sql
        assert_exit 0
        assert_err 'only locked \(the default partition\)' 'Undo: exact'
        assert_equal "$(sql "select count(*) from p")" "$rows"
        mig mig-rollback undo --yes --confirm "$PGDATABASE"
        assert_exit 0
        assert_equal "$(sql "select md5(string_agg(p::text, ',' order by id)) from p")" "$before"
    done
}

@test "a journal that is damaged is no evidence that nothing happened" {
    run_sql "UPDATE users SET v = 5 WHERE id = 5;"
    assert_exit 0
    journal=$(ls -t backups/.state/runs/*/*.jsonl | head -1)
    cp "$journal" good
    # Its first line is gone; a line is no line of ours; nothing of it is.
    # One quote of the line that says what the server is to be asked is another byte; so is one digit in it.
    for damage in "sed 1d" "sed 2s/time/tide/;2s/}/]/" "base64 -w 0" 'sed /"execute"/s/"xid"/"xid!/' \
        'sed /"execute"/s/"xid":[0-9]/"xid":9/;/"outcome"/d'; do
        $damage good >"$journal"
        mig mig-rollback status
        assert_exit 6
        assert_err 'the journal of run .* is damaged'
        refute_out 'nothing is left to do'
        mig mig-rollback undo --yes --confirm "$PGDATABASE"
        [ "$status" -ne 0 ]
        mig mig-rollback list
        assert_exit 0
        assert_out 'unknown'
    done
    # One that ended before its first line, or in it, did nothing; asking twice changes no answer.
    for n in 0 20; do
        head -c $n good >"$journal"
        for again in 1 2; do
            mig mig-rollback status
            assert_exit 0
            assert_out 'not-started'
        done
    done
    cp good "$journal"
    mig mig-rollback status
    assert_exit 0
    assert_out 'committed'
}

@test "rows that a key waits for, or that a trigger takes away before, are no foretold failure" {
    sql "create table up (id int primary key)" "insert into up select generate_series(1, 10)" \
        "create table later (id int primary key, up int references up deferrable initially deferred)" "insert into later values (1, 1)" \
        "create table swept (id int primary key, up int references up)" "insert into swept values (2, 2)" \
        "create table rigid (id int primary key, up int references up)" "insert into rigid values (3, 3)"
    run_sql "DELETE FROM up WHERE id = 1; DELETE FROM later WHERE up = 1;"
    assert_exit 0
    run_sql "DELETE FROM up WHERE id = 3; DELETE FROM rigid WHERE up = 3;"
    assert_exit 4
    assert_err 'still reference what goes'
    sql "create function sweep() returns trigger language plpgsql as 'begin delete from public.swept where up = old.id; return old; end'" \
        "create trigger sweep before delete on up for each row execute function sweep()"
    run_sql "DELETE FROM up WHERE id = 2;"
    # It writes where the plan does not say, and that is what is told.
    assert_exit 4
    assert_err 'outside of its plan'
    refute_err 'it would fail'
}
