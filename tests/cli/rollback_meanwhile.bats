#!/usr/bin/env bats
# What the application wrote between a rollback and its undo: kept where the rollback did not change the value,
# else said (exit 7), counted, and on the shelf as it was.  What nobody wrote meanwhile is as it was before.

load ../lib/common

setup_file() { key_make; }
setup() {
    db_create "meanwhile_${BATS_TEST_NUMBER}_$$"
    cd "$BATS_TEST_TMPDIR"
    GO=(--yes --confirm "$PGDATABASE")
    RUN=()
}
teardown() { db_drop; }

rows() { sql "select string_agg(x::text, ' ' order by x::text) from $1 x"; }
# meanwhile DOWN UP WRITES [OPTION...]: run, write, undo with OPTION; its outcome is in $status, $output, $stderr.
meanwhile() {
    printf '%s\n' "$1" >down.sql
    printf '%s\n' "$2" >up.sql
    mig mig-rollback run --sql down.sql --undo-sql up.sql "${GO[@]}" "${RUN[@]}"
    assert_exit 0
    undo_said=$(grep '^Undo:' <<<"$stderr")
    sql "$3" >/dev/null
    mig mig-rollback undo "${GO[@]}" "${@:4}"
}
# The shelf's only copy of rows written meanwhile.
copy() { ls backups/*before-restore*; }
overwritten() { "$MIG_PYTHON" -c "import json, sys; print(json.load(sys.stdin)['meanwhile'])" <<<"$output"; }

@test "an upgrade that changes a kept column once more: what nobody wrote is as it was, the rest is said" {
    sql "create table t (id int primary key, n int, u text, b text)" "insert into t select g, g, '', 'b' || g from generate_series(1, 4) g"
    meanwhile "alter table t drop column b;" "alter table t add column b text; update t set n = n + 1;" \
        "update t set u = 'zebra' where id = 2; update t set n = 50 where id = 3; insert into t values (9, 9)"
    [ "$undo_said" = "Undo: exact" ]
    assert_exit 7
    assert_out 'public.t: of 3 rows written since the rollback, 3 hold not what was written' 'as they were before undo: .*\.mig'
    assert_err 'what was written since the rollback to 3 rows is not there as it was written'
    [ "$(rows t)" = '(1,1,"",b1) (2,3,zebra,b2) (3,51,"",b3) (4,4,"",b4) (9,10,,)' ]
    # No value is shown, and every row is on the shelf.
    refute_out '\[[0-9]+\]' 'zebra'
    run --separate-stderr mig-backup cat "$(copy)" -t public.t
    [ "$(sort <<<"$output")" = $'["2","2","zebra"]\n["3","50",""]\n["9","9",null]' ]
}

@test "nothing written meanwhile is exit 0, and no copy; what was written and still holds is told" {
    sql "create table t (id int primary key, n int, b text)" "insert into t select g, g, 'b' || g from generate_series(1, 4) g"
    meanwhile "alter table t drop column b;" "alter table t add column b text; update t set n = n + 1 where id < 3;" "select 1"
    assert_exit 0
    refute_out 'rows? written since'
    [ "$(rows t)" = '(1,1,b1) (2,2,b2) (3,3,b3) (4,4,b4)' ]
    meanwhile "alter table t drop column b;" "alter table t add column b text; update t set n = n + 1 where id < 3;" \
        "update t set n = 40 where id = 4; delete from t where id = 3; insert into t values (5, 5)"
    assert_exit 0
    assert_out 'public.t: 2 rows written since the rollback are as they were written' '1 row of the backup is not there any more'
    [ "$(rows t)" = '(1,1,b1) (2,2,b2) (4,40,b4) (5,5,)' ]
    run ! copy
}

@test "--dry-run says the same before anything is done; JSON; keys only with --show-values" {
    sql "create table t (a int, k text, n int, b text, primary key (a, k))" "insert into t select g, 'k', g, 'b' from generate_series(1, 3) g"
    meanwhile "alter table t drop column b;" "alter table t add column b text; update t set n = 0;" \
        "update t set n = 7 where a = 2" --dry-run
    assert_exit 0
    assert_out 'public.t: of 1 row written since the rollback, 1 holds not what was written'
    [ "$(rows t)" = '(1,k,1) (2,k,7) (3,k,3)' ]
    run ! copy
    mig mig-rollback undo "${GO[@]}" --format json --show-values
    assert_exit 7
    assert_equal "$(overwritten)" "[{'name': 'public.t', 'written': 1, 'overwritten': 1, 'keys': [['2', 'k']]}]"
    [ "$(rows t)" = '(1,k,1,b) (2,k,0,b) (3,k,3,b)' ]
}

@test "tables that the backup does not hold; --scope loss; --backup before; a saved plan" {
    sql "create table t (id int primary key, b text)" "create table o (id int primary key, n int)" \
        "insert into o select g, g from generate_series(1, 3) g" "insert into t values (1, 'b')"
    up="alter table t add column b text; update o set n = n + 1;"
    for RUN in "--scope=tables" "--scope=loss" "--backup=before"; do
        RUN=("$RUN")
        meanwhile "alter table t drop column b;" "$up" "update o set n = 50 where id = 2"
        [ "$undo_said" = "Undo: exact" ]
        assert_exit 7
        assert_out 'public.o: of 1 row written since'
        [ "$(rows o) $(rows t)" = '(1,1) (2,51) (3,3) (1,b)' ]
        sql "update o set n = 2 where id = 2"
    done
    mig mig-rollback plan --sql down.sql --undo-sql up.sql --save plan.mig
    assert_exit 0
    rm down.sql up.sql
    mig mig-rollback run --plan plan.mig "${GO[@]}"
    assert_exit 0
    sql "update o set n = 50 where id = 2"
    mig mig-rollback undo "${GO[@]}"
    assert_exit 7
    [ "$(rows o) $(rows t)" = '(1,1) (2,51) (3,3) (1,b)' ]
}

@test "a column that the downgrade changes: the saved value goes back, and rows written meanwhile are named" {
    sql "create table t (id int primary key, s text, u int)" "insert into t select g, 'new', 0 from generate_series(1, 4) g"
    for up in "select 1;" "update t set s = 'new';"; do
        meanwhile "update t set s = 'old';" "$up" "update t set s = 'closed' where id = 2; update t set u = 5 where id = 3"
        [ "$undo_said" = "Undo: exact" ]
        assert_exit 7
        # Whether row 3 was given another s meanwhile cannot be told; its u is nobody's but the application's.
        assert_out 'public.t: of 2 rows written since the rollback, 2 hold not'
        [ "$(rows t)" = '(1,new,0) (2,new,0) (3,new,5) (4,new,0)' ]
        run --separate-stderr mig-backup cat "$(copy | tail -1)" -t public.t
        [ "$(sort <<<"$output")" = $'["2","closed","0"]\n["3","old","5"]' ]
        sql "update t set u = 0"
    done
    # A row that the application deleted is not made again by values: the downgrade deletes none.
    meanwhile "update t set s = 'old';" "select 1;" "delete from t where id = 4"
    assert_exit 0
    assert_out 'public.t: 1 row of the backup is not there any more'
    [ "$(rows t)" = '(1,new,0) (2,new,0) (3,new,0)' ]
}

@test "rows that the downgrade deletes come back; others' changes of other rows stay; their deletions are counted" {
    sql "create table t (id int primary key, s text)" "insert into t select g, 'new' from generate_series(1, 5) g"
    meanwhile "delete from t where id = 1;" "select 1;" "update t set s = 'app' where id = 2; insert into t values (8, 'app')"
    assert_exit 0
    [ "$(rows t)" = '(1,new) (2,app) (3,new) (4,new) (5,new) (8,app)' ]
    meanwhile "delete from t where id = 1;" "select 1;" "update t set s = 'app2' where id = 2; delete from t where id = 3"
    assert_exit 7
    assert_out 'public.t: 1 row that others deleted since the rollback is there again'
    [ "$(rows t)" = '(1,new) (2,app2) (3,new) (4,new) (5,new) (8,app)' ]
    # A number given once more is the application's row.
    meanwhile "truncate t;" "select 1;" "insert into t values (2, 'mine'), (9, 'mine')"
    assert_exit 0
    [ "$(rows t)" = '(1,new) (2,mine) (3,new) (4,new) (5,new) (8,app) (9,mine)' ]
}

@test "values that the upgrade moves on from what it drops: the backup's win, and it is said" {
    sql "create table t (id int primary key, first text, last text)" "insert into t select g, 'F' || g, 'L' || g from generate_series(1, 4) g"
    meanwhile "alter table t add name text; update t set name = first || ' ' || last; alter table t drop first, drop last;" \
        "alter table t add first text, add last text; update t set first = split_part(name, ' ', 1), last = split_part(name, ' ', 2);
alter table t drop name;" "update t set name = 'A B' where id = 2; insert into t values (8, 'N M')"
    assert_exit 7
    assert_out 'public.t: of 2 rows written since the rollback, 1 holds not'
    [ "$(rows t)" = '(1,F1,L1) (2,F2,L2) (3,F3,L3) (4,F4,L4) (8,N,M)' ]
    run --separate-stderr mig-backup cat "$(copy)" -t public.t
    [[ "$output" == *'["2","A B"]'* ]]
    rm backups/*before-restore*
    # A table for another.
    up="create table t2 (id int primary key, s text); insert into t2 select * from t1; drop table t1;"
    down="create table t1 as select * from t2; drop table t2;"
    sql "create table t2 (id int primary key, s text)" "insert into t2 select g, 'x' from generate_series(1, 4) g"
    meanwhile "$down" "$up" "select 1"
    assert_exit 0
    refute_out 'written since'
    meanwhile "$down" "$up" "delete from t1 where id = 3"
    assert_exit 7
    assert_out 'public.t2: 1 row that the upgrade made, or did not make'
    meanwhile "$down" "$up" "update t1 set s = 'app' where id = 2; insert into t1 values (8, 'app')"
    assert_exit 7
    assert_out 'public.t2: 2 rows that the upgrade made' 'public.t1: 2 rows were written since the rollback; the upgrade drops the table'
    [ "$(rows t2)" = '(1,x) (2,x) (3,x) (4,x)' ]
    run --separate-stderr mig-backup cat "$(copy)" -t public.t1
    [ "$(sort <<<"$output")" = $'["2","app"]\n["8","app"]' ]
}

@test "rows that the upgrade deletes once more, tables without a key, triggers, unique values" {
    sql "create table t (id int primary key, n int, b text)" "insert into t select g, g from generate_series(1, 3) g" \
        "create table q (id int, n int, u text)" "insert into q select g, g from generate_series(1, 3) g"
    meanwhile "alter table t drop column b;" "alter table t add column b text; delete from t where n > 90;" \
        "insert into t values (91, 91), (4, 4)"
    [[ "$undo_said" == "Undo: inexact: the upgrade deletes rows of public.t once more"* ]]
    assert_exit 7
    assert_out 'public.t: 1 row that the upgrade deletes once more is in undo.s own backup alone' 'of 2 rows written since the rollback, 1 holds not'
    [ "$(rows t)" = '(1,1,) (2,2,) (3,3,) (4,4,)' ]
    up="alter table t add column b text; update q set n = 0 where id < 3;"
    meanwhile "alter table t drop column b;" "$up" "select 1"
    [[ "$undo_said" == "Undo: inexact: the upgrade changes q.n once more"* ]]
    assert_exit 7
    assert_out 'public.q: 2 rows that the upgrade changes once more are in undo.s own backup alone, for no key'
    sql "update q set n = id"
    meanwhile "alter table t drop column b;" "$up" "update q set u = 'app' where id in (2, 3)"
    assert_exit 7
    assert_out 'public.q: of 2 rows written since the rollback, 1 holds not'
    # A trigger that the upgrade sets off.
    sql "create table w (id int primary key, n int, u int default 0)" "insert into w select g, g from generate_series(1, 3) g" \
        "create function f() returns trigger language plpgsql as 'begin new.u = new.u + 1; return new; end'" \
        "create trigger f before update on w for each row execute function f()"
    meanwhile "alter table t drop column b;" "alter table t add column b text; update w set n = n + 1;" "select 1"
    assert_exit 0
    [ "$(rows w)" = '(1,1,0) (2,2,0) (3,3,0)' ]
    # Two rows cannot have one value even for a moment: either it is as it was, or it is said.
    sql "create table x (id int primary key, n int unique)" "insert into x values (1, 1), (2, 2), (3, 3)"
    meanwhile "alter table t drop column b;" "alter table t add column b text; update x set n = n - 1;" "select 1"
    [[ "$undo_said" == "Undo: inexact: the upgrade changes x.n once more"* ]]
    if [ "$status" = 0 ]; then
        [ "$(rows x)" = '(1,1) (2,2) (3,3)' ]
    else
        assert_exit 7
        assert_out 'public.x: what the upgrade changed once more could not be taken back: '
    fi
}

@test "seeded scenarios: what was written and what was reported, by the states alone" {
    run --separate-stderr "$MIG_PYTHON" "$MIG_ROOT/tests/lib/meanwhile.py" 1 3 7 10 14 16 36 58
    assert_exit 0
}
