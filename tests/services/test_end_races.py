"""Approve, cancel and expire from many threads: one wins, and one terminal event is there to be told.

On both databases, several rounds each: a race that is lost once in a while is lost.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from sqlalchemy import Engine

from app.adapters.db.unit_of_work import SqlStore
from app.domain.errors import StoreUnavailable
from app.domain.event import SESSION_EVENTS, Event, EventName
from app.domain.policy import PolicyResult
from app.domain.session import BiometricSession, HostedState, SessionStatus
from app.domain.verdict import Verdict
from app.domain.webhook import Delivery, WebhookEndpoint
from app.services.cancel_session import CancelSession
from app.services.end_session import apply_verdict, begin_session
from app.services.expire_sessions import ExpireSessions
from app.services.outbox_store import DeliveryFilter
from app.services.read_session import ReadSession
from app.services.review_session import ReviewSession
from tests.builders import Builder, add_organization, caller_of, decision
from tests.fakes import EPOCH, FakeClock, SeededRandomness
from tests.services.races import REASON, ROUNDS, Job, World, at_once
from tests.services.studio import ABANDON_AFTER

HOOK = "https://shop.example/hook"
OWN = "https://shop.example/of-this-session"


class ToldWorld(World):
    """Sessions that many want to end, and an endpoint that is told of everything."""

    @property
    def expire(self) -> Job:
        def note(what: str, error: Exception) -> None:
            raise AssertionError(what) from error

        job: Job = self.use_case(ExpireSessions, abandon_after=ABANDON_AFTER, note_failure=note)
        return job

    def add(self, state: HostedState, **changes: Any) -> BiometricSession:
        return super().add(state, webhook_url=OWN, **changes)

    def decide(self, session: BiometricSession) -> BiometricSession | None:
        """What the matching core's answer leads to."""
        with self.store.begin() as uow:
            after = apply_verdict(
                uow,
                self.build.randomness,
                session,
                decision(),
                PolicyResult(Verdict.APPROVED, None, None, ()),
                self.clock.now(),
            )
            uow.commit()
        return after

    def stored(self, session: BiometricSession) -> BiometricSession:
        with self.store.read() as uow:
            found = uow.sessions.get(session.organization_id, True, session.session_id)
        assert found is not None
        return found

    def events_of(self, session: BiometricSession) -> list[Event]:
        with self.store.read() as uow:
            found = uow.events.after(session.organization_id, True, 0, 10_000)
        return [event for event in found if event.object_id == session.session_id]

    def deliveries_of(self, event: Event) -> list[Delivery]:
        wanted = DeliveryFilter(event.organization_id, True, event_id=event.event_id)
        with self.store.read() as uow:
            return list(uow.deliveries.page(wanted, 100, 0)[0])

    def check_one_end(self, session: BiometricSession) -> SessionStatus:
        """The status, the audit entry, the event and its deliveries say the same, once."""
        stored = self.stored(session)
        assert stored.status.is_terminal
        (event,) = self.events_of(session)
        assert event.name is SESSION_EVENTS[stored.status]
        assert event.session == stored
        assert self.trail_of(session.session_id) == [f"biometric_session.{stored.status.value}"]
        urls = {HOOK} if stored.status is SessionStatus.CANCELLED else {HOOK, OWN}
        assert sorted(one.url for one in self.deliveries_of(event)) == sorted(urls)
        return stored.status


@pytest.fixture
def world(store: SqlStore) -> ToldWorld:
    build = Builder(SeededRandomness())
    organization = add_organization(store, build.organization())
    entity = build.entity(organization)
    where = (organization.organization_id, True)
    endpoint = WebhookEndpoint(build.randomness.object_id(), *where, HOOK, ("*",), EPOCH, EPOCH)
    with store.begin() as uow:
        uow.entities.add(entity)
        uow.webhook_endpoints.add(endpoint)
        uow.commit()
    return ToldWorld(store, build, caller_of(organization), entity, FakeClock())


def test_of_approve_reject_and_cancel_one_is_told_of(world: ToldWorld) -> None:
    review: ReviewSession = world.use_case(ReviewSession)
    cancel: CancelSession = world.use_case(CancelSession, abandon_after=ABANDON_AFTER)
    for _ in range(ROUNDS):
        session = world.add(
            HostedState.DECIDED, status=SessionStatus.IN_PROGRESS, is_in_review=True, decision=decision()
        )
        jobs: list[Job] = [
            partial(review.approve, world.caller, session.session_id, REASON),
            partial(review.reject, world.caller, session.session_id, REASON),
            partial(cancel, world.caller, session.session_id),
            world.expire,
        ]
        at_once(jobs * 2)
        world.check_one_end(session)


@pytest.mark.parametrize("state", [HostedState.CREATED, HostedState.CONSENTED, HostedState.CAPTURED])
def test_of_a_verdict_a_cancel_and_the_clock_one_is_told_of(world: ToldWorld, state: HostedState) -> None:
    cancel: CancelSession = world.use_case(CancelSession, abandon_after=ABANDON_AFTER)
    reading: ReadSession = world.use_case(ReadSession, abandon_after=ABANDON_AFTER)
    for _ in range(ROUNDS):
        now = world.clock.now()
        session = world.add(state, status=SessionStatus.IN_PROGRESS, started_at=now, last_activity_at=now)
        world.clock.advance(seconds=ABANDON_AFTER.total_seconds())
        jobs: list[Job] = [
            partial(cancel, world.caller, session.session_id),
            partial(world.decide, session),
            partial(reading.by_id, world.caller, session.session_id),
            world.expire,
        ]
        at_once(jobs * 2)
        world.check_one_end(session)


def test_of_a_cancel_and_the_end_of_its_time_one_is_told_of(world: ToldWorld) -> None:
    cancel: CancelSession = world.use_case(CancelSession, abandon_after=ABANDON_AFTER)
    for _ in range(ROUNDS):
        session = world.add(HostedState.CREATED, expires_at=world.clock.now())
        at_once([partial(cancel, world.caller, session.session_id), world.expire] * 3)
        assert world.check_one_end(session) in (SessionStatus.EXPIRED, SessionStatus.CANCELLED)


def test_a_commit_that_fails_leaves_neither_status_nor_event(world: ToldWorld, engine: Engine) -> None:
    """The database takes back all of it: the event is refused, and with it the status goes."""
    cancel: CancelSession = world.use_case(CancelSession, abandon_after=ABANDON_AFTER)
    session = world.add(HostedState.CREATED)
    with engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE deliveries RENAME TO deliveries_away")
    with pytest.raises(StoreUnavailable):
        cancel(world.caller, session.session_id)
    with engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE deliveries_away RENAME TO deliveries")
    assert world.stored(session) == session
    assert (world.events_of(session), world.trail_of(session.session_id)) == ([], [])
    cancel(world.caller, session.session_id)
    assert world.check_one_end(session) is SessionStatus.CANCELLED
    assert [event.sequence for event in world.events_of(session)] == [1]


def test_a_store_that_goes_away_at_the_commit_keeps_nothing(
    world: ToldWorld, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: object) -> None:
        raise engine.dialect.loaded_dbapi.OperationalError("the disk is full")

    cancel: CancelSession = world.use_case(CancelSession, abandon_after=ABANDON_AFTER)
    session = world.add(HostedState.CREATED)
    with monkeypatch.context() as broken:
        broken.setattr(engine.dialect, "do_commit", fail)
        with pytest.raises(StoreUnavailable):
            cancel(world.caller, session.session_id)
    assert world.stored(session) == session
    assert (world.events_of(session), world.trail_of(session.session_id)) == ([], [])


def test_every_move_of_a_session_is_an_event_in_order(world: ToldWorld) -> None:
    session = world.add(HostedState.CONSENTED)
    with world.store.begin() as uow:
        begun = begin_session(uow, world.build.randomness, session, world.clock.now())
        uow.commit()
    assert begun is not None
    world.decide(begun)
    assert [event.name for event in world.events_of(session)] == [
        EventName.SESSION_IN_PROGRESS,
        EventName.SESSION_APPROVED,
    ]
