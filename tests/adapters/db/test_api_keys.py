from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import alembic.command
import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from app.adapters.db.engine import make_engine
from app.adapters.db.unit_of_work import SqlStore
from app.domain.errors import InvalidState
from app.domain.organization import ApiKey, Organization
from tests.adapters.db.test_migrations import migrate
from tests.builders import Builder, add_organization
from tests.fakes import EPOCH, SeededRandomness

LATER = EPOCH + timedelta(hours=1)


@pytest.fixture
def build() -> Builder:
    return Builder(SeededRandomness())


@pytest.fixture
def organization(store: SqlStore, build: Builder) -> Organization:
    return add_organization(store, build.organization())


def add(store: SqlStore, *keys: ApiKey) -> None:
    with store.begin() as uow:
        for key in keys:
            uow.api_keys.add(key)
        uow.commit()


def test_a_key_is_found_in_its_organization_only(
    store: SqlStore, build: Builder, organization: Organization
) -> None:
    other = add_organization(store, build.organization("globex"))
    key = build.api_key(organization, replaces=build.randomness.object_id())
    add(store, key)
    with store.read() as uow:
        assert uow.api_keys.get(organization.organization_id, key.key_id) == key
        assert uow.api_keys.get(other.organization_id, key.key_id) is None
        assert uow.api_keys.page(other.organization_id, True, 10, 0) == ([], 0)


def test_pages_hold_one_mode_newest_first(store: SqlStore, build: Builder, organization: Organization) -> None:
    tests = [build.api_key(organization, f"t{number}") for number in range(3)]
    live = build.api_key(organization, "l", is_test=False)
    add(store, *tests, live)
    with store.read() as uow:
        assert uow.api_keys.page(organization.organization_id, True, 2, 0) == ([tests[2], tests[1]], 3)
        assert uow.api_keys.page(organization.organization_id, True, 2, 2) == ([tests[0]], 3)
        assert uow.api_keys.page(organization.organization_id, False, 2, 0) == ([live], 1)
        assert list(uow.api_keys.of_organization(organization.organization_id)) == [*tests, live]


@pytest.mark.parametrize(
    ("changes", "is_retired"),
    [
        ({}, True),
        ({"expires_at": LATER}, True),
        ({"expires_at": EPOCH}, False),
        ({"revoked_at": EPOCH}, False),
        ({"rotated_to": "01900000-0000-7000-8000-ffffffffffff"}, False),
    ],
)
def test_only_an_active_key_is_retired_and_once(
    store: SqlStore,
    build: Builder,
    organization: Organization,
    changes: dict[str, str | datetime],
    is_retired: bool,
) -> None:
    key, bystander = build.api_key(organization, "a", **changes), build.api_key(organization, "b")
    add(store, key, bystander)
    successor = build.randomness.object_id()
    with store.begin() as uow:
        assert uow.api_keys.retire(key.key_id, successor, EPOCH + timedelta(minutes=1), EPOCH) is is_retired
        assert not uow.api_keys.retire(key.key_id, successor, LATER, EPOCH)
        uow.commit()
    retired = replace(key, rotated_to=successor, expires_at=EPOCH + timedelta(minutes=1))
    with store.read() as uow:
        found = list(uow.api_keys.of_organization(organization.organization_id))
    assert found == [retired if is_retired else key, bystander]


def test_a_taken_slug_is_refused_and_the_transaction_goes_on(store: SqlStore, build: Builder) -> None:
    first = add_organization(store, build.organization())
    third = build.organization("third")
    with store.begin() as uow:
        with pytest.raises(InvalidState, match="acme"):
            uow.organizations.add(build.organization())
        uow.organizations.add(third)
        uow.commit()
    with store.read() as uow:
        assert list(uow.organizations.all()) == [first, third]


def test_what_breaks_another_rule_is_no_taken_name(
    store: SqlStore, build: Builder, organization: Organization
) -> None:
    """Neither of two nameless persons has what nobody has."""
    entity = build.entity(organization)
    with store.begin() as uow:
        uow.entities.add(entity)
        with pytest.raises(IntegrityError):
            uow.entities.add(entity)
        with pytest.raises(IntegrityError):
            uow.organizations.add(replace(organization, slug="another"))


def test_keys_of_before_are_active_and_come_back_as_they_were(empty_database_url: str) -> None:
    engine = make_engine(empty_database_url)
    store, build = SqlStore(engine), Builder(SeededRandomness())
    migrate(engine, alembic.command.upgrade, "head")
    key = build.api_key(add_organization(store, build.organization()))
    add(store, key)
    migrate(engine, alembic.command.downgrade, "0006")
    columns = {column["name"] for column in sa.inspect(engine).get_columns("api_keys")}
    assert {"replaces", "rotated_to"}.isdisjoint(columns)
    migrate(engine, alembic.command.upgrade, "head")
    with store.read() as uow:
        assert uow.api_keys.by_sha256(key.sha256) == key
    engine.dispose()
