"""Entries of the replay ledger in the store: whose are compared, and which are over."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest

from app.adapters.db.unit_of_work import SqlStore
from app.domain.organization import Entity, Organization
from app.domain.replay import StoredFingerprints
from app.domain.session import BiometricSession, SessionStatus
from tests.builders import Builder, add_organization
from tests.fakes import EPOCH, SeededRandomness

LONG_AGO = EPOCH - timedelta(days=30)


@dataclass
class Ledger:
    store: SqlStore
    build: Builder = field(default_factory=lambda: Builder(SeededRandomness()))

    def organization(self, slug: str) -> Organization:
        return add_organization(self.store, self.build.organization(slug))

    def entity(self, organization: Organization, *, is_test: bool = True) -> Entity:
        entity = self.build.entity(organization, is_test=is_test)
        with self.store.begin() as uow:
            uow.entities.add(entity)
            uow.commit()
        return entity

    def note(self, entity: Entity, at: datetime = EPOCH) -> BiometricSession:
        """A session that has ended, with its entry."""
        session, hosted = self.build.session(entity, status=SessionStatus.APPROVED)
        with self.store.begin() as uow:
            uow.sessions.add(session, hosted)
            uow.replays.add(
                StoredFingerprints(
                    session.session_id, entity.organization_id, entity.entity_id, entity.is_test, b"sealed", at
                )
            )
            uow.commit()
        return session

    def compared(self, session: BiometricSession, entity_limit: int = 9, limit: int = 9) -> list[str]:
        with self.store.read() as uow:
            found = uow.replays.to_compare(session, LONG_AGO, entity_limit, limit)
        return [one.session_id for one in found]


@pytest.fixture
def ledger(store: SqlStore) -> Ledger:
    return Ledger(store)


def test_entries_of_the_organization_and_mode_are_compared_but_never_the_session_s_own(ledger: Ledger) -> None:
    acme, globex = ledger.organization("acme"), ledger.organization("globex")
    ada = ledger.entity(acme)
    mine, other = ledger.note(ada), ledger.note(ledger.entity(acme))
    ledger.note(ledger.entity(globex))
    ledger.note(ledger.entity(acme, is_test=False))
    again = ledger.note(ada, EPOCH + timedelta(hours=1))
    assert set(ledger.compared(again)) == {mine.session_id, other.session_id}


def test_the_entity_s_own_come_before_those_of_others_and_the_latest_first(ledger: Ledger) -> None:
    acme = ledger.organization("acme")
    ada, bob = ledger.entity(acme), ledger.entity(acme)
    hers = [ledger.note(ada, EPOCH + timedelta(hours=hour)).session_id for hour in range(3)]
    his = [ledger.note(bob, EPOCH + timedelta(hours=10 + hour)).session_id for hour in range(3)]
    session = ledger.build.session(ada)[0]
    assert ledger.compared(session, 2, 2) == [hers[2], hers[1], his[2], his[1]]
    assert set(ledger.compared(session)) == {*hers, *his}


def test_what_is_older_is_neither_compared_nor_kept(ledger: Ledger, store: SqlStore) -> None:
    ada = ledger.entity(ledger.organization("acme"))
    kept = ledger.note(ada, LONG_AGO).session_id
    for days in (1, 2, 3):
        ledger.note(ada, LONG_AGO - timedelta(days=days))
    assert ledger.compared(ledger.build.session(ada)[0]) == [kept]
    with store.begin() as uow:
        assert [uow.replays.remove_before(LONG_AGO, 2) for _ in range(3)] == [2, 1, 0]
        uow.commit()
    assert ledger.compared(ledger.build.session(ada)[0]) == [kept]
