"""Engines for SQLite and PostgreSQL, with the settings that durability and honest errors need."""

from __future__ import annotations

import json
from functools import partial
from sqlite3 import Connection as SqliteConnection
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url

SQLITE_BUSY_MS = 10_000
"""How long a write waits for another one. Writes are short; longer means that something hangs."""
POOL_SIZE = 10
POOL_OVERFLOW = 20
POOL_TIMEOUT_SECONDS = 10
POSTGRES_CONNECT_SECONDS = 5
POSTGRES_OPTIONS = "-c timezone=UTC -c lock_timeout=10s -c statement_timeout=20s"
POSTGRES_DEAD_PEER_MS = 10_000

READS_ONLY = "bonafide_reads_only"
"""Execution option of connections that only read: on SQLite they do not queue for the one writer."""


def make_engine(url: str) -> Engine:
    """An engine whose errors never carry parameters (they are personal data). Connects lazily."""
    common: dict[str, Any] = {
        "hide_parameters": True,
        "json_serializer": partial(json.dumps, allow_nan=False),
        "pool_size": POOL_SIZE,
        "max_overflow": POOL_OVERFLOW,
        "pool_timeout": POOL_TIMEOUT_SECONDS,
    }
    if make_url(url).get_backend_name() == "sqlite":
        engine = create_engine(url, **common)
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    return create_engine(
        url,
        pool_pre_ping=True,
        connect_args={
            "connect_timeout": POSTGRES_CONNECT_SECONDS,
            "options": POSTGRES_OPTIONS,
            "tcp_user_timeout": POSTGRES_DEAD_PEER_MS,
        },
        **common,
    )


def _prepare_sqlite(connection: SqliteConnection, _record: object) -> None:
    """WAL with FULL: committed means on the disk, even when the power fails. NORMAL would not do."""
    connection.isolation_level = None  # transactions begin where `_begin_sqlite` says so
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {SQLITE_BUSY_MS}")
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    """Take the write lock at once: a transaction that upgrades later fails without waiting."""
    reads_only = connection.get_execution_options().get(READS_ONLY, False)
    connection.exec_driver_sql("BEGIN" if reads_only else "BEGIN IMMEDIATE")
