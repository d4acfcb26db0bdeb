"""How events that nobody needs any more leave the store, with their deliveries and attempts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, delete, exists, or_, select

from app.adapters.db.outbox_tables import DeliveryAttemptRow, DeliveryRow, EventRow
from app.adapters.db.repositories import table


def prune_events(connection: Connection, before: datetime, limit: int) -> int:
    """Remove events that are older, and whose deliveries all ended before then, oldest first; how many were found.

    A delivery that is sent again at this very moment keeps its event: it is found and stays.
    """
    old = select(EventRow.event_id).where(EventRow.at < before, ~exists().where(*_is_needed(before)))
    old = old.order_by(EventRow.at).limit(limit).with_for_update(skip_locked=True)
    found = connection.execute(old).scalars().all()
    if found:
        _remove(connection, found, before)
    return len(found)


def _remove(connection: Connection, found: Sequence[str], before: datetime) -> None:
    of_found = DeliveryRow.event_id.in_(found)
    in_order = select(DeliveryRow.delivery_id).where(of_found).order_by(DeliveryRow.delivery_id)
    connection.execute(in_order.with_for_update()).close()
    needed = select(EventRow.event_id).where(EventRow.event_id.in_(found), exists().where(*_is_needed(before)))
    kept = frozenset(connection.execute(needed).scalars())
    gone = [event_id for event_id in found if event_id not in kept]
    deliveries = select(DeliveryRow.delivery_id).where(DeliveryRow.event_id.in_(gone))
    connection.execute(delete(table(DeliveryAttemptRow)).where(DeliveryAttemptRow.delivery_id.in_(deliveries)))
    connection.execute(delete(table(DeliveryRow)).where(DeliveryRow.event_id.in_(gone)))
    connection.execute(delete(table(EventRow)).where(EventRow.event_id.in_(gone)))


def _is_needed(before: datetime) -> Sequence[ColumnElement[bool]]:
    return (
        DeliveryRow.event_id == EventRow.event_id,
        or_(DeliveryRow.finished_at.is_(None), DeliveryRow.finished_at >= before),
    )
