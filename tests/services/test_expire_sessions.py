"""Sessions end when their time is over although nobody reads them, and no others."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from app.adapters.db.tables import EXPIRING_SESSIONS_INDEX, SILENT_SESSIONS_INDEX
from app.adapters.db.unit_of_work import SqlStore
from app.domain.errors import StoreUnavailable
from app.domain.session import BiometricSession, HostedState, SessionStatus
from app.services import expire_sessions, read_session
from app.services.expire_sessions import TRY_AGAIN_MS, ExpireSessions, TellEnded
from app.services.ports import Randomness
from app.services.store import UnitOfWork
from tests.builders import Builder, add_organization
from tests.fakes import EPOCH, FakeClock, SeededRandomness

ABANDON_AFTER = timedelta(minutes=15)
S = SessionStatus


@dataclass
class World:
    """Sessions of several people, as they are stored."""

    store: SqlStore
    clock: FakeClock = field(default_factory=FakeClock)
    build: Builder = field(default_factory=lambda: Builder(SeededRandomness()))
    noted: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.organization = add_organization(self.store, self.build.organization())
        self.expire = self.job()

    def job(self) -> ExpireSessions:
        return ExpireSessions(
            store=self.store,
            clock=self.clock,
            randomness=self.build.randomness,
            abandon_after=ABANDON_AFTER,
            note_failure=lambda what, _: self.noted.append(what),
        )

    def session(self, state: HostedState = HostedState.CREATED, **changes: Any) -> str:
        entity = self.build.entity(self.organization)
        session, hosted = self.build.session(entity, **changes)
        with self.store.begin() as uow:
            uow.entities.add(entity)
            uow.sessions.add(session, replace(hosted, state=state))
            uow.commit()
        return session.session_id

    def silent(self, since: datetime = EPOCH, state: HostedState = HostedState.CONSENTED, **changes: Any) -> str:
        return self.session(state, status=S.IN_PROGRESS, started_at=EPOCH, last_activity_at=since, **changes)

    def status(self, session_id: str) -> SessionStatus:
        return self.stored(session_id).status

    def stored(self, session_id: str) -> BiometricSession:
        with self.store.read() as uow:
            found = uow.sessions.get(self.organization.organization_id, True, session_id)
        assert found is not None
        return found

    def ends(self) -> list[tuple[str, str]]:
        """Who ended what, as the audit trail has it."""
        with self.store.read() as uow:
            entries = uow.audit.of_organization(self.organization.organization_id)
        return [(entry.action, entry.object_id) for entry in entries]


@pytest.fixture
def world(store: SqlStore) -> World:
    return World(store)


def test_what_was_never_started_expires_at_its_time(world: World) -> None:
    due, later = world.session(), world.session(expires_at=EPOCH + timedelta(hours=24, milliseconds=1))
    world.clock.advance(hours=24, milliseconds=-1)
    world.expire()
    assert world.ends() == []
    world.clock.advance(milliseconds=1)
    assert world.expire() is False
    assert (world.status(due), world.status(later)) == (S.EXPIRED, S.PENDING)
    assert world.stored(due).completed_at == world.clock.now()
    assert world.ends() == [("biometric_session.expired", due)]


def test_what_was_started_is_abandoned_after_its_silence(world: World) -> None:
    silent = world.silent()
    recent = world.silent(since=EPOCH + timedelta(milliseconds=1))
    unnoted = world.session(HostedState.CREATED, status=S.IN_PROGRESS, started_at=EPOCH)
    world.clock.advance(minutes=15)
    world.expire()
    assert [world.status(one) for one in (silent, recent, unnoted)] == [S.ABANDONED, S.IN_PROGRESS, S.ABANDONED]
    world.expire()
    assert sorted(world.ends()) == sorted(("biometric_session.abandoned", one) for one in (silent, unnoted))


def test_a_capture_that_waits_and_a_review_are_left_alone(world: World) -> None:
    left = [
        world.silent(state=HostedState.CAPTURED),
        world.silent(state=HostedState.DECIDED),
        world.silent(state=HostedState.DECIDED, is_in_review=True),
        world.silent(is_in_review=True),
    ]
    world.clock.advance(days=400)
    world.expire()
    assert [world.status(one) for one in left] == [S.IN_PROGRESS] * 4
    assert world.ends() == []


@pytest.mark.parametrize("status", [one for one in SessionStatus if one.is_terminal])
def test_what_has_ended_stays_as_it_is(world: World, status: SessionStatus) -> None:
    session_id = world.session(status=status, last_activity_at=EPOCH)
    world.clock.advance(days=400)
    world.expire()
    assert world.status(session_id) is status
    assert world.ends() == []


def test_batches_go_on_until_nothing_is_overdue(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expire_sessions, "BATCH", 2)
    ids = [world.session(expires_at=EPOCH + timedelta(minutes=minute)) for minute in range(5)]
    world.clock.advance(minutes=4)
    assert world.expire() is True
    assert [world.status(one) for one in ids] == [S.EXPIRED] * 2 + [S.PENDING] * 3, "the longest due first"
    assert world.expire() is True
    assert world.expire() is False
    assert [world.status(one) for one in ids] == [S.EXPIRED] * 5


def test_processes_that_end_sessions_at_once_write_each_end_once(world: World) -> None:
    ids = [world.session() for _ in range(6)] + [world.silent() for _ in range(6)]
    world.clock.advance(hours=24)
    with ThreadPoolExecutor(4) as threads:
        for one in [threads.submit(world.job()) for _ in range(4)]:
            one.result()
    assert {world.status(one) for one in ids} == {S.EXPIRED, S.ABANDONED}
    assert sorted(one for _, one in world.ends()) == sorted(ids)


def test_one_that_fails_holds_up_nobody_and_is_tried_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expire_sessions, "BATCH", 1)
    bad, good = world.session(expires_at=EPOCH), world.session(expires_at=EPOCH + timedelta(seconds=1))
    real, troubles = read_session.end_if_overdue, [bad]

    def end(
        uow: UnitOfWork, randomness: Randomness, session: BiometricSession, now: datetime, after: timedelta
    ) -> BiometricSession:
        if session.session_id in troubles:
            raise ZeroDivisionError
        return real(uow, randomness, session, now, after)

    monkeypatch.setattr(expire_sessions, "end_if_overdue", end)
    world.clock.advance(minutes=1)
    world.expire()
    world.expire()
    world.expire()
    assert (world.status(bad), world.status(good)) == (S.PENDING, S.EXPIRED)
    assert world.noted == [f"ending session {bad}"]
    troubles.clear()
    world.clock.advance(milliseconds=TRY_AGAIN_MS)
    world.expire()
    assert world.status(bad) is S.EXPIRED


def test_an_outage_stops_the_batch(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    session_id = world.session()
    world.clock.advance(days=2)

    def away(*_: Any) -> None:
        raise StoreUnavailable("away")

    with monkeypatch.context() as patched:
        patched.setattr(expire_sessions, "end_if_overdue", away)
        with pytest.raises(StoreUnavailable):
            world.expire()
    world.expire()
    assert world.status(session_id) is S.EXPIRED


def test_looking_uses_the_small_indexes(world: World, engine: Engine) -> None:
    for _ in range(3):
        world.session(status=S.APPROVED)
    statements: list[tuple[str, Any]] = []

    @sa.event.listens_for(engine, "before_cursor_execute")
    def note(_c: object, _cursor: object, statement: str, parameters: Any, *_: object) -> None:  # noqa: ANN401
        statements.append((statement, parameters))

    with world.store.read() as uow:
        uow.sessions.overdue(EPOCH, EPOCH, 10)
    asked = [one for one in statements if "biometric_sessions" in one[0]]
    assert len(asked) == 2
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        for (statement, parameters), index in zip(
            asked, (EXPIRING_SESSIONS_INDEX, SILENT_SESSIONS_INDEX), strict=True
        ):
            word = "EXPLAIN QUERY PLAN" if engine.dialect.name == "sqlite" else "EXPLAIN"
            plan = connection.exec_driver_sql(f"{word} {statement}", parameters).all()
            assert index in str(plan)


def test_an_open_page_is_told_once_whoever_ended_its_session(world: World) -> None:
    ended, running, closed = world.session(), world.silent(since=EPOCH + timedelta(days=2)), world.session()
    pages = [world.stored(one).hosted_session_id for one in (ended, running)]
    told: list[str] = []
    forgotten: list[str] = []

    def open_pages() -> Sequence[str]:
        return pages

    tell = TellEnded(store=world.store, open_pages=open_pages, tell=told.append, forget=forgotten.append)
    assert tell() is False
    assert told == []
    world.clock.advance(days=2)
    world.job()()
    assert world.status(closed) is S.EXPIRED
    tell()
    tell()
    assert told == pages[:1] == forgotten
    first = pages.pop(0)
    tell()
    pages.append(first)
    tell()
    assert told == [first, first], "the page was closed and has come again"
