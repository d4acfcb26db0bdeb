"""Events, the addresses that want them, and deliveries. How deliveries are claimed: `delivery_claims.py`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, bindparam, func, insert, literal_column, select, update

from app.adapters.db.delivery_claims import claim_deliveries
from app.adapters.db.event_pruning import prune_events
from app.adapters.db.numbered_rows import NumberedRows
from app.adapters.db.outbox_tables import (
    IS_LEASED,
    IS_PENDING,
    DeliveryAttemptRow,
    DeliveryRow,
    EventRow,
    WebhookEndpointRow,
)
from app.adapters.db.repositories import Repository, select_rows, table, to_domain
from app.domain.event import Event, EventName
from app.domain.webhook import ENDPOINT_REMOVED, Delivery, DeliveryAttempt, DeliveryStatus, WebhookEndpoint
from app.services.outbox_store import Claim, DeliveryFilter, DeliveryResult


class SqlEvents(NumberedRows[tuple[Event, Sequence[Delivery]]]):
    """Events wait for the commit, which numbers them (`numbered_rows.py`)."""

    def __init__(self, connection: Connection) -> None:
        super().__init__()
        self._connection = connection

    def add(self, event: Event, deliveries: Sequence[Delivery]) -> None:
        self._put(event.organization_id, (event, deliveries))

    def after(self, organization_id: str, is_test: bool, sequence: int, limit: int) -> Sequence[Event]:
        statement = select_rows(EventRow).where(
            EventRow.organization_id == organization_id,
            EventRow.is_test == is_test,
            EventRow.sequence > sequence,
        )
        rows = self._connection.execute(statement.order_by(EventRow.sequence).limit(limit)).mappings()
        return [to_domain(Event, row) for row in rows]

    def names(self, event_ids: Sequence[str]) -> Mapping[str, EventName]:
        statement = select(EventRow.event_id, EventRow.name).where(EventRow.event_id.in_(event_ids))
        return {row.event_id: row.name for row in self._connection.execute(statement)}

    def prune(self, before: datetime, limit: int) -> int:
        return prune_events(self._connection, before, limit)

    def insert(self, rows: Sequence[tuple[Event, Sequence[Delivery]]], first_number: int) -> None:
        events = [{**vars(event), "sequence": number} for number, (event, _) in enumerate(rows, first_number)]
        deliveries = [_row_of(delivery) for _, wanted in rows for delivery in wanted]
        if events:
            self._connection.execute(insert(table(EventRow)), events)
        if deliveries:
            self._connection.execute(insert(table(DeliveryRow)), deliveries)


class SqlWebhookEndpoints(Repository):
    def add(self, endpoint: WebhookEndpoint) -> None:
        self._insert(WebhookEndpointRow, vars(endpoint))

    def get(self, organization_id: str, is_test: bool, endpoint_id: str) -> WebhookEndpoint | None:
        statement = _endpoints_of(organization_id, is_test).where(WebhookEndpointRow.endpoint_id == endpoint_id)
        return self._first(WebhookEndpoint, statement.with_for_update() if self.locks else statement)

    def by_ids(self, endpoint_ids: Sequence[str]) -> Sequence[WebhookEndpoint]:
        statement = select_rows(WebhookEndpointRow).where(WebhookEndpointRow.endpoint_id.in_(endpoint_ids))
        return self._all(WebhookEndpoint, statement)

    def page(
        self, organization_id: str, is_test: bool, limit: int, offset: int
    ) -> tuple[Sequence[WebhookEndpoint], int]:
        where = (WebhookEndpointRow.organization_id == organization_id, WebhookEndpointRow.is_test == is_test)
        newest_first = (WebhookEndpointRow.created_at.desc(), WebhookEndpointRow.endpoint_id.desc())
        statement = _endpoints_of(organization_id, is_test).order_by(*newest_first).limit(limit).offset(offset)
        return self._all(WebhookEndpoint, statement), self._count(WebhookEndpointRow, *where)

    def enabled(self, organization_id: str, is_test: bool) -> Sequence[WebhookEndpoint]:
        oldest_first = (WebhookEndpointRow.created_at, WebhookEndpointRow.endpoint_id)
        statement = _endpoints_of(organization_id, is_test).where(WebhookEndpointRow.is_enabled.is_(True))
        return self._all(WebhookEndpoint, statement.order_by(*oldest_first))

    def save(self, endpoint: WebhookEndpoint) -> None:
        self.connection.execute(
            update(table(WebhookEndpointRow))
            .where(WebhookEndpointRow.endpoint_id == endpoint.endpoint_id)
            .values(**vars(endpoint))
        )
        moved = (*_pending_of(endpoint.endpoint_id), DeliveryRow.url != endpoint.url)
        _lock_in_order(self.connection, *moved)
        self.connection.execute(update(DeliveryRow).where(*moved).values(url=endpoint.url, lane=endpoint.url))

    def remove(self, endpoint_id: str, at: datetime) -> None:
        pending = _pending_of(endpoint_id)
        _lock_in_order(self.connection, *pending)
        self.connection.execute(
            update(DeliveryRow)
            .where(*pending)
            .values(
                status=DeliveryStatus.FAILED,
                finished_at=at,
                last_error=ENDPOINT_REMOVED,
                lease_holder=None,
                lease_until=None,
            )
        )
        rows = table(WebhookEndpointRow)
        self.connection.execute(rows.delete().where(rows.c.endpoint_id == endpoint_id))


class SqlDeliveries(Repository):
    def get(self, organization_id: str, is_test: bool, delivery_id: str) -> Delivery | None:
        statement = select_rows(DeliveryRow).where(
            DeliveryRow.organization_id == organization_id,
            DeliveryRow.is_test == is_test,
            DeliveryRow.delivery_id == delivery_id,
        )
        return self._first(Delivery, statement)

    def attempts_of(self, delivery_id: str) -> Sequence[DeliveryAttempt]:
        statement = select_rows(DeliveryAttemptRow).where(DeliveryAttemptRow.delivery_id == delivery_id)
        return self._all(DeliveryAttempt, statement.order_by(DeliveryAttemptRow.number))

    def page(self, wanted: DeliveryFilter, limit: int, offset: int) -> tuple[Sequence[Delivery], int]:
        where = [getattr(DeliveryRow, name) == value for name, value in vars(wanted).items() if value is not None]
        newest_first = (DeliveryRow.created_at.desc(), DeliveryRow.delivery_id.desc())
        statement = select_rows(DeliveryRow).where(*where).order_by(*newest_first).limit(limit).offset(offset)
        return self._all(Delivery, statement), self._count(DeliveryRow, *where)

    def claim(self, claim: Claim) -> Sequence[tuple[Delivery, Event]]:
        return claim_deliveries(self.connection, claim)

    def record(self, holder: str, results: Sequence[DeliveryResult]) -> int:
        """A few statements however many there are: this is what a delivery costs most of all."""
        held = self._lock_held(holder, [result.delivery.delivery_id for result in results])
        written = [result for result in results if result.delivery.delivery_id in held]
        if written:
            rows = table(DeliveryRow)
            statement = update(rows).where(rows.c.delivery_id == bindparam("written_id"))
            self.connection.execute(statement, [_outcome(result.delivery) for result in written])
            self._add_attempts([result.attempt for result in written if result.attempt is not None])
        return len(written)

    def _lock_held(self, holder: str, delivery_ids: Sequence[str]) -> frozenset[str]:
        statement = select(DeliveryRow.delivery_id).where(
            DeliveryRow.delivery_id.in_(delivery_ids), DeliveryRow.lease_holder == holder
        )
        in_order = statement.order_by(DeliveryRow.delivery_id).with_for_update()
        return frozenset(self.connection.execute(in_order).scalars()) if delivery_ids else frozenset()

    def _add_attempts(self, attempts: Sequence[DeliveryAttempt]) -> None:
        if not attempts:
            return
        row = DeliveryAttemptRow
        last = select(row.delivery_id, func.max(row.number).label("last")).group_by(row.delivery_id)
        last = last.where(row.delivery_id.in_([attempt.delivery_id for attempt in attempts]))
        numbers = {found.delivery_id: found.last for found in self.connection.execute(last)}
        self.connection.execute(
            insert(table(row)),
            [{**vars(one), "number": numbers.get(one.delivery_id, 0) + 1} for one in attempts],
        )

    def release(self, holder: str) -> int:
        held: tuple[ColumnElement[bool], ...] = (literal_column(IS_LEASED), DeliveryRow.lease_holder == holder)
        _lock_in_order(self.connection, *held)
        released = update(DeliveryRow).where(*held).values(lease_holder=None, lease_until=None)
        return self.connection.execute(released).rowcount

    def requeue(self, delivery: Delivery) -> bool:
        written = self.connection.execute(
            update(table(DeliveryRow))
            .where(
                DeliveryRow.delivery_id == delivery.delivery_id,
                DeliveryRow.status != DeliveryStatus.PENDING,
            )
            .values(**_row_of(delivery))
        )
        return written.rowcount == 1

    def next_due(self) -> datetime | None:
        free = select(DeliveryRow.next_attempt_at).where(
            literal_column(IS_PENDING), DeliveryRow.lease_until.is_(None)
        )
        held = select(DeliveryRow.lease_until).where(literal_column(IS_LEASED))
        firsts = (free.order_by(DeliveryRow.next_attempt_at), held.order_by(DeliveryRow.lease_until))
        times = [self.connection.execute(first.limit(1)).scalar_one_or_none() for first in firsts]
        return min((at for at in times if at is not None), default=None)


def _row_of(delivery: Delivery) -> Mapping[str, Any]:
    return {**vars(delivery), "lane": delivery.lane}


def _outcome(delivery: Delivery) -> Mapping[str, object]:
    """Without the URL, for instance: that can have been changed since the delivery was claimed."""
    return {
        "written_id": delivery.delivery_id,
        "status": delivery.status,
        "attempts": delivery.attempts,
        "next_attempt_at": delivery.next_attempt_at,
        "finished_at": delivery.finished_at,
        "last_status_code": delivery.last_status_code,
        "last_error": delivery.last_error,
        "lease_holder": None,
        "lease_until": None,
    }


def _endpoints_of(organization_id: str, is_test: bool) -> Select[Any]:
    return select_rows(WebhookEndpointRow).where(
        WebhookEndpointRow.organization_id == organization_id, WebhookEndpointRow.is_test == is_test
    )


def _pending_of(endpoint_id: str) -> tuple[ColumnElement[bool], ...]:
    return (literal_column(IS_PENDING), DeliveryRow.endpoint_id == endpoint_id)


def _lock_in_order(connection: Connection, *where: ColumnElement[bool]) -> None:
    """Before many are written at once: all who write several take them in this order."""
    statement = select(DeliveryRow.delivery_id).where(*where).order_by(DeliveryRow.delivery_id)
    connection.execute(statement.with_for_update()).close()
