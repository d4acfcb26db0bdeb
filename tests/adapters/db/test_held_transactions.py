"""Commits that wait: what a block writes is committed together with what comes after it, or not at all."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from app.adapters.db.unit_of_work import SqlStore
from app.domain.errors import StoreUnavailable
from app.domain.organization import Organization
from app.services.store import UnitOfWork
from tests.builders import Builder
from tests.fakes import SeededRandomness


@pytest.fixture
def build() -> Builder:
    return Builder(SeededRandomness())


def add(store: SqlStore, organization: Organization) -> None:
    with store.begin() as uow:
        uow.organizations.add(organization)
        uow.commit()


def is_there(store: SqlStore, slug: str) -> bool:
    with store.read() as uow:
        return uow.organizations.by_slug(slug) is not None


def is_seen(store: SqlStore, slug: str) -> bool:
    """By others: in a thread of its own, which holds nothing."""
    with ThreadPoolExecutor(1) as other:
        return other.submit(is_there, store, slug).result()


def nothing(_: UnitOfWork) -> None:
    pass


def refuse(_: UnitOfWork) -> None:
    raise StoreUnavailable("not today")


def test_a_commit_waits_and_comes_with_the_last_of_it(store: SqlStore, build: Builder) -> None:
    with store.hold(nothing) as held:
        add(store, build.organization("acme"))
        assert (is_there(store, "acme"), is_seen(store, "acme"), held.is_committed) == (True, False, False)
        held.commit(lambda uow: uow.organizations.add(build.organization("globex")))
        assert held.is_committed
        assert is_seen(store, "acme")
    assert is_seen(store, "globex")


def test_without_the_commit_nothing_is_left(store: SqlStore, build: Builder) -> None:
    with store.hold(nothing):
        add(store, build.organization("acme"))
    assert not is_there(store, "acme")
    add(store, build.organization("acme"))
    assert is_there(store, "acme")


def test_a_last_part_that_fails_takes_the_rest_with_it(store: SqlStore, build: Builder) -> None:
    with store.hold(nothing) as held:
        add(store, build.organization("acme"))
        with pytest.raises(StoreUnavailable):
            held.commit(refuse)
        assert not held.is_committed
    assert not is_there(store, "acme")


def test_an_opening_that_refuses_leaves_no_transaction_open(store: SqlStore, build: Builder) -> None:
    with store.hold(refuse):
        for _ in range(40):  # more than there are connections
            with pytest.raises(StoreUnavailable):
                add(store, build.organization("acme"))
        with store.begin_apart() as uow:
            uow.organizations.add(build.organization("acme"))
            uow.commit()
        assert is_seen(store, "acme")


def test_one_transaction_can_wait(store: SqlStore, build: Builder) -> None:
    with store.hold(nothing) as held:
        add(store, build.organization("acme"))
        with pytest.raises(RuntimeError):
            add(store, build.organization("globex"))
        held.commit(nothing)
        with pytest.raises(RuntimeError):
            add(store, build.organization("globex"))
    assert (is_there(store, "acme"), is_there(store, "globex")) == (True, False)


def test_a_block_that_failed_can_be_followed_by_another(store: SqlStore, build: Builder) -> None:
    def fail_after_the_commit() -> None:
        with store.begin() as uow:
            uow.organizations.add(build.organization("acme"))
            uow.commit()
            raise ZeroDivisionError

    with store.hold(nothing) as held:
        with pytest.raises(ZeroDivisionError):
            fail_after_the_commit()
        add(store, build.organization("globex"))
        held.commit(nothing)
    assert (is_there(store, "acme"), is_there(store, "globex")) == (False, True)


def test_other_threads_are_not_held(store: SqlStore, build: Builder) -> None:
    with store.hold(refuse), ThreadPoolExecutor(1) as other:
        other.submit(add, store, build.organization("acme")).result()
        assert is_there(store, "acme")


def test_what_only_reads_cannot_commit_what_waits(store: SqlStore, build: Builder) -> None:
    with store.hold(nothing):
        add(store, build.organization("acme"))
        with store.read() as uow, pytest.raises(RuntimeError):
            uow.commit()
