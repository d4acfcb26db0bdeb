"""Reading a session; expiry and abandonment are applied when it is read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from app.domain.errors import ObjectNotFound
from app.domain.organization import Caller
from app.domain.session import BiometricSession, overdue_status
from app.services.end_session import end_session
from app.services.ports import Clock, Randomness
from app.services.store import Store, UnitOfWork


@dataclass(frozen=True, kw_only=True)
class ReadSession:
    """Sessions of the caller's organization and mode. `ObjectNotFound` for anything else."""

    store: Store
    clock: Clock
    randomness: Randomness
    abandon_after: timedelta

    def by_id(self, caller: Caller, session_id: str) -> BiometricSession:
        """One session as it stands now."""
        organization_id = caller.organization.organization_id
        with self.store.read() as uow:
            session = uow.sessions.get(organization_id, caller.is_test, session_id)
        if session is None:
            raise ObjectNotFound("No such session.")
        return self._as_it_stands(session)

    def latest_of(self, caller: Caller, entity_id: str, *, only_approved: bool) -> BiometricSession | None:
        """The entity's latest created session, or its latest approved one; None where it has none."""
        organization_id = caller.organization.organization_id
        with self.store.read() as uow:
            if uow.entities.get(organization_id, caller.is_test, entity_id) is None:
                raise ObjectNotFound("No such entity.")
            find = uow.sessions.latest_approved if only_approved else uow.sessions.latest_created
            session = find(organization_id, caller.is_test, entity_id)
        return None if session is None else self._as_it_stands(session)

    def _as_it_stands(self, session: BiometricSession) -> BiometricSession:
        """Writes only where there is something to write: a look first, then the move under a lock."""
        if session.status.is_terminal:
            return session
        now = self.clock.now()
        with self.store.read() as uow:
            hosted = uow.sessions.hosted_of(session.session_id)
        if overdue_status(session, hosted, now, self.abandon_after) is None:
            return session
        with self.store.begin() as uow:
            session = end_if_overdue(uow, self.randomness, session, now, self.abandon_after)
            uow.commit()
        return session


def end_if_overdue(
    uow: UnitOfWork,
    randomness: Randomness,
    session: BiometricSession,
    now: datetime,
    abandon_after: timedelta,
) -> BiometricSession:
    """The session as it stands, expired or abandoned first where its time is over. The caller commits."""
    hosted = uow.sessions.hosted_of(session.session_id)
    current = uow.sessions.get(session.organization_id, session.is_test, session.session_id)
    if current is None:
        raise ObjectNotFound("No such session.")
    status = overdue_status(current, hosted, now, abandon_after)
    if status is None:
        return current
    # A phone that has completed nothing sends nobody on: the computer is.
    uow.handoffs.void_standing(current.hosted_session_id, now)
    return end_session(uow, randomness, current, status, now, actor="expiry") or current
