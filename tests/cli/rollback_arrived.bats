#!/usr/bin/env bats
# What the plan makes and changes, against what came of it: columns, constraints, indexes.

load ../lib/common
load ../lib/script

setup_file() {
    key_make
    export TEMPLATE=arrived_$$
    db_create "$TEMPLATE"
    sql "create table a (id int primary key, v text, w varchar(20) not null default 'x', n int)" \
        "insert into a select g, 'v' || g, 'w', g from generate_series(1, 50) g" \
        "create table b (id int primary key, a_id int, v text)" "insert into b select g, g, 'b' || g from generate_series(1, 50) g" \
        "create type mood as enum ('sad', 'glad')" "create table feels (id int primary key, m mood not null default 'sad')" \
        "insert into feels values (1, 'glad')" "create domain posint as int check (value > 0)" \
        "create table p (id int, v text) partition by range (id)" "create table p1 partition of p for values from (0) to (100)" \
        "create schema other" "create type other.mood as (x int)"
}
teardown_file() { db_drop "$TEMPLATE"; }
setup() {
    cd "$BATS_TEST_TMPDIR"
    db_create "" "$TEMPLATE"
}
teardown() { db_drop; }

# meddle SQL: what an event trigger does behind each ALTER TABLE, CREATE TABLE and CREATE INDEX.
meddle() {
    sql "drop event trigger if exists meddle" \
        "create or replace function meddle() returns event_trigger language plpgsql as \$f\$ begin
            if current_setting('meddle.busy', true) = 'on' then return; end if;
            perform set_config('meddle.busy', 'on', true);
            $1
            perform set_config('meddle.busy', 'off', true);
         end \$f\$" \
        "create event trigger meddle on ddl_command_end when tag in ('ALTER TABLE', 'CREATE TABLE', 'CREATE INDEX') execute function meddle()"
}

@test "what an event trigger makes of what the plan makes rolls the run back, by name" {
    while IFS='|' read -r script meddling said; do
        [ -n "$script" ] || continue
        echo "$script <- $meddling"
        meddle "$meddling"
        run_sql "$script" --no-backup test --force validate,gate --reason test --dry-run
        assert_exit 4
        assert_err 'what came is not what the plan makes' "$said"
        sql "drop event trigger meddle"
        run_sql "$script" --no-backup test --force validate,gate --reason test --dry-run
        assert_exit 0
    done <<'LIST'
ALTER TABLE a ADD COLUMN c int;|alter table a alter c type bigint;|public\.a\.c is of type bigint, where the plan has int
ALTER TABLE a ADD COLUMN c varchar(10);|alter table a alter c type varchar(12);|public\.a\.c is of type character varying\(12\), where the plan has varchar\(10\)
ALTER TABLE a ADD COLUMN c numeric(10, 2);|alter table a alter c type numeric(10, 3);|is of type numeric\(10,3\)
ALTER TABLE a ADD COLUMN c text;|alter table a alter c type text collate "C";|public\.a\.c has collation C, where the plan has that of the type
ALTER TABLE a ADD COLUMN c text COLLATE "C";|alter table a alter c type text collate "POSIX";|public\.a\.c has collation POSIX
ALTER TABLE a ADD COLUMN c int NOT NULL DEFAULT 1;|alter table a alter c drop not null;|public\.a\.c may be NULL, where the plan has NOT NULL
ALTER TABLE a ADD COLUMN c int DEFAULT 1;|alter table a alter c set not null;|public\.a\.c is NOT NULL
ALTER TABLE a ADD COLUMN c int DEFAULT 1;|alter table a alter c drop default;|public\.a\.c has no default, where the plan has one
ALTER TABLE a ADD COLUMN c int;|alter table a alter c set default 7;|public\.a\.c has a default, where the plan has none
ALTER TABLE a ADD COLUMN c bigint GENERATED ALWAYS AS IDENTITY;|alter table a alter c drop identity;|public\.a\.c is no identity of that kind
ALTER TABLE a ADD COLUMN c int GENERATED ALWAYS AS (n + 1) STORED;|alter table a alter c drop expression;|public\.a\.c has no default|public\.a\.c is not generated
ALTER TABLE a ADD COLUMN c mood;|alter table a alter c type text;|public\.a\.c is of type text, where the plan has mood
ALTER TABLE a ADD COLUMN c posint;|alter table a alter c type int;|public\.a\.c is of type integer, where the plan has posint
ALTER TABLE a ADD COLUMN c serial;|alter table a alter c drop default;|public\.a\.c has no default
ALTER TABLE a ALTER COLUMN n TYPE bigint;|alter table a alter n type numeric;|public\.a\.n is of type numeric, where the plan has bigint
ALTER TABLE a ALTER COLUMN w TYPE varchar(30);|alter table a alter w type varchar(40);|public\.a\.w is of type character varying\(40\)
ALTER TABLE a ALTER COLUMN w DROP DEFAULT;|alter table a alter w set default 'y';|public\.a\.w has a default
ALTER TABLE a ALTER COLUMN n SET NOT NULL;|alter table a alter n drop not null;|public\.a\.n may be NULL
CREATE TABLE made (id int PRIMARY KEY, t text);|alter table made alter t type varchar(9);|public\.made\.t is of type
CREATE TABLE made (id int, t text);|alter table if exists made rename to elsewhere;|public\.made\.id is not there, where the plan makes it
CREATE TABLE made (id int, t text, PRIMARY KEY (id));|alter table made drop constraint made_pkey;|public\.made constraint \(the server names it\) is not there
ALTER TABLE b ADD CONSTRAINT k UNIQUE (v);|alter table b drop constraint k, add constraint k unique (v, id);|public\.b constraint k is on \(v, id\), where the plan has \(v\)
ALTER TABLE b ADD CONSTRAINT k FOREIGN KEY (a_id) REFERENCES a (id) ON DELETE CASCADE;|alter table b drop constraint k, add constraint k foreign key (a_id) references a (id);|public\.b constraint k is ON DELETE NO ACTION, where the plan has CASCADE
ALTER TABLE b ADD CONSTRAINT k FOREIGN KEY (a_id) REFERENCES a (id);|alter table b drop constraint k, add constraint k foreign key (a_id) references b (id);|public\.b constraint k references another table
ALTER TABLE b ADD CONSTRAINT k FOREIGN KEY (a_id) REFERENCES a (id);|alter table b alter constraint k deferrable;|public\.b constraint k is DEFERRABLE
ALTER TABLE b ADD CONSTRAINT k CHECK (id > 0);|alter table b drop constraint k;|public\.b constraint k is not there
CREATE UNIQUE INDEX i ON b (v);|drop index i; create index i on b (v);|public\.b index i is not UNIQUE, where the plan has UNIQUE
CREATE INDEX i ON b (v);|drop index i; create index i on b (v, id);|public\.b index i is on \(v, id\), where the plan has \(v\)
CREATE INDEX i ON b (v) WHERE id > 3;|drop index i; create index i on b (v);|public\.b index i has no WHERE
CREATE INDEX i ON b (v DESC, id);|drop index i; create index i on b (v, id);|public\.b index i is sorted otherwise
CREATE INDEX i ON b (v);|drop index i; create index i on b using hash (v);|public\.b index i is a hash index, where the plan has btree
LIST
}

@test "what the plan itself changes again is as it leaves it" {
    local n=0 wrong=0
    while read -r script; do
        [ -n "$script" ] || continue
        echo "$script"
        run_sql "$script" --no-backup test --force validate,gate --reason test --dry-run
        assert_exit 0 || wrong=1
        n=$((n + 1))
    done <<'LIST'
ALTER TABLE a ADD COLUMN c int; ALTER TABLE a ALTER COLUMN c TYPE text; ALTER TABLE a ALTER COLUMN c SET DEFAULT 'x'; UPDATE a SET c = 'y'; ALTER TABLE a ALTER COLUMN c SET NOT NULL;
ALTER TABLE a ADD COLUMN c int DEFAULT 3; ALTER TABLE a ALTER COLUMN c DROP DEFAULT; ALTER TABLE a RENAME COLUMN c TO d; ALTER TABLE a RENAME TO aa;
ALTER TABLE a ADD COLUMN c int; ALTER TABLE a DROP COLUMN c; ALTER TABLE a ADD COLUMN c text;
ALTER TABLE a ADD COLUMN IF NOT EXISTS v int REFERENCES b (id);
ALTER TYPE mood RENAME TO mood_old; CREATE TYPE mood AS ENUM ('glad'); ALTER TABLE feels ALTER m DROP DEFAULT, ALTER m TYPE mood USING m::text::mood; DROP TYPE mood_old;
CREATE TYPE mood_new AS ENUM ('glad', 'sad'); ALTER TABLE feels ALTER m DROP DEFAULT, ALTER m TYPE mood_new USING m::text::mood_new; DROP TYPE mood; ALTER TYPE mood_new RENAME TO mood;
CREATE TYPE tint AS ENUM ('red'); ALTER TABLE a ADD COLUMN c tint DEFAULT 'red', ADD COLUMN d tint[];
SET search_path = other, public; ALTER TABLE a ADD COLUMN c mood; CREATE TABLE made (id serial PRIMARY KEY, m mood);
CREATE TABLE made (id bigserial PRIMARY KEY, a_id int REFERENCES a, u text UNIQUE, CHECK (a_id > 0)); CREATE INDEX ON made (lower(u)); ALTER TABLE made RENAME TO done; ALTER TABLE done ADD COLUMN x interval(3), ADD y timestamptz(0);
CREATE TABLE other.made (LIKE a INCLUDING ALL); ALTER TABLE other.made SET SCHEMA public; ALTER TABLE made ADD COLUMN z char(3) COLLATE "C" DEFAULT NULL;
CREATE TABLE kid (extra int NOT NULL) INHERITS (a); CREATE TABLE p2 PARTITION OF p FOR VALUES FROM (100) TO (200); ALTER TABLE p ADD COLUMN c int; CREATE INDEX ON ONLY p (v);
CREATE TEMP TABLE t (id int); ALTER TABLE t ADD COLUMN c int NOT NULL; DROP TABLE t;
CREATE TABLE made AS SELECT id, v FROM a; ALTER TABLE made ADD PRIMARY KEY (id), ALTER v SET NOT NULL; CREATE UNIQUE INDEX u ON made (v); ALTER TABLE made ADD CONSTRAINT uu UNIQUE USING INDEX u;
ALTER TABLE b ADD CONSTRAINT k CHECK (id > 0) NOT VALID; ALTER TABLE b VALIDATE CONSTRAINT k; ALTER TABLE b RENAME CONSTRAINT k TO kk;
ALTER TABLE b ADD CONSTRAINT k UNIQUE (v) DEFERRABLE INITIALLY DEFERRED; ALTER TABLE b ADD CONSTRAINT f FOREIGN KEY (a_id) REFERENCES a ON DELETE SET NULL ON UPDATE CASCADE DEFERRABLE; ALTER TABLE b ADD CONSTRAINT x EXCLUDE (id WITH =);
CREATE INDEX i ON b USING gin (to_tsvector('english', v)); CREATE INDEX j ON b (v text_pattern_ops DESC NULLS LAST, (id + 1)) INCLUDE (a_id) WHERE v <> ''; ALTER INDEX i RENAME TO ii; DROP INDEX j;
ALTER TABLE a ADD COLUMN c int; SAVEPOINT s; ALTER TABLE a ALTER c TYPE text; ROLLBACK TO s; RELEASE s;
ALTER TABLE a ADD COLUMN c int; DO $$ begin alter table a alter c type text; end $$;
ALTER TABLE a ADD COLUMN c int; DO $$ begin execute 'alter ' || 'table a alter c set not null'; exception when others then null; end $$;
ALTER TABLE a ADD COLUMN c int GENERATED BY DEFAULT AS IDENTITY; ALTER TABLE a ALTER c DROP IDENTITY, ALTER c DROP NOT NULL;
CREATE EXTENSION citext; ALTER TABLE a ADD COLUMN c citext;
ALTER TABLE a DROP CONSTRAINT a_pkey CASCADE, ALTER id TYPE bigint, ADD PRIMARY KEY (id);
ALTER TABLE a ADD COLUMN "C x" double precision[], ADD COLUMN t time with time zone, ADD COLUMN b bit(3), ADD COLUMN bb bit varying, ADD COLUMN f float(3), ADD COLUMN q "char", ADD COLUMN nn national character varying(4);
LIST
    [ "$n" = 23 ] && [ "$wrong" = 0 ]
}
