"""Attempts outlive the page: counted when the first challenge is asked, given back for quality alone."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

from app.domain.capture_events import AttemptFailed
from app.domain.errors import StoreUnavailable
from app.domain.fusion import injection_evidence
from app.domain.organization import Capture
from app.domain.policy import fuse_passive, judge_liveness
from app.domain.session import BiometricSession, SessionStatus
from app.domain.settings import SessionPolicy
from app.domain.verdict import (
    AttemptFailure,
    Decision,
    DecisionWarning,
    ModelIdentity,
    RejectionCode,
)
from app.services.end_session import end_session
from app.services.live_capture import LiveCapture
from app.services.new_blobs import NewBlobs
from app.services.ports import BlobStore, Clock, Randomness
from app.services.session_policy import policy_now
from app.services.store import Store, UnitOfWork
from app.services.traces import put_trace

MORE_WHEN_USED_UP = 1
"""So many challenges more are asked of whoever has used them up.

Who plays a recording can hide the face wherever another movement is asked: each free failure is one more guess.
"""


@dataclass(frozen=True, kw_only=True)
class AttemptLedger:
    """Counts attempts in the store; a session without attempts left is rejected.

    `capture_models` are the models of the capture, present or missing, for the decision.
    """

    store: Store
    blobs: BlobStore
    clock: Clock
    randomness: Randomness
    capture_models: Sequence[ModelIdentity]

    def begin(self, live: LiveCapture) -> None:
        """Count the attempt whose first challenge (since its alignment) is about to be shown."""
        live.attempts_used = max(live.attempts_used, live.run.attempt)
        with self.store.begin() as uow:
            self._write_counts(uow, live)
            uow.commit()

    def fail(self, live: LiveCapture, failure: AttemptFailed) -> BiometricSession | None:
        """Settle a failed attempt. The ended session where it was the last one, else None."""
        number, is_counted = live.run.attempt or max(1, live.attempts_used), True
        if failure.is_free and live.free_failures_left > 0:
            live.quality_retries_used += 1
            live.attempts_used -= 1 if failure.was_counted else 0
            is_counted = False
        elif not failure.was_counted:
            live.attempts_used += 1
        live.failures = (*live.failures, AttemptFailure(number, self.clock.now(), failure.reason, is_counted))
        with NewBlobs(self.blobs) as blobs:
            trace = self._put_trace(blobs, live)
            if live.attempts_left == 0:
                return self._exhaust(live, blobs, trace)
            with self.store.begin() as uow:
                self._write_counts(uow, live)
                _add(uow, blobs, trace)
                uow.commit()
        return None

    def exhaust(self, live: LiveCapture) -> BiometricSession | None:
        """End a session whose last failure was counted and could not be written when it came."""
        with NewBlobs(self.blobs) as blobs:
            return self._exhaust(live, blobs, None)

    def _put_trace(self, blobs: NewBlobs, live: LiveCapture) -> Capture | None:
        """The attempt's trace where something was asked. It explains, and a store that is away stops nothing."""
        trace = live.evidence.watch.trace
        if not trace.prompts:
            return None
        with contextlib.suppress(StoreUnavailable), self.store.read() as uow:
            found = uow.sessions.by_hosted_id(live.hosted_session_id)
            if found is not None:
                return put_trace(blobs, self.randomness, found[0], trace, self.clock.now())
        return None

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

    def _exhaust(self, live: LiveCapture, blobs: NewBlobs, trace: Capture | None) -> BiometricSession | None:
        with self.store.begin() as uow:
            session = self._write_counts(uow, live)
            if session is None or session.status is not SessionStatus.IN_PROGRESS:
                return session
            _add(uow, blobs, trace)
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
            asked=live.run.number_of_challenges,
            passive=fuse_passive([*live.evidence.passive_frontal, *live.evidence.passive_challenges]),
            continuity_score=None,
            profile=policy.liveness_profile,
            detectors=live.detectors(),
        )
        return Decision(
            liveness=liveness,
            face_match=None,
            injection=injection_evidence(live.injection_signals, liveness.detectors),
            models=tuple(self.capture_models),
            policy_version=policy.policy_version,
            warnings=(DecisionWarning.ATTEMPTS_EXHAUSTED.value,),
            failures=live.failures,
        )


def more_challenges(live: LiveCapture) -> int:
    """How many challenges the next attempt asks beyond the session's number."""
    return MORE_WHEN_USED_UP if live.free_failures_left == 0 and not live.run.config.needs_review else 0


def _add(uow: UnitOfWork, blobs: NewBlobs, trace: Capture | None) -> None:
    """The row that names the trace; the caller commits next."""
    if trace is not None:
        uow.captures.add(trace)
        blobs.keep()
