"""Versions of settings: as they went in, the one in force, and a store from before there were any."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import alembic.command
import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from app.adapters.db.engine import make_engine
from app.adapters.db.unit_of_work import SqlStore
from app.domain.errors import RecordUnreadable
from app.domain.organization import Organization
from app.domain.settings import OrganizationSettings, Workflow, effective, with_webhook_secret
from tests.adapters.db.test_migrations import migrate
from tests.builders import Builder, add_organization, settings_version
from tests.fakes import EPOCH, SeededRandomness

ACME, GLOBEX, INITECH = (f"01900000-0000-7000-8000-00000000000{number}" for number in (1, 2, 3))
BEFORE: dict[str, Any] = {
    "policy_version": 1,
    "kyc_enabled": True,
    "workflow_ids": ["default"],
    "score_decline_threshold": 30.0,
    "retention_days": 30,
}


@pytest.fixture
def organization(store: SqlStore) -> Organization:
    return add_organization(store, Builder(SeededRandomness()).organization())


def test_versions_come_back_as_they_went_in(store: SqlStore, organization: Organization) -> None:
    workflows = (Workflow("default"), Workflow("own", "strict", 6, 0.0, 12.5, 1))
    changed = replace(organization.settings, policy_version=2, workflows=workflows, biometric_workflow_id=None)
    secret = with_webhook_secret(changed, 2, EPOCH, timedelta(hours=1))
    version = replace(settings_version(organization, EPOCH + timedelta(milliseconds=7)), settings=secret)
    with store.begin() as uow:
        uow.settings.add(version)
        uow.commit()
    with store.read() as uow:
        assert uow.settings.current(organization.organization_id) == version
        assert uow.settings.get(organization.organization_id, 2) == version
        assert uow.settings.get(organization.organization_id, 1) == settings_version(organization)


def test_a_workflow_is_found_in_the_last_version_that_had_it(store: SqlStore, organization: Organization) -> None:
    with store.begin() as uow:
        for number, attempts in ((2, 4), (3, 5), (4, None)):
            workflows = [Workflow("default")] + ([Workflow("own", max_attempts=attempts)] if attempts else [])
            uow.settings.add(settings_version(organization, policy_version=number, workflows=tuple(workflows)))
        uow.commit()
    with store.read() as uow:
        found = uow.settings.last_with_workflow(organization.organization_id, "own")
        assert uow.settings.last_with_workflow(organization.organization_id, "unknown") is None
    assert found is not None
    assert (found.policy_version, effective(found.settings, "own").max_attempts) == (3, 5)


def test_another_organizations_versions_are_not_found(store: SqlStore, organization: Organization) -> None:
    other = add_organization(store, Builder(SeededRandomness(2)).organization("globex", review_band=5.0))
    with store.read() as uow:
        assert uow.settings.current(other.organization_id).settings.review_band == 5.0
        assert uow.settings.current(organization.organization_id).settings.review_band == 0.0


def test_a_version_that_is_gone_is_told(store: SqlStore, engine: Engine, organization: Organization) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM settings_versions")
    with store.read() as uow, pytest.raises(RecordUnreadable):
        uow.settings.current(organization.organization_id)


def add_rows(engine: Engine, rows: dict[str, dict[str, Any]]) -> None:
    """Organizations with these settings, as the tables stand."""
    with engine.begin() as connection:
        organizations = sa.Table("organizations", sa.MetaData(), autoload_with=connection)
        for number, (organization_id, settings) in enumerate(rows.items()):
            values = {
                "organization_id": organization_id
                if engine.dialect.name != "sqlite"
                else organization_id.replace("-", ""),
                "slug": f"slug-{number}",
                "name": "Name",
                "created_at": EPOCH,
                "settings": settings,
                "policy_version": settings["policy_version"],
                "audit_sequence": 0,
            }
            connection.execute(organizations.insert().values(**values))


def stored_settings(engine: Engine) -> list[dict[str, Any]]:
    with engine.connect() as connection:
        rows = connection.exec_driver_sql("SELECT settings FROM organizations ORDER BY slug").scalars()
        return [json.loads(row) if isinstance(row, str) else row for row in rows]


def test_a_store_of_before_keeps_its_settings_as_their_first_version_there_and_back(
    empty_database_url: str,
) -> None:
    engine = make_engine(empty_database_url)
    migrate(engine, alembic.command.upgrade, "0004")
    rows = {
        ACME: BEFORE | {"score_decline_threshold": 44.5, "kyc_webhook_secret_version": None},
        GLOBEX: BEFORE | {"workflow_ids": ["own", "default"], "policy_version": 3},
        INITECH: BEFORE | {"workflow_ids": []},
    }
    add_rows(engine, rows)
    migrate(engine, alembic.command.upgrade, "head")
    store = SqlStore(engine)
    found: list[OrganizationSettings] = []
    with store.read() as uow:
        for organization_id in rows:
            version = uow.settings.current(organization_id)
            organization = uow.organizations.get(organization_id)
            assert organization is not None
            assert version.settings == organization.settings
            assert (version.created_at, version.actor) == (EPOCH, "operator")
            found.append(version.settings)
    acme, globex, initech = found
    assert acme == OrganizationSettings(score_decline_threshold=44.5, kyc_webhook_secret_version=None)
    assert globex == OrganizationSettings(
        policy_version=3, workflows=(Workflow("own"), Workflow("default")), biometric_workflow_id="own"
    )
    assert initech == OrganizationSettings(biometric_workflow_id=None)
    assert not any({"workflow_ids", "retention_days"} & settings.keys() for settings in stored_settings(engine))
    migrate(engine, alembic.command.downgrade, "0005")
    assert not sa.inspect(engine).has_table("settings_versions")
    names = [settings["workflow_ids"] for settings in stored_settings(engine)]
    assert names == [["default"], ["own", "default"], []]
    migrate(engine, alembic.command.upgrade, "head")
    with store.read() as uow:
        assert [uow.settings.current(organization_id).settings for organization_id in rows] == found
    engine.dispose()
