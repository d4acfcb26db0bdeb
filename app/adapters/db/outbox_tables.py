"""Tables of the outbox: events, the addresses that want them, deliveries and their attempts."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.adapters.db.column_types import EnumText, JsonOf
from app.adapters.db.tables import Base, Id
from app.domain.event import EventName
from app.domain.organization import Entity, KycValidation
from app.domain.session import BiometricSession
from app.domain.webhook import DeliveryStatus

IS_PENDING = f"status = '{DeliveryStatus.PENDING.value}'"
IS_LEASED = "lease_until IS NOT NULL"
"""Conditions of the partial indexes. Queries say them word for word: a bound parameter would not use them."""


class EventRow(Base):
    """Numbered within the organization (`organizations.event_sequence`), in the order of commits."""

    __tablename__ = "events"
    __table_args__ = (
        Index("uq_events_sequence", "organization_id", "sequence", unique=True),
        Index("ix_events_object", "object_id", "sequence"),
        Index("ix_events_at", "at"),
    )

    event_id: Mapped[str] = mapped_column(Id, primary_key=True)
    organization_id: Mapped[str] = mapped_column(Id, ForeignKey("organizations.organization_id"))
    is_test: Mapped[bool]
    sequence: Mapped[int] = mapped_column(sa.BigInteger)
    name: Mapped[EventName] = mapped_column(EnumText(EventName))
    object_id: Mapped[str] = mapped_column(Id)
    at: Mapped[datetime]
    entity: Mapped[Entity] = mapped_column(JsonOf(Entity))
    session: Mapped[BiometricSession | None] = mapped_column(JsonOf(BiometricSession))
    validation: Mapped[KycValidation | None] = mapped_column(JsonOf(KycValidation))


class WebhookEndpointRow(Base):
    __tablename__ = "webhook_endpoints"
    __table_args__ = (Index("ix_webhook_endpoints_organization", "organization_id", "is_test", "created_at"),)

    endpoint_id: Mapped[str] = mapped_column(Id, primary_key=True)
    organization_id: Mapped[str] = mapped_column(Id, ForeignKey("organizations.organization_id"))
    is_test: Mapped[bool]
    url: Mapped[str] = mapped_column(Text)
    patterns: Mapped[tuple[str, ...]] = mapped_column(JsonOf(tuple[str, ...]))
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    is_enabled: Mapped[bool]
    disabled_reason: Mapped[str | None] = mapped_column(Text)
    secret_version: Mapped[int]
    previous_secret_version: Mapped[int | None]
    previous_until: Mapped[datetime | None]
    is_listener: Mapped[bool] = mapped_column(server_default=sa.false())


class DeliveryRow(Base):
    """Partial indexes hold what is to be sent, looked at all the time: by time, by lane, and under a lease.

    `lane` is `Delivery.lane`, written with the row; a server of the release before that still runs writes none.
    No foreign key to an endpoint: a removed one leaves its deliveries on record.
    """

    __tablename__ = "deliveries"
    __table_args__ = (
        Index(
            "ix_deliveries_pending",
            "next_attempt_at",
            sqlite_where=sa.text(IS_PENDING),
            postgresql_where=sa.text(IS_PENDING),
        ),
        Index(
            "ix_deliveries_lanes",
            "lane",
            "next_attempt_at",
            sqlite_where=sa.text(IS_PENDING),
            postgresql_where=sa.text(IS_PENDING),
        ),
        Index(
            "ix_deliveries_leased",
            "lease_until",
            sqlite_where=sa.text(IS_LEASED),
            postgresql_where=sa.text(IS_LEASED),
        ),
        Index("ix_deliveries_newest", "organization_id", "is_test", "created_at", "delivery_id"),
        Index("ix_deliveries_event", "event_id"),
        Index("ix_deliveries_endpoint", "endpoint_id", "created_at"),
    )

    delivery_id: Mapped[str] = mapped_column(Id, primary_key=True)
    event_id: Mapped[str] = mapped_column(Id, ForeignKey("events.event_id"))
    organization_id: Mapped[str] = mapped_column(Id, ForeignKey("organizations.organization_id"))
    is_test: Mapped[bool]
    endpoint_id: Mapped[str | None] = mapped_column(Id)
    url: Mapped[str] = mapped_column(Text)
    lane: Mapped[str] = mapped_column(Text, server_default=sa.text("''"))
    created_at: Mapped[datetime]
    next_attempt_at: Mapped[datetime]
    status: Mapped[DeliveryStatus] = mapped_column(EnumText(DeliveryStatus))
    attempts: Mapped[int]
    lease_holder: Mapped[str | None] = mapped_column(Id)
    lease_until: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    last_status_code: Mapped[int | None]
    last_error: Mapped[str | None] = mapped_column(Text)


class DeliveryAttemptRow(Base):
    __tablename__ = "delivery_attempts"

    delivery_id: Mapped[str] = mapped_column(Id, ForeignKey("deliveries.delivery_id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    latency_ms: Mapped[int]
    status_code: Mapped[int | None]
    error: Mapped[str | None] = mapped_column(String(64))
