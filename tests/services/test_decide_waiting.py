"""Captures that wait are decided unasked, oldest first, and none holds up the others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from app.adapters.db.unit_of_work import SqlStore
from app.domain.errors import MatchingUnavailable, StoreUnavailable
from app.domain.session import HostedState, SessionStatus
from app.services.decide_waiting import BATCH, FIRST_TRY, TRY_AGAIN_MS, DecideWaiting
from tests.builders import Builder, add_organization
from tests.fakes import EPOCH, FakeClock, SeededRandomness
from tests.services.studio import Studio, make_studio


@pytest.fixture
def studio(sqlite_store: SqlStore) -> Studio:
    studio = make_studio(sqlite_store)
    studio.up_to_still().keep()
    return studio


def unexpected(what: str, error: Exception) -> None:
    raise AssertionError(what) from error


def deciding(studio: Studio, told: list[str]) -> DecideWaiting:
    return DecideWaiting(
        store=studio.store,
        decide_capture=studio.decide_capture,
        clock=studio.clock,
        tell=told.append,
        note_failure=unexpected,
    )


def test_a_capture_that_waited_for_the_core_is_decided_when_it_is_back(studio: Studio) -> None:
    told: list[str] = []
    decide = deciding(studio, told)
    studio.core.is_away = True
    studio.clock.advance(minutes=1)
    for _ in range(3):
        with pytest.raises(MatchingUnavailable):
            decide()
    assert studio.stored()[0].status is SessionStatus.IN_PROGRESS
    assert told == []
    studio.core.is_away = False
    assert decide() is False
    assert studio.stored()[0].status is SessionStatus.APPROVED
    assert told == [studio.hosted_id]
    assert studio.audit().count("biometric_session.approved") == 1
    decide()
    assert told == [studio.hosted_id], "it is done once"


def test_the_upload_itself_has_the_first_try(studio: Studio) -> None:
    decide = deciding(studio, [])
    studio.clock.advance(seconds=FIRST_TRY.total_seconds())
    decide()
    assert studio.core.templates_made == 0
    studio.clock.advance(milliseconds=1)
    decide()
    assert studio.stored()[0].status is SessionStatus.APPROVED


@pytest.mark.parametrize("review_band", [0.0, 90.0])
def test_what_is_decided_or_cancelled_waits_no_more(sqlite_store: SqlStore, review_band: float) -> None:
    studio = make_studio(sqlite_store, settings={"review_band": review_band})
    studio.up_to_still().keep()
    if review_band:
        studio.decide()
    else:
        studio.cancel(studio.caller, studio.session.session_id)
    made = studio.core.templates_made
    studio.clock.advance(hours=1)
    told: list[str] = []
    deciding(studio, told)()
    assert (studio.core.templates_made, told) == (made, [])


@dataclass
class Queue:
    """Sessions that wait, and what is asked of whoever decides them."""

    store: SqlStore
    clock: FakeClock
    waiting: list[str]
    asked: list[str] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    troubles: dict[str, Exception] = field(default_factory=dict)
    noted: list[str] = field(default_factory=list)

    def decide(self, hosted_session_id: str) -> None:
        self.asked.append(hosted_session_id)
        if trouble := self.troubles.get(hosted_session_id):
            raise trouble
        with self.store.begin() as uow:
            found = uow.sessions.by_hosted_id(hosted_session_id)
            assert found is not None
            uow.sessions.save_hosted(replace(found[1], state=HostedState.DECIDED))
            uow.commit()

    def job(self, tell: Callable[[str], None] | None = None) -> DecideWaiting:
        tell = tell or self.told.append
        return DecideWaiting(
            store=self.store,
            decide_capture=self.decide,
            clock=self.clock,
            tell=tell,
            note_failure=lambda what, _: self.noted.append(what),
        )


@pytest.fixture
def queue(sqlite_store: SqlStore) -> Queue:
    build = Builder(SeededRandomness())
    organization = add_organization(sqlite_store, build.organization())
    waiting = []
    with sqlite_store.begin() as uow:
        for minute in range(BATCH + 2):
            entity = build.entity(organization)
            session, hosted = build.session(entity, status=SessionStatus.IN_PROGRESS)
            captured_at = EPOCH + timedelta(minutes=minute)
            uow.entities.add(entity)
            uow.sessions.add(session, replace(hosted, state=HostedState.CAPTURED, captured_at=captured_at))
            waiting.append(hosted.hosted_session_id)
        uow.commit()
    return Queue(sqlite_store, FakeClock(EPOCH + timedelta(hours=1)), waiting)


def test_a_batch_takes_the_longest_waiting_and_says_that_there_is_more(queue: Queue) -> None:
    job = queue.job()
    assert job() is True
    assert queue.asked == queue.waiting[:BATCH]
    assert job() is False
    assert queue.told == queue.waiting


@pytest.mark.parametrize("outage", [MatchingUnavailable("away"), StoreUnavailable("away")])
def test_an_outage_stops_the_pass(queue: Queue, outage: Exception) -> None:
    queue.troubles[queue.waiting[1]] = outage
    with pytest.raises(type(outage)):
        queue.job()()
    assert queue.asked == queue.waiting[:2]
    assert queue.told == queue.waiting[:1]


def test_captures_that_cannot_be_decided_hold_up_nobody_and_are_tried_again_later(queue: Queue) -> None:
    """As many as a batch takes, at the head of the queue."""
    job, bad, good = queue.job(), queue.waiting[:BATCH], queue.waiting[BATCH:]
    queue.troubles.update(dict.fromkeys(bad, ZeroDivisionError()))
    job()
    job()
    assert queue.told == good
    assert queue.noted == [f"deciding capture {one}" for one in bad]
    queue.asked.clear()
    job()
    assert queue.asked == []
    queue.clock.advance(milliseconds=TRY_AGAIN_MS)
    queue.troubles.clear()
    job()
    assert queue.told == [*good, *bad]


def test_a_page_that_cannot_be_told_stops_nothing(queue: Queue) -> None:
    def tell(_: str) -> None:
        raise OSError("no such socket")

    job = queue.job(tell)
    assert job() is True
    assert job() is False
    assert queue.asked == queue.waiting
