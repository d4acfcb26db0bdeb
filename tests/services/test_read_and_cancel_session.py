from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest

from app.adapters.db.unit_of_work import SqlStore
from app.domain.errors import InvalidState, ObjectNotFound
from app.domain.organization import Entity, Organization
from app.domain.session import BiometricSession, HostedState, SessionStatus
from app.services.cancel_session import CancelSession
from app.services.read_session import ReadSession
from tests.builders import Builder, add_organization, caller_of
from tests.fakes import EPOCH, FakeClock, SeededRandomness

ABANDON_AFTER = timedelta(minutes=15)


@dataclass
class World:
    store: SqlStore
    clock: FakeClock
    build: Builder
    organization: Organization
    entity: Entity
    read: ReadSession
    cancel: CancelSession

    def add(self, hosted_state: HostedState = HostedState.CREATED, **changes: Any) -> BiometricSession:
        session, hosted = self.build.session(self.entity, **changes)
        with self.store.begin() as uow:
            uow.sessions.add(session, replace(hosted, state=hosted_state))
            uow.commit()
        return session

    def status_of(self, session: BiometricSession) -> SessionStatus:
        return self.read.by_id(caller_of(self.organization), session.session_id).status

    def actions(self) -> list[tuple[str, str]]:
        with self.store.read() as uow:
            entries = uow.audit.of_organization(self.organization.organization_id)
        return [(entry.actor, entry.action) for entry in entries]


@pytest.fixture
def world(sqlite_store: SqlStore) -> World:
    build, clock = Builder(SeededRandomness()), FakeClock()
    organization = add_organization(sqlite_store, build.organization())
    entity = build.entity(organization)
    with sqlite_store.begin() as uow:
        uow.entities.add(entity)
        uow.commit()
    read = ReadSession(store=sqlite_store, clock=clock, randomness=build.randomness, abandon_after=ABANDON_AFTER)
    cancel = CancelSession(
        store=sqlite_store, clock=clock, randomness=build.randomness, abandon_after=ABANDON_AFTER
    )
    return World(sqlite_store, clock, build, organization, entity, read, cancel)


STARTED: dict[str, Any] = {"status": SessionStatus.IN_PROGRESS, "started_at": EPOCH, "last_activity_at": EPOCH}


def test_a_session_expires_at_its_time_and_not_before(world: World) -> None:
    session = world.add()
    world.clock.advance(hours=24, milliseconds=-1)
    assert world.status_of(session) is SessionStatus.PENDING
    world.clock.advance(milliseconds=1)
    assert world.status_of(session) is SessionStatus.EXPIRED
    assert world.status_of(session) is SessionStatus.EXPIRED
    assert world.actions() == [("expiry", "biometric_session.expired")]


def test_silence_abandons_a_session_that_was_started(world: World) -> None:
    session = world.add(**STARTED)
    world.clock.advance(minutes=14)
    with world.store.begin() as uow:
        uow.sessions.touch(session.session_id, world.clock.now())
        uow.commit()
    world.clock.advance(minutes=14)
    assert world.status_of(session) is SessionStatus.IN_PROGRESS
    world.clock.advance(minutes=1)
    assert world.status_of(session) is SessionStatus.ABANDONED
    assert world.actions() == [("expiry", "biometric_session.abandoned")]


@pytest.mark.parametrize("state", [HostedState.CAPTURED, HostedState.DECIDED])
def test_a_capture_that_is_in_is_never_abandoned(world: World, state: HostedState) -> None:
    session = world.add(hosted_state=state, **STARTED)
    world.clock.advance(days=30)
    assert world.status_of(session) is SessionStatus.IN_PROGRESS
    assert world.actions() == []


def test_a_review_has_all_the_time_it_needs(world: World) -> None:
    session = world.add(is_in_review=True, **STARTED)
    world.clock.advance(days=30)
    assert world.status_of(session) is SessionStatus.IN_PROGRESS


def test_the_latest_session_is_read_as_it_stands_now(world: World) -> None:
    caller = caller_of(world.organization)
    assert world.read.latest_of(caller, world.entity.entity_id, only_approved=False) is None
    approved = world.add(status=SessionStatus.APPROVED, completed_at=EPOCH)
    pending = world.add(created_at=EPOCH + timedelta(minutes=1))
    world.clock.advance(days=2)
    latest = world.read.latest_of(caller, world.entity.entity_id, only_approved=False)
    assert latest is not None
    assert (latest.session_id, latest.status) == (pending.session_id, SessionStatus.EXPIRED)
    assert world.read.latest_of(caller, world.entity.entity_id, only_approved=True) == approved


def test_sessions_of_others_do_not_exist(world: World) -> None:
    session = world.add()
    other = add_organization(world.store, world.build.organization("globex"))
    for stranger in (caller_of(other), caller_of(world.organization, is_test=False)):
        with pytest.raises(ObjectNotFound):
            world.read.by_id(stranger, session.session_id)
        with pytest.raises(ObjectNotFound):
            world.read.latest_of(stranger, world.entity.entity_id, only_approved=False)
        with pytest.raises(ObjectNotFound):
            world.cancel(stranger, session.session_id)
    assert world.status_of(session) is SessionStatus.PENDING


@pytest.mark.parametrize("changes", [{}, STARTED, {**STARTED, "is_in_review": True}])
def test_what_runs_can_be_cancelled_once(world: World, changes: dict[str, Any]) -> None:
    session = world.add(**changes)
    cancelled = world.cancel(caller_of(world.organization), session.session_id)
    assert cancelled.status is SessionStatus.CANCELLED
    assert not cancelled.is_in_review
    assert cancelled.completed_at == EPOCH
    with pytest.raises(InvalidState):
        world.cancel(caller_of(world.organization), session.session_id)
    assert world.actions() == [("test", "biometric_session.cancelled")]


@pytest.mark.parametrize(
    "status",
    [SessionStatus.APPROVED, SessionStatus.REJECTED, SessionStatus.ABANDONED, SessionStatus.EXPIRED],
)
def test_what_has_ended_stays_as_it_ended(world: World, status: SessionStatus) -> None:
    session = world.add(status=status)
    with pytest.raises(InvalidState):
        world.cancel(caller_of(world.organization), session.session_id)
    assert world.status_of(session) is status


def test_a_session_whose_time_is_over_expires_instead_of_being_cancelled(world: World) -> None:
    session = world.add()
    world.clock.advance(hours=25)
    with pytest.raises(InvalidState):
        world.cancel(caller_of(world.organization), session.session_id)
    assert world.status_of(session) is SessionStatus.EXPIRED
    assert world.actions() == [("expiry", "biometric_session.expired")]
