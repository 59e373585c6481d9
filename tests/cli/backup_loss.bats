#!/usr/bin/env bats
# --scope loss: what is left out is exactly what going forward again fills in by itself.  Shown the hard way:
# save, downgrade, upgrade, put back, compare every byte.

load ../lib/common

setup_file() {
    key_make
    P=$BATS_FILE_TMPDIR/project
    export P
    mkdir -p "$P/alembic/versions"
    printf '[alembic]\nscript_location = alembic\nsqlalchemy.url = postgresql+psycopg2://\n' >"$P/alembic.ini"
    cat >"$P/alembic/env.py" <<'PY'
import os
from alembic import context
from sqlalchemy import create_engine
if context.is_offline_mode():
    context.configure(url="postgresql://", literal_binds=True)
    with context.begin_transaction():
        context.run_migrations()
else:
    with create_engine("postgresql+psycopg2:///" + os.environ["PGDATABASE"]).connect() as c:
        context.configure(connection=c)
        with context.begin_transaction():
            context.run_migrations()
PY
    cat >"$P/alembic/versions/a1.py" <<'PY'
"""a table"""
revision = "a1"
down_revision = None
from alembic import op
def upgrade():
    op.execute("create domain level as int default 3")
    op.execute("create type pair as (a int, b text)")
    op.execute("create table t (id int primary key, base text)")
    op.execute("create table keyless (a int)")
def downgrade():
    op.execute("drop table keyless")
    op.execute("drop table t")
    op.execute("drop type pair")
    op.execute("drop domain level")
PY
    # one column of each way to be filled in
    cat >"$P/alembic/versions/b2.py" <<'PY'
"""columns"""
revision = "b2"
down_revision = "a1"
from alembic import op
COLUMNS = ["plain text", "composite pair", "num numeric default 1.0", "txt text default 'it''s'", "flag bool default false",
           "minus int default -7", "dom level", "at timestamptz default now()", "rnd float8 default random()",
           "words json default '{}'", "today date default 'today'"]
def upgrade():
    for c in COLUMNS:
        op.execute("alter table t add column " + c)
    op.execute("alter table t alter column txt drop default")
    op.execute("alter table keyless add column b text")
def downgrade():
    for c in COLUMNS:
        op.execute("alter table t drop column " + c.split()[0])
    op.execute("alter table keyless drop column b")
PY
    # forward moves data into the column: what it will hold cannot be known
    cat >"$P/alembic/versions/c3.py" <<'PY'
"""moved"""
revision = "c3"
down_revision = "b2"
from alembic import op
def upgrade():
    op.execute("alter table t add column moved text")
    op.execute("update t set moved = upper(base)")
def downgrade():
    op.execute("alter table t drop column moved")
PY
    # each test begins with a copy of this
    export TEMPLATE=loss_$$
    db_create "$TEMPLATE"
    (cd "$P" && alembic upgrade head 2>/dev/null)
    sql "insert into t (id, base) select g, 'b' || g from generate_series(1, 1000) g" "insert into keyless select g from generate_series(1, 10) g" \
        "update t set plain = 'p' || id where id % 100 = 0" \
        "update t set composite = case id when 1 then row(null, null)::pair when 2 then row(1, 'x')::pair end" \
        "update t set num = case id when 1 then 1.00 when 2 then null when 3 then 5 else num end" \
        "update t set txt = case id when 1 then null when 2 then '' when 3 then 'its' else txt end" \
        "update t set flag = null where id = 1" "update t set flag = true where id = 2" \
        "update t set minus = null where id = 5" "update t set dom = null where id = 6" "update t set dom = 9 where id = 7" \
        "update t set words = '{ }' where id = 8" "update t set moved = 'M' where id = 3" "update t set moved = null where id = 4"
}
setup() {
    cp -R "$P" "$BATS_TEST_TMPDIR/project"
    cd "$BATS_TEST_TMPDIR/project"
    export MIG_BACKUP_DIR=$BATS_TEST_TMPDIR/shelf
    db_create "loss_$$_$BATS_TEST_NUMBER" "$TEMPLATE"
}
teardown() { db_drop; }
teardown_file() { db_drop "$TEMPLATE"; }
alembic_here() { alembic "$@" >/dev/null 2>"$BATS_TEST_TMPDIR/alembic" || { cat "$BATS_TEST_TMPDIR/alembic"; return 1; }; }
rows() { sql "select * from t order by id"; sql "select * from keyless order by a"; }

there_and_back() { # REV
    local before
    before=$(rows)
    mig mig-backup create --for-downgrade "$1" --scope loss --format json
    assert_exit 0
    created=$output
    alembic_here downgrade "$1"
    alembic_here upgrade head
    [ "$(rows)" != "$before" ]
    mig mig-backup restore latest -t t --mode columns --on-conflict overwrite --yes --confirm "$PGDATABASE"
    assert_exit 0
    diff <(echo "$before" | grep -v '^[0-9]*|$') <(rows | grep -v '^[0-9]*|$')
    output=$created
}

@test "one column that comes back empty: only its values, and exact" {
    printf 'revision = "d4"\ndown_revision = "c3"\nfrom alembic import op\ndef upgrade():\n    op.execute("alter table t add column last text")\ndef downgrade():\n    op.execute("alter table t drop column last")\n' >alembic/versions/d4.py
    alembic_here upgrade head
    sql "update t set last = 'l' where id in (5, 6)"
    there_and_back -1
    assert_equal "$(json "['tables'][0]['rows']")" 2
    assert_equal "$(json "['tables'][0]['filter']")" 't."last" IS DISTINCT FROM NULL'
}

@test "a column that the way forward fills from others: every row" {
    there_and_back -1
    assert_equal "$(json "['tables'][0]['rows']")" 1000
}

# forward_by SQL...: the way forward fills "last" with it; the NULL of row 3, which is filled again too, must come back.
forward_by() {
    {
        printf 'revision = "d4"\ndown_revision = "c3"\nfrom alembic import op\ndef upgrade():\n    op.execute("alter table t add column last text")\n'
        for s in "$@"; do printf '    op.execute("""%s""")\n' "$s"; done
        printf 'def downgrade():\n    op.execute("drop view if exists v")\n    op.execute("alter table t drop column last")\n'
    } >alembic/versions/d4.py
    alembic_here upgrade head
    assert_equal "$(sql "select count(*) from t where last = 'x'")" 1000
    sql "update t set last = null where id = 3"
    there_and_back -1
    assert_equal "$(json "['tables'][0]['rows']")" 1000
    alembic_here downgrade -1
    rm -rf alembic/versions/d4.py alembic/versions/__pycache__
}

@test "forward fills the column where no parser can see it: every row" {
    forward_by "do \$\$ begin update t set last = 'x'; end \$\$"
    forward_by "do \$\$ begin execute 'update t set la' || 'st = ''x'''; end \$\$"
    forward_by "create or replace procedure fill() language sql as 'update t set last = ''x'''" "call fill()"
    forward_by "create or replace function filled() returns void language sql as 'update t set last = ''x'''" "select filled()"
}

@test "forward fills the column by ON CONFLICT: every row" {
    forward_by "insert into t (id) select id from t on conflict (id) do update set last = 'x'"
}

@test "forward fills the column through a view: every row" {
    forward_by "create view v as select id, last from t" "update v set last = 'x'"
}

@test "forward fills the column by another table's trigger: every row" {
    sql "create function fires() returns trigger language plpgsql as 'begin update t set last = ''x''; return null; end'" \
        "create trigger fires after update on keyless execute function fires()"
    forward_by "update keyless set a = a"
}

@test "forward fills the column by an event trigger: every row" {
    sql "create function seen() returns event_trigger language plpgsql as \$\$ begin
            if exists (select from pg_attribute where attrelid = 'public.t'::regclass and attname = 'last') then update public.t set last = 'x'; end if; end \$\$" \
        "create event trigger seen on ddl_command_end execute function seen()"
    forward_by "create table other (a int)" "drop table other"
}

@test "forward fills the column by TRUNCATE CASCADE and another table's trigger: every row" {
    sql "create table top (id int primary key)" "create table middle (id int primary key references top)" "create table child (id int references middle)" \
        "create function fires() returns trigger language plpgsql as 'begin update t set last = ''x''; return null; end'" \
        "create trigger fires after truncate on child execute function fires()"
    forward_by "truncate top cascade"
}

@test "forward fills the column by a function behind a default, a check, a domain, a view, an operator: every row" {
    sql "create function fill(int) returns int language plpgsql as 'begin update t set last = ''x''; return 1; end'" \
        "create function quiet(int) returns int language plpgsql as 'begin return 1; end'" "create view seen as select fill(1) as a"
    forward_by "alter table keyless add column z int default fill(1)" "alter table keyless drop column z"
    forward_by "alter table keyless add constraint k check (fill(a) > 0)" "alter table keyless drop constraint k"
    forward_by "alter table keyless alter a type int using fill(a)"
    forward_by "insert into keyless (a) select a from seen"
    sql "create operator ### (leftarg = int, rightarg = int, function = int4pl)" "alter table t add column last text" "create table def (a int, b int default fill(1))" \
        "create domain checked as int check (fill(value) > 0)" "create table dom (a int)" "insert into dom values (1)" "alter table t drop column last"
    forward_by "insert into def (a) values (1)"
    forward_by "alter table dom add column b checked default 1" "alter table dom drop column b"
}

@test "what runs no function does not make the backup larger, whatever functions there are" {
    sql "create function fill(int) returns int language plpgsql as 'begin update t set last = ''x''; return 1; end'"
    printf 'revision = "d4"\ndown_revision = "c3"\nfrom alembic import op\ndef upgrade():\n    op.execute("alter table t add column last text")\n    op.execute("alter table keyless add column z timestamptz default now()")\n    op.execute("create index on keyless (a)")\ndef downgrade():\n    op.execute("alter table t drop column last")\n    op.execute("alter table keyless drop column z")\n' >alembic/versions/d4.py
    alembic_here upgrade head
    sql "update t set last = 'l' where id in (5, 6)"
    mig mig-backup create --for-downgrade -1 --scope loss --no-ddl --format json
    assert_exit 0
    assert_equal "$(json "['tables'][1]['name']") $(json "['tables'][1]['rows']")" "public.t 2"
}

@test "defaults of every kind: nulls that would come back as a default, equal numbers that are not the same" {
    rm alembic/versions/c3.py
    sql "alter table t drop column moved" "update alembic_version set version_num = 'b2'"
    there_and_back -1
    # at, rnd, today and the domain cannot be proven: key and columns of every row
    assert_equal "$(json "['tables'][1]['rows']")" 1000
    assert_equal "$(json "['tables'][0]['name']") $(json "['tables'][0]['complete']")" "public.keyless true"
}

@test "defaults that can be proven: only rows that differ" {
    rm -f alembic/versions/c3.py
    sed -i 's/"dom level", "at timestamptz default now()", "rnd float8 default random()",//; s/"today date[^]]*/"i2 int"/' alembic/versions/b2.py
    sed -i '/alter column txt drop default/d' alembic/versions/b2.py
    sql "alter table t drop column if exists moved, drop column dom, drop column at, drop column rnd, drop column today, add column i2 int" \
        "update t set txt = 'it''s' where id > 3" \
        "update alembic_version set version_num = 'b2'"
    there_and_back -1
    # ids 1-3, 5, 8 and every hundredth
    assert_equal "$(json "['tables'][1]['rows']")" 15
}

@test "a few rows of a large table: by the server's parallel workers where its planner would, the same rows" {
    printf 'revision = "d4"\ndown_revision = "c3"\nfrom alembic import op\ndef upgrade():\n    op.execute("alter table t add column last text")\ndef downgrade():\n    op.execute("alter table t drop column last")\n' >alembic/versions/d4.py
    alembic_here upgrade head
    # One row per page: more than 64 MB soon.
    sql "alter table t alter base set storage plain" "insert into t (id, base) select g, repeat(md5(g::text), 200) from generate_series(2001, 12000) g" \
        "update t set last = 'l' || id where id % 500 = 0" "analyze t" \
        "alter database \"$PGDATABASE\" set log_statement = 'all'" \
        "alter database \"$PGDATABASE\" set max_parallel_workers_per_gather = 0"
    mig mig-backup create --for-downgrade -1 --scope loss --no-ddl -j 1 --format json=one.json
    assert_exit 0
    mig mig-backup create --for-downgrade -1 --scope loss --no-ddl -j 2 --format json=ranges.json
    assert_exit 0
    sql "alter database \"$PGDATABASE\" set parallel_setup_cost = 0" "alter database \"$PGDATABASE\" set parallel_tuple_cost = 0" \
        "alter database \"$PGDATABASE\" set seq_page_cost = 0"
    mig mig-backup create --for-downgrade -1 --scope loss --no-ddl -j 2 --format json=gather.json
    assert_exit 0
    # The last COPY read the table whole; those before it, ranges.
    grep -a "statement: COPY (SELECT \"id\", \"last\" " "$MIG_TEST_CLUSTER/server.log" >copies
    if [ "$(sql "show server_version_num")" -ge 140000 ]; then
        grep -q ctid copies
    else # which has no scan of such ranges: each would read the whole table
        assert_equal "$(grep -c ctid copies)" 0
    fi
    assert_equal "$(tail -1 copies | grep -c ctid)" 0
    for f in one ranges gather; do
        assert_equal "$(json "['tables'][0]['rows']" - <$f.json)" 22
    done
    assert_equal "$(grep digest gather.json)" "$(grep digest one.json)"
    assert_equal "$(grep digest ranges.json)" "$(grep digest one.json)"
}
