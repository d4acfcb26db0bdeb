from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from sqlalchemy import Engine

from app.adapters.db.engine import make_engine
from app.adapters.db.unit_of_work import SqlStore
from app.adapters.db.wrapped_keys import SqlWrappedKeys
from app.adapters.encryption import DataKeys, WrappedKey
from app.domain.errors import StoreUnavailable
from app.domain.organization import Organization
from tests.builders import Builder, add_organization
from tests.fakes import SeededRandomness


@pytest.fixture
def build() -> Builder:
    return Builder(SeededRandomness())


@pytest.fixture
def organization(store: SqlStore, build: Builder) -> Organization:
    return add_organization(store, build.organization())


def test_a_key_is_found_by_organization_and_entity(
    engine: Engine, organization: Organization, build: Builder
) -> None:
    keys = SqlWrappedKeys(engine)
    key = WrappedKey(build.randomness.object_id(), organization.organization_id, "2026", b"\x00wrapped\xff")
    assert keys.add_first(key) == key
    assert keys.find(key.organization_id, key.entity_id) == key
    assert keys.find(build.randomness.object_id(), key.entity_id) is None


def test_many_keys_are_found_at_once(engine: Engine, organization: Organization, build: Builder) -> None:
    keys = SqlWrappedKeys(engine)
    made = [
        keys.add_first(WrappedKey(build.randomness.object_id(), organization.organization_id, "2026", b"w"))
        for _ in range(3)
    ]
    many = [build.randomness.object_id() for _ in range(5_000)]
    found = keys.find_all([made[0].entity_id, made[2].entity_id, *many])
    assert sorted(found, key=lambda key: key.entity_id) == [made[0], made[2]]
    assert keys.find_all([]) == []


def test_first_images_at_once_make_one_key(engine: Engine, organization: Organization, build: Builder) -> None:
    keys = DataKeys(SqlWrappedKeys(engine), {"2026": b"k" * 32})
    entity_id = build.randomness.object_id()
    with ThreadPoolExecutor(6) as pool:
        made = set(pool.map(lambda _: keys.to_write(organization.organization_id, entity_id), range(12)))
    assert len(made) == 1


def test_rewrapping_loses_to_whoever_came_first(
    engine: Engine, organization: Organization, build: Builder
) -> None:
    keys = SqlWrappedKeys(engine)
    old = keys.add_first(WrappedKey(build.randomness.object_id(), organization.organization_id, "2025", b"1"))
    assert keys.not_wrapped_by("2026", 10) == [old]
    new = replace(old, master_key_id="2026", wrapped=b"2")
    assert keys.replace(old, new)
    assert not keys.replace(old, replace(new, wrapped=b"3"))
    assert keys.find(old.organization_id, old.entity_id) == new
    assert keys.not_wrapped_by("2026", 10) == []


def test_an_outage_is_told() -> None:
    engine = make_engine("postgresql+psycopg://nobody@127.0.0.1:1/nothing")
    keys = SqlWrappedKeys(engine)
    key = WrappedKey("0" * 32, "0" * 32, "2026", b"")
    with pytest.raises(StoreUnavailable):
        keys.find(key.organization_id, key.entity_id)
    with pytest.raises(StoreUnavailable):
        keys.find_all([key.entity_id])
    with pytest.raises(StoreUnavailable):
        keys.add_first(key)
    engine.dispose()
