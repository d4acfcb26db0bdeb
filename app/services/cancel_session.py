"""An integrator takes a session back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from app.domain.errors import InvalidState, ObjectNotFound
from app.domain.organization import Caller
from app.domain.session import BiometricSession, SessionStatus
from app.services.end_session import end_session
from app.services.ports import Clock, Randomness
from app.services.read_session import end_if_overdue
from app.services.store import Store


@dataclass(frozen=True, kw_only=True)
class CancelSession:
    """PENDING or IN_PROGRESS → CANCELLED; `InvalidState` from anything else."""

    store: Store
    clock: Clock
    randomness: Randomness
    abandon_after: timedelta

    def __call__(self, caller: Caller, session_id: str) -> BiometricSession:
        now = self.clock.now()
        with self.store.begin() as uow:
            session = uow.sessions.get(caller.organization.organization_id, caller.is_test, session_id)
            if session is None:
                raise ObjectNotFound("No such session.")
            session = end_if_overdue(uow, self.randomness, session, now, self.abandon_after)
            if session.status.is_terminal:
                uow.commit()  # it may have ended just now
                raise InvalidState(f"The session is {session.status.value} and can no longer be cancelled.")
            # Nothing comes of the phone any more, so the computer is the one that is sent on.
            uow.handoffs.void_standing(session.hosted_session_id, now)
            cancelled = end_session(
                uow, self.randomness, session, SessionStatus.CANCELLED, now, actor=caller.actor
            )
            uow.commit()
        if cancelled is None:
            raise InvalidState("The session has just ended and can no longer be cancelled.")
        return cancelled
