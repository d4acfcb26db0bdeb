"""What happened to a session or a validation, as an integrator is told: written together with what happened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from app.domain.organization import Entity, KycValidation, ValidationStatus
from app.domain.session import BiometricSession, SessionStatus


class EventName(StrEnum):
    """The contract's names."""

    SESSION_CREATED = "biometric.session_created"
    SESSION_IN_PROGRESS = "biometric.session_in_progress"
    SESSION_APPROVED = "biometric.session_approved"
    SESSION_REJECTED = "biometric.session_rejected"
    SESSION_ABANDONED = "biometric.session_abandoned"
    SESSION_CANCELLED = "biometric.session_cancelled"
    SESSION_EXPIRED = "biometric.session_expired"
    VALIDATION_CREATED = "kyc.validation_created"
    VALIDATION_IN_PROGRESS = "kyc.validation_in_progress"
    VALIDATION_IN_REVIEW = "kyc.validation_in_review"
    VALIDATION_APPROVED = "kyc.validation_approved"
    VALIDATION_REJECTED = "kyc.validation_rejected"
    VALIDATION_ABANDONED = "kyc.validation_abandoned"
    VALIDATION_EXPIRED = "kyc.validation_expired"
    VALIDATION_CANCELLED = "kyc.validation_cancelled"


SESSION_EVENTS: Mapping[SessionStatus, EventName] = {
    SessionStatus.PENDING: EventName.SESSION_CREATED,
    SessionStatus.IN_PROGRESS: EventName.SESSION_IN_PROGRESS,
    SessionStatus.APPROVED: EventName.SESSION_APPROVED,
    SessionStatus.REJECTED: EventName.SESSION_REJECTED,
    SessionStatus.ABANDONED: EventName.SESSION_ABANDONED,
    SessionStatus.CANCELLED: EventName.SESSION_CANCELLED,
    SessionStatus.EXPIRED: EventName.SESSION_EXPIRED,
}
"""By the status that a session has come to."""

VALIDATION_EVENTS: Mapping[ValidationStatus, EventName] = {
    status: EventName(f"kyc.validation_{'created' if status is ValidationStatus.PENDING else status.value}")
    for status in ValidationStatus
}
"""By the status that a validation has come to."""

PER_REQUEST_EVENTS = frozenset(
    {
        EventName.SESSION_APPROVED,
        EventName.SESSION_REJECTED,
        EventName.SESSION_ABANDONED,
        EventName.SESSION_EXPIRED,
    }
)
"""What the `webhookUrl` of a session is told: how it ended, unless the integrator ended it."""


@dataclass(frozen=True)
class Event:
    """One thing that happened, with what it happened to as that stood then: `session` or `validation`.

    `sequence` counts the organization's events in the order of their commits, so that it orders those of one
    object too; 0 until it is written.
    """

    event_id: str
    organization_id: str
    is_test: bool
    name: EventName
    object_id: str
    at: datetime
    entity: Entity
    session: BiometricSession | None = None
    validation: KycValidation | None = None
    sequence: int = 0
