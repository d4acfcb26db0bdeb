"""The outbox: events numbered with the commit, endpoints, and what is kept of deliveries."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from app.adapters.db.event_pruning import _remove
from app.adapters.db.numbered_rows import write_numbered
from app.adapters.db.unit_of_work import SqlStore
from app.domain.event import EventName
from app.domain.webhook import (
    ENDPOINT_REMOVED,
    DeliveryStatus,
)
from app.services.outbox_store import DeliveryFilter
from app.services.store import UnitOfWork
from tests.adapters.db.told import LEASE, URL, World, make_world
from tests.builders import add_organization
from tests.fakes import EPOCH

WRITERS = 8


@pytest.fixture
def world(store: SqlStore) -> World:
    return make_world(store)


def test_an_event_comes_back_as_it_went_in_with_its_number(world: World) -> None:
    session_event, validation = world.event(), world.build.validation(world.entity)
    validation_event = world.event(
        name=EventName.VALIDATION_REJECTED, session=None, validation=validation, object_id=validation.validation_id
    )
    with world.store.begin() as uow:
        uow.events.add(session_event, [])
        uow.events.add(validation_event, [])
        uow.commit()
    first, second = world.events()
    assert first == replace(session_event, sequence=1)
    assert second == replace(validation_event, sequence=2)
    with world.store.read() as uow:
        assert uow.events.names([first.event_id, world.new_id()]) == {first.event_id: EventName.SESSION_APPROVED}


def test_events_are_read_behind_a_number_and_of_one_mode(world: World) -> None:
    for is_test in (True, False, True, True):
        with world.store.begin() as uow:
            uow.events.add(world.event(is_test=is_test), [])
            uow.commit()
    assert [event.sequence for event in world.events()] == [1, 3, 4]
    assert [event.sequence for event in world.events(after=1, limit=1)] == [3]
    assert [event.sequence for event in world.events(is_test=False)] == [2]
    assert world.events(after=4) == []


def test_without_a_commit_nothing_is_told_and_no_number_is_lost(world: World) -> None:
    with world.store.begin() as uow:
        uow.events.add(world.event(), [])
    world.tell(URL)
    assert [event.sequence for event in world.events()] == [1]


def test_a_held_commit_numbers_its_events_too(world: World) -> None:
    def nothing(_: UnitOfWork) -> None:
        pass

    with world.store.hold(nothing) as held:
        (delivery,) = world.tell(URL)
        assert world.events() == []
        held.commit(nothing)
    assert [event.sequence for event in world.events()] == [1]
    assert world.stored(delivery) == delivery


def test_audit_entries_and_events_of_several_organizations_share_a_commit(world: World) -> None:
    other = add_organization(world.store, world.build.organization("globex"))
    with world.store.begin() as uow:
        uow.audit.add(world.build.audit_entry(world.organization))
        uow.events.add(world.event(organization_id=other.organization_id), [])
        uow.events.add(world.event(), [])
        uow.audit.add(world.build.audit_entry(world.organization))
        uow.commit()
    with world.store.read() as uow:
        assert len(uow.audit.of_organization(world.organization.organization_id)) == 2
        (theirs,) = uow.events.after(other.organization_id, True, 0, 10)
    assert [theirs.sequence, world.events()[0].sequence] == [1, 1]


def test_numbers_have_no_gap_and_none_is_seen_before_the_one_below_it(world: World) -> None:
    """Some commits fail; a reader that goes on behind what it has seen misses nothing."""
    is_over = threading.Event()
    seen: list[int] = []

    def follow() -> None:
        while True:
            was_over = is_over.is_set()
            seen.extend(event.sequence for event in world.events(after=seen[-1] if seen else 0))
            if was_over:
                return

    def write(number: int) -> None:
        for attempt in range(5):
            event, entry = events[number * 5 + attempt], world.build.audit_entry(world.organization)
            with world.store.begin() as uow:
                uow.events.add(event, [])
                uow.audit.add(entry)
                if (number + attempt) % 4:
                    uow.commit()

    events = [world.event() for _ in range(WRITERS * 5)]
    with ThreadPoolExecutor(WRITERS + 1) as pool:
        reader = pool.submit(follow)
        for done in [pool.submit(write, number) for number in range(WRITERS)]:
            done.result()
        is_over.set()
        reader.result()
    committed = sum(1 for number in range(WRITERS) for attempt in range(5) if (number + attempt) % 4)
    assert seen == list(range(1, committed + 1))


def test_who_has_a_number_commits_before_the_next_one_gets_any(world: World, engine: Engine) -> None:
    """The slow one has number 1 and has not committed: the quick one waits, and cannot be seen before it."""
    slow = world.store.begin()
    with slow as uow, ThreadPoolExecutor(1) as pool:
        uow.events.add(world.event(), [])
        write_numbered(uow._connection, uow.audit, uow.events)  # what a commit does before it commits
        quick = pool.submit(world.tell, URL)
        if engine.dialect.name == "postgresql":  # on SQLite it cannot even begin
            wait_for_a_lock(engine)
        assert world.events() == []
        uow.commit()
        quick.result()
    assert [event.sequence for event in world.events()] == [1, 2]


def wait_for_a_lock(engine: Engine) -> None:
    waiting = sa.text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
    for _ in range(5_000):
        with engine.connect() as connection:
            if connection.execute(waiting).scalar_one():
                return
    raise AssertionError("nobody waits")


def test_endpoints_are_written_listed_and_removed(world: World) -> None:
    first = world.endpoint(previous_secret_version=1, secret_version=2, previous_until=EPOCH)
    second = world.endpoint(created_at=EPOCH + LEASE, is_enabled=False, disabled_reason="gone")
    live = world.endpoint(is_test=False)
    with world.store.begin() as uow:
        for endpoint in (first, second, live):
            uow.webhook_endpoints.add(endpoint)
        uow.commit()
    organization_id = world.organization.organization_id
    with world.store.begin() as uow:
        assert uow.webhook_endpoints.get(organization_id, True, first.endpoint_id) == first
        assert uow.webhook_endpoints.get(organization_id, False, first.endpoint_id) is None
        assert uow.webhook_endpoints.page(organization_id, True, 1, 0) == ([second], 2)
        assert uow.webhook_endpoints.enabled(organization_id, True) == [first]
        assert uow.webhook_endpoints.by_ids([live.endpoint_id]) == [live]
        uow.webhook_endpoints.save(replace(second, is_enabled=True, disabled_reason=None))
        assert len(uow.webhook_endpoints.enabled(organization_id, True)) == 2
        uow.webhook_endpoints.remove(first.endpoint_id, EPOCH)
        uow.commit()
    with world.store.read() as uow:
        assert uow.webhook_endpoints.get(organization_id, True, first.endpoint_id) is None


def test_a_moved_endpoint_takes_its_pending_deliveries_along(world: World) -> None:
    endpoint = world.endpoint()
    with world.store.begin() as uow:
        uow.webhook_endpoints.add(endpoint)
        uow.commit()
    (pending,) = world.tell(URL, endpoint_id=endpoint.endpoint_id)
    (done,) = world.tell(URL, endpoint_id=endpoint.endpoint_id, status=DeliveryStatus.DELIVERED)
    (foreign,) = world.tell(URL)
    with world.store.begin() as uow:
        uow.webhook_endpoints.save(replace(endpoint, url="https://moved.example/"))
        uow.commit()
    urls = [world.stored(one).url for one in (pending, done, foreign)]
    assert urls == ["https://moved.example/", URL, URL]


def test_an_endpoint_that_goes_leaves_its_deliveries_on_record(world: World) -> None:
    endpoint = world.endpoint()
    with world.store.begin() as uow:
        uow.webhook_endpoints.add(endpoint)
        uow.commit()
    (pending,) = world.tell(URL, endpoint_id=endpoint.endpoint_id)
    (claimed,) = world.claim()
    with world.store.begin() as uow:
        uow.webhook_endpoints.remove(endpoint.endpoint_id, EPOCH + LEASE)
        uow.commit()
    failed = world.stored(pending)
    assert (failed.status, failed.finished_at) == (DeliveryStatus.FAILED, EPOCH + LEASE)
    assert (failed.last_error, failed.lease_holder) == (ENDPOINT_REMOVED, None)
    assert world.record(claimed, status=DeliveryStatus.DELIVERED) == 0
    assert world.stored(pending) == failed


def test_deliveries_are_listed_by_what_is_asked_for(world: World) -> None:
    endpoint_id = world.new_id()
    (first,) = world.tell(URL, endpoint_id=endpoint_id)
    (second,) = world.tell(URL, created_at=EPOCH + LEASE, status=DeliveryStatus.FAILED)
    everything = DeliveryFilter(world.organization.organization_id, True)
    with world.store.read() as uow:
        assert uow.deliveries.page(everything, 10, 0) == ([second, first], 2)
        assert uow.deliveries.page(everything, 1, 1) == ([first], 2)
        for wanted, found in (
            (replace(everything, endpoint_id=endpoint_id), [first]),
            (replace(everything, status=DeliveryStatus.FAILED), [second]),
            (replace(everything, event_id=second.event_id), [second]),
            (replace(everything, is_test=False), []),
        ):
            assert uow.deliveries.page(wanted, 10, 0) == (found, len(found))


def test_pruning_spares_what_is_sent_again_after_it_was_found(world: World) -> None:
    """Both look before either writes: the delivery is pending when pruning has its row."""
    over = {"status": DeliveryStatus.DELIVERED, "finished_at": EPOCH}
    (found,), (again,) = world.tell(URL, **over), world.tell(URL, **over)
    with world.store.begin() as uow:
        assert uow.deliveries.requeue(replace(again, status=DeliveryStatus.PENDING, finished_at=None))
        _remove(uow._connection, [found.event_id, again.event_id], EPOCH + LEASE)
        uow.commit()
    assert [event.event_id for event in world.events()] == [again.event_id]
