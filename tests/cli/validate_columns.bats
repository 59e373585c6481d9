#!/usr/bin/env bats
# mig-validate: what stands in the way of a rule on columns that the script itself renamed or made.

load ../lib/common

setup_file() {
    db_create
    export MIG_STATE_DIR=$BATS_FILE_TMPDIR/state
    sql "create table parent (id int primary key, n int)" "insert into parent select g, g from generate_series(1, 5) g" \
        "create table child (id int primary key, p int, q int)" \
        "insert into child select g, g, case when g < 9 then g % 3 + 1 end from generate_series(1, 10) g" \
        "create table whole (id int primary key, name text)" "create table part (id int primary key, w int references whole)" \
        "create table leaf (id int primary key, w int references whole on delete cascade)" \
        "insert into whole select g, 'n' || g from generate_series(1, 5) g" "insert into part values (1, 1), (2, 1), (3, 2)" \
        "insert into leaf values (1, 3)" "create table self (id int primary key, up int references self)" "insert into self values (1, null), (2, 1)" \
        "create domain filled as int default 7" "create table none (a int)" "analyze"
}
teardown_file() { db_drop; }

setup() { cd "$BATS_TEST_TMPDIR"; }

# Each line is a script: it fails on the server if and only if rows are counted that stand in the way;
# with EXACT only what is called certain counts.
foretold_as_it_is() {
    local line really foretold exact=${1:-}
    while IFS= read -r line; do
        really=0
        printf 'begin;\n%s;\nrollback;\n' "$line" | psql -XAtq -v ON_ERROR_STOP=1 >/dev/null 2>&1 || really=1
        printf '%s;\n' "$line" >x.sql
        mig mig-validate sql x.sql --format json
        foretold=$("$MIG_PYTHON" -c 'import json,sys; print(int(any((x["violations"] or {}).get("rows") and (x["violations"]["exact"] or not sys.argv[1]) for x in json.load(sys.stdin)["findings"])))' "$exact" <<<"$output")
        [ "$really" = "$foretold" ] || { echo "$line: server $really, foretold $foretold"; return 1; }
    done
}

@test "rules on columns that the script renamed before are counted" {
    foretold_as_it_is <<'END'
alter table child rename p to parent_id; alter table child add foreign key (parent_id) references parent
alter table child rename q to parent_id; alter table child add foreign key (parent_id) references parent
alter table parent rename id to key; alter table child add foreign key (p) references parent (key)
alter table parent rename id to key; alter table child add foreign key (q) references parent (key)
alter table child rename q to r; alter table child add unique (r)
alter table child rename p to r; alter table child add unique (r)
alter table child rename q to r; create unique index on child (r)
alter table child rename q to r; alter table child alter r set not null
alter table child rename p to r; alter table child alter r set not null
alter table child rename q to r; alter table child rename r to s; alter table child alter s set not null
alter table child rename p to r; alter table child rename q to p; alter table child alter p set not null
alter table child rename to kid; alter table kid rename p to r; alter table kid add foreign key (r) references parent
END
}

@test "a new column that nothing fills has no value for a key or NOT NULL" {
    foretold_as_it_is exact <<'END'
alter table child add x int; alter table child alter x set not null
alter table child add x int; alter table child drop constraint child_pkey; alter table child add primary key (x)
alter table child add x int; update child set x = id; alter table child alter x set not null
alter table child add x int default 3; alter table child alter x set not null
alter table child add x int; alter table child alter x set default 3; alter table child alter x set not null
alter table child add x serial; alter table child alter x set not null
alter table child add x filled; alter table child alter x set not null
alter table child add x int; alter table child alter x type bigint using 5; alter table child alter x set not null
alter table none add x int; alter table none alter x set not null
alter table child drop p; alter table child add p int; alter table child alter p set not null
alter table child drop q; alter table child add q int default 1; alter table child alter q set not null
alter table child add x int unique
alter table child add x int references parent
alter table child add x int; alter table child add foreign key (x) references parent
END
}

@test "what the script writes before is not held against it" {
    foretold_as_it_is exact <<'END'
delete from part; delete from whole where id = 1
delete from child where p > 5; alter table child add foreign key (p) references parent
insert into parent select g, g from generate_series(6, 10) g; alter table child add foreign key (p) references parent
update child set q = 1 where q is null; alter table child alter q set not null
END
}

@test "rows that go while others reference them, and TRUNCATE of what is referenced" {
    foretold_as_it_is exact <<'END'
delete from whole where name = 'n1'
delete from whole where id = 3
delete from whole where id = 5
delete from whole
delete from self
drop table part; delete from whole
alter table part drop constraint part_w_fkey; delete from whole where id = 1
alter table part drop column w; delete from whole where id = 1
END
    while IFS= read -r line; do
        printf '%s;\n' "$line" >x.sql
        mig mig-validate sql x.sql --format json
        really=0
        printf 'begin;\n%s;\nrollback;\n' "$line" | psql -XAtq -v ON_ERROR_STOP=1 >/dev/null 2>&1 || really=1
        [ "$(grep -c '"would-fail"' <<<"$output")" = "$really" ] || { echo "$line: server $really"; false; }
    done <<'END'
truncate whole
truncate whole, part, leaf
truncate self
drop table part, leaf; truncate whole
alter table part drop constraint part_w_fkey; alter table leaf drop column w; truncate whole
truncate part
END
}
