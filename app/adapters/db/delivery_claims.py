"""How a worker gets deliveries to make: the longest due first, and no receiver in the way of the others.

A claim runs all the time, so what it costs does not grow with the queue. It looks at the front of the queue
only, and takes so many of each lane (`Delivery.lane`). Where that is not enough because few lanes fill the front,
it goes through the lanes themselves: from one to the next by the index, however long the queue of each.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, Select, literal, literal_column, or_, select, update
from sqlalchemy.orm import aliased

from app.adapters.db.outbox_tables import IS_PENDING, DeliveryRow, EventRow
from app.adapters.db.repositories import select_rows, table, to_domain
from app.domain.event import Event, EventName
from app.domain.webhook import Delivery
from app.services.outbox_store import Claim

FRONT = 2
"""How many times the claim's limit are looked at in front of the queue."""
LANES_MAX = 2_000
"""How many lanes are gone through at most, some microseconds each. With more of them waiting at once the
others' turn comes with that of the front."""


def claim_deliveries(connection: Connection, claim: Claim) -> Sequence[tuple[Delivery, Event]]:
    """What the holder has now. On PostgreSQL rows that others lock are skipped; on SQLite nobody else writes."""
    _keep_to_indexes(connection)
    taken = _take(connection, claim)
    if not taken:
        return []
    leased = connection.execute(
        update(table(DeliveryRow))
        .where(DeliveryRow.delivery_id.in_(taken))
        .values(lease_holder=claim.holder, lease_until=claim.lease_until)
        .returning(table(DeliveryRow))
    ).mappings()
    deliveries = sorted((to_domain(Delivery, row) for row in leased), key=_longest_due)
    return _with_events(connection, deliveries)


def _keep_to_indexes(connection: Connection) -> None:
    """And to their order, for this transaction.

    PostgreSQL believes for a while after a rush that the queue is short. It would fetch all of it and sort it.
    """
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET LOCAL enable_bitmapscan = off")


def _take(connection: Connection, claim: Claim) -> Sequence[str]:
    """Ids, locked until the commit."""
    front = connection.execute(_due(claim).limit(FRONT * claim.limit)).all()
    taken: list[str] = []
    of_lane: Counter[str] = Counter()
    for delivery_id, lane in front:
        if len(taken) < claim.limit and of_lane[lane] < claim.room(lane):
            taken.append(delivery_id)
            of_lane[lane] += 1
    if len(taken) < claim.limit and len(front) == FRONT * claim.limit:
        taken += _take_from_lanes(connection, claim, of_lane, taken)
    return taken


def _take_from_lanes(
    connection: Connection, claim: Claim, of_lane: Mapping[str, int], taken: Sequence[str]
) -> list[str]:
    """Where room is left beside what is `taken` already, so many of each lane (`of_lane`)."""
    limit = claim.limit - len(taken)
    full = {lane for lane in {*claim.rooms, *of_lane} if of_lane.get(lane, 0) >= claim.room(lane)}
    lanes = connection.execute(_waiting_lanes(claim.now, limit, full)).scalars().all()
    share = max(1, limit // max(1, len(lanes)))
    found: list[str] = []
    for lane in lanes:
        room = min(share, claim.room(lane) - of_lane.get(lane, 0))
        statement = _due(claim).where(DeliveryRow.lane == lane, DeliveryRow.delivery_id.not_in(taken))
        found += connection.execute(statement.limit(room)).scalars()
    return found[:limit]


def _due(claim: Claim) -> Select[str, str]:
    """(id, lane) of those due, the longest due first; what this transaction does not take it gives back soon."""
    statement = select(DeliveryRow.delivery_id, DeliveryRow.lane).where(*_is_due(DeliveryRow, claim.now))
    return statement.order_by(DeliveryRow.next_attempt_at).with_for_update(skip_locked=True)


def _is_due(row: type[DeliveryRow], now: datetime) -> Sequence[ColumnElement[bool]]:
    """Events that this release does not know are left to workers of the one that wrote them."""
    # A scalar subquery and no join: it is one look by the primary key whatever the planner thinks of the tables.
    name = select(EventRow.name).where(EventRow.event_id == row.event_id).scalar_subquery()
    return (
        literal_column(IS_PENDING),
        row.next_attempt_at <= now,
        or_(row.lease_until.is_(None), row.lease_until <= now),
        name.in_(list(EventName)),
    )


def _waiting_lanes(now: datetime, limit: int, full: set[str]) -> Select[Any]:
    """Lanes that have something due, the longest due first.

    A recursive query, since neither database leaps from one value of an index to the next by itself.
    """
    first, following, waiting = aliased(DeliveryRow), aliased(DeliveryRow), aliased(DeliveryRow)
    lowest = select(first.lane).where(literal_column(IS_PENDING)).order_by(first.lane).limit(1).scalar_subquery()
    lanes = select(lowest.label("lane"), literal(1).label("number")).cte("lanes", recursive=True)
    higher = (
        select(following.lane)
        .where(literal_column(IS_PENDING), following.lane > lanes.c.lane)
        .order_by(following.lane)
        .limit(1)
        .scalar_subquery()
    )
    lanes = lanes.union_all(
        select(higher, lanes.c.number + 1).where(lanes.c.lane.is_not(None), lanes.c.number < LANES_MAX)
    )
    due_since = (
        select(waiting.next_attempt_at)
        .where(waiting.lane == lanes.c.lane, *_is_due(waiting, now))
        .order_by(waiting.next_attempt_at)
        .limit(1)
        .scalar_subquery()
    )
    wanted = select(lanes.c.lane, due_since.label("due_since")).where(lanes.c.lane.not_in(full)).subquery()
    is_waiting = wanted.c.due_since.is_not(None)
    return select(wanted.c.lane).where(is_waiting).order_by(wanted.c.due_since).limit(limit)


def _with_events(connection: Connection, deliveries: Sequence[Delivery]) -> Sequence[tuple[Delivery, Event]]:
    event_ids = {delivery.event_id for delivery in deliveries}
    rows: Sequence[RowMapping] = (
        connection.execute(select_rows(EventRow).where(EventRow.event_id.in_(event_ids))).mappings().all()
    )
    events = {row["event_id"]: to_domain(Event, row) for row in rows}
    return [(delivery, events[delivery.event_id]) for delivery in deliveries]


def _longest_due(delivery: Delivery) -> tuple[datetime, str]:
    return delivery.next_attempt_at, delivery.delivery_id
