#!/usr/bin/env bats
# Command mode: revisions that cannot be rendered as SQL run through alembic itself.

load ../lib/common
load ../lib/twostep

setup_file() {
    export TWOSTEP_HEAD=aaaaaaaaaaa3
    twostep_begin
    cat >migrations/versions/a3.py <<'END'
"""asks the database"""
import sqlalchemy as sa
from alembic import op
revision = "aaaaaaaaaaa3"
down_revision = "aaaaaaaaaaa2"
def upgrade():
    op.add_column("t", sa.Column("w", sa.Text(), nullable=True))
def downgrade():
    import os, time
    while os.path.exists("hold") and not op.get_context().as_sql:
        open("held", "w").close()
        time.sleep(0.05)
    n = op.get_bind().execute(sa.text("select count(*) from t")).scalar()
    if n > 0:
        op.drop_column("t", "w")
    op.drop_table("d")
END
    twostep_up
    sql "update t set w = 'w' || id"
    export DIGEST
    DIGEST=$(twostep_digest)
    export PATH="/usr/bin:$PATH"
}

setup() {
    twostep_clone
    FORCE=(--force online --reason "there is no other way")
}

teardown() {
    db_drop
}

teardown_file() {
    db_drop "$TEMPLATE"
}

@test "it is refused, and says what is weaker, until --force online" {
    mig mig-rollback run -1 "${GO[@]}"
    assert_exit 4
    assert_err 'aaaaaaaaaaa3'
    assert_err '--force online'
    unchanged
}

@test "forced: backup of all tables, alembic, verification; what went is named and can be restored" {
    mig mig-rollback run -1 "${GO[@]}" "${FORCE[@]}"
    assert_exit 0
    assert_err 'COMMAND MODE'
    assert_out 'public.t.w is gone'
    assert_out 'public.d is gone'
    [ "$(sql 'select version_num from alembic_version')" = aaaaaaaaaaa2 ]
    mig mig-rollback status
    assert_exit 0
    assert_out committed
    mig mig-backup cat latest -d "dbname=$PGDATABASE" -t d
    assert_exit 0
    [ "$(wc -l <<<"$output")" -ge 1000 ]
}

@test "undo after command mode: values back, and the plan said that it is inexact and why" {
    sed -i 's/    op.drop_table("d")//' migrations/versions/a3.py
    mig mig-rollback run -1 "${GO[@]}" "${FORCE[@]}"
    assert_exit 0
    assert_err 'Undo: inexact: alembic runs the downgrade by itself'
    [ "$(sql "select count(*) from pg_attribute where attrelid = 't'::regclass and attname = 'w' and not attisdropped")" = 0 ]
    mig mig-rollback undo "${GO[@]}"
    assert_exit 0
    assert_out 'public.t: 1 000 rows in the backup, 0 inserted, 1 000 updated, digest equal'
    unchanged
    [ "$(sql "select count(*) from t where w = 'w' || id")" = 1000 ]
}

@test "smoke tests run after command mode too, and their failure is exit 7 with the way forward" {
    sed -i 's/    op.drop_table("d")//' migrations/versions/a3.py
    echo 'select 1 from t limit 1' >smoke.sql
    mig mig-rollback run -1 "${GO[@]}" "${FORCE[@]}" --smoke smoke.sql
    assert_exit 7
    assert_err 'smoke.sql" found 1 row' 'mig-rollback undo'
    mig mig-rollback undo "${GO[@]}"
    assert_exit 0
    mig mig-rollback run -1 "${GO[@]}" "${FORCE[@]}" --smoke-command "sh -c 'exit 3'"
    assert_exit 7
    assert_err 'the smoke command ended with 3' 'mig-rollback undo'
}

@test "alembic fails: nothing was changed, and it says so" {
    sed -i 's/    op.drop_table("d")/    op.drop_table("nosuch")/' migrations/versions/a3.py
    mig mig-rollback run -1 "${GO[@]}" "${FORCE[@]}"
    assert_exit 3
    assert_err 'nosuch'
    unchanged
    mig mig-rollback status
    assert_out rolled-back
}

@test "an alembic that works on another database is refused before anything is changed" {
    sed -i "s#^sqlalchemy.url = .*#sqlalchemy.url = postgresql+psycopg2:///postgres#" alembic.ini
    mig mig-rollback run -1 "${GO[@]}" "${FORCE[@]}" -d "dbname=$PGDATABASE"
    assert_exit 4
    assert_err 'does not work on'
    unchanged
}

# mig-rollback is killed while its alembic is at work, which goes on once `hold` is gone.
orphan() {
    touch hold
    mig-rollback run -1 "${GO[@]}" "${FORCE[@]}" -q >/dev/null 2>&1 </dev/null 3>&- &
    pid=$!
    until [ -e held ]; do sleep 0.05; done
    kill -9 "$pid"
    wait "$pid" || :
}

@test "mig-rollback is killed, its alembic is not: status waits for it, and does not say that nothing happened" {
    orphan
    mig-rollback status >out 2>err </dev/null 3>&- &
    pid=$!
    until grep -q 'holds the version table' err; do kill -0 "$pid"; sleep 0.05; done
    rm hold
    wait "$pid"
    cat out err
    grep -q 'Outcome: committed' out
    [ "$(sql 'select version_num from alembic_version')" = aaaaaaaaaaa2 ]
}

@test "mig-rollback and its alembic are killed: as it was, and no word that it never began" {
    orphan
    sql "select pg_terminate_backend(pid, 60000) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()" >/dev/null
    mig mig-rollback status
    assert_exit 0
    assert_out 'Outcome: rolled-back' 'alembic was cut off' 'this is what the version table says'
    # Not settled: who asks again gets an answer of that time.
    rm hold
    sql "update alembic_version set version_num = 'aaaaaaaaaaa2'"
    mig mig-rollback status
    assert_out 'Outcome: committed'
}
