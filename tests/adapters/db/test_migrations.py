from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import alembic.command
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine

from app.adapters.db.engine import make_engine
from app.adapters.db.migrate import _config, is_current, upgrade
from app.adapters.db.outbox_tables import DeliveryRow
from app.adapters.db.tables import ACTIVE_SESSION_INDEX, Base
from app.adapters.db.unit_of_work import SqlStore
from app.domain.comparison import TemplateFormat
from app.domain.organization import KycValidation
from tests.adapters.db.told import URL, make_world
from tests.builders import Builder
from tests.fakes import EPOCH, FakeTemplateVault, SeededRandomness, face_of


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


def migrate(engine: Engine, command: Callable[..., None], revision: str) -> None:
    with engine.begin() as connection:
        config = _config()
        config.attributes["connection"] = connection
        command(config, revision)


def first_release(engine: Engine) -> KycValidation:
    """Its tables, with an enrolment."""
    migrate(engine, alembic.command.upgrade, "0001")
    store, build = SqlStore(engine), Builder(SeededRandomness())
    organization = build.organization()
    entity = build.entity(organization)
    validation = build.validation(entity, portrait_blob_id="portrait")
    with store.begin() as uow:
        uow.organizations.add(organization)
        uow.entities.add(entity)
        uow.commit()
    values = {name: value for name, value in vars(validation).items() if value is not None}
    for name in ("validation_id", "organization_id", "entity_id"):
        values[name] = values[name].replace("-", "")
    with engine.begin() as connection:
        rows = sa.Table("kyc_validations", sa.MetaData(), autoload_with=connection)
        connection.execute(rows.insert().values(**values, template_blob_id="template", template_model_id="m"))
    return validation


def test_a_store_of_the_first_release_keeps_its_enrolments_there_and_back(empty_database_url: str) -> None:
    engine = make_engine(empty_database_url)
    store, validation = SqlStore(engine), first_release(engine)
    migrate(engine, alembic.command.upgrade, "head")
    with store.read() as uow:
        (lacking,) = uow.templates.lacking(TemplateFormat("sface", "1"), "", 10)
    assert lacking == validation
    with store.begin() as uow:
        uow.templates.put(FakeTemplateVault().seal(lacking, face_of(b"x").template, EPOCH))
        uow.commit()
    migrate(engine, alembic.command.downgrade, "0001")
    with engine.connect() as connection:
        kept = connection.exec_driver_sql("SELECT portrait_blob_id, template_blob_id FROM kyc_validations").one()
    assert tuple(kept) == ("portrait", None)
    assert not sa.inspect(engine).has_table("templates")
    migrate(engine, alembic.command.upgrade, "0002")
    names = {index["name"] for index in sa.inspect(engine).get_indexes("kyc_validations")}
    references = {key["name"] for key in sa.inspect(engine).get_foreign_keys("kyc_validations")}
    assert names == {"ix_kyc_validations_entity"}
    assert references == {"fk_kyc_validations_organization_id", "fk_kyc_validations_entity_id"}
    engine.dispose()


def test_deliveries_of_a_store_without_lanes_get_theirs_there_and_back(empty_database_url: str) -> None:
    """More than go into one batch."""
    engine = make_engine(empty_database_url)
    migrate(engine, alembic.command.upgrade, "head")
    world = make_world(SqlStore(engine))
    own = ["https://SHOP.example./a", "http://localhost:9/b", "https://[2606:4700::1]:8443/c", *[URL] * 2_100]
    told = [*world.tell(*own), *world.tell(URL, endpoint_id=world.new_id())]
    migrate(engine, alembic.command.downgrade, "0010")
    assert "lane" not in {column["name"] for column in sa.inspect(engine).get_columns("deliveries")}
    migrate(engine, alembic.command.upgrade, "head")
    with engine.connect() as connection:
        rows = connection.execute(sa.select(DeliveryRow.delivery_id, DeliveryRow.lane))
        lanes = {row.delivery_id: row.lane for row in rows}
    assert lanes == {delivery.delivery_id: delivery.lane for delivery in told}
    engine.dispose()
