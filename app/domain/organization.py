"""Organizations, API keys, entities and imported validations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from app.domain.comparison import TemplateFormat
from app.domain.errors import InvalidState
from app.domain.settings import OrganizationSettings
from app.domain.verdict import DuplicateCheck


class Scope(StrEnum):
    """What an API key may do. `admin` includes all."""

    SESSIONS_READ = "sessions:read"
    SESSIONS_WRITE = "sessions:write"
    CHECKS_READ = "checks:read"
    CHECKS_WRITE = "checks:write"
    ENTITIES_READ = "entities:read"
    ENTITIES_WRITE = "entities:write"
    MEDIA_READ = "media:read"
    SETTINGS_READ = "settings:read"
    SETTINGS_WRITE = "settings:write"
    WEBHOOKS_READ = "webhooks:read"
    WEBHOOKS_WRITE = "webhooks:write"
    EVENTS_READ = "events:read"
    ADMIN = "admin"


@dataclass(frozen=True)
class Organization:
    """A tenant. `slug` is what the command line calls it."""

    organization_id: str
    slug: str
    name: str
    created_at: datetime
    settings: OrganizationSettings = field(default_factory=OrganizationSettings)


class KeyState(StrEnum):
    """How a key stands. One that was rotated works until its overlap ends, and has expired then."""

    ACTIVE = "active"
    ROTATED = "rotated"
    EXPIRED = "expired"
    REVOKED = "revoked"


@dataclass(frozen=True)
class ApiKey:
    """An API key without its secret: SHA-256 of the whole key and its public prefix.

    `replaces` and `rotated_to` are the ids of the key before and the key after it in a rotation.
    """

    key_id: str
    organization_id: str
    name: str
    prefix: str
    sha256: str
    scopes: frozenset[Scope]
    is_test: bool
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    replaces: str | None = None
    rotated_to: str | None = None

    def state(self, now: datetime) -> KeyState:
        """What stands at that time."""
        if self.revoked_at is not None:
            return KeyState.REVOKED
        if self.expires_at is not None and now >= self.expires_at:
            return KeyState.EXPIRED
        return KeyState.ACTIVE if self.rotated_to is None else KeyState.ROTATED

    def is_usable(self, now: datetime) -> bool:
        """Neither revoked nor expired."""
        return self.state(now) in (KeyState.ACTIVE, KeyState.ROTATED)


@dataclass(frozen=True)
class Caller:
    """Who asks for something: an API key's holder, or the operator at the command line.

    Test keys see only test data, live keys only live data. `actor` is the caller's name in the audit trail.
    """

    organization: Organization
    is_test: bool
    actor: str
    scopes: frozenset[Scope]

    def allows(self, scope: Scope) -> bool:
        """Whether the caller may do this."""
        return scope in self.scopes or Scope.ADMIN in self.scopes


@dataclass(frozen=True)
class Entity:
    """The person that an organization knows: the capture subject of its sessions."""

    entity_id: str
    organization_id: str
    is_test: bool
    entity_type: str
    name: str
    created_at: datetime
    updated_at: datetime
    external_id: str | None = None
    tax_id: str | None = None
    country_code: str | None = None
    attributes: Mapping[str, object] | None = None


class ValidationStatus(StrEnum):
    """Status of a KYC validation, as in the contract."""

    PENDING = "pending"
    IN_PROGRESS = "in_progress"
    IN_REVIEW = "in_review"
    APPROVED = "approved"
    REJECTED = "rejected"
    EXPIRED = "expired"
    ABANDONED = "abandoned"
    CANCELLED = "cancelled"


VALIDATION_MOVES: Mapping[ValidationStatus, frozenset[ValidationStatus]] = {
    ValidationStatus.PENDING: frozenset({ValidationStatus.CANCELLED}),
    ValidationStatus.IN_PROGRESS: frozenset({ValidationStatus.CANCELLED}),
    ValidationStatus.IN_REVIEW: frozenset(
        {ValidationStatus.APPROVED, ValidationStatus.REJECTED, ValidationStatus.CANCELLED}
    ),
    ValidationStatus.APPROVED: frozenset({ValidationStatus.REJECTED}),
    ValidationStatus.REJECTED: frozenset({ValidationStatus.APPROVED}),
    ValidationStatus.EXPIRED: frozenset(),
    ValidationStatus.ABANDONED: frozenset(),
    ValidationStatus.CANCELLED: frozenset(),
}
"""What a person may do to a validation.

Approved and rejected are judgements, which an integrator may come to see otherwise: a forged document found
later, a rejection by mistake. That gives no right away: whoever may approve again may import again, too.
Expired, abandoned and cancelled are runs that have ended, and final.
"""


@dataclass(frozen=True)
class KycValidation:
    """An enrolment: the approved validation whose portrait is the reference.

    `approved_at` is the last approval's, and stays when it is rejected later: the status says what counts.
    `portrait_blob_id` is None where the portrait is gone. `quality` holds what was measured on import
    (`interocular_px`, `sharpness`, `face_width_px`), never a ground for refusal. `duplicates` is None where the
    portrait was searched nowhere when it came.
    """

    validation_id: str
    organization_id: str
    entity_id: str
    is_test: bool
    status: ValidationStatus
    created_at: datetime
    updated_at: datetime
    approved_at: datetime | None = None
    external_session_id: str | None = None
    metadata: Mapping[str, object] | None = None
    portrait_blob_id: str | None = None
    quality: Mapping[str, float] | None = None
    duplicates: DuplicateCheck | None = None


def move_validation(validation: KycValidation, status: ValidationStatus, now: datetime) -> KycValidation:
    """The validation in its new status, or `InvalidState` where the table has no such move.

    This is the rule only; that exactly one of two racing moves wins is the store's compare-and-swap.
    """
    if status not in VALIDATION_MOVES[validation.status]:
        raise InvalidState(f"A validation that is {validation.status.value} cannot become {status.value}.")
    approved_at = now if status is ValidationStatus.APPROVED else validation.approved_at
    return replace(validation, status=status, updated_at=now, approved_at=approved_at)


@dataclass(frozen=True)
class StoredTemplate:
    """An enrolment's template as it is kept: encrypted, and named by the format it is of."""

    validation_id: str
    organization_id: str
    entity_id: str
    is_test: bool
    model_id: str
    model_version: str
    sealed: bytes
    created_at: datetime

    @property
    def template_format(self) -> TemplateFormat:
        """Which recognizer made it."""
        return TemplateFormat(self.model_id, self.model_version)


@dataclass(frozen=True)
class Capture:
    """What a session's camera left, encrypted. `kind` is `selfie`, `still` or `challenge-N` for an image.

    A `trace` is what the attempt's frames measured, as JSON.
    """

    capture_id: str
    organization_id: str
    entity_id: str
    session_id: str
    kind: str
    blob_id: str
    content_type: str
    sha256: str
    created_at: datetime

    @property
    def is_image(self) -> bool:
        """Whether it shows the person."""
        return self.content_type.startswith("image/")


@dataclass(frozen=True)
class AuditEntry:
    """Who did what to which object; never an image, a token or a score given to an end user."""

    entry_id: str
    organization_id: str
    at: datetime
    actor: str
    action: str
    object_type: str
    object_id: str
    detail: Mapping[str, object]
