# twostep: the smallest Alembic project with something to lose, for tests of mig-rollback.
#
#   twostep DIR      writes it and goes there: aaaaaaaaaaa1 makes t(id, keep), aaaaaaaaaaa2 adds t.v
#                    (NOT NULL where TWOSTEP_NOT_NULL is set) and table d(id, v)
#   twostep_up       upgrades the database to head and fills it with TWOSTEP_ROWS (1000) rows
#   twostep_digest   one number that any change of any value would alter

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
