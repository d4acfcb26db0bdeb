"""Every status move of a biometric session: compare-and-swap, and only the winner writes the audit entry."""

from __future__ import annotations

from datetime import datetime

from app.domain.session import BiometricSession, SessionStatus, move
from app.services.audit import record
from app.services.ports import Randomness, UnitOfWork


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
    **changes: object,
) -> BiometricSession | None:
    """Move to a terminal status; None when another transition won. `InvalidState` where the table has none.

    `changes` are further fields of the session (`decision`, `rejection_code`, …). The caller commits.
    """
    return _swap(uow, randomness, session, move(session, status, now, **changes), actor)


def _swap(
    uow: UnitOfWork,
    randomness: Randomness,
    before: BiometricSession,
    after: BiometricSession,
    actor: str,
) -> BiometricSession | None:
    if not uow.sessions.swap(before.status, after):
        return None
    record(
        uow,
        randomness,
        after.updated_at,
        organization_id=after.organization_id,
        actor=actor,
        action=f"biometric_session.{after.status.value}",
        object_id=after.session_id,
        detail={"rejectionCode": after.rejection_code.value if after.rejection_code else None},
    )
    return after
