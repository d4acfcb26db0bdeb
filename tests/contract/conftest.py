from tests.api.conftest import api
from tests.store_fixtures import database_url, engine, postgres_server, postgres_url, sqlite_template, store

__all__ = ["api", "database_url", "engine", "postgres_server", "postgres_url", "sqlite_template", "store"]
