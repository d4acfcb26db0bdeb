"""A person decides what policy would not: a session under review is approved or rejected, once."""

from __future__ import annotations

from dataclasses import dataclass

from app.domain.errors import InvalidState, ObjectNotFound
from app.domain.organization import Caller
from app.domain.session import BiometricSession, SessionStatus
from app.domain.verdict import RejectionCode
from app.services.end_session import end_session
from app.services.ports import Clock, Randomness
from app.services.store import Store


@dataclass(frozen=True, kw_only=True)
class ReviewSession:
    """`InvalidState` for a session that is not under review, or was decided or cancelled meanwhile.

    The reason goes into the audit trail, with the name of whoever gave it.
    """

    store: Store
    clock: Clock
    randomness: Randomness

    def approve(self, caller: Caller, session_id: str, reason: str) -> BiometricSession:
        """Under review → APPROVED."""
        return self._end(caller, session_id, SessionStatus.APPROVED, reason)

    def reject(self, caller: Caller, session_id: str, reason: str) -> BiometricSession:
        """Under review → REJECTED with `REVIEW_REJECTED`; the reason is the integrator's to read."""
        return self._end(
            caller,
            session_id,
            SessionStatus.REJECTED,
            reason,
            rejection_code=RejectionCode.REVIEW_REJECTED,
            rejection_message=reason,
        )

    def _end(
        self, caller: Caller, session_id: str, status: SessionStatus, reason: str, **changes: object
    ) -> BiometricSession:
        with self.store.begin() as uow:
            session = uow.sessions.get(caller.organization.organization_id, caller.is_test, session_id)
            if session is None:
                raise ObjectNotFound("No such session.")
            if not session.is_in_review:
                raise InvalidState(f"The session is {session.status.value} and not under review.")
            ended = end_session(
                uow,
                self.randomness,
                session,
                status,
                self.clock.now(),
                actor=caller.actor,
                reason=reason,
                **changes,
            )
            uow.commit()
        if ended is None:
            raise InvalidState("The session has just ended and is no longer under review.")
        return ended
