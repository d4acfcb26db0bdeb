from tests.store_fixtures import (
    database_url,
    engine,
    postgres_server,
    postgres_url,
    sqlite_store,
    sqlite_template,
    store,
)

__all__ = [
    "database_url",
    "engine",
    "postgres_server",
    "postgres_url",
    "sqlite_store",
    "sqlite_template",
    "store",
]
