"""How Alembic reaches the awareness platform's database, online and offline (--sql)."""
import os
from logging.config import fileConfig

from alembic import context
from sqlalchemy import engine_from_config, pool

config = context.config
if config.config_file_name is not None:
    fileConfig(config.config_file_name)

target_metadata = None


def url():
    """The deployment's URL, else what libpq's own variables say, else alembic.ini."""
    given = os.environ.get("DATABASE_URL")
    if given:
        return given.replace("postgres://", "postgresql://", 1)
    if os.environ.get("PGDATABASE") or os.environ.get("PGSERVICE"):
        return "postgresql+psycopg2://"
    return config.get_main_option("sqlalchemy.url")


def run_migrations_offline():
    context.configure(
        url=url(),
        target_metadata=target_metadata,
        literal_binds=True,
        dialect_opts={"paramstyle": "named"},
    )
    with context.begin_transaction():
        context.run_migrations()


def run_migrations_online():
    section = config.get_section(config.config_ini_section)
    section["sqlalchemy.url"] = url()
    connectable = engine_from_config(section, prefix="sqlalchemy.", poolclass=pool.NullPool)
    with connectable.connect() as connection:
        context.configure(connection=connection, target_metadata=target_metadata)
        with context.begin_transaction():
            context.run_migrations()


if context.is_offline_mode():
    run_migrations_offline()
else:
    run_migrations_online()
