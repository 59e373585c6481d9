"""The shapes' environment: offline as SQL, online on the PG* variables' database."""
from alembic import context
from sqlalchemy import create_engine, pool



def run():
    if context.is_offline_mode():
        context.configure(dialect_name="postgresql", literal_binds=True, dialect_opts={"paramstyle": "named"})
        with context.begin_transaction():
            context.run_migrations()
        return
    with create_engine("postgresql+psycopg2://", poolclass=pool.NullPool).connect() as connection:
        context.configure(connection=connection)
        with context.begin_transaction():
            context.run_migrations()


run()
