"""Stores for tests: each test gets empty, migrated tables, on SQLite and on PostgreSQL.

SQLite is a copy of a file that was migrated once a run; PostgreSQL is a database of its own for the run,
emptied after each test and dropped at the end.
"""

from __future__ import annotations

import os
import secrets
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from app.adapters.db.engine import make_engine
from app.adapters.db.migrate import upgrade
from app.adapters.db.tables import Base
from app.adapters.db.unit_of_work import SqlStore

LOCAL_SERVER = "postgresql+psycopg://postgres@127.0.0.1:5432/postgres"

__all__ = [
    "database_url",
    "empty_database_url",
    "engine",
    "postgres_server",
    "postgres_url",
    "sqlite_store",
    "sqlite_template",
    "store",
]


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sqlite") / "template.sqlite3"
    upgrade(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def postgres_server() -> sa.URL:
    """The server that tests may make databases on; skips where none answers, fails where CI has none."""
    text = os.environ.get("BONAFIDE_TEST_POSTGRES_URL", LOCAL_SERVER)
    url = sa.make_url(text).set(drivername="postgresql+psycopg")
    engine = sa.create_engine(url, connect_args={"connect_timeout": 3})
    try:
        with engine.connect():
            pass
    except sa.exc.OperationalError:
        if os.environ.get("CI"):
            pytest.fail("no PostgreSQL server answers; CI must have one (BONAFIDE_TEST_POSTGRES_URL)")
        pytest.skip("no PostgreSQL server answers at BONAFIDE_TEST_POSTGRES_URL or on this machine")
    finally:
        engine.dispose()
    return url


@pytest.fixture(scope="session")
def postgres_url(postgres_server: sa.URL) -> Iterator[str]:
    with _fresh_database(postgres_server) as url:
        upgrade(url)
        yield url


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Empty, migrated tables."""
    if request.param == "sqlite":
        yield _sqlite_copy(request.getfixturevalue("sqlite_template"), tmp_path)
        return
    url: str = request.getfixturevalue("postgres_url")
    yield url
    engine = make_engine(url)
    with engine.begin() as connection:
        for table in reversed(Base.metadata.sorted_tables):  # TRUNCATE takes ten times as long for a few rows
            connection.execute(sa.delete(table))
    engine.dispose()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database without tables."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty.sqlite3'}"
        return
    with _fresh_database(request.getfixturevalue("postgres_server")) as url:
        yield url


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = make_engine(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def store(engine: Engine) -> SqlStore:
    """On both databases."""
    return SqlStore(engine)


@pytest.fixture
def sqlite_store(sqlite_template: Path, tmp_path: Path) -> Iterator[SqlStore]:
    """For tests that are about something else than the store: nothing is lost with them, so no fsync."""
    engine = make_engine(_sqlite_copy(sqlite_template, tmp_path))

    @sa.event.listens_for(engine, "connect")
    def write_fast(connection: sqlite3.Connection, _record: object) -> None:
        connection.execute("PRAGMA synchronous=OFF")

    yield SqlStore(engine)
    engine.dispose()


def _sqlite_copy(template: Path, folder: Path) -> str:
    path = folder / "store.sqlite3"
    shutil.copy(template, path)
    return f"sqlite:///{path}"


@contextmanager
def _fresh_database(server: sa.URL) -> Iterator[str]:
    """A database of its own on the server, dropped at the end."""
    name = f"bonafide_test_{secrets.token_hex(6)}"
    _run(server, f"CREATE DATABASE {name}")
    _run(server, f"ALTER DATABASE {name} SET synchronous_commit = off")  # tests need not survive a power cut
    try:
        yield server.set(database=name).render_as_string(hide_password=False)
    finally:
        _run(server, f"DROP DATABASE {name} WITH (FORCE)")


def _run(server: sa.URL, statement: str) -> None:
    engine = sa.create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(sa.text(statement))
    engine.dispose()
