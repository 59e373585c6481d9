# twostep: the smallest Alembic project with something to lose, for tests of mig-rollback.
#
#   twostep DIR      writes it and goes there: aaaaaaaaaaa1 makes t(id, keep), aaaaaaaaaaa2 adds t.v
#                    (NOT NULL where TWOSTEP_NOT_NULL is set) and table d(id, v)
#   twostep_up       upgrades the database to head and fills it with TWOSTEP_ROWS (1000) rows
#   twostep_digest   one number that any change of any value would alter
#
# A file of tests that each begin with a database of their own:
#
#   setup_file() { twostep_begin; twostep_ready; }   between the two: more revisions; they make TEMPLATE, a key, DIGEST
#   setup() { twostep_clone; }                       a clone of both, its folder as working directory; GO confirms
#   teardown() { db_drop; }
#   teardown_file() { db_drop "$TEMPLATE"; }
#
#   unchanged                         the version row (TWOSTEP_HEAD, aaaaaaaaaaa2) and DIGEST are what they were
#   refused EXIT PATTERN COMMAND...   exit code, a word of standard error, unchanged
#   result EXPRESSION                 of j, the JSON in $output, in Python
#   twostep_span                      how many ms an undisturbed `run -1` takes, into SPAN; undone again
#   fewer N                           N, under the sanitizers half of it: rounds whose moment is what counts

twostep() {
    mkdir -p "$1/migrations/versions"
    cd "$1" || return
    cat >alembic.ini <<'END'
[alembic]
script_location = %(here)s/migrations
sqlalchemy.url = postgresql+psycopg2:///
END
    cat >migrations/env.py <<'END'
from alembic import context
from sqlalchemy import create_engine, pool
url = context.config.get_main_option("sqlalchemy.url")
if context.is_offline_mode():
    context.configure(url=url, literal_binds=True)
    with context.begin_transaction():
        context.run_migrations()
else:
    with create_engine(url, poolclass=pool.NullPool).connect() as connection:
        context.configure(connection=connection)
        with context.begin_transaction():
            context.run_migrations()
END
    cat >migrations/versions/a1.py <<'END'
"""base"""
from alembic import op
revision = "aaaaaaaaaaa1"
down_revision = None
def upgrade():
    op.execute("CREATE TABLE t (id bigint PRIMARY KEY, keep text)")
def downgrade():
    op.execute("DROP TABLE t")
END
    cat >migrations/versions/a2.py <<END
"""values"""
import sqlalchemy as sa
from alembic import op
revision = "aaaaaaaaaaa2"
down_revision = "aaaaaaaaaaa1"
def upgrade():
    op.add_column("t", sa.Column("v", sa.Text(), nullable=${TWOSTEP_NOT_NULL:+not }True))
    op.create_table("d", sa.Column("id", sa.BigInteger(), primary_key=True), sa.Column("v", sa.Text()))
def downgrade():
    op.drop_table("d")
    op.drop_column("t", "v")
END
}

twostep_up() {
    PATH=/usr/bin:$PATH alembic upgrade head 2>/dev/null
    sql "insert into t (id, keep, v) select -i, 'k' || i, 'v' || i from generate_series(1, ${TWOSTEP_ROWS:-1000}) i" \
        "insert into d select -i, 'd' || i from generate_series(1, ${TWOSTEP_ROWS:-1000}) i" "analyze t" "analyze d"
}

twostep_digest() {
    sql "select md5((select string_agg(t::text, ' ' order by id) from t)) || md5((select string_agg(d::text, ' ' order by id) from d))"
}

twostep_begin() {
    export TEMPLATE
    TEMPLATE=$(basename "$BATS_TEST_FILENAME" .bats)_$$
    db_create "$TEMPLATE"
    key_make
    twostep "$BATS_FILE_TMPDIR/app"
}

twostep_ready() {
    twostep_up
    export DIGEST
    DIGEST=$(twostep_digest)
}

twostep_clone() {
    db_create "" "$TEMPLATE"
    cp -R "$BATS_FILE_TMPDIR/app" "$BATS_TEST_TMPDIR/app"
    cd "$BATS_TEST_TMPDIR/app" || return
    GO=(--yes --confirm "$PGDATABASE")
}

twostep_span() {
    local i began
    for i in 1 2; do # the first is slower: Alembic renders
        began=$(date +%s%N)
        mig mig-rollback run -1 --yes --confirm "$PGDATABASE" -q
        assert_exit 0
        SPAN=$((($(date +%s%N) - began) / 1000000))
        mig mig-rollback undo --yes --confirm "$PGDATABASE" -q
        assert_exit 0
    done
}

fewer() { case $MIG_BIN in */asan/*) echo $((($1 + 1) / 2)) ;; *) echo "$1" ;; esac; }

unchanged() {
    [ "$(sql 'select version_num from alembic_version')" = "${TWOSTEP_HEAD:-aaaaaaaaaaa2}" ]
    [ "$(twostep_digest)" = "$DIGEST" ]
}

refused() {
    local code=$1 pattern=$2
    shift 2
    mig "$@"
    assert_exit "$code"
    assert_err "$pattern"
    unchanged
}

result() {
    "$MIG_PYTHON" -c "import json, sys; j = json.load(sys.stdin); print(($1))" <<<"$output"
}
