#!/usr/bin/env bats
# DO blocks: what one may do is told, and never as what it does.

load ../lib/common

setup_file() {
    export MIG_STATE_DIR=$BATS_FILE_TMPDIR/state
    db_create
    sql "create table users (id int primary key, name text, phone text, age int)" \
        "insert into users select g, 'n' || g, case when g % 2 = 0 then 'p' || g end, g from generate_series(1, 50) g" \
        "create table orders (id int primary key, user_id int references users on delete cascade, kind text)" \
        "insert into orders select g, g, 'k' || g % 3 from generate_series(1, 40) g" \
        "create schema s" "create table s.users (phone text)" "insert into s.users select 'x' from generate_series(1, 7)" \
        "create table vacant (a int)" "create type mood as enum ('a')" \
        "create function g() returns int language sql volatile as 'select 1'" \
        "create function f() returns int language sql stable as 'select 1'"
}
teardown_file() { db_drop; }

setup() { cd "$BATS_TEST_TMPDIR"; }

# judge SQL [OPTION...]: $output is the JSON
judge() {
    local text=$1
    shift
    printf '%s\n' "$text" >x.sql
    mig mig-validate sql x.sql --format json "$@"
}

# see EXPRESSION: of j (the report), p (the findings that are only possible), c (the others)
see() {
    "$MIG_PYTHON" -c 'import json,sys
j = json.load(sys.stdin)
p = [x for x in j["findings"] if x.get("possible")]
c = [x for x in j["findings"] if not x.get("possible")]
print(eval(sys.argv[1], {"j": j, "p": p, "c": c, "codes": lambda l: sorted(x["code"] + ":" + x["object"] for x in l)}))' "$1" <<<"$output"
}

# what is COUNTed of a table before and after the script runs: the loss
really() {
    before=$(sql "select $1")
    after=$(sql "begin; $(cat x.sql); select $1" | tail -n 1)
    lost=$((before - after))
}

@test "losses in a block are told, as the most that they can be, with their line" {
    judge 'do $$
begin
    if exists (select from users where age > 1000) then
        alter table users drop column phone;
    end if;
    delete from orders where kind = '"'k1'"';
    execute '"'drop table users cascade'"';
end $$;'
    [ "$status" -eq 1 ]
    [ "$(see 'j["verdict"]')" = unsafe ]
    [ "$(see 'codes(c)')" = "['opaque:']" ]
    [ "$(see '[(x["code"], x["object"], x["loss"]["rows"], x["loss"]["exact"]) for x in p if x["loss"]]')" = "[('drop-column', 'public.users.phone', 25, False), ('delete-rows', 'public.orders', 14, False), ('drop-table', 'public.users', 50, False)]" ]
    [ "$(see '[x["message"] for x in p if x["code"] == "drop-column"][0]')" = "if the DO block gets to line 4: DROP COLUMN public.users.phone destroys at most 25 non-null values in 50 rows" ]
    [ "$(see '[x["message"][:31] for x in p if x["code"] == "delete-rows"][0]')" = "if the DO block gets to line 6:" ]
    [ "$(see '[x["message"][:31] for x in p if x["code"] == "drop-table"][0]')" = "if the DO block gets to line 7:" ]
    # locks, as possible ones: and how long they are held is not foretold
    [ "$(see '[(l["relation"], l["mode"], l["possible"]) for l in j["locks"] if l["relation"] == "public.users"]')" = "[('public.users', 'AccessExclusiveLock', True)]" ]
    [ "$(see 'j["holds"]')" = "[]" ]
    really "count(*) from orders"
    [ "$lost" -eq 14 ]
    mig mig-validate sql x.sql
    [[ $output == *"may lock public.users in AccessExclusiveLock"* ]]
    [[ $output == *"; DO blocks may take more"* ]]
    [[ $output != *"would be lost"* ]]
}

@test "what the block's own variables or writes decide is all of the table" {
    for body in "declare v int := 7; begin delete from orders where user_id = v; end" \
        "begin update orders set kind = 'k9' where id > 3; delete from orders where kind = 'k9'; end" \
        "declare r record; begin for r in select * from users loop delete from orders where user_id = r.id; end loop; end"; do
        judge "do \$\$ $body \$\$;"
        [ "$(see '[(x["loss"]["rows"], x["loss"]["exact"]) for x in p if x["code"] == "delete-rows"]')" = "[(40, False)]" ]
        [ "$(see '"the DO block decides which rows" in [x["message"] for x in p if x["code"] == "delete-rows"][0]')" = True ]
        really "count(*) from orders"
        [ "$lost" -le 40 ] && [ "$lost" -gt 0 ]
    done
    # without any of that the condition stands by itself
    judge "do \$\$ begin delete from orders where id > 30; end \$\$;"
    [ "$(see '[x["loss"]["rows"] for x in p if x["code"] == "delete-rows"]')" = "[10]" ]
}

@test "what is read inside is not taken for done" {
    # made in a branch: it may be the server's own all the same
    judge "do \$\$ begin if false then drop table orders; create table orders (id int); end if; delete from orders; end \$\$; drop table orders;"
    [ "$(see '"delete-rows:public.orders" in codes(p)')" = True ]
    # the drop after it counts what is there, but does not call it exact
    [ "$(see '[(x["loss"]["rows"], x["loss"]["exact"]) for x in c if x["code"] == "drop-table"]')" = "[(40, False)]" ]
    # dropped in one: a later statement is no failure foretold, nor not counted
    judge "do \$\$ begin if false then alter table users drop column phone; end if; end \$\$; alter table users drop column phone;"
    [ "$(see '[(x["loss"]["rows"], x["loss"]["exact"]) for x in c if x["code"] == "drop-column"]')" = "[(25, False)]" ]
    [ "$(see '[x["code"] for x in c if x["code"] == "would-fail"]')" = "[]" ]
    # what the script made before is its own inside, too
    judge "create table mine (a int); do \$\$ begin insert into mine values (1); delete from mine; drop table mine; end \$\$;"
    [ "$(see 'codes(p)')" = "[]" ]
    # its name is looked up where the script has set the path
    judge "set search_path = s; do \$\$ begin alter table users drop column phone; end \$\$; set search_path = public; delete from users;"
    [ "$(see '[(x["object"], x["loss"]["rows"]) for x in p if x["code"] == "drop-column"]')" = "[('s.users.phone', 7)]" ]
    [ "$(see '[x["loss"]["rows"] for x in c if x["code"] == "delete-rows"]')" = "[50]" ]
}

@test "a block that loses nothing is unknown still, and says why" {
    judge "do \$\$ begin create type mood as enum ('a'); exception when duplicate_object then null; end \$\$;"
    [ "$status" -eq 3 ]
    [ "$(see 'codes(p)')" = "[]" ]
    [ "$(see '[x["message"] for x in c]')" = "['DO: which of its statements run cannot be known from its text']" ]
    judge "do \$\$ begin alter table users add column if not exists note text; end \$\$;" --fail-on critical
    [ "$status" -eq 3 ]
    judge "do \$\$ begin drop table vacant; end \$\$;"
    [ "$(see '[x["evidence"] for x in p if x["code"] == "drop-table"]')" = "['empty']" ]
    # nothing of it says that it would fail
    judge "do \$\$ begin alter table users alter age set not null; alter table users add unique (kind); drop table nowhere; update users set phone = 'x' where phone is null; exception when others then null; end \$\$;"
    [ "$(see '[x["code"] for x in j["findings"] if x["code"] == "would-fail"]')" = "[]" ]
}

@test "what cannot be read in a block is named" {
    judge "do \$\$ declare r record; begin for r in select relname from pg_class loop execute format('drop table %I', r.relname); end loop; perform g(); perform f(); end \$\$;"
    [ "$status" -eq 3 ]
    [ "$(see 'c[0]["message"]')" = "DO: which of its statements run cannot be known from its text; it runs SQL that it puts together; it calls g()" ]
    judge "do \$\$ begin execute 'drop tabl users'; end \$\$;"
    [ "$(see 'c[0]["message"]')" = "DO: which of its statements run cannot be known from its text; some of it cannot be read" ]
    judge "do \$\$ begin execute 'do \$x\$ begin drop table users; end \$x\$'; end \$\$;"
    [ "$(see 'c[0]["message"]')" = "DO: which of its statements run cannot be known from its text; some of it cannot be read" ]
    [ "$status" -eq 3 ]
    # rows of COPY would swallow what follows
    judge "do \$\$ begin execute 'copy users from stdin'; execute 'drop table users'; end \$\$;"
    [ "$status" -ne 0 ]
    [[ $(see 'c[0]["message"]') == *"some of it cannot be read"* ]]
    # another language: nothing is
    judge "do language plperlu 'drop table users;';"
    [ "$(see 'c[0]["message"]')" = "DO: what it does cannot be known from its text" ]
    judge "do \$\$ begin this is no plpgsql \$\$;"
    [ "$status" -eq 3 ]
}

@test "offline it is told unmeasured; whoever has read the block has not read its losses away" {
    judge "do \$\$ begin drop table users; end \$\$;" --offline
    [ "$status" -eq 1 ]
    [ "$(see '[(x["severity"], x["evidence"], x["loss"]) for x in p if x["code"] == "drop-table"]')" = "[('critical', 'none', None)]" ]
    judge "-- mig:ignore opaque read it
do \$\$ begin drop table users; end \$\$;"
    [ "$status" -eq 1 ]
    judge "-- mig:ignore opaque read it
-- mig:ignore drop-table it is empty in production
do \$\$ begin drop table vacant; end \$\$;"
    [ "$status" -eq 0 ]
}
