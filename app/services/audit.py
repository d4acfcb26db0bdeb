"""One line of the audit trail, written in the transaction of what it records."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from app.domain.organization import AuditEntry
from app.services.ports import Randomness
from app.services.store import UnitOfWork

VALIDATION = "kyc_validation"
"""The object type of every entry that tells of a validation's status; what was searched rests on them."""

OPERATOR = "operator"
"""Whoever sits at the command line."""


def record(  # noqa: PLR0913 (an entry has that many parts)
    uow: UnitOfWork,
    randomness: Randomness,
    at: datetime,
    *,
    organization_id: str,
    actor: str,
    action: str,
    object_id: str,
    object_type: str = "biometric_session",
    detail: Mapping[str, object] | None = None,
) -> None:
    """Add an entry. `detail` never holds an image, a token, or anything an end user could be known by."""
    uow.audit.add(
        AuditEntry(
            entry_id=randomness.object_id(),
            organization_id=organization_id,
            at=at,
            actor=actor,
            action=action,
            object_type=object_type,
            object_id=object_id,
            detail=dict(detail or {}),
        )
    )
