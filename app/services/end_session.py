"""Every status move of a biometric session: compare-and-swap.

Only the winner writes the audit entry and the event, in the transaction of the move.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from app.domain.policy import PolicyResult
from app.domain.session import BiometricSession, SessionStatus, move
from app.domain.verdict import Decision, Verdict
from app.services.audit import record
from app.services.events import emit_session
from app.services.ports import Randomness
from app.services.store import UnitOfWork


def begin_session(
    uow: UnitOfWork, randomness: Randomness, session: BiometricSession, now: datetime
) -> BiometricSession | None:
    """PENDING → IN_PROGRESS; None when another transition won."""
    return _swap(uow, randomness, session, move(session, SessionStatus.IN_PROGRESS, now), "capture_subject")


def end_session(
    uow: UnitOfWork,
    randomness: Randomness,
    session: BiometricSession,
    status: SessionStatus,
    now: datetime,
    *,
    actor: str,
    reason: str | None = None,
    **changes: object,
) -> BiometricSession | None:
    """Move to a terminal status; None when another transition won. `InvalidState` where the table has none.

    `reason` is what a person gave for it, for the audit trail. `changes` are further fields of the session
    (`decision`, `rejection_code`, …). The caller commits.
    """
    return _swap(uow, randomness, session, move(session, status, now, **changes), actor, reason)


def apply_verdict(
    uow: UnitOfWork,
    randomness: Randomness,
    session: BiometricSession,
    decision: Decision,
    result: PolicyResult,
    now: datetime,
) -> BiometricSession | None:
    """What policy made of the evidence: an end, or a review. None when another transition won.

    The caller has made sure, under the hosted session's lock, that nobody has decided yet, and commits.
    """
    if result.verdict is Verdict.IN_REVIEW:
        after = replace(session, is_in_review=True, decision=decision, updated_at=now)
        if not uow.sessions.swap(SessionStatus.IN_PROGRESS, after):
            return None
        record(
            uow,
            randomness,
            now,
            organization_id=session.organization_id,
            actor="policy",
            action="biometric_session.in_review",
            object_id=session.session_id,
        )
        return after
    return end_session(
        uow,
        randomness,
        session,
        SessionStatus.APPROVED if result.verdict is Verdict.APPROVED else SessionStatus.REJECTED,
        now,
        actor="policy",
        decision=decision,
        rejection_code=result.rejection_code,
        rejection_message=result.message,
    )


def _swap(
    uow: UnitOfWork,
    randomness: Randomness,
    before: BiometricSession,
    after: BiometricSession,
    actor: str,
    reason: str | None = None,
) -> BiometricSession | None:
    if not uow.sessions.swap(before.status, after):
        return None
    detail = {"rejectionCode": after.rejection_code.value if after.rejection_code else None}
    record(
        uow,
        randomness,
        after.updated_at,
        organization_id=after.organization_id,
        actor=actor,
        action=f"biometric_session.{after.status.value}",
        object_id=after.session_id,
        detail=detail if reason is None else {**detail, "reason": reason},
    )
    after = _with_attempts(uow, after)
    emit_session(uow, randomness, after, after.updated_at)
    return after


def _with_attempts(uow: UnitOfWork, session: BiometricSession) -> BiometricSession:
    """As they are counted now: whoever counts waits for the row that the move has written."""
    stored = uow.sessions.get(session.organization_id, session.is_test, session.session_id)
    return session if stored is None else replace(session, attempts=stored.attempts)
