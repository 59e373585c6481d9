#!/usr/bin/env bats
# A downgrade beside its upgrade: what is said to be left, removed or forgotten is compared with the schema
# before the upgrade and after the downgrade, as pg_dump has it.

load ../lib/common

setup_file() {
    export MIG_STATE_DIR=$BATS_FILE_TMPDIR/state
    db_create
    sql "create type color as enum ('red', 'blue')" "create sequence tickets" \
        "create table u (id int primary key, name text not null, age int default 7, c color, constraint grown check (age > 0))" \
        "create table o (id int primary key, uid int, n varchar(10))" "create index o_n on o (n)" \
        "create view v as select id from u" "create function f() returns trigger language plpgsql as 'begin return new; end'" \
        "create table p (k int, w int)"
    TEMPLATE=$PGDATABASE
    export TEMPLATE
}
teardown_file() { db_drop "$TEMPLATE"; db_drop "${TEMPLATE}_w"; }

setup() { cd "$BATS_TEST_TMPDIR"; }

field() { "$MIG_PYTHON" -c 'import json,sys; j=json.load(sys.stdin); f=[x for x in j["findings"] if x["code"].startswith("downgrade-")]; print(eval(sys.argv[1], {"j": j, "f": f}))' "$1" <<<"$output"; }

# The whole schema, whatever the order in which it was made; columns' order is not compared.
schema() { pg_dump -s "$PGDATABASE" | grep -vE '^(--|SET |SELECT |$|\\)' | sed 's/,$//' | sort; }

# both UP DOWN: $said (codes and objects), $differs (0, 1)
both() {
    printf -- '-- migrate:up\n%s;\n-- migrate:down\n%s;\n' "$1" "$2" >x.sql
    db_create "${TEMPLATE}_w" "$TEMPLATE"
    schema >before
    psql -Xq -v ON_ERROR_STOP=1 -c "$1" >/dev/null || { echo "the upgrade fails: $1"; return 1; }
    mig mig-validate sql x.sql --format json --fail-on critical
    said=$(field '" ".join(sorted(x["code"][10:] + ":" + x["object"] for x in f))')
    psql -Xq -v ON_ERROR_STOP=1 -c "$2" >/dev/null || { echo "the downgrade fails: $2"; return 1; }
    schema >after
    differs=0
    cmp -s before after || differs=1
}

@test "what a downgrade leaves, removes and forgets is told if and only if the schema differs" {
    wrong=0 n=0
    while IFS='|' read -r up down wanted; do
        # The sanitizers need not see what only asks the server again.
        case ${MIG_BIN:-} in *asan*) ((n++ % 4 == 0)) || continue ;; esac
        both "$up" "$down" || wrong=1
        [ "$said" = "$wanted" ] || { echo "$up // $down: said \"$said\", wanted \"$wanted\""; diff before after; wrong=1; }
        [ "$differs" = "$([ -z "$wanted" ] && echo 0 || echo 1)" ] || { echo "$up // $down: differs $differs, said \"$said\""; diff before after; wrong=1; }
    done <<'END'
create table n (a int)|drop table n|
create table n (a int)|select 1|leaves:n
create table n (a int); create index n_a on n (a); create type e as enum ('x')|drop table n|leaves:e
create table n (a int); create index n_a on n (a)|drop index n_a; drop table n|
alter table u add column x color|alter table u drop column x|
create type e as enum ('x'); alter table u add column x e|alter table u drop column x|leaves:e
create type e as enum ('x'); alter table u add column x e|alter table u drop column x; drop type e|
create type e as enum ('x'); alter table u add column x e|drop type e cascade|
alter table u add column x int; create index u_x on u (x)|alter table u drop column x|
alter table u add column x int; create index u_x on u (x, name)|alter table u drop column x|
create index u_name on u (name)|select 1|leaves:u_name
create index on u (name)|drop index u_name_idx|
alter table o add constraint o_u foreign key (uid) references u|select 1|leaves:o.o_u
alter table o add foreign key (uid) references u|alter table o drop constraint o_uid_fkey|
alter table o add unique (n)|alter table o drop constraint o_n_key|
alter table o add constraint o_u foreign key (uid) references u|alter table o drop constraint o_u|
alter table o add check (uid > 0)|alter table o drop constraint o_uid_check|
alter table u add unique (name); alter table u drop constraint grown|alter table u drop constraint u_name_key; alter table u add constraint grown check (age > 0)|
alter table u add unique (name); alter table u drop constraint grown|alter table u drop constraint u_name_key|forgets:u.grown
create sequence s|select 1|leaves:s
create sequence s; alter table u add column x int; alter sequence s owned by u.x|alter table u drop column x|
create extension citext|select 1|leaves:citext
create extension if not exists citext|drop extension citext|
create function g() returns int language sql as 'select 1'|select 1|leaves:g
create function g() returns int language sql as 'select 1'|drop function g()|
create trigger t before insert on u for each row execute function f()|drop trigger t on u|
create trigger t before insert on u for each row execute function f()|select 1|leaves:u.t
create schema s; create table s.t (a int)|drop schema s cascade|
create schema s; create table s.t (a int)|drop table s.t|leaves:s
create table n (a int); create schema s; create table s.n (a int)|drop table n; drop schema s cascade|
create table n (a int); create schema s; create table s.n (a int)|drop table s.n; drop schema s|leaves:n
create table n (a int) partition by list (a); create table n1 partition of n for values in (1)|drop table n|
create table n (a int) partition by list (a); create table n1 partition of n for values in (1) partition by list (a); create table n11 partition of n1 default; create index n11_a on n11 (a)|drop table n|
create table n (a int) partition by list (a); create table n1 partition of n for values in (1)|drop table n1|leaves:n
create table n (a int) partition by list (a); create table n1 partition of n for values in (1)|alter table n detach partition n1; drop table n|leaves:n1
create view w as select name from u|drop view w|
create view w as select name from u|select 1|leaves:w
create view w as select x from (select k as x from p) q|drop table p cascade; create table p (k int, w int)|
alter table u rename column name to title|alter table u rename column title to name|
alter table u rename column name to title|select 1|forgets:u.name
alter table p rename to q|alter table q rename to p|
alter table p rename to q; alter table q add column z int|alter table q drop column z|forgets:p
alter table p rename to q; alter table q add column z int|alter table q drop column z; alter table q rename to p|
alter index o_n rename to o_m|select 1|forgets:o_n
alter table u drop column age|alter table u add column age int default 7; alter table u add constraint grown check (age > 0)|
alter table u drop column age|select 1|forgets:u.age
drop view v|create view v as select id from u|
drop view v|select 1|forgets:v
drop index o_n|create index o_n on o (n)|
drop index o_n|select 1|forgets:o_n
drop index o_n; create index o_n on o (n, id)|select 1|leaves:o_n
alter table u drop constraint grown|alter table u add constraint grown check (age > 0)|
alter table u drop constraint grown|select 1|forgets:u.grown
alter table u alter age type bigint|alter table u alter age type int|
alter table u alter age type bigint|select 1|forgets:u.age
alter table u alter name drop not null|alter table u alter name set not null|
alter table u alter name drop not null|select 1|forgets:u.name
alter table u alter age set default 8|alter table u alter age set default 7|
alter table u alter age drop default|select 1|forgets:u.age
alter table u add column x int; alter table u alter x set not null|alter table u drop column x|
alter type color add value 'green'|select 1|leaves:color
alter type color rename to paint|alter type paint rename to color|
alter table u add column x int|alter table u drop column x; alter table o drop column n|removes:o.n
create table n (a int)|drop table n; drop table p|removes:p
create table n (a int)|drop table n; drop sequence tickets|removes:tickets
create table n (a int)|drop table n; drop table if exists nothing|
alter table u rename to w|alter table w rename to u; alter table u drop constraint grown|removes:u.grown
alter table p add column z int; alter table p rename column z to y|alter table p drop column y|
alter table o drop column n; alter table o add column n text|alter table o drop column n; alter table o add column n varchar(10); create index o_n on o (n)|
create policy pol on u using (true)|drop policy pol on u|
create policy pol on u using (true)|select 1|leaves:u.pol
END
    [ "$wrong" = 0 ]
}

@test "the file beside a golang-migrate, Flyway or sqitch file is its other way" {
    mkdir -p deploy revert
    echo "create type e as enum ('x'); alter table u add column x e" | tee 0001_x.up.sql V1__x.sql deploy/x.sql >/dev/null
    echo "alter table u drop column x" | tee 0001_x.down.sql U1__x.sql revert/x.sql alone.sql >/dev/null
    for f in 0001_x.down.sql U1__x.sql revert/x.sql; do
        mig mig-validate sql --offline --format json "$f"
        [ "$(field '[(x["code"], x["object"]) for x in f]')" = "[('downgrade-leaves', 'e')]" ]
    done
    mig mig-validate sql --offline --format json alone.sql
    [ "$(field 'f')" = "[]" ]
}

@test "where a block may have done it, nothing is said to be left" {
    printf -- '-- migrate:up\ncreate table n (a int);\n-- migrate:down\ndo $$ begin execute %s; end $$;\n' "'drop table n'" >x.sql
    mig mig-validate sql --offline --format json x.sql
    [ "$(field '[(x["code"], x["message"]) for x in f]')" = "[('downgrade-uncompared', 'not compared: what the downgrade leaves (table n), for nobody can say what DO in the downgrade does')]" ]
    # nor to be removed; and what both ways name is compared, so that nothing is unsaid
    printf -- '-- migrate:up\ndo $$ begin create table n (a int); end $$;\n-- migrate:down\ndrop table n; drop table p; alter table u drop column age;\n' >x.sql
    mig mig-validate sql --offline --format json x.sql
    [ "$(field '[(x["code"], x["message"]) for x in f]')" = "[('downgrade-uncompared', 'not compared: what the downgrade removes (table n, table p, column u.age), for nobody can say what DO in the upgrade does')]" ]
    printf -- '-- migrate:up\ndo $$ begin perform 1; end $$; create table n (a int);\n-- migrate:down\ndrop table n;\n' >x.sql
    mig mig-validate sql --offline --format json x.sql
    [ "$(field 'f')" = "[]" ]
}

@test "an Alembic downgrade is compared with its upgrade" {
    awareness 
    cd "$AWARENESS"
    file=$(ls migrations/versions/*.py | sort | tail -n 1)
    head=$(sed -n 's/^revision.*= *["'\'']\([0-9a-z]*\)["'\''].*/\1/p' "$file")
    cat >"migrations/versions/99990101_leaky.py" <<END
revision = "1eaf1eaf1eaf"
down_revision = "$head"
branch_labels = None
depends_on = None
from alembic import op
import sqlalchemy as sa
def upgrade():
    op.create_table("leaky", sa.Column("id", sa.Integer, primary_key=True),
                    sa.Column("mood", sa.Enum("ok", "bad", name="leaky_mood")))
def downgrade():
    op.drop_table("leaky")
END
    mig mig-validate downgrade -1 --offline --current 1eaf1eaf1eaf --format json
    [ "$(field '[(x["code"], x["object"], x["revision"], x["severity"]) for x in f]')" = "[('downgrade-leaves', 'leaky_mood', '1eaf1eaf1eaf', 'medium')]" ]
}

@test "an upgrade that cannot be rendered is not compared, and the report says so" {
    awareness
    cd "$AWARENESS"
    file=$(ls migrations/versions/*.py | sort | tail -n 1)
    head=$(sed -n 's/^revision.*= *["'\'']\([0-9a-z]*\)["'\''].*/\1/p' "$file")
    cat >"migrations/versions/99990102_asks.py" <<END
revision = "a5ca5ca5ca5c"
down_revision = "$head"
branch_labels = None
depends_on = None
from alembic import op
import sqlalchemy as sa
def upgrade():
    if sa.inspect(op.get_bind()).has_table("nothing"):
        return
    op.create_table("leaky", sa.Column("id", sa.Integer, primary_key=True),
                    sa.Column("mood", sa.Enum("ok", "bad", name="leaky_mood")))
def downgrade():
    op.drop_table("leaky")
END
    mig mig-validate downgrade -1 --offline --current a5ca5ca5ca5c --format json
    [ "$(field '[(x["code"], x["object"], x["revision"], x["severity"]) for x in f]')" = "[('downgrade-uncompared', 'a5ca5ca5ca5c', 'a5ca5ca5ca5c', 'info')]" ]
    mig mig-validate downgrade -1 --offline --current a5ca5ca5ca5c
    [[ "$output" == *"not compared: the upgrade of a5ca5ca5ca5c cannot be known as SQL: reads the database in Python (inspect)"* ]]
    # that alone moves no verdict
    [[ "$output" != *"could not be judged"* ]]
}

@test "a file's other way that cannot be read is not compared, and the report says so" {
    printf 'create table n (a text default %s);\n' "'open" >0001_x.up.sql
    echo "drop table if exists n" >0001_x.down.sql
    mig mig-validate sql --offline --format json 0001_x.down.sql
    [ "$(field '[(x["code"], x["object"]) for x in f]')" = "[('downgrade-uncompared', '0001_x.down.sql')]" ]
}
