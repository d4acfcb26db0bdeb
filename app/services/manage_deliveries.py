"""Deliveries as the integrator sees them: what was sent where and what came of it, and once more, please."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from app.domain.errors import InvalidState, ObjectNotFound
from app.domain.event import EventName
from app.domain.organization import Caller
from app.domain.webhook import Delivery, DeliveryAttempt, DeliveryStatus
from app.services.audit import record
from app.services.outbox_store import DeliveryFilter
from app.services.ports import Clock, Randomness
from app.services.store import Store, UnitOfWork


@dataclass(frozen=True)
class SentEvent:
    """A delivery, and the name of the event that it tells."""

    delivery: Delivery
    name: EventName


@dataclass(frozen=True, kw_only=True)
class ManageDeliveries:
    """Deliveries of the caller's organization and mode; any other is `ObjectNotFound`."""

    store: Store
    clock: Clock
    randomness: Randomness

    def page(
        self,
        caller: Caller,
        *,
        endpoint_id: str | None,
        status: DeliveryStatus | None,
        event_id: str | None,
        limit: int,
        offset: int,
    ) -> tuple[Sequence[SentEvent], int]:
        """A page, newest first, and how many there are in all. None filters nothing."""
        organization_id = caller.organization.organization_id
        wanted = DeliveryFilter(organization_id, caller.is_test, endpoint_id, status, event_id)
        with self.store.read() as uow:
            found, total = uow.deliveries.page(wanted, limit, offset)
            names = uow.events.names([one.event_id for one in found])
        return [SentEvent(one, names[one.event_id]) for one in found], total

    def by_id(self, caller: Caller, delivery_id: str) -> tuple[SentEvent, Sequence[DeliveryAttempt]]:
        """With every attempt so far, in order."""
        with self.store.read() as uow:
            return _named(uow, _found(uow, caller, delivery_id)), uow.deliveries.attempts_of(delivery_id)

    def redeliver(self, caller: Caller, delivery_id: str) -> SentEvent:
        """Due now, to where its endpoint is now, with all attempts before it again.

        `InvalidState` while it is pending, and where its endpoint is disabled or was removed.
        """
        with self.store.begin() as uow:
            before, now = _found(uow, caller, delivery_id), self.clock.now()
            again = replace(
                before,
                url=_present_url(uow, caller, before),
                status=DeliveryStatus.PENDING,
                attempts=0,
                next_attempt_at=now,
                lease_holder=None,
                lease_until=None,
                finished_at=None,
            )
            if before.status is DeliveryStatus.PENDING or not uow.deliveries.requeue(again):
                raise InvalidState("The delivery is pending: it will be sent.")
            record(
                uow,
                self.randomness,
                now,
                organization_id=before.organization_id,
                actor=caller.actor,
                action="webhook.redelivered",
                object_type="delivery",
                object_id=delivery_id,
                detail={"eventId": before.event_id, "endpointId": before.endpoint_id},
            )
            sent = _named(uow, again)
            uow.commit()
        return sent


def _found(uow: UnitOfWork, caller: Caller, delivery_id: str) -> Delivery:
    delivery = uow.deliveries.get(caller.organization.organization_id, caller.is_test, delivery_id)
    if delivery is None:
        raise ObjectNotFound("No such delivery.")
    return delivery


def _named(uow: UnitOfWork, delivery: Delivery) -> SentEvent:
    return SentEvent(delivery, uow.events.names([delivery.event_id])[delivery.event_id])


def _present_url(uow: UnitOfWork, caller: Caller, delivery: Delivery) -> str:
    """A session's own address stays; that of an endpoint may have changed since. No endpoint, no delivery."""
    if delivery.endpoint_id is None:
        return delivery.url
    where = (caller.organization.organization_id, caller.is_test, delivery.endpoint_id)
    endpoint = uow.webhook_endpoints.get(*where)
    if endpoint is None:
        raise InvalidState("The webhook endpoint was removed.")
    if not endpoint.is_enabled:
        raise InvalidState("The webhook endpoint is disabled: enable it before.")
    return endpoint.url
