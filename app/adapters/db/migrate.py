"""Migrations, run from the program itself. Safe when several processes start at once."""

from __future__ import annotations

from pathlib import Path

import alembic.command
import sqlalchemy as sa
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine

from app.adapters.db.engine import READS_ONLY, make_engine

POSTGRES_LOCK = 0x426F6E61
"""Advisory lock that migrating processes take in turn ("Bona")."""


def upgrade(url: str) -> None:
    """Bring the tables up to date in one transaction. Lets `SQLAlchemyError` through."""
    engine = make_engine(url)
    try:
        with engine.begin() as connection:  # on SQLite this waits for the write lock
            if connection.dialect.name == "postgresql":
                connection.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": POSTGRES_LOCK})
            config = _config()
            config.attributes["connection"] = connection
            alembic.command.upgrade(config, "head")
    finally:
        engine.dispose()


def is_current(url: str) -> bool:
    """Whether the tables are those this program knows. Lets `SQLAlchemyError` through."""
    engine = make_engine(url)
    try:
        return is_engine_current(engine)
    finally:
        engine.dispose()


def is_engine_current(engine: Engine) -> bool:
    """The same over an engine that stands."""
    with engine.execution_options(**{READS_ONLY: True}).connect() as connection:
        return is_connection_current(connection)


def is_connection_current(connection: Connection) -> bool:
    """The same within a transaction that runs."""
    found = MigrationContext.configure(connection).get_current_heads()
    return set(found) == set(ScriptDirectory.from_config(_config()).get_heads())


def _config() -> Config:
    config = Config()
    folder = Path(__file__).parent / "migrations"
    config.set_main_option("script_location", str(folder).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config
