from tests.store_fixtures import sqlite_store, sqlite_template

__all__ = ["sqlite_store", "sqlite_template"]
