#!/usr/bin/env bats
# mig-validate: verdicts, exit codes, forms, exemptions.  What it counts is compared with the truth in
# validate_loss, what it predicts of locks in validate_locks.

load ../lib/common

setup_file() {
    db_create
    export MIG_STATE_DIR=$BATS_FILE_TMPDIR/state
    sql "create table users (id int primary key, phone text, secret text)" \
        "insert into users select g, case when g % 4 = 0 then 'p' || g end, 'hunter2' from generate_series(1, 400) g" \
        "create table empty (id int primary key)" "analyze"
}
teardown_file() { db_drop; }

setup() { cd "$BATS_TEST_TMPDIR"; }

# judge SQL [OPTION]...: as a file
judge() {
    printf '%s\n' "$1" >x.sql
    shift
    mig mig-validate sql x.sql "$@"
}

field() { "$MIG_PYTHON" -c 'import json,sys; j=json.load(sys.stdin); print(eval(sys.argv[1], {"j": j, "f": j.get("findings"), "code": lambda c: [x for x in j["findings"] if x["code"] == c][0]}))' "$1" <<<"$output"; }

@test "rows that nobody can know beforehand are a bound, and said to be one" {
    sql "create table bands (id int, phone text)" "insert into bands select g % 300, 'p' || g % 7 from generate_series(1, 500) g"
    judge "delete from users where random() < 0.5" --format json
    [ "$(field "code('delete-rows')['loss']['exact']")" = False ]
    [ "$(field "code('delete-rows')['loss']['rows']")" = 400 ]
    [[ "$(field "code('delete-rows')['message']")" == *"at most 400 of 400 rows"*"volatile"* ]]
    # two rows of what it is joined with: the server takes one of them
    judge "update users set phone = case when b.phone = 'p1' then users.phone else b.phone end from bands b where b.id = users.id" --format json
    [ "$(field "code('update-rows')['loss']['exact']")" = False ]
    [[ "$(field "code('update-rows')['message']")" == *"at most"*disagree* ]]
    judge "with n as (update bands set phone = null where id < 3 returning id) delete from users using n where n.id = users.id" --format json
    [[ "$(field "code('delete-rows')['message']")" == *"at most 400 of 400"*WITH* ]]
    # under another search path bands may be another table
    judge "set search_path = elsewhere; delete from public.users using bands where bands.id = users.id" --format json
    [[ "$(field "code('delete-rows')['message']")" == *"at most 400 of 400"*search_path* ]]
    # what an earlier statement wrote is not counted as it was
    judge "delete from bands where id < 9; delete from users using bands where bands.id = users.id" --format json
    [ "$(field "[x['loss']['exact'] for x in f if x['code'] == 'delete-rows']")" = "[True, False]" ]
    # the neighbour: counted
    judge "delete from users using bands where bands.id = users.id and bands.phone = 'p1'" --format json
    [ "$(field "code('delete-rows')['loss']['exact']")" = True ]
    sql "drop table bands"
}

# A column whose type the script has changed cannot be read beforehand as the script will read it: the query fails
# (SQLSTATE 22xxx, 42xxx), or counts something else.
@test "rows picked by a column that the script has given another type are a bound, never a failed count" {
    sql "create table shop (id int primary key, code text, n int, free text)" \
        "insert into shop select g, 'c' || g % 4, g % 3, case when g = 1 then 'x' end from generate_series(1, 12) g" \
        "create table other (id int primary key, n int)" "insert into other select g, g from generate_series(1, 3) g" "analyze shop, other"
    wrong=0
    while IFS='|' read -r first then code rows; do
        echo "$first; $then;" >t.sql
        # The script itself is right.
        psql -Xq -v ON_ERROR_STOP=1 -c begin -f t.sql -c rollback >/dev/null || { echo "it fails: $first; $then"; wrong=1; }
        mig mig-validate sql t.sql --format json --fail-on critical
        got=$(field "('unknown ' if j['verdict'] == 'unknown' else '') + ','.join('%s %s' % (x['loss']['rows'], 'exact' if x['loss']['exact'] else 'bound' if 'changes its type before' in x['message'] else 'about') if x['loss'] else 'none' for x in f if x['code'] == '$code')")
        [ "$got" = "$rows" ] || { echo "$first; $then: $got, wanted $rows"; wrong=1; }
    done <<'END'
alter table shop alter n type text|update shop set n = 'none' where n = '0'|update-rows|12 bound
alter table shop alter n type text|update shop set n = 'none' where n = 'c'|update-rows|12 bound
alter table shop alter n type text|update shop set n = 'none'|update-rows|12 bound
alter table shop alter n type text|update shop set code = n where n like '1%'|update-rows|12 bound
alter table shop alter n type text|update shop s set code = 'z' where s.n in ('a', 'b')|update-rows|12 bound
alter table shop alter code type int using substr(code, 2)::int|update shop set code = 9 where code = 2|update-rows|12 bound
alter table shop alter code type int using substr(code, 2)::int|update shop set n = 9 where code = '2'|update-rows|12 bound
alter table shop alter free type int using coalesce(length(free), 0)|update shop set free = 7 where free = 0|update-rows|12 bound
alter table shop alter n type text|delete from shop where n = 'gone'|delete-rows|12 bound
alter table shop alter n type text|update other set n = 0 from shop s where s.n = 'x' and s.id = other.id|update-rows|3 bound
alter table shop alter n type text|with w as (select id from shop where n = 'x') delete from other using w where w.id = other.id|delete-rows|3 bound
alter table shop alter n type text|insert into shop (id, n) values (1, 'x') on conflict (id) do update set n = excluded.n|merge-rows|12 bound
alter table shop rename n to m; alter table shop alter m type text|update shop set m = 'x' where m = 'y'|update-rows|12 bound
alter table shop alter n type text|update shop set code = 'z' where id < 4|update-rows|3 exact
alter table shop alter n type text|update other set n = 0 where n = 2|update-rows|1 exact
END
    [ "$wrong" -eq 0 ]
    # what it would violate cannot be asked either
    judge "alter table shop alter n type text; alter table shop add check (n in ('0', '1', '2', 'x'))" --format json --fail-on critical
    [ "$(field "j['verdict']")" = safe ]
    [[ "$(field "code('check-violations')['message']")" == *"not measured: a column that it reads changes its type before"* ]]
    judge "alter table shop alter code type int using substr(code, 2)::int * 0 + id; alter table shop add unique (code)" --format json --fail-on critical
    [ "$(field "code('duplicates')['violations']['exact']")" = False ]
    judge "alter table shop alter code type int using substr(code, 2)::int * 0 + id; create unique index on shop (code)" --format json --fail-on critical
    [ "$(field "code('duplicates')['violations']['exact']")" = False ]
    # an enum value that is added before is an error to the server as it is now
    sql "create type mood as enum ('ok', 'bad')" "alter table other add m mood default 'ok'" "analyze other"
    for then in "update other set m = 'new' where m = 'bad'" "update other set m = 'bad' where m = 'new'" "delete from other where m = 'new'"; do
        for first in "add value 'new'" "rename value 'ok' to 'new'"; do
            judge "alter type mood $first; commit; $then" --format json --fail-on critical
            [ "$(field "(j['verdict'], [(x['loss']['rows'], x['loss']['exact']) for x in f if x['loss']])")" = "('safe', [(3, False)])" ]
        done
    done
    judge "alter type mood add value 'new'; commit; update other set m = 'bad' where m = 'ok'" --format json
    [ "$(field "code('update-rows')['loss']['exact']")" = True ]
    # nor what USING fills, nor what a second change of type casts: no failure is foretold that does not come
    judge "alter table shop alter free type int using coalesce(length(free), 0); alter table shop alter free set not null" --format json --fail-on critical
    [ "$(field "code('null-violations')['violations']['exact']")" = False ]
    judge "alter table shop alter code type int using substr(code, 2)::int; alter table shop alter code type bigint" --format json --fail-on critical
    [ "$(field "(code('cast-failure')['violations'], [x['message'] for x in f if 'at most 12 values in 12 rows' in x['message']] != [])")" = "(None, True)" ]
    judge "alter table shop alter free type varchar(9); alter table shop alter free set not null" --format json --fail-on critical
    [ "$(field "code('null-violations')['violations']['exact']")" = True ]
    # the neighbour: another column
    judge "alter table shop alter n type text; alter table shop add check (id < 5)" --format json
    [ "$(field "code('check-violations')['violations']['rows']")" = 8 ]
    sql "drop table shop, other" "drop type mood"
}

@test "an index that falls by CASCADE is no loss of its own" {
    sql "create type mood as enum ('a')" "create table moods (id int primary key, m mood)" "create index on moods (m)" "insert into moods values (1, 'a')"
    judge "drop type mood cascade" --format json
    [ "$(field "sorted({x['code'] for x in f})")" = "['drop-type']" ]
    # the table stands behind the finding, not its index
    judge "drop index moods_m_idx" --format json
    [ "$(field "code('no-lock-timeout')['lock']['relation']")" = public.moods ]
    [ "$(field "sorted(x['relation'] for x in j['locks'])")" = "['public.moods', 'public.moods_m_idx']" ]
    sql "drop table moods" "drop type mood"
}

# breaks SQL: the routines that are said to break, and to break perhaps
breaks() {
    judge "$1" --format json
    field "' '.join(sorted({('' if x['code'] == 'routine-breaks' else '?') + x['message'].split()[1].split('(')[0] for x in f if x['code'].startswith('routine-')}))"
}

@test "routines whose text names what goes" {
    sql "create schema r" "set search_path = r" \
        "create table t (id int, a text, b text, c int)" "create table log (id int, a text)" "create view v as select id from t" \
        "create function by_sql() returns text language sql as 'select a from t limit 1'" \
        "create function by_alias() returns text language sql as 'select b as a from t limit 1'" \
        "create function other_table() returns text language sql as 'select a from log limit 1'" \
        "create function by_into() returns void language plpgsql as 'declare x text; begin select t.a into x from t; end'" \
        "create function by_set() returns void language plpgsql as 'begin update t set a = null where id = 1; end'" \
        "create function by_cols() returns void language plpgsql as 'begin insert into t (id, a) values (1, 2); end'" \
        "create function by_type() returns void language plpgsql as 'declare x t.a%type; begin x := 1; end'" \
        "create function in_a_string() returns void language plpgsql as 'begin raise notice ''a of t''; perform 1; end'" \
        "create function built() returns void language plpgsql as 'begin execute ''update t set a = 1''; end'" \
        "create function on_t() returns trigger language plpgsql as 'begin new.a := upper(new.a); return new; end'" \
        "create trigger on_t before insert on t for each row execute function on_t()" \
        "create function calls() returns text language plpgsql as 'begin return r.by_sql(); end'" \
        "create function on_v() returns int language sql as 'select id from v'" \
        "create function helper(x int) returns int language sql immutable as 'select 1'" \
        "create table leans (a int check (r.helper(a) = 1))"
    [ "$(breaks "alter table r.t drop column a")" = "?r.built r.by_cols r.by_into r.by_set r.by_sql r.by_type r.on_t" ]
    [ "$(breaks "alter table r.t rename column a to z")" = "?r.built r.by_cols r.by_into r.by_set r.by_sql r.by_type r.on_t" ]
    [ "$(breaks "alter table r.t drop column c")" = "" ]
    [ "$(breaks "drop view r.v")" = "r.on_v" ]
    [ "$(breaks "alter view r.v rename to w")" = "r.on_v" ]
    [ "$(breaks "drop function r.by_sql()")" = "r.calls" ]
    [ "$(breaks "alter table r.log rename to journal")" = "r.other_table" ]
    # the script knows: it replaces the routine, or puts something of that name in the place
    [ "$(breaks "create or replace function r.other_table() returns text language sql as 'select 1'; alter table r.log rename to journal")" = "" ]
    [ "$(breaks "alter table r.log rename to journal; create view r.log as select * from r.journal")" = "" ]
    # what the server does know of a routine
    judge "drop function r.helper(int)" --format json
    [[ "$(field "code('would-fail')['message']")" == *"depends on it"* ]]
    judge "drop function r.on_v()" --format json
    [ "$(field "[x for x in f if x['code'] == 'would-fail']")" = "[]" ]
    sql "drop schema r cascade" 2>/dev/null
}

@test "safe is 0, unsafe 1, usage 2, unknown 3" {
    judge "create table t (a int)"
    [ "$status" -eq 0 ]
    [[ $output == *$'\n'"safe: "* ]]
    judge "alter table users drop column phone"
    [ "$status" -eq 1 ]
    judge "select 1" --fail-on nonsense
    [ "$status" -eq 2 ]
    judge "do \$\$ begin execute 'drop table ' || 'users'; end \$\$"
    [ "$status" -eq 3 ]
    judge "do \$\$ begin execute 'drop table users'; end \$\$"
    [ "$status" -eq 1 ]
    judge "this is no sql"
    [ "$status" -eq 3 ]
    # unsafe beats unknown
    judge "do \$\$ begin end \$\$; drop table users"
    [ "$status" -eq 1 ]
}

@test "what cannot be read at all is exit 3, with file and line" {
    judge $'select 1;\n  select \'abc'
    [ "$status" -eq 3 ]
    [[ $stderr == *"x.sql:2:"* ]]
    judge '\connect other'
    [ "$status" -eq 3 ]
    mig mig-validate sql no_such_file.sql
    [ "$status" -ne 0 ]
    [[ $stderr == *no_such_file.sql* ]]
}

@test "a dropped column is counted: values, rows, bytes" {
    judge "alter table users drop column phone" --format json
    [ "$status" -eq 1 ]
    [ "$(field 'j["schema"]')" = mig-validate/1 ]
    [ "$(field 'code("drop-column")["loss"]["values"]')" = 100 ]
    [ "$(field 'code("drop-column")["loss"]["rows"]')" = 100 ]
    [ "$(field 'code("drop-column")["loss"]["exact"]')" = True ]
    [ "$(field 'code("drop-column")["object"]')" = public.users.phone ]
    [ "$(field 'code("drop-column")["lock"]["mode"]')" = AccessExclusiveLock ]
    # The query beside the count gives the same count.
    [ "$(sql "$(field 'code("drop-column")["loss"]["sql"]')" | cut -d'|' -f3)" = 100 ]
}

@test "JSON has every key that was promised" {
    judge "drop table users" --format json
    [ "$(field 'sorted({"verdict","from","to","steps","findings","ignored","locks"} - set(j))')" = "[]" ]
    [ "$(field 'sorted({"code","hazard","severity","object","message","remedy","statement","revision","file","lock","rewrite","scan","evidence","loss","violations"} - set(f[0]))')" = "[]" ]
    [ "$(field 'sorted(f[0]["statement"])')" = "['column', 'index', 'line', 'text']" ]
    [ "$(field 'sorted({"rows","values","bytes","exact","sql"} - set(code("drop-table")["loss"]))')" = "[]" ]
    [ "$(field 'sorted({"statement","relation","mode","rewrite","scan"} - set(j["locks"][0]))')" = "[]" ]
}

@test "a zero in an empty table is no evidence" {
    judge "drop table empty" --format json
    [ "$status" -eq 1 ]
    [ "$(field 'code("drop-table")["evidence"]')" = empty ]
    [ "$(field 'code("drop-table")["severity"]')" = critical ]
}

@test "a zero among rows lowers the severity" {
    sql "create table hollow as select g as id, null::text as v from generate_series(1, 10) g"
    judge "alter table hollow drop column v" --format json
    [ "$status" -eq 0 ]
    [ "$(field 'code("drop-column")["severity"]')" = low ]
}

@test "past the budget statistics answer, and say so" {
    sql "create table slow as select g as id, 'x' || g as v from generate_series(1, 2000) g" "analyze slow"
    judge "update slow set v = pg_sleep(0.1)::text || v" --format json --budget 100ms
    [ "$status" -eq 1 ]
    [ "$(field 'code("update-rows")["evidence"]')" = estimated ]
    [ "$(field 'code("update-rows")["loss"]["exact"]')" = False ]
}

@test "offline measures nothing and touches nothing" {
    PGHOST=/nowhere judge "alter table users drop column phone" --offline --format json
    [ "$status" -eq 1 ]
    [ "$(field 'code("drop-column")["evidence"]')" = none ]
    [ ! -e backups ]
}

@test "literals appear in no output, unless asked for" {
    judge "delete from users where secret = 'hunter2'; update users set phone = 'topsecret' where id = 1; do 'hidden'; comment on table users is 'quiet'" --format json
    [[ $output != *hunter2* && $output != *topsecret* && $output != *hidden* ]]
    judge "delete from users where secret = 'hunter2'" --format json --show-values
    [[ $output == *hunter2* ]]
    judge "alter table users alter column secret type int using secret::int"
    [[ $output != *hunter2* && $stderr != *hunter2* ]]
    [ "$status" -eq 1 ]
}

@test "mig:ignore exempts with a reason, and an unused one is told" {
    judge $'-- mig:ignore drop-column moved to profiles\nalter table users drop column phone' --format json
    [ "$status" -eq 0 ]
    [ "$(field 'j["ignored"][0]["reason"]')" = "moved to profiles" ]
    judge $'-- mig:ignore drop-column moved to profiles\nalter table users drop column phone' --no-ignore
    [ "$status" -eq 1 ]
    judge $'-- mig:ignore drop-column\nalter table users drop column phone'
    [ "$status" -eq 1 ]
    [[ $stderr == *"needs a reason"* ]]
    judge $'-- mig:ignore truncate because\nselect 1' --format json
    [ "$(field 'j["unused_ignores"]')" = "['x.sql:1: truncate']" ]
    judge $'-- mig:ignore no-such-code because\nselect 1'
    [[ $stderr == *no-such-code* ]]
    judge $'drop table users;\n-- mig:ignore-file drop-table a scratch database\nselect 1'
    [ "$status" -eq 0 ]
    judge $'drop table users; -- mig:ignore opaque it is fine\ndo $$ begin end $$' --format json
    [ "$(field 'j["ignored"][0]["code"]')" = opaque ]
}

@test "mig.json: severities, exemptions, limits" {
    printf '{"validate": {"severities": {"drop-column": "low"}}}' >mig.json
    judge "alter table users drop column phone"
    [ "$status" -eq 0 ]
    printf '{"validate": {"exempt": [{"code": "drop-column", "object": "public.users.phone", "reason": "known"}]}}' >mig.json
    judge "alter table users drop column phone"
    [ "$status" -eq 0 ]
    for reason in '' ', "reason": " "'; do
        printf '{"validate": {"exempt": [{"code": "drop-column"%s}]}}' "$reason" >mig.json
        judge "alter table users drop column phone"
        [ "$status" -eq 2 ]
        [[ $stderr == *"entry 1 (drop-column) has no reason"*hint:* ]]
    done
    printf '{"validate": {"max_loss_rows": 50, "severities": {"drop-column": "low"}}}' >mig.json
    judge "alter table users drop column phone"
    [ "$status" -eq 1 ]
    judge "alter table users drop column phone" --max-loss-rows 100
    [ "$status" -eq 0 ]
}

@test "--fail-on moves the line" {
    judge "alter table users drop column phone" --fail-on critical
    [ "$status" -eq 1 ]
    judge "alter table users alter column id set default 5" --fail-on low
    [ "$status" -eq 1 ]
    judge "alter table users alter column id set default 5"
    [ "$status" -eq 0 ]
}

@test "several reports from one run, each well formed" {
    judge "drop table users; do 'x'" --format text --format json=j.json --format sarif=s.json --format junit=u.xml \
        --format markdown=m.md --format github=g.txt --format gitlab=l.json
    [ "$status" -eq 1 ]
    "$MIG_PYTHON" - <<'END'
import json, xml.dom.minidom
s = json.load(open("s.json"))
assert s["version"] == "2.1.0"
rules = s["runs"][0]["tool"]["driver"]["rules"]
for r in s["runs"][0]["results"]:
    assert rules[r["ruleIndex"]]["id"] == r["ruleId"]
    assert r["locations"][0]["physicalLocation"]["region"]["startLine"] == 1
x = xml.dom.minidom.parse("u.xml")
suite = x.getElementsByTagName("testsuite")[0]
assert int(suite.getAttribute("tests")) == len(suite.getElementsByTagName("testcase"))
assert int(suite.getAttribute("failures")) == len(suite.getElementsByTagName("failure")) > 0
g = json.load(open("l.json"))
assert len({e["fingerprint"] for e in g}) == len(g) > 0
assert open("m.md").read().startswith("## mig-validate: unsafe")
assert all(l.startswith("::") for l in open("g.txt"))
json.load(open("j.json"))
END
}

@test "two reports on standard output are refused before any work" {
    judge "select 1" --format json --format text
    [ "$status" -eq 2 ]
}

@test "a role that may not read the table gets unknown or unsafe, never safe" {
    role_create mig_blind
    sql "create table closed as select g as id, 'v'::text as v from generate_series(1, 10) g" "analyze"
    printf 'alter table closed alter column id set not null;\n' >x.sql
    mig mig-validate sql x.sql -U mig_blind
    [ "$status" -ne 0 ]
}

@test "rows that a policy hides are not left out of a count" {
    role_create mig_rls
    sql "create table guarded (id int, v text)" "insert into guarded select g, 'v' from generate_series(1, 10) g" \
        "alter table guarded enable row level security" "create policy none on guarded using (false)" \
        "grant select on guarded to mig_rls"
    printf 'delete from guarded where id > 5;\n' >x.sql
    mig mig-validate sql x.sql -U mig_rls --fail-on critical
    [ "$status" -eq 3 ]
}

@test "nothing is written, nothing stronger than ACCESS SHARE is taken" {
    before=$(db_digest)
    judge "drop table users; alter table empty add column x serial; delete from users; truncate users"
    [ "$(db_digest)" = "$before" ]
    # Beside a session that holds ROW EXCLUSIVE the count goes on.
    coproc PSQL { psql -XAtq; }
    echo "begin; lock table users in exclusive mode; select 'held';" >&"${PSQL[1]}"
    read -r -u "${PSQL[0]}" line
    [ "$line" = held ]
    judge "alter table users drop column phone" --format json
    echo "rollback; \\q" >&"${PSQL[1]}"
    wait "$PSQL_PID" || :
    [ "$(field 'code("drop-column")["loss"]["values"]')" = 100 ]
}

# dependents SQL: does the server fail ($really, 0 or 1), and was it foretold ($foretold)?
dependents() {
    printf 'begin;\n%s;\nrollback;\n' "$1" >d.sql
    really=0
    psql -XAtq -v ON_ERROR_STOP=1 -f d.sql >/dev/null 2>&1 || really=1
    judge "$1" --format json
    foretold=$(field '1 if [x for x in f if x["code"] == "would-fail"] else 0')
}

@test "a failure is foretold if and only if it comes: what depends, what is not there" {
    sql "create table dep (a int primary key, b int, c text, g int generated always as (b + 1) stored)" \
        "create view dep_v as select a from dep" "create view dep_w as select a from dep_v" \
        "create function dep_f() returns trigger language plpgsql as 'begin return new; end'" \
        "create trigger dep_t before update of b on dep for each row execute function dep_f()" \
        "create sequence dep_s" "create table dep_n (n int default nextval('dep_s'), r int references dep (a))" \
        "create extension pg_trgm" "create type dep_e as enum ('x')" "create table dep_u (e dep_e, k int)"
    while IFS= read -r statement; do
        dependents "$statement"
        [ "$really" = "$foretold" ] || { echo "$statement: server $really, foretold $foretold"; false; }
    done <<'END'
drop view dep_v
drop view dep_v, dep_w
drop view dep_w; drop view dep_v
drop table dep
drop view dep_w; drop view dep_v; alter table dep_n drop constraint dep_n_r_fkey; drop table dep
drop table dep, dep_n
drop view dep_w, dep_v; drop table dep_n; drop table dep
alter table dep drop column a
alter table dep drop column b
alter table dep alter column a type bigint
drop view dep_w, dep_v; alter table dep alter column a type bigint
alter table dep alter column b type bigint
drop trigger dep_t on dep; alter table dep drop column g; alter table dep drop column b
drop sequence dep_s
alter table dep_n alter column n drop default; drop sequence dep_s
alter table dep_n drop column n; drop sequence dep_s
drop type dep_e
alter table dep_u drop column e; drop type dep_e
drop table dep_u; drop type dep_e
alter table dep_u alter column e type text; drop type dep_e
alter table dep_u add column k int
alter table dep_u drop column k; alter table dep_u add column k int
alter table dep_u rename column k to l; alter table dep_u add column k int
alter table dep_u drop column nope
alter table dep_u drop column if exists nope
drop index nope
alter table dep_u drop constraint nope
alter table dep_u add primary key (k); alter table dep_u drop constraint dep_u_pkey
create table fresh (a int); alter table fresh rename to fresher; drop table fresher
alter table dep_n drop column r; drop view dep_w, dep_v; alter table dep drop column a
alter table dep_n drop column r; drop view dep_w, dep_v; drop table dep
alter table dep_n drop column n; drop view dep_w, dep_v; drop table dep
drop extension pg_trgm
alter table dep_u rename to dep_x; drop table dep_u
alter table dep_u rename to dep_x; alter table public.dep_x drop column k
END
}
