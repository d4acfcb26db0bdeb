"""The capture subject presses cancel: the session is abandoned, and told so."""

from __future__ import annotations

from dataclasses import dataclass

from app.domain.session import BiometricSession, HostedState, SessionStatus
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

    def __call__(self, hosted_session_id: str) -> BiometricSession | None:
        """The abandoned session; None where it is over, under review, or its capture is already in."""
        with self.store.begin() as uow:
            found = uow.sessions.by_hosted_id(hosted_session_id)
            if found is None:
                return None
            session, hosted = found
            is_open = hosted.state in (HostedState.CREATED, HostedState.CONSENTED)
            if session.status is not SessionStatus.IN_PROGRESS or not is_open:
                return None
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
