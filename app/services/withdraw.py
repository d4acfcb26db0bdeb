"""The capture subject presses cancel: the session is abandoned, and told so."""

from __future__ import annotations

from dataclasses import dataclass

from app.domain.session import BiometricSession, SessionStatus, waits_for_person
from app.services.end_session import end_session
from app.services.live_capture import LiveCaptures
from app.services.ports import Clock, Randomness
from app.services.store import Store


@dataclass(frozen=True, kw_only=True)
class Withdraw:
    """IN_PROGRESS → ABANDONED at the person's own wish."""

    store: Store
    clock: Clock
    randomness: Randomness
    live: LiveCaptures

    def __call__(self, hosted_session_id: str, *, ends_handoff: bool = False) -> BiometricSession | None:
        """The abandoned session; None where it is over, under review, or its capture is already in.

        `ends_handoff`: the computer ends what its phone has, and is the one that is sent on.
        """
        with self.store.begin() as uow:
            found = uow.sessions.by_hosted_id(hosted_session_id)
            if found is None:
                return None
            session, hosted = found
            if not waits_for_person(session, hosted):
                return None
            if ends_handoff:
                uow.handoffs.void_standing(hosted_session_id, self.clock.now())
            ended = end_session(
                uow,
                self.randomness,
                session,
                SessionStatus.ABANDONED,
                self.clock.now(),
                actor="capture_subject",
            )
            uow.commit()
        self.live.drop(hosted_session_id)
        return ended
