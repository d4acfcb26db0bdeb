from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine

from app.adapters.db.engine import make_engine
from app.adapters.db.migrate import is_current, upgrade
from app.adapters.db.tables import ACTIVE_SESSION_INDEX, Base


def test_an_empty_database_is_not_current_and_a_migrated_one_is(empty_database_url: str) -> None:
    assert not is_current(empty_database_url)
    upgrade(empty_database_url)
    assert is_current(empty_database_url)
    upgrade(empty_database_url)
    assert is_current(empty_database_url)


def test_processes_that_start_at_once_migrate_once(empty_database_url: str) -> None:
    with ThreadPoolExecutor(4) as pool:
        for outcome in [pool.submit(upgrade, empty_database_url) for _ in range(4)]:
            outcome.result()
    assert is_current(empty_database_url)


def test_migrations_and_tables_say_the_same(engine: Engine) -> None:
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_server_default": True})
        assert compare_metadata(context, Base.metadata) == []


def test_the_active_session_index_is_partial_and_unique(engine: Engine) -> None:
    indexes = sa.inspect(engine).get_indexes("biometric_sessions")
    index = next(index for index in indexes if index["name"] == ACTIVE_SESSION_INDEX)
    assert index["unique"]
    where = str(index["dialect_options"][f"{engine.dialect.name}_where"])
    assert "pending" in where
    assert "in_progress" in where


def test_sqlite_is_durable_and_keeps_references(sqlite_template: str) -> None:
    engine = make_engine(f"sqlite:///{sqlite_template}")
    with engine.connect() as connection:
        pragmas = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        }
    engine.dispose()
    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}
