from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.api.conftest import api
from tests.live_server import LiveServer, running_server
from tests.store_fixtures import (
    _fresh_database,
    database_url,
    engine,
    postgres_server,
    postgres_url,
    sqlite_template,
    store,
)

__all__ = ["api", "database_url", "engine", "postgres_server", "postgres_url", "sqlite_template", "store"]


@pytest.fixture(scope="package", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def live_server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A real server process on each database, the same for all pages."""
    folder = tmp_path_factory.mktemp("contract")
    if request.param == "sqlite":
        with running_server(folder) as server:
            yield server
        return
    with (
        _fresh_database(request.getfixturevalue("postgres_server")) as url,
        running_server(folder, {"BONAFIDE_DATABASE_URL": url}) as server,
    ):
        yield server
