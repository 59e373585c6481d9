#!/usr/bin/env bats
# How long each lock is held: from which statement to which, and an estimate that is a range, grows with
# the table and says that it is one.  Whether the range holds the truth is measured by tests/bench/estimate.sh.

load ../lib/common

setup_file() {
    db_create
    export MIG_STATE_DIR=$BATS_FILE_TMPDIR/state
    sql "create table small (a int, b int)" "insert into small select g, g from generate_series(1, 10) g" \
        "create table middle as select g as a, g as b from generate_series(1, 20000) g" \
        "create table large as select g as a, g as b from generate_series(1, 200000) g" \
        "create table parent (id int primary key)" "insert into parent select g from generate_series(1, 20000) g" "analyze"
}
teardown_file() { db_drop; }

setup() { cd "$BATS_TEST_TMPDIR"; }

judge() {
    printf '%s\n' "$1" >x.sql
    shift
    mig mig-validate sql x.sql --format json "$@"
}
field() { "$MIG_PYTHON" -c 'import json,sys; j=json.load(sys.stdin); h={x["relation"]: x for x in j["holds"]}; print(eval(sys.argv[1], {"j": j, "h": h}))' "$1" <<<"$output"; }

@test "the strongest lock counts, from the statement that takes it to the end of the transaction" {
    judge $'insert into small values (1, 1);\ncreate index on small (a);\nalter table middle add column c int;\nalter table small drop column b;\nselect 1;'
    [ "$(field '(h["public.small"]["mode"], h["public.small"]["from"]["statement"], h["public.small"]["until"]["statement"])')" = "('AccessExclusiveLock', 4, 5)" ]
    [ "$(field '(h["public.middle"]["from"]["line"], h["public.middle"]["until"]["line"])')" = "(3, 5)" ]
    # Where each statement commits by itself, so does its lock.
    judge $'alter table middle add column c int;\nalter table small drop column b;\nselect 1;' --tool psql
    [ "$(field '[(x["relation"], x["from"]["statement"], x["until"]["statement"]) for x in j["holds"]]')" = "[('public.middle', 1, 1), ('public.small', 2, 2)]" ]
    # BEGIN and COMMIT bound it.
    judge $'begin;\nalter table middle add column c int;\ncommit;\nbegin;\nalter table middle add column d int;\nalter table small add column d int;\ncommit;'
    [ "$(field '[(x["relation"], x["from"]["statement"], x["until"]["statement"]) for x in j["holds"]]')" = "[('public.middle', 2, 3), ('public.middle', 5, 7), ('public.small', 6, 7)]" ]
}

@test "every locked relation has its hold, and every hold its lock" {
    judge "alter table large add foreign key (a) references parent; create index on middle (a); update small set a = 1; drop table parent cascade"
    [ "$(field '{x["relation"] for x in j["holds"]} == {x["relation"] for x in j["locks"]}')" = True ]
}

@test "the estimate is a range, is marked, and grows with the table" {
    local last=0 t
    for t in small middle large; do
        judge "alter table $t alter a type bigint"
        [ "$(field "h['public.$t']['seconds']['estimated']")" = True ]
        [ "$(field "0 < h['public.$t']['seconds']['least'] < h['public.$t']['seconds']['most']")" = True ]
    done
    # In one run, by one pace: a rewrite of ten times the rows, and more work on the same rows.
    judge "alter table middle alter a type bigint; alter table large alter a type bigint" --tool psql
    [ "$(field 'h["public.large"]["seconds"]["least"] > 5 * h["public.middle"]["seconds"]["least"]')" = True ]
    [ "$(field 'h["public.large"]["seconds"]["most"] > 3 * h["public.middle"]["seconds"]["most"]')" = True ]
    [ "$(field 'j["pace"]["relation"] == "public.large" and 0 < j["pace"]["bytes"] <= 8 * 1024 * 1024 and j["pace"]["seconds"] > 0')" = True ]
    # What runs while the lock is held counts for it, what ran before does not.
    judge "alter table small add column z int; create index on large (a)"
    [ "$(field 'h["public.small"]["seconds"]["most"] > h["public.large"]["seconds"]["most"]')" = True ]
    judge "create index on large (a); alter table small add column z int"
    [ "$(field 'h["public.small"]["seconds"]["most"] < h["public.large"]["seconds"]["most"] / 5')" = True ]
    # A change of the catalog alone is no matter of size.
    judge "alter table large add column z int"
    [ "$(field 'h["public.large"]["seconds"]["most"] < 0.1 and j["pace"] is None')" = True ]
}

@test "what cannot be known has no upper end; offline there is no estimate at all" {
    judge "alter table large add column z int; do 'begin end'"
    [ "$(field 'h["public.large"]["seconds"]["most"]')" = None ]
    judge "do 'begin end'; alter table large add column z int"
    [ "$(field 'h["public.large"]["seconds"]["most"] > 0')" = True ]
    judge "alter table large alter a type bigint" --offline
    [ "$(field '(h["large"]["mode"], h["large"]["seconds"])')" = "('AccessExclusiveLock', None)" ]
}

@test "the reports for people say who waits, for how long, and that it is estimated" {
    echo "alter table large alter a type bigint" >x.sql
    mig mig-validate sql x.sql --format text --format markdown=m.md
    [[ $output == *"locks, once granted, to the end of their transaction (estimated from sizes and a read of "* ]]
    [[ $output == *"nobody reads or writes public.large for "*" to "*"(AccessExclusiveLock, line 1)"* ]]
    grep -q '^### Locks held, estimated' m.md
    grep -q '^| public.large | nobody reads or writes | AccessExclusiveLock | .* to .* | line 1 |$' m.md
    echo "alter table small add column z int" >x.sql
    mig mig-validate sql x.sql
    [[ $output == *"1 relation, each for less than 0.1 s"* ]]
}

@test "a role that may not read the table is given an estimate all the same" {
    role_create mig_pace
    echo "alter table large alter a type bigint" >x.sql
    mig mig-validate sql x.sql -U mig_pace --format json
    [ "$(field 'h["public.large"]["seconds"]["most"] > h["public.large"]["seconds"]["least"] > 0')" = True ]
}

@test "with transaction_per_migration each upgrade has its own transaction" {
    cp -R "$MIG_ROOT/tests/projects/shapes/per_migration" .
    cd per_migration
    rm migrations/versions/p3.py
    sql "create table alembic_version (version_num varchar(32) primary key)" "insert into alembic_version values ('p1')" \
        "create table t (id int primary key, v text)"
    for r in "p8 p2 middle" "p9 p8 small"; do
        read -r id down table <<<"$r"
        cat >"migrations/versions/$id.py" <<END
revision = "$id"
down_revision = "$down"
from alembic import op
def upgrade():
    op.execute("alter table $table add column $id int")
def downgrade():
    op.execute("alter table $table drop column $id")
END
    done
    until='[(x["relation"], x["from"]["revision"], x["until"]["revision"]) for x in j["holds"] if x["relation"] in ("public.t", "public.middle", "public.small")]'
    mig mig-validate upgrade head --format json
    [ "$(field "$until")" = "[('public.t', 'p2', 'p2'), ('public.middle', 'p8', 'p8'), ('public.small', 'p9', 'p9')]" ]
    # the neighbour: all in one
    sed -i 's/, transaction_per_migration=True//' migrations/env.py
    mig mig-validate upgrade head --format json
    [ "$(field "$until")" = "[('public.t', 'p2', 'p9'), ('public.middle', 'p8', 'p9'), ('public.small', 'p9', 'p9')]" ]
}
