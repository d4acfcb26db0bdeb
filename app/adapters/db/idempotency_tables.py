"""The table of answers kept for idempotency keys."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from app.adapters.db.tables import Base, Id


class IdempotencyRecordRow(Base):
    """The primary key is the rule that a key is taken once. The index is for what looks for those that ended."""

    __tablename__ = "idempotency_records"

    organization_id: Mapped[str] = mapped_column(Id, ForeignKey("organizations.organization_id"), primary_key=True)
    is_test: Mapped[bool] = mapped_column(primary_key=True)
    key_sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    fingerprint: Mapped[str] = mapped_column(String(64))
    holder: Mapped[str] = mapped_column(Id)
    ends_at: Mapped[datetime] = mapped_column(index=True)
    sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
