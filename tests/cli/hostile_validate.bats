#!/usr/bin/env bats
# What must never be called safe.

load ../lib/common

setup_file() { db_create; }
teardown_file() { db_drop; }
setup() { cd "$BATS_TEST_TMPDIR"; }

@test "a step whose SQL was not read is unknown" {
    mkdir v
    printf '[alembic]\nscript_location = .\nversion_locations = v\n' >alembic.ini
    printf 'revision = "r1"\ndown_revision = None\nfrom alembic import op\ndef upgrade():\n    op.create_table("x")\ndef downgrade():\n    op.drop_table("x")\n' >v/a.py
    mig mig-validate downgrade base --current r1 --no-sql --offline
    assert_exit 3
    assert_out '^unknown' 'r1'
}
