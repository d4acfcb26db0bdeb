"""Tables. Columns are named as the fields of the domain objects they hold: `repositories.py` maps by name."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import ForeignKey, Index, LargeBinary, MetaData, String, Text, UniqueConstraint, Uuid
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from app.adapters.db.column_types import EnumText, JsonOf, UtcDateTime
from app.domain.challenge import Ability
from app.domain.check import CheckStatus
from app.domain.handoff import HandoffState
from app.domain.organization import Scope, ValidationStatus
from app.domain.session import ACTIVE_STATUSES, HostedState, SessionStatus
from app.domain.settings import OrganizationSettings
from app.domain.verdict import Decision, DuplicateCheck, RejectionCode

NAMING = {
    "ix": "ix_%(column_0_label)s",
    "uq": "uq_%(table_name)s_%(column_0_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}

ACTIVE_SESSION_INDEX = "uq_biometric_sessions_active_entity"
WAITING_CAPTURES_INDEX = "ix_hosted_sessions_waiting"
EXPIRING_SESSIONS_INDEX = "ix_biometric_sessions_expiring"
SILENT_SESSIONS_INDEX = "ix_biometric_sessions_silent"
IS_PENDING = f"status = '{SessionStatus.PENDING.value}'"
IS_RUNNING = f"status = '{SessionStatus.IN_PROGRESS.value}' AND NOT is_in_review"
IS_CAPTURED = f"state = '{HostedState.CAPTURED.value}'"
_IS_ACTIVE = "status IN ({})".format(", ".join(f"'{status.value}'" for status in sorted(ACTIVE_STATUSES)))

Id = Uuid(as_uuid=False)
JsonObject = JsonOf(dict[str, Any])


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map = {datetime: UtcDateTime()}  # noqa: RUF012 (SQLAlchemy reads it from the class)


class OrganizationRow(Base):
    """`audit_sequence` and `event_sequence` are the numbers of the organization's last audit entry and event."""

    __tablename__ = "organizations"

    organization_id: Mapped[str] = mapped_column(Id, primary_key=True)
    slug: Mapped[str] = mapped_column(String(64), unique=True)
    name: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime]
    settings: Mapped[OrganizationSettings] = mapped_column(JsonOf(OrganizationSettings))
    policy_version: Mapped[int]
    audit_sequence: Mapped[int] = mapped_column(sa.BigInteger, default=0)
    event_sequence: Mapped[int] = mapped_column(sa.BigInteger, server_default="0")


class SettingsVersionRow(Base):
    """Never changed and never deleted: decisions name the version that they were made by."""

    __tablename__ = "settings_versions"

    organization_id: Mapped[str] = mapped_column(Id, ForeignKey("organizations.organization_id"), primary_key=True)
    policy_version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    settings: Mapped[OrganizationSettings] = mapped_column(JsonOf(OrganizationSettings))
    created_at: Mapped[datetime]
    actor: Mapped[str] = mapped_column(Text)


class ApiKeyRow(Base):
    """`replaces` and `rotated_to` name other keys; no row of this table is ever deleted."""

    __tablename__ = "api_keys"

    key_id: Mapped[str] = mapped_column(Id, primary_key=True)
    organization_id: Mapped[str] = mapped_column(Id, ForeignKey("organizations.organization_id"), index=True)
    name: Mapped[str] = mapped_column(Text)
    prefix: Mapped[str] = mapped_column(String(32))
    sha256: Mapped[str] = mapped_column(String(64), unique=True)
    scopes: Mapped[frozenset[Scope]] = mapped_column(JsonOf(frozenset[Scope]))
    is_test: Mapped[bool]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    replaces: Mapped[str | None] = mapped_column(Id)
    rotated_to: Mapped[str | None] = mapped_column(Id)


class EntityRow(Base):
    __tablename__ = "entities"
    __table_args__ = (
        UniqueConstraint("organization_id", "is_test", "external_id", name="uq_entities_external_id"),
        UniqueConstraint("organization_id", "is_test", "tax_id", name="uq_entities_tax_id"),
    )

    entity_id: Mapped[str] = mapped_column(Id, primary_key=True)
    organization_id: Mapped[str] = mapped_column(Id, ForeignKey("organizations.organization_id"))
    is_test: Mapped[bool]
    entity_type: Mapped[str] = mapped_column(String(16))
    name: Mapped[str] = mapped_column(Text)
    external_id: Mapped[str | None] = mapped_column(Text)
    tax_id: Mapped[str | None] = mapped_column(Text)
    country_code: Mapped[str | None] = mapped_column(String(2))
    attributes: Mapped[dict[str, Any] | None] = mapped_column(JsonObject)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class EntityKeyRow(Base):
    """The wrapped data key of an entity's images.

    No foreign key: images without an entity have a key of their own, and erasure destroys the key
    before, and apart from, anything else.
    """

    __tablename__ = "entity_keys"

    entity_id: Mapped[str] = mapped_column(Id, primary_key=True)
    organization_id: Mapped[str] = mapped_column(Id, ForeignKey("organizations.organization_id"), index=True)
    master_key_id: Mapped[str] = mapped_column(String(64))
    wrapped: Mapped[bytes] = mapped_column(LargeBinary)


class KycValidationRow(Base):
    __tablename__ = "kyc_validations"
    __table_args__ = (
        Index("ix_kyc_validations_entity", "entity_id", "status", "approved_at"),
        Index("ix_kyc_validations_searched", "organization_id", "is_test", "status"),
    )

    validation_id: Mapped[str] = mapped_column(Id, primary_key=True)
    organization_id: Mapped[str] = mapped_column(Id, ForeignKey("organizations.organization_id"))
    entity_id: Mapped[str] = mapped_column(Id, ForeignKey("entities.entity_id"))
    is_test: Mapped[bool]
    status: Mapped[ValidationStatus] = mapped_column(EnumText(ValidationStatus))
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    approved_at: Mapped[datetime | None]
    external_session_id: Mapped[str | None] = mapped_column(Text)
    metadata_: Mapped[dict[str, Any] | None] = mapped_column("metadata", JsonObject)
    portrait_blob_id: Mapped[str | None] = mapped_column(String(64))
    quality: Mapped[dict[str, float] | None] = mapped_column(JsonOf(dict[str, float]))
    duplicates: Mapped[DuplicateCheck | None] = mapped_column(JsonOf(DuplicateCheck))


class TemplateRow(Base):
    """Encrypted templates of enrolments, one for each recognizer that described the portrait.

    The index is the order in which a search's gallery is loaded.
    """

    __tablename__ = "templates"
    __table_args__ = (
        Index(
            "ix_templates_gallery",
            "organization_id",
            "is_test",
            "model_id",
            "model_version",
            "validation_id",
        ),
    )

    validation_id: Mapped[str] = mapped_column(Id, ForeignKey("kyc_validations.validation_id"), primary_key=True)
    model_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    model_version: Mapped[str] = mapped_column(String(64), primary_key=True)
    organization_id: Mapped[str] = mapped_column(Id, ForeignKey("organizations.organization_id"))
    entity_id: Mapped[str] = mapped_column(Id, ForeignKey("entities.entity_id"), index=True)
    is_test: Mapped[bool]
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime]


class BiometricSessionRow(Base):
    """The partial unique index is the rule of one active session an entity: no check-then-insert.

    Two more partial ones hold what time may end: few, and looked for every few seconds.
    """

    __tablename__ = "biometric_sessions"
    __table_args__ = (
        Index(
            ACTIVE_SESSION_INDEX,
            "entity_id",
            unique=True,
            sqlite_where=sa.text(_IS_ACTIVE),
            postgresql_where=sa.text(_IS_ACTIVE),
        ),
        Index(
            EXPIRING_SESSIONS_INDEX,
            "expires_at",
            sqlite_where=sa.text(IS_PENDING),
            postgresql_where=sa.text(IS_PENDING),
        ),
        Index(
            SILENT_SESSIONS_INDEX,
            "last_activity_at",
            sqlite_where=sa.text(IS_RUNNING),
            postgresql_where=sa.text(IS_RUNNING),
        ),
        Index("ix_biometric_sessions_entity", "entity_id", "created_at"),
        Index("ix_biometric_sessions_newest", "organization_id", "is_test", "created_at", "session_id"),
    )

    session_id: Mapped[str] = mapped_column(Id, primary_key=True)
    organization_id: Mapped[str] = mapped_column(Id, ForeignKey("organizations.organization_id"))
    entity_id: Mapped[str] = mapped_column(Id, ForeignKey("entities.entity_id"))
    hosted_session_id: Mapped[str] = mapped_column(Id, unique=True)
    is_test: Mapped[bool]
    status: Mapped[SessionStatus] = mapped_column(EnumText(SessionStatus))
    workflow_id: Mapped[str] = mapped_column(String(64))
    language: Mapped[str | None] = mapped_column(String(35))
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    callback: Mapped[str | None] = mapped_column(Text)
    webhook_url: Mapped[str | None] = mapped_column(Text)
    metadata_: Mapped[dict[str, Any] | None] = mapped_column("metadata", JsonObject)
    avoid: Mapped[frozenset[Ability]] = mapped_column(JsonOf(frozenset[Ability]))
    has_more_time: Mapped[bool]
    challenges_at_least: Mapped[int | None]
    has_replay_ledger: Mapped[bool] = mapped_column(server_default=sa.false())
    started_at: Mapped[datetime | None]
    last_activity_at: Mapped[datetime | None]
    completed_at: Mapped[datetime | None]
    is_in_review: Mapped[bool]
    attempts: Mapped[int]
    rejection_code: Mapped[RejectionCode | None] = mapped_column(EnumText(RejectionCode))
    rejection_message: Mapped[str | None] = mapped_column(Text)
    decision: Mapped[Decision | None] = mapped_column(JsonOf(Decision))


class HostedSessionRow(Base):
    """The partial index holds the captures that are in and undecided: few, and looked for every few seconds."""

    __tablename__ = "hosted_sessions"
    __table_args__ = (
        Index(
            WAITING_CAPTURES_INDEX,
            "captured_at",
            sqlite_where=sa.text(IS_CAPTURED),
            postgresql_where=sa.text(IS_CAPTURED),
        ),
    )

    hosted_session_id: Mapped[str] = mapped_column(Id, primary_key=True)
    session_id: Mapped[str] = mapped_column(Id, ForeignKey("biometric_sessions.session_id"), unique=True)
    organization_id: Mapped[str] = mapped_column(Id, ForeignKey("organizations.organization_id"))
    state: Mapped[HostedState] = mapped_column(EnumText(HostedState))
    created_at: Mapped[datetime]
    page_id: Mapped[str | None] = mapped_column(String(64))
    attempts_used: Mapped[int]
    quality_retries_used: Mapped[int]
    consent_version: Mapped[str | None] = mapped_column(Text)
    consent_hash: Mapped[str | None] = mapped_column(String(64))
    consent_language: Mapped[str | None] = mapped_column(String(35))
    consented_at: Mapped[datetime | None]
    captured_at: Mapped[datetime | None]
    evidence: Mapped[Decision | None] = mapped_column(JsonOf(Decision))


class HandoffRow(Base):
    """Links that hand a hosted session to a phone; `choices` are what the phone chooses `number` from."""

    __tablename__ = "handoffs"
    __table_args__ = (Index("ix_handoffs_session", "hosted_session_id", "created_at"),)

    handoff_id: Mapped[str] = mapped_column(Id, primary_key=True)
    hosted_session_id: Mapped[str] = mapped_column(Id, ForeignKey("hosted_sessions.hosted_session_id"))
    organization_id: Mapped[str] = mapped_column(Id, ForeignKey("organizations.organization_id"))
    state: Mapped[HandoffState] = mapped_column(EnumText(HandoffState))
    number: Mapped[int]
    choices: Mapped[tuple[int, ...]] = mapped_column(JsonOf(tuple[int, ...]))
    browser: Mapped[str | None] = mapped_column(String(32))
    system: Mapped[str | None] = mapped_column(String(32))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


class CaptureRow(Base):
    __tablename__ = "captures"

    capture_id: Mapped[str] = mapped_column(Id, primary_key=True)
    organization_id: Mapped[str] = mapped_column(Id, ForeignKey("organizations.organization_id"))
    entity_id: Mapped[str] = mapped_column(Id, ForeignKey("entities.entity_id"), index=True)
    session_id: Mapped[str] = mapped_column(Id, ForeignKey("biometric_sessions.session_id"), index=True)
    kind: Mapped[str] = mapped_column(String(32))
    blob_id: Mapped[str] = mapped_column(String(64))
    content_type: Mapped[str] = mapped_column(String(64))
    sha256: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime]


class ReplayLedgerRow(Base):
    """Encrypted fingerprints of a session's frames. The indexes are what is compared, and what is over."""

    __tablename__ = "replay_ledger"
    __table_args__ = (
        Index("ix_replay_ledger_newest", "organization_id", "is_test", "created_at"),
        Index("ix_replay_ledger_entity", "entity_id", "created_at"),
        Index("ix_replay_ledger_created_at", "created_at"),
    )

    session_id: Mapped[str] = mapped_column(Id, ForeignKey("biometric_sessions.session_id"), primary_key=True)
    organization_id: Mapped[str] = mapped_column(Id, ForeignKey("organizations.organization_id"))
    entity_id: Mapped[str] = mapped_column(Id, ForeignKey("entities.entity_id"))
    is_test: Mapped[bool]
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime]


class FaceMatchRow(Base):
    """Every request for a face match. The indexes are the order of the lists: all of them, and an entity's."""

    __tablename__ = "face_matches"
    __table_args__ = (
        Index("ix_face_matches_newest", "organization_id", "is_test", "created_at", "face_match_id"),
        Index("ix_face_matches_entity", "entity_id", "created_at", "face_match_id"),
    )

    face_match_id: Mapped[str] = mapped_column(Id, primary_key=True)
    organization_id: Mapped[str] = mapped_column(Id, ForeignKey("organizations.organization_id"))
    is_test: Mapped[bool]
    entity_id: Mapped[str | None] = mapped_column(Id, ForeignKey("entities.entity_id"))
    status: Mapped[CheckStatus] = mapped_column(EnumText(CheckStatus))
    is_match: Mapped[bool]
    score: Mapped[float | None] = mapped_column(sa.Double)
    threshold: Mapped[float] = mapped_column(sa.Double)
    warnings: Mapped[tuple[str, ...]] = mapped_column(JsonOf(tuple[str, ...]))
    request_id: Mapped[str] = mapped_column(String(64))
    triggered_by: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime]
    vendor_data: Mapped[str | None] = mapped_column(Text)
    error_message: Mapped[str | None] = mapped_column(Text)
    document_blob_id: Mapped[str | None] = mapped_column(String(64))
    selfie_blob_id: Mapped[str | None] = mapped_column(String(64))


class UsageRow(Base):
    """How much of its monthly quota an organization has used; `month` is one of UTC, as `2026-06`."""

    __tablename__ = "usage"

    organization_id: Mapped[str] = mapped_column(Id, ForeignKey("organizations.organization_id"), primary_key=True)
    is_test: Mapped[bool] = mapped_column(primary_key=True)
    month: Mapped[str] = mapped_column(String(7), primary_key=True)
    used: Mapped[int]


class AuditEntryRow(Base):
    __tablename__ = "audit_entries"

    organization_id: Mapped[str] = mapped_column(Id, ForeignKey("organizations.organization_id"), primary_key=True)
    sequence: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, autoincrement=False)
    entry_id: Mapped[str] = mapped_column(Id, unique=True)
    at: Mapped[datetime]
    actor: Mapped[str] = mapped_column(Text)
    action: Mapped[str] = mapped_column(String(64))
    object_type: Mapped[str] = mapped_column(String(64))
    object_id: Mapped[str] = mapped_column(Text)
    detail: Mapped[dict[str, Any]] = mapped_column(JsonObject)
