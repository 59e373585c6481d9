#!/usr/bin/env bats
# --to-backup: what the upgrade changed in place comes back by key; what others changed since is a conflict.

load ../lib/common
load ../lib/twostep

setup_file() {
    twostep_begin
    twostep_up
    cat >migrations/versions/a3.py <<'END'
"""in place"""
from alembic import op
revision = "aaaaaaaaaaa3"
down_revision = "aaaaaaaaaaa2"
def upgrade():
    op.execute("UPDATE t SET keep = upper(keep) WHERE id < -10")
    op.execute("DELETE FROM d WHERE id < -990")
    op.add_column("t", __import__("sqlalchemy").Column("w", __import__("sqlalchemy").Integer()))
def downgrade():
    op.drop_column("t", "w")
END
    mig-backup create --for-upgrade head --name friday --dir "$BATS_FILE_TMPDIR/shelf" 2>/dev/null
    export DIGEST
    DIGEST=$(twostep_digest)
    again
}
# The backup is of that database: the tests change it and bring it back.
setup() {
    export PGDATABASE=$TEMPLATE
    cd "$BATS_FILE_TMPDIR/app"
    GO=(--yes --confirm "$PGDATABASE" --dir "$BATS_FILE_TMPDIR/shelf")
}
teardown_file() { db_drop "$TEMPLATE"; }

again() {
    (PATH=/usr/bin:$PATH && alembic upgrade head 2>/dev/null)
}

@test "updated and deleted values are as they were" {
    [ "$(twostep_digest)" != "$DIGEST" ]
    mig mig-rollback plan --to-backup friday --dir "$BATS_FILE_TMPDIR/shelf"
    assert_exit 0
    assert_err 'public.d: rows that the upgrade deleted are put back'
    mig mig-rollback run --to-backup friday "${GO[@]}"
    assert_exit 0
    [ "$(twostep_digest)" = "$DIGEST" ]
    [ "$(sql 'select version_num from alembic_version')" = aaaaaaaaaaa2 ]
    again
}

@test "a row that somebody changed since: refused, kept or overwritten, as told; none is lost in silence" {
    sql "update t set keep = 'by hand' where id = -20"
    mig mig-rollback run --to-backup friday "${GO[@]}"
    assert_exit 4
    assert_err 'public.t: 1 row' 'not the upgrade that wrote' '--on-conflict keep'
    [ "$(sql 'select version_num from alembic_version')" = aaaaaaaaaaa3 ]
    mig mig-rollback run --to-backup friday "${GO[@]}" --on-conflict keep
    assert_exit 0
    assert_out 'public.t: 1 row was changed since the upgrade, and left'
    [ "$(sql "select keep from t where id = -20")" = "by hand" ]
    [ "$(sql "select keep from t where id = -21")" = k21 ]
    sql "update t set keep = 'k20' where id = -20"
    [ "$(twostep_digest)" = "$DIGEST" ]
    again
    sql "update t set keep = 'by hand' where id = -20"
    mig mig-rollback run --to-backup friday "${GO[@]}" --on-conflict overwrite
    assert_exit 0
    assert_out 'changed since the upgrade, and overwritten' 'before they were overwritten: .*\.mig'
    [ "$(twostep_digest)" = "$DIGEST" ]
    again
}

@test "a row that somebody changed elsewhere, and the upgrade not at all, is no conflict" {
    sql "update t set v = 'new' where id = -3"
    mig mig-rollback run --to-backup friday "${GO[@]}"
    assert_exit 0
    [ "$(sql "select v from t where id = -3")" = new ]
}
