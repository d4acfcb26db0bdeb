"""The month's use: counted in one statement."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from app.adapters.db.unit_of_work import SqlStore
from app.domain.organization import Organization
from tests.builders import Builder, add_organization
from tests.fakes import SeededRandomness

JUNE, JULY = "2026-06", "2026-07"


@pytest.fixture
def organization(store: SqlStore) -> Organization:
    return add_organization(store, Builder(SeededRandomness()).organization())


def take(
    store: SqlStore, one: Organization, *, is_test: bool = False, month: str = JUNE, quota: int | None
) -> bool:
    with store.begin() as uow:
        is_taken = uow.usage.take(one.organization_id, is_test, month, quota)
        uow.commit()
    return is_taken


def used(store: SqlStore, one: Organization, *, is_test: bool = False, month: str = JUNE) -> int:
    with store.read() as uow:
        return uow.usage.used(one.organization_id, is_test, month)


def test_it_is_taken_until_it_is_used_up(store: SqlStore, organization: Organization) -> None:
    assert used(store, organization) == 0
    assert [take(store, organization, quota=3) for _ in range(5)] == [True] * 3 + [False] * 2
    assert used(store, organization) == 3
    assert take(store, organization, quota=4)
    assert not take(store, organization, quota=2)
    assert used(store, organization) == 4


def test_without_a_quota_it_is_counted_all_the_same(store: SqlStore, organization: Organization) -> None:
    assert all(take(store, organization, quota=None) for _ in range(5))
    assert used(store, organization) == 5


def test_a_quota_of_nothing_gives_nothing(store: SqlStore, organization: Organization) -> None:
    assert not take(store, organization, quota=0)
    assert used(store, organization) == 0


def test_months_modes_and_organizations_are_apart(store: SqlStore, organization: Organization) -> None:
    other = add_organization(store, Builder(SeededRandomness(7)).organization("globex"))
    assert take(store, organization, quota=1)
    assert take(store, organization, quota=1, is_test=True)
    assert take(store, organization, quota=1, month=JULY)
    assert take(store, other, quota=1)
    assert not take(store, organization, quota=1)
    assert used(store, organization, month=JULY) == used(store, organization, is_test=True) == 1


def test_what_is_rolled_back_was_never_used(store: SqlStore, organization: Organization) -> None:
    with store.begin() as uow:
        assert uow.usage.take(organization.organization_id, False, JUNE, 1)
    assert used(store, organization) == 0
    assert take(store, organization, quota=1)


@pytest.mark.parametrize("before", [0, 3])
def test_of_those_who_come_at_once_as_many_as_fit(
    store: SqlStore, organization: Organization, before: int
) -> None:
    """With the month's row and without it."""
    for _ in range(before):
        take(store, organization, quota=10)
    gate = threading.Barrier(20)

    def come(_: int) -> bool:
        gate.wait()
        return take(store, organization, quota=10)

    with ThreadPoolExecutor(20) as threads:
        assert sum(threads.map(come, range(20))) == 10 - before
    assert used(store, organization) == 10
