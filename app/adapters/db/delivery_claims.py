"""How a worker gets deliveries to make: the longest due first, and no address in the way of the others.

A claim runs all the time, so what it costs does not grow with the queue. It looks at the front of the queue
only, and takes so many of each address. Where that is not enough because few addresses fill the front, it goes
through the addresses themselves: from one to the next by the index, however long the queue of each.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, Select, literal, literal_column, or_, select, update
from sqlalchemy.orm import aliased

from app.adapters.db.outbox_tables import IS_PENDING, DeliveryRow, EventRow
from app.adapters.db.repositories import select_rows, table, to_domain
from app.domain.event import Event
from app.domain.webhook import Delivery
from app.services.outbox_store import Claim

FRONT = 2
"""How many times the claim's limit are looked at in front of the queue."""
LANES_MAX = 2_000
"""How many addresses are gone through at most, some microseconds each. With more of them waiting at once the
others' turn comes with that of the front."""


def claim_deliveries(connection: Connection, claim: Claim) -> Sequence[tuple[Delivery, Event]]:
    """What the holder has now. On PostgreSQL rows that others lock are skipped; on SQLite nobody else writes."""
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


def _take(connection: Connection, claim: Claim) -> Sequence[str]:
    """Ids, locked until the commit."""
    front = connection.execute(_due(claim).limit(FRONT * claim.limit)).all()
    taken: list[str] = []
    of_url: Counter[str] = Counter()
    for delivery_id, url in front:
        if len(taken) < claim.limit and url not in claim.busy and of_url[url] < claim.per_url:
            taken.append(delivery_id)
            of_url[url] += 1
    if len(taken) < claim.limit and len(front) == FRONT * claim.limit:
        full = [url for url, number in of_url.items() if number == claim.per_url]
        taken += _take_from_lanes(connection, claim, claim.limit - len(taken), {*claim.busy, *full}, taken)
    return taken


def _take_from_lanes(
    connection: Connection, claim: Claim, limit: int, passed_over: set[str], taken: Sequence[str]
) -> list[str]:
    lanes = connection.execute(_waiting_lanes(claim.now, limit, passed_over)).scalars().all()
    share = min(claim.per_url, max(1, limit // max(1, len(lanes))))
    found: list[str] = []
    for url in lanes:
        statement = _due(claim).where(DeliveryRow.url == url, DeliveryRow.delivery_id.not_in(taken))
        found += connection.execute(statement.limit(share)).scalars()
    return found[:limit]


def _due(claim: Claim) -> Select[str, str]:
    """(id, URL) of those due, the longest due first; what this transaction does not take it gives back soon."""
    statement = select(DeliveryRow.delivery_id, DeliveryRow.url).where(*_is_due(DeliveryRow, claim.now))
    return statement.order_by(DeliveryRow.next_attempt_at).with_for_update(skip_locked=True)


def _is_due(row: type[DeliveryRow], now: datetime) -> Sequence[ColumnElement[bool]]:
    return (
        literal_column(IS_PENDING),
        row.next_attempt_at <= now,
        or_(row.lease_until.is_(None), row.lease_until <= now),
    )


def _waiting_lanes(now: datetime, limit: int, passed_over: set[str]) -> Select[Any]:
    """URLs that have something due, the longest due first.

    A recursive query, since neither database leaps from one value of an index to the next by itself.
    """
    first, following, waiting = aliased(DeliveryRow), aliased(DeliveryRow), aliased(DeliveryRow)
    lowest = select(first.url).where(literal_column(IS_PENDING)).order_by(first.url).limit(1).scalar_subquery()
    lanes = select(lowest.label("url"), literal(1).label("number")).cte("lanes", recursive=True)
    higher = (
        select(following.url)
        .where(literal_column(IS_PENDING), following.url > lanes.c.url)
        .order_by(following.url)
        .limit(1)
        .scalar_subquery()
    )
    lanes = lanes.union_all(
        select(higher, lanes.c.number + 1).where(lanes.c.url.is_not(None), lanes.c.number < LANES_MAX)
    )
    due_since = (
        select(waiting.next_attempt_at)
        .where(waiting.url == lanes.c.url, *_is_due(waiting, now))
        .order_by(waiting.next_attempt_at)
        .limit(1)
        .scalar_subquery()
    )
    wanted = select(lanes.c.url, due_since.label("due_since")).where(lanes.c.url.not_in(passed_over)).subquery()
    is_waiting = wanted.c.due_since.is_not(None)
    return select(wanted.c.url).where(is_waiting).order_by(wanted.c.due_since).limit(limit)


def _with_events(connection: Connection, deliveries: Sequence[Delivery]) -> Sequence[tuple[Delivery, Event]]:
    event_ids = {delivery.event_id for delivery in deliveries}
    rows: Sequence[RowMapping] = (
        connection.execute(select_rows(EventRow).where(EventRow.event_id.in_(event_ids))).mappings().all()
    )
    events = {row["event_id"]: to_domain(Event, row) for row in rows}
    return [(delivery, events[delivery.event_id]) for delivery in deliveries]


def _longest_due(delivery: Delivery) -> tuple[datetime, str]:
    return delivery.next_attempt_at, delivery.delivery_id
