"""Events leave the store with everything about them, when nobody can need them any more."""

from __future__ import annotations

from datetime import timedelta

import pytest

from app.adapters.db.unit_of_work import SqlStore
from app.domain.webhook import Delivery
from app.services import prune_events
from app.services.outbox_store import DeliveryFilter
from app.services.prune_events import PruneEvents
from tests.post_office import BUSY, GONE, PostOffice

RETENTION = timedelta(days=30)
GOOD, BAD = "https://good.example/", "https://bad.example/"


@pytest.fixture
def office(store: SqlStore) -> PostOffice:
    return PostOffice(store)


def pruning(office: PostOffice) -> PruneEvents:
    return PruneEvents(store=office.store, clock=office.clock, retention=RETENTION)


def try_all(office: PostOffice) -> None:
    worker = office.worker()
    sent = [office.deliver.send(one) for one in office.deliver.claim(worker, 100, 100, {})]
    office.deliver.record(worker, sent)


def left(office: PostOffice) -> set[str]:
    """Deliveries that are in the store; each has its event."""
    organization_id = office.organization.organization_id
    with office.store.read() as uow:
        found, _ = uow.deliveries.page(DeliveryFilter(organization_id, True), 100, 0)
        names = uow.events.names([one.event_id for one in found])
        events = uow.events.after(organization_id, True, 0, 100)
    assert names.keys() == {one.event_id for one in found} == {event.event_id for event in events}
    return {one.delivery_id for one in found}


def ids(*posted: list[Delivery]) -> set[str]:
    return {one.delivery_id for some in posted for one in some}


def test_what_is_over_goes_so_long_after_the_last_delivery_ended(office: PostOffice) -> None:
    office.sender.answers[BAD] = [GONE]
    office.post(GOOD, 2)
    office.post(BAD)
    office.clock.advance(seconds=3_600)
    try_all(office)
    office.clock.advance(seconds=RETENTION.total_seconds())
    later = office.post(GOOD)
    prune = pruning(office)
    assert not prune()
    assert len(left(office)) == 4, "they ended that long ago and not longer"
    office.clock.advance(milliseconds=1)
    assert not prune()
    assert left(office) == ids(later)


def test_what_is_still_to_be_sent_or_is_sent_again_stays(office: PostOffice) -> None:
    office.sender.answers[BAD] = [BUSY]
    pending, over = office.post(BAD), office.post(GOOD)
    try_all(office)
    office.clock.advance(seconds=2 * RETENTION.total_seconds())
    pruning(office)()
    assert left(office) == ids(pending)
    assert len(office.attempts(pending[0])) == 1
    assert office.attempts(over[0]) == []


def test_batches_go_on_until_nothing_is_left(office: PostOffice, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prune_events, "PRUNE_BATCH", 3)
    office.post(GOOD, 7)
    try_all(office)
    office.clock.advance(seconds=RETENTION.total_seconds() + 1)
    prune = pruning(office)
    assert [prune(), prune(), prune()] == [True, True, False]
    assert left(office) == set()


def test_numbers_go_on_where_they_were(office: PostOffice) -> None:
    office.post(GOOD, 2)
    try_all(office)
    office.clock.advance(seconds=RETENTION.total_seconds() + 1)
    pruning(office)()
    office.post(GOOD)
    with office.store.read() as uow:
        events = uow.events.after(office.organization.organization_id, True, 0, 10)
    assert [event.sequence for event in events] == [3]
