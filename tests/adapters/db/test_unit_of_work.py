from __future__ import annotations

import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from app.adapters.db.engine import make_engine
from app.adapters.db.unit_of_work import SqlStore
from app.domain.errors import StoreUnavailable
from tests.builders import Builder, add_organization
from tests.fakes import SeededRandomness

NOWHERE = "postgresql+psycopg://nobody@127.0.0.1:1/nothing"


@pytest.fixture
def build() -> Builder:
    return Builder(SeededRandomness())


def test_leaving_without_commit_rolls_back(store: SqlStore, build: Builder) -> None:
    with store.begin() as uow:
        uow.organizations.add(build.organization())
    with store.read() as uow:
        assert uow.organizations.by_slug("acme") is None


def test_an_exception_rolls_back_and_passes_through(store: SqlStore, build: Builder) -> None:
    def fail_halfway() -> None:
        with store.begin() as uow:
            uow.organizations.add(build.organization())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_halfway()
    with store.read() as uow:
        assert uow.organizations.by_slug("acme") is None


def test_a_read_sees_what_was_committed_and_cannot_commit(store: SqlStore, build: Builder) -> None:
    organization = add_organization(store, build.organization())
    with store.read() as uow:
        assert uow.organizations.by_slug("acme") == organization
        with pytest.raises(RuntimeError):
            uow.commit()


def test_a_reader_does_not_wait_for_a_writer(store: SqlStore, build: Builder) -> None:
    with store.begin() as writing:
        writing.organizations.add(build.organization())
        with store.read() as reading:
            assert reading.organizations.by_slug("acme") is None
        writing.commit()


def test_a_migrated_store_is_ready(store: SqlStore) -> None:
    assert store.is_ready() is None


def test_a_store_without_tables_is_not_ready(empty_database_url: str) -> None:
    engine = make_engine(empty_database_url)
    assert SqlStore(engine).is_ready() == "the store is not migrated"
    engine.dispose()


def test_a_store_out_of_reach_is_unavailable() -> None:
    engine = make_engine(NOWHERE)
    store = SqlStore(engine)
    assert store.is_ready() == "the store is out of reach or cannot be written"
    with pytest.raises(StoreUnavailable), store.read():
        pass
    with pytest.raises(StoreUnavailable), store.begin():
        pass
    engine.dispose()


@pytest.fixture
def read_only_store(engine: Engine, database_url: str, build: Builder) -> SqlStore:
    """The same data through a connection that may not write."""
    add_organization(SqlStore(engine), build.organization())
    url = sa.make_url(database_url)
    if url.get_backend_name() == "sqlite":
        read_only = make_engine(f"sqlite:///file:{url.database}?mode=ro&uri=true")
    else:
        read_only = make_engine(database_url)
        sa.event.listen(
            read_only,
            "connect",
            lambda connection, _: connection.set_read_only(True),
        )
    return SqlStore(read_only)


def test_a_read_only_store_reads_and_says_that_it_cannot_write(read_only_store: SqlStore, build: Builder) -> None:
    with read_only_store.read() as uow:
        assert uow.organizations.by_slug("acme") is not None
    assert read_only_store.is_ready() == "the store is out of reach or cannot be written"
    with pytest.raises(StoreUnavailable):
        add_organization(read_only_store, build.organization("globex"))
    read_only_store.close()


def test_a_damaged_file_is_an_outage_not_a_crash(tmp_path: Path) -> None:
    path = tmp_path / "damaged.sqlite3"
    path.write_bytes(b"this is no database" * 100)
    engine = make_engine(f"sqlite:///{path}")
    with pytest.raises(StoreUnavailable), SqlStore(engine).read() as uow:
        uow.organizations.by_slug("acme")
    engine.dispose()


def test_what_the_database_refuses_for_our_own_fault_is_no_outage(store: SqlStore, build: Builder) -> None:
    organization = add_organization(store, build.organization())
    with pytest.raises(sa.exc.IntegrityError), store.begin() as uow:
        uow.organizations.add(replace(organization, slug="other"))


def test_errors_carry_no_personal_data(store: SqlStore, build: Builder) -> None:
    organization = add_organization(store, build.organization())
    with pytest.raises(sa.exc.IntegrityError) as raised, store.begin() as uow:
        uow.organizations.add(replace(organization, slug="other", name="Somebody's name"))
    assert "Somebody's name" not in str(raised.value)


def test_committed_means_on_the_disk_for_another_process(store: SqlStore, build: Builder, engine: Engine) -> None:
    add_organization(store, build.organization())
    if engine.dialect.name != "sqlite":
        other = make_engine(engine.url.render_as_string(hide_password=False))
        with SqlStore(other).read() as uow:
            assert uow.organizations.by_slug("acme") is not None
        other.dispose()
        return
    connection = sqlite3.connect(str(engine.url.database))
    assert connection.execute("SELECT slug FROM organizations").fetchall() == [("acme",)]
    connection.close()
