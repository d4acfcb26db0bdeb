"""Answers kept for idempotency keys, and reservations of those that have none yet."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, delete, select, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite

from app.adapters.db.idempotency_tables import IdempotencyRecordRow as Row
from app.adapters.db.repositories import Repository, select_rows, table
from app.domain.idempotency import IdempotencyPlace, IdempotencyRecord

KEY = ("organization_id", "is_test", "key_sha256")


class SqlIdempotencyRecords(Repository):
    def take(self, record: IdempotencyRecord, now: datetime) -> bool:
        """One statement: of two that race the primary key lets one through, whichever process they are in."""
        is_sqlite = self.connection.dialect.name == "sqlite"
        insert = (sqlite.insert if is_sqlite else postgresql.insert)(table(Row)).values(**vars(record))
        new = {name: insert.excluded[name] for name in vars(record) if name not in KEY}
        statement = insert.on_conflict_do_update(index_elements=KEY, set_=new, where=Row.ends_at <= now)
        taken = self.connection.execute(statement.returning(table(Row).c.holder)).first()
        return taken is not None

    def get(self, place: IdempotencyPlace) -> IdempotencyRecord | None:
        return self._first(IdempotencyRecord, select_rows(Row).where(*_at(place)))

    def is_held(self, record: IdempotencyRecord) -> bool:
        statement = select(table(Row).c.holder).where(*_held_by(record)).with_for_update()
        return self.connection.execute(statement).first() is not None

    def answer(self, record: IdempotencyRecord) -> None:
        self.connection.execute(
            update(table(Row)).where(*_held_by(record)).values(sealed=record.sealed, ends_at=record.ends_at)
        )

    def give_back(self, record: IdempotencyRecord) -> bool:
        return self.connection.execute(delete(table(Row)).where(*_held_by(record))).rowcount == 1

    def remove_ended(self, now: datetime, limit: int) -> int:
        key = tuple_(Row.organization_id, Row.is_test, Row.key_sha256)
        ended = select(Row.organization_id, Row.is_test, Row.key_sha256).where(Row.ends_at <= now)
        # Locked and looked at again: one that was taken over since has not ended.
        batch = ended.order_by(Row.ends_at).limit(limit).with_for_update(skip_locked=True)
        return self.connection.execute(delete(table(Row)).where(key.in_(batch))).rowcount


def _at(place: IdempotencyPlace) -> Sequence[ColumnElement[bool]]:
    return (
        Row.organization_id == place.organization_id,
        Row.is_test == place.is_test,
        Row.key_sha256 == place.key_sha256,
    )


def _held_by(record: IdempotencyRecord) -> Sequence[ColumnElement[bool]]:
    """Not answered, and not taken over."""
    return (*_at(record.place), Row.holder == record.holder, Row.sealed.is_(None))
