#!/usr/bin/env bats
# mig-rollback: plan, run, undo, status, list, and every refusal.

load ../lib/common
load ../lib/twostep

setup_file() {
    twostep_begin
    twostep_ready
}

setup() {
    twostep_clone
}

teardown() {
    db_drop
}

teardown_file() {
    db_drop "$TEMPLATE"
}

@test "plan shows all and changes nothing" {
    mig mig-rollback plan -1
    assert_exit 0
    assert_out 'aaaaaaaaaaa2'
    assert_out 'public.d'
    assert_out 'destroys'
    assert_out 'Undo: exact' 'moves to the new revision'
    unchanged
    mig mig-rollback plan -1 --format json
    assert_exit 0
    [ "$(result 'j["schema"], j["from"], j["to"], [s["revision"] for s in j["steps"]], j["steps"][0]["transactional"]')" = "('mig-rollback/1', ['aaaaaaaaaaa2'], ['aaaaaaaaaaa1'], ['aaaaaaaaaaa2'], True)" ]
    [ "$(result 'sorted(t["name"] for t in j["tables"] if t["at_risk"])')" = "['public.d', 'public.t']" ]
}

@test "run, status, list, undo: the values are back, and it cannot be undone twice" {
    mig mig-rollback run -1 "${GO[@]}" --reason testing --format json --verify full
    assert_exit 0
    [ "$(result 'j["outcome"]')" = committed ]
    run_id=$(result 'j["run"]')
    [[ "$(result 'j["next"]')" == "mig-rollback undo $run_id" ]]
    [ -f "$(result 'j["backup"]')" ]
    [ "$(sql 'select version_num from alembic_version')" = aaaaaaaaaaa1 ]
    [ "$(sql "select to_regclass('d') is null")" = t ]
    mig mig-rollback status --format json
    assert_exit 0
    [ "$(result 'j["run"], j["outcome"]')" = "('$run_id', 'committed')" ]
    # Rows of afterwards stay as they are.
    sql "insert into t (id, keep) values (1, 'later')" "delete from t where id = -5"
    mig mig-rollback undo "$run_id" --dry-run "${GO[@]}"
    assert_exit 0
    [ "$(sql 'select version_num from alembic_version')" = aaaaaaaaaaa1 ]
    mig mig-rollback undo "${GO[@]}"
    assert_exit 0
    assert_out 'public.t: 1 row of the backup is not there any more'
    [ "$(sql "select v is null from t where id = 1")" = t ]
    sql "delete from t where id = 1" "insert into t values (-5, 'k5', 'v5')"
    unchanged
    refused 4 'was undone by' mig-rollback undo "$run_id" "${GO[@]}"
    mig mig-rollback list
    assert_exit 0
    assert_out "$run_id.*undone"
    mig mig-backup log verify backups/.state/log.jsonl
    assert_exit 0
    run grep -c "reason.*testing" backups/.state/log.jsonl
    [ "$output" = 1 ]
}

@test "NOT NULL without a default comes back with its values" {
    db_drop
    db_create notnull
    TWOSTEP_NOT_NULL=1 twostep "$BATS_TEST_TMPDIR/notnull"
    twostep_up
    digest=$(twostep_digest)
    mig mig-rollback run -1 --yes --confirm notnull
    assert_exit 0
    mig mig-rollback undo --yes --confirm notnull
    assert_exit 0
    [ "$(twostep_digest)" = "$digest" ]
    [ "$(sql "select attnotnull from pg_attribute where attrelid = 't'::regclass and attname = 'v'")" = t ]
    mig mig-rollback run -1 --yes --confirm notnull
    assert_exit 0
    # A row of afterwards has no value: undo says so and changes nothing.
    sql "insert into t values (1, 'later')"
    mig mig-rollback undo --yes --confirm notnull
    assert_exit 3
    assert_err 'NOT NULL'
    [ "$(sql 'select version_num from alembic_version')" = aaaaaaaaaaa1 ]
}

@test "confirmation" {
    refused 4 '--yes --confirm' mig-rollback run -1
    refused 4 "--confirm $PGDATABASE" mig-rollback run -1 --yes
    refused 4 'but this is' mig-rollback run -1 --yes --confirm other
}

@test "nothing to do" {
    refused 2 'where to' mig-rollback plan
    mig mig-rollback plan aaaaaaaaaaa2
    [ "$status" -eq 2 ] || [ "$status" -eq 4 ]
    unchanged
}

@test "the reviewed plan's digest" {
    mig mig-rollback plan -1 --format json
    digest=$(result 'j["digest"]')
    refused 4 'not the one that was reviewed' mig-rollback run -1 --plan "${digest:0:20}0000" "${GO[@]}"
    mig mig-rollback run -1 --plan "$digest" --dry-run
    assert_exit 0
    unchanged
    # One more column is lost than was looked at.
    sed -i 's/op.drop_column("t", "v")/op.drop_column("t", "v"); op.drop_column("t", "keep")/' migrations/versions/a2.py
    refused 4 'not the one that was reviewed' mig-rollback run -1 --plan "$digest" "${GO[@]}"
}

@test "an empty downgrade, and one that raises" {
    sed -i '/^def downgrade/,$d' migrations/versions/a2.py
    printf 'def downgrade():\n    pass\n' >>migrations/versions/a2.py
    refused 4 'aaaaaaaaaaa2' mig-rollback run -1 "${GO[@]}"
    printf 'def downgrade():\n    raise NotImplementedError()\n' >>migrations/versions/a2.py
    mig mig-rollback run -1 "${GO[@]}"
    [ "$status" -eq 4 ] || [ "$status" -eq 3 ]
    unchanged
}

@test "a downgrade that fails in its last statement" {
    sed -i 's/op.drop_column("t", "v")/op.drop_column("t", "v"); op.execute("ALTER TABLE t ADD CHECK (id > 0)")/' migrations/versions/a2.py
    mig mig-rollback run -1 "${GO[@]}" --force validate --reason "to see it fail"
    assert_exit 3
    assert_err 'a2.py|aaaaaaaaaaa2'
    assert_err '23514'
    unchanged
    mig mig-rollback status --format json
    [ "$(result 'j["outcome"]')" = rolled-back ]
}

@test "writes outside of the plan: a trigger" {
    sql "create table elsewhere (n int)" "insert into elsewhere values (1)" \
        "create function f() returns trigger language plpgsql as 'begin update elsewhere set n = n + 1; return old; end'" \
        "create trigger g after delete on d for each row execute function f()"
    sed -i 's/op.drop_table("d")/op.execute("DELETE FROM d"); op.drop_table("d")/' migrations/versions/a2.py
    mig mig-rollback run -1 "${GO[@]}" --force validate --reason "to see it found"
    assert_exit 4
    assert_err 'elsewhere'
    unchanged
    [ "$(sql 'select n from elsewhere')" = 1 ]
    sql "drop trigger g on d" "drop function f" "drop table elsewhere"
}

@test "an opaque DO block is refused, and found out when forced" {
    sql "create table elsewhere (n int)"
    sed -i "s/op.drop_table(\"d\")/op.drop_table(\"d\"); op.execute(\"DO 'begin drop table elsewhere; end'\")/" migrations/versions/a2.py
    refused 4 'error: [a-z]+.*: nobody can say' mig-rollback run -1 "${GO[@]}"
    refused 4 'elsewhere' mig-rollback run -1 "${GO[@]}" --force validate --reason "to see it found"
    [ "$(sql "select to_regclass('elsewhere') is not null")" = t ]
    sql "drop table elsewhere"
}

@test "a smoke test that fails rolls back" {
    echo "select 'too few' where (select count(*) from t) > 10" >smoke.sql
    refused 4 'smoke.sql' mig-rollback run -1 "${GO[@]}" --smoke smoke.sql
    echo "select 1 where false" >smoke.sql
    mig mig-rollback run -1 --dry-run --smoke smoke.sql
    assert_exit 0
    refused 3 'nosmoke.sql' mig-rollback run -1 "${GO[@]}" --smoke nosmoke.sql
}

@test "--force needs a reason; --no-backup needs one; an unknown name is a usage error" {
    refused 2 'reason' mig-rollback run -1 "${GO[@]}" --force gate
    refused 2 'reason' mig-rollback run -1 "${GO[@]}" --backup none
    refused 2 'contradicts' mig-rollback run -1 "${GO[@]}" --backup locked --no-backup why
    refused 2 'no-such-check' mig-rollback run -1 "${GO[@]}" --force no-such-check --reason x
}

@test "the version row changes between plan and run" {
    # Somebody holds the version table, moves it, and commits while we wait.
    mkfifo hold
    psql -XAtq <hold >/dev/null 2>&1 3>&- &
    exec 8>hold
    echo "begin; update alembic_version set version_num = 'aaaaaaaaaaa1';" >&8
    while [ "$(sql "select count(*) from pg_locks where relation = 'alembic_version'::regclass and mode = 'RowExclusiveLock'")" = 0 ]; do sleep 0.05; done
    mig-rollback run -1 "${GO[@]}" --force gate --reason x >out 2>err &
    pid=$!
    while [ "$(sql "select count(*) from pg_locks where relation = 'alembic_version'::regclass and not granted")" = 0 ]; do
        sleep 0.02
        kill -0 "$pid"
    done
    echo "commit;" >&8
    code=0
    wait "$pid" || code=$?
    exec 8>&-
    cat err
    [ "$code" -eq 4 ]
    grep -q 'version table holds aaaaaaaaaaa1' err
    sql "update alembic_version set version_num = 'aaaaaaaaaaa2'"
    unchanged
}

@test "two operators at once" {
    mkfifo hold
    psql -XAtq <hold >/dev/null 2>&1 3>&- &
    exec 8>hold
    echo "begin; lock table t in access share mode;" >&8
    while [ "$(sql "select count(*) from pg_locks where relation = 't'::regclass")" = 0 ]; do sleep 0.05; done
    mig-rollback run -1 "${GO[@]}" --lock-deadline 60s --force gate --reason x >/dev/null 2>&1 &
    pid=$!
    while [ "$(sql "select count(*) from pg_locks where relation = 't'::regclass and not granted")" = 0 ]; do
        sleep 0.02
        kill -0 "$pid"
    done
    # At once, before it plans from rows that are about to move: a second -1 would be another step.
    mig mig-rollback run -1 "${GO[@]}" --force gate --reason x
    assert_exit 4
    assert_err 'another mig-rollback is at work on this database: pid [0-9]+, role postgres' 'look at the plan again'
    refute_err 'Steps, in this order'
    mig mig-rollback status
    assert_exit 0
    assert_out 'still running, so far (not-started|unknown)' "^Begun: +20..-..-..T..:..:..Z, .* by: mig-rollback run -1" \
        "^Note: +its process, $pid, still runs; the last step that it wrote down: (locks|execute)"
    # A signal while it waits for its locks: cleaned up, nothing changed.  (SIGINT is ignored in a
    # script's background.)
    kill -TERM "$pid"
    code=0
    wait "$pid" || code=$?
    exec 8>&-
    [ "$code" -eq 143 ]
    unchanged
}

@test "what is to be typed next works as it stands: another folder, key, role and state" {
    role_create mig_chief superuser
    mkdir "sh elf" keys
    mv "$HOME/.config/mig/key" "keys/the key"
    mig mig-rollback run -1 "${GO[@]}" --dir "sh elf" --state-dir "st ate" --key "keys/the key" --role mig_chief --format json
    next=$(result 'j["next"]')
    mv "keys/the key" "$HOME/key.kept"; mig-backup keygen -q >/dev/null 2>&1 || :
    mv "$HOME/key.kept" "keys/the key"
    echo "next: $next"
    mig bash -c "$next ${GO[*]}"
    rm -f "$HOME/.config/mig/key"
    mv "keys/the key" "$HOME/.config/mig/key"
    assert_exit 0
    unchanged
}

@test "what plan says to type runs that plan, and only that one" {
    mkdir "sh elf"
    mig mig-rollback plan -1 --dir "sh elf" --format text --scope loss
    assert_exit 0
    next=$(sed -n 's/^Next: *//p' <<<"$output")
    [ "$next" = "mig-rollback run -1 --dir 'sh elf' --scope loss --plan $(sed -n 's/^Digest: \(.\{16\}\).*/\1/p' <<<"$output")" ]
    mig bash -c "$next --dry-run"
    assert_exit 0
    # What is refused has nothing to type; and the plan that was seen is not this one.
    sed -i 's/op.drop_table("d")/op.execute("DO $x$ begin end $x$"); op.drop_table("d")/' migrations/versions/a2.py
    mig mig-rollback plan -1
    assert_exit 4
    refute_out '^Next'
    refused 4 'not the one that was reviewed|nobody can say' bash -c "$next ${GO[*]}"
}

@test "status says when, what was typed, and that nothing is left to do; undo shows what it does, not a rollback" {
    mig mig-rollback run -1 --dry-run
    assert_exit 0
    mig mig-rollback status
    assert_out '^Begun: +20..-..-..T..:..:..Z, .* ago, by: mig-rollback run -1 --dry-run' 'nothing is left to do: the database is as it was'
    mig mig-rollback run -1 "${GO[@]}"
    mig mig-rollback undo "${GO[@]}"
    assert_exit 0
    assert_err '^Undo of run 2' '^Backup: none is taken' 'while the script runs and the values go back' '^Values: from .*_rollback_'
    refute_err '^Undo: ' '^Digest: '
    mig mig-rollback status
    assert_out '\(undo\)' 'nothing is left to do$'
    mig mig-rollback status --format json
    [[ "$(result 'j["begun"], j["command"]')" == "('20"*"'mig-rollback undo "* ]]
    # The connection goes while the plan is made.
    cat >cut <<'END'
#!/bin/sh
psql -XAtqc "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'mig-rollback' and datname = current_database()" >/dev/null
exec alembic "$@"
END
    chmod +x cut
    PATH=/usr/bin:$PATH refused 3 'nothing was begun and nothing was changed' mig-rollback run -1 "${GO[@]}" --alembic-command ./cut
    assert_err '57P01|closed the connection|lost'
}

@test "a role without rights" {
    role_create mig_nobody
    sql "grant select on all tables in schema public to mig_nobody"
    mig mig-rollback run -1 "${GO[@]}" -U mig_nobody
    [ "$status" -eq 4 ] || [ "$status" -eq 3 ]
    unchanged
}

@test "a pooler in transaction mode, and a standby" {
    dir=$("$MIG_ROOT/tests/lib/cluster" pooler "$MIG_TEST_CLUSTER") || skip "no pgbouncer here"
    PGHOST=$dir PGPORT=6432 mig mig-rollback run -1 "${GO[@]}"
    [ "$status" -eq 4 ] || [ "$status" -eq 3 ]
    unchanged
    standby=$("$MIG_ROOT/tests/lib/cluster" standby "$MIG_TEST_CLUSTER")
    PGHOST=$standby mig mig-rollback run -1 "${GO[@]}"
    assert_exit 4
    assert_err 'standby'
    "$MIG_ROOT/tests/lib/cluster" stop "$standby"
    unchanged
}

@test "status and undo where nothing is known" {
    mig mig-rollback status --state-dir "$BATS_TEST_TMPDIR/empty"
    assert_exit 2
    assert_err 'does not mean that nothing happened'
    mig mig-rollback undo "${GO[@]}" --state-dir "$BATS_TEST_TMPDIR/empty"
    assert_exit 2
    mig mig-rollback list --state-dir "$BATS_TEST_TMPDIR/empty"
    assert_exit 0
}

@test "another tool's script" {
    echo 'ALTER TABLE t DROP COLUMN v;' >down.sql
    mig mig-rollback run --sql down.sql --dry-run
    assert_exit 0
    assert_err 'a script: no version rows are read or moved'
    refute_out '^Route' 
    refute_err 'base'
    mig mig-rollback list
    assert_out 'rollback  rolled-back  \(a script\)$'
    unchanged
    db_drop
    db_create plain
    sql "create table t (id int primary key, v text)" "insert into t values (1, 'x')"
    mig mig-rollback run --sql down.sql --yes --confirm plain
    assert_exit 0
    mig mig-backup cat backups/plain_rollback_*.mig -t t
    assert_out '"x"'
    [ "$(sql "select count(*) from pg_attribute where attrelid = 't'::regclass and attname = 'v' and not attisdropped")" = 0 ]
}

@test "plan --save, run --plan FILE: neither Alembic nor revision files, and only what was reviewed" {
    mig mig-rollback plan -1 --save reviewed.plan
    assert_exit 0
    if grep -qa 'DROP' reviewed.plan; then false; fi
    mkdir empty
    cd empty
    mig mig-rollback run --plan ../reviewed.plan --dir ../backups "${GO[@]}"
    assert_exit 0
    [ "$(sql 'select version_num from alembic_version')" = aaaaaaaaaaa1 ]
    # The database has moved on: refused.
    mig mig-rollback run --plan ../reviewed.plan --dir ../backups "${GO[@]}"
    assert_exit 4
    mig mig-rollback undo --dir ../backups "${GO[@]}"
    assert_exit 0
    [ "$(twostep_digest)" = "$DIGEST" ]
    "$MIG_PYTHON" -c 'b = bytearray(open("../reviewed.plan", "rb").read()); b[300] ^= 1; open("../reviewed.plan", "wb").write(b)'
    mig mig-rollback run --plan ../reviewed.plan --dir ../backups "${GO[@]}"
    assert_exit 5
    unchanged
}

@test "--to-backup: back to a pre-deploy backup, with what the upgrade destroyed" {
    cat >migrations/versions/a3.py <<'END'
"""drops"""
import sqlalchemy as sa
from alembic import op
revision = "aaaaaaaaaaa3"
down_revision = "aaaaaaaaaaa2"
def upgrade():
    op.drop_table("d")
    op.drop_column("t", "v")
def downgrade():
    op.add_column("t", sa.Column("v", sa.Text(), nullable=True))
    op.create_table("d", sa.Column("id", sa.BigInteger(), primary_key=True), sa.Column("v", sa.Text()))
END
    mig mig-backup create --for-upgrade head --name friday
    assert_exit 0
    (PATH=/usr/bin:$PATH alembic upgrade head 2>/dev/null)
    [ "$(sql 'select version_num from alembic_version')" = aaaaaaaaaaa3 ]
    mig mig-rollback plan --to-backup friday --format json
    assert_exit 0
    [ "$(result 'j["to"]')" = "['aaaaaaaaaaa2']" ]
    mig mig-rollback run --to-backup friday "${GO[@]}"
    assert_exit 0
    assert_out 'digest equal'
    unchanged
}

@test "NOT NULL by other spellings comes back too; a column that was there is left as it is" {
    sql "drop table t, d" "create table t (id bigint primary key, keep text, old text)" \
        "insert into t values (1, 'x', null), (2, 'y', 'z')" "update alembic_version set version_num = 'aaaaaaaaaaa1'"
    cat >migrations/versions/a2.py <<'END'
from alembic import op
revision = "aaaaaaaaaaa2"
down_revision = "aaaaaaaaaaa1"
def upgrade():
    op.execute("ALTER TABLE t ADD COLUMN v text DEFAULT NULL NOT NULL, ADD COLUMN IF NOT EXISTS w int NOT NULL")
    op.execute("ALTER TABLE t ADD COLUMN IF NOT EXISTS old text NOT NULL")
def downgrade():
    op.execute("ALTER TABLE t DROP COLUMN v")
    op.execute("ALTER TABLE t DROP COLUMN w")
END
    sql "alter table t add v text, add w int" "update t set v = 'v' || id, w = id" \
        "alter table t alter v set not null, alter w set not null" "update alembic_version set version_num = 'aaaaaaaaaaa2'"
    digest=$(sql "select string_agg((id, keep, old, v, w)::text, ' ' order by id) from t")
    mig mig-rollback run -1 "${GO[@]}"
    assert_exit 0
    mig mig-rollback undo "${GO[@]}"
    assert_exit 0
    [ "$(sql "select string_agg((id, keep, old, v, w)::text, ' ' order by id) from t")" = "$digest" ]
    [ "$(sql "select string_agg(attname, ' ' order by attname) from pg_attribute where attrelid = 't'::regclass and attnotnull and attnum > 0")" = "id v w" ]
}

@test "a role that owns the tables but may not look at others' sessions is told what to grant" {
    role_create mig_migrator
    sql "revoke pg_monitor from mig_migrator" 2>/dev/null || :
    sql "alter table t owner to mig_migrator" "alter table d owner to mig_migrator" \
        "alter table alembic_version owner to mig_migrator" "grant all on schema public to mig_migrator" \
        "grant create, temporary on database \"$PGDATABASE\" to mig_migrator"
    mig mig-rollback run -1 "${GO[@]}" -U mig_migrator
    echo "$status"; echo "$stderr"
    refused 4 'pg_monitor' mig-rollback run -1 "${GO[@]}" -U mig_migrator
    sql "grant pg_monitor to mig_migrator"
    mig mig-rollback run -1 "${GO[@]}" -U mig_migrator
    assert_exit 0
    mig mig-rollback undo "${GO[@]}" -U mig_migrator
    assert_exit 0
    unchanged
    sql "revoke pg_monitor from mig_migrator"
}
