"""An integrator asks for a session to be put right: what its hosted session says, it shows, verdict included."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from app.domain.errors import ObjectNotFound
from app.domain.organization import Caller
from app.domain.policy import concluded, decide
from app.domain.session import (
    BiometricSession,
    HostedSession,
    HostedState,
    SessionStatus,
    differs,
    has_lost_verdict,
    is_waiting,
    overdue_status,
)
from app.domain.verdict import Decision
from app.services.end_session import apply_verdict, begin_session
from app.services.ports import Clock, Randomness
from app.services.read_session import end_if_overdue
from app.services.session_policy import policy_at
from app.services.store import Store, UnitOfWork


@dataclass(frozen=True, kw_only=True)
class SyncSession:
    """Safe to repeat, and to run beside the background's decisions: exactly one verdict is written.

    `decide_capture` decides a hosted session whose capture is in; `tell` lets its page know how it stands.
    `note_failure` is told what failed in a way that should not happen.
    """

    store: Store
    clock: Clock
    randomness: Randomness
    abandon_after: timedelta
    decide_capture: Callable[[str], object]
    tell: Callable[[str], None]
    note_failure: Callable[[str, Exception], None]

    def __call__(self, caller: Caller, session_id: str) -> BiometricSession:
        """The session as it stands afterwards. `ObjectNotFound` where there is none.

        `MatchingUnavailable` where its capture is in and the matching core is away: the verdict that was asked
        for cannot be had now. Nothing is lost, and asking again, or waiting, will do.
        """
        session, hosted = self._look(caller, session_id)
        if self._needs_repair(session, hosted):
            self._repair(session)
            session, hosted = self._look(caller, session_id)
            self._tell(hosted.hosted_session_id)
        if is_waiting(session, hosted):
            self.decide_capture(hosted.hosted_session_id)
            session, _ = self._look(caller, session_id)
            self._tell(hosted.hosted_session_id)
        return session

    def _tell(self, hosted_session_id: str) -> None:
        try:
            self.tell(hosted_session_id)
        except Exception as error:  # noqa: BLE001 - the page can ask; what was decided stands, and is answered
            self.note_failure(f"telling the page of {hosted_session_id}", error)

    def _look(self, caller: Caller, session_id: str) -> tuple[BiometricSession, HostedSession]:
        with self.store.read() as uow:
            session = uow.sessions.get(caller.organization.organization_id, caller.is_test, session_id)
            if session is None:
                raise ObjectNotFound("No such session.")
            return session, uow.sessions.hosted_of(session_id)

    def _needs_repair(self, session: BiometricSession, hosted: HostedSession) -> bool:
        is_overdue = overdue_status(session, hosted, self.clock.now(), self.abandon_after) is not None
        return is_overdue or differs(session, hosted)

    def _repair(self, session: BiometricSession) -> None:
        """All of it in one transaction, on what the store holds under the hosted session's lock."""
        now = self.clock.now()
        with self.store.begin() as uow:
            session = end_if_overdue(uow, self.randomness, session, now, self.abandon_after)
            hosted = uow.sessions.hosted_of(session.session_id)
            if differs(session, hosted):
                self._follow(uow, session, hosted, now)
            uow.commit()

    def _follow(self, uow: UnitOfWork, session: BiometricSession, hosted: HostedSession, now: datetime) -> None:
        """Make the session show what its hosted session says."""
        if session.status is SessionStatus.PENDING and hosted.state is not HostedState.CREATED:
            session = begin_session(uow, self.randomness, session, now) or session
        if session.is_in_review:
            hosted = replace(hosted, state=HostedState.DECIDED, evidence=session.decision or hosted.evidence)
        evidence = hosted.evidence
        if evidence is not None and has_lost_verdict(session, hosted):
            if evidence.face_match is None:
                hosted = replace(hosted, state=HostedState.CAPTURED, captured_at=hosted.captured_at or now)
            else:
                self._apply_again(uow, session, evidence, now)
        uow.sessions.save_hosted(hosted)

    def _apply_again(self, uow: UnitOfWork, session: BiometricSession, evidence: Decision, now: datetime) -> None:
        """The verdict that complete evidence leads to: policy can be recomputed from what is stored."""
        result = decide(evidence, policy_at(uow, session, evidence.policy_version))
        decision = concluded(evidence, result)
        apply_verdict(uow, self.randomness, session, decision, result, now)
