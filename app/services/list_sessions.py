"""The sessions of an organization or of one entity, page by page, each as it stands now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.domain.errors import ObjectNotFound
from app.domain.organization import Caller
from app.domain.session import BiometricSession, SessionStatus, overdue_status
from app.services.ports import Clock, Randomness
from app.services.read_session import end_if_overdue
from app.services.store import SessionFilter, Store, UnitOfWork


@dataclass(frozen=True)
class SessionPage:
    """A page, newest first, how many sessions there are in all, and the entity's latest approved one.

    `current_session_id` is None where no entity was asked for.
    """

    sessions: Sequence[BiometricSession]
    total: int
    current_session_id: str | None


@dataclass(frozen=True, kw_only=True)
class ListSessions:
    """Sessions of the caller's organization and mode."""

    store: Store
    clock: Clock
    randomness: Randomness
    abandon_after: timedelta

    def __call__(
        self, caller: Caller, *, entity_id: str | None, status: SessionStatus | None, limit: int, offset: int
    ) -> SessionPage:
        """`ObjectNotFound` for an unknown entity. Writes only where time has ended sessions of the page."""
        now = self.clock.now()
        wanted = SessionFilter(
            organization_id=caller.organization.organization_id,
            is_test=caller.is_test,
            now=now,
            silent_since=now - self.abandon_after,
            entity_id=entity_id,
            status=status,
        )
        page, overdue = self._read(wanted, limit, offset)
        if overdue:
            self._end(overdue, now)
            page, _ = self._read(wanted, limit, offset)
        return page

    def _read(
        self, wanted: SessionFilter, limit: int, offset: int
    ) -> tuple[SessionPage, Sequence[BiometricSession]]:
        """The page, and those on it whose time is over though nobody has written it down."""
        with self.store.read() as uow:
            current = None
            if wanted.entity_id is not None:
                if uow.entities.get(wanted.organization_id, wanted.is_test, wanted.entity_id) is None:
                    raise ObjectNotFound("No such entity.")
                current = uow.sessions.latest_approved(wanted.organization_id, wanted.is_test, wanted.entity_id)
            sessions, total = uow.sessions.page(wanted, limit, offset)
            overdue = self._overdue(uow, sessions, wanted.now)
        return SessionPage(sessions, total, current.session_id if current else None), overdue

    def _overdue(
        self, uow: UnitOfWork, sessions: Sequence[BiometricSession], now: datetime
    ) -> Sequence[BiometricSession]:
        active = [session for session in sessions if not session.status.is_terminal]
        if not active:
            return []
        hosted = uow.sessions.hosted_of_all([session.session_id for session in active])
        return [
            session
            for session in active
            if overdue_status(session, hosted[session.session_id], now, self.abandon_after) is not None
        ]

    def _end(self, overdue: Sequence[BiometricSession], now: datetime) -> None:
        """In one transaction. Always in the same order: two lists at once must not wait for each other."""
        with self.store.begin() as uow:
            for session in sorted(overdue, key=lambda session: session.session_id):
                end_if_overdue(uow, self.randomness, session, now, self.abandon_after)
            uow.commit()
