"""Attempts outlive the page: counted when the first challenge is asked, given back for quality alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from app.domain.capture import AttemptFailed
from app.domain.policy import fuse_passive, judge_liveness
from app.domain.session import BiometricSession, SessionStatus
from app.domain.settings import SessionPolicy
from app.domain.verdict import (
    Decision,
    DecisionWarning,
    InjectionEvidence,
    ModelIdentity,
    RejectionCode,
)
from app.services.end_session import end_session
from app.services.live_capture import LiveCapture
from app.services.ports import Clock, Randomness
from app.services.session_policy import policy_now
from app.services.store import Store, UnitOfWork

FREE_QUALITY_RETRIES = 3
"""How often a session may fail for the picture alone without losing an attempt."""


@dataclass(frozen=True, kw_only=True)
class AttemptLedger:
    """Counts attempts in the store; a session without attempts left is rejected.

    `capture_models` are the models of the capture, present or missing, for the decision.
    """

    store: Store
    clock: Clock
    randomness: Randomness
    capture_models: Sequence[ModelIdentity]

    def begin(self, live: LiveCapture) -> None:
        """Count the attempt whose first challenge is about to be shown."""
        live.attempts_used += 1
        self._save(live)

    def fail(self, live: LiveCapture, failure: AttemptFailed) -> BiometricSession | None:
        """Settle a failed attempt. The ended session where it was the last one, else None."""
        if failure.is_free and live.quality_retries_used < FREE_QUALITY_RETRIES:
            live.quality_retries_used += 1
            live.attempts_used -= 1 if failure.was_counted else 0
        elif not failure.was_counted:
            live.attempts_used += 1
        if live.attempts_left > 0:
            self._save(live)
            return None
        return self._exhaust(live)

    def _save(self, live: LiveCapture) -> None:
        with self.store.begin() as uow:
            self._write_counts(uow, live)
            uow.commit()

    def _write_counts(self, uow: UnitOfWork, live: LiveCapture) -> BiometricSession | None:
        found = uow.sessions.by_hosted_id(live.hosted_session_id)
        if found is None:
            return None
        session, hosted = found
        uow.sessions.save_hosted(
            replace(
                hosted,
                attempts_used=live.attempts_used,
                quality_retries_used=live.quality_retries_used,
            )
        )
        uow.sessions.touch(session.session_id, self.clock.now())
        return session

    def _exhaust(self, live: LiveCapture) -> BiometricSession | None:
        with self.store.begin() as uow:
            session = self._write_counts(uow, live)
            if session is None or session.status is not SessionStatus.IN_PROGRESS:
                return session
            ended = end_session(
                uow,
                self.randomness,
                session,
                SessionStatus.REJECTED,
                self.clock.now(),
                actor="policy",
                rejection_code=RejectionCode.CAPTURE_DECLINED,
                rejection_message="The requested movements were not shown in the attempts allowed.",
                decision=self._failed_decision(live, policy_now(uow, session)),
            )
            uow.commit()
        return ended

    def _failed_decision(self, live: LiveCapture, policy: SessionPolicy) -> Decision:
        liveness = judge_liveness(
            challenges=live.run.evidence,
            attempt=live.attempts_used,
            asked=live.run.config.number_of_challenges,
            passive=fuse_passive([*live.evidence.passive_frontal, *live.evidence.passive_challenges]),
            continuity_score=None,
            profile=policy.liveness_profile,
        )
        return Decision(
            liveness=liveness,
            face_match=None,
            injection=injection_evidence(live.injection_signals),
            models=tuple(self.capture_models),
            policy_version=policy.policy_version,
            warnings=(DecisionWarning.ATTEMPTS_EXHAUSTED.value,),
        )


def injection_evidence(signals: tuple[str, ...]) -> InjectionEvidence:
    """Signals that the browser itself reported; anybody who forges frames can leave them out."""
    return InjectionEvidence(risk="elevated" if signals else "low", signals=signals)
