"""An organization that is told of events, and the worker that claims the deliveries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from app.adapters.db.unit_of_work import SqlStore
from app.domain.event import Event, EventName
from app.domain.organization import Entity, Organization
from app.domain.webhook import (
    Delivery,
    DeliveryAttempt,
    WebhookEndpoint,
)
from app.services.outbox_store import Claim, DeliveryResult
from tests.builders import Builder, add_organization, decision
from tests.fakes import EPOCH, SeededRandomness

URL = "https://shop.example/hook"
LEASE = timedelta(seconds=60)
HOLDER, OTHER_HOLDER = (f"01900000-0000-7000-8000-0000000000a{number}" for number in (1, 2))


@dataclass
class World:
    """One organization with an entity, and what it is told."""

    store: SqlStore
    build: Builder
    organization: Organization
    entity: Entity

    def event(self, **changes: Any) -> Event:
        session, _ = self.build.session(self.entity, decision=decision(), metadata={"a": [1, None]})
        event = Event(
            event_id=self.new_id(),
            organization_id=self.organization.organization_id,
            is_test=True,
            name=EventName.SESSION_APPROVED,
            object_id=session.session_id,
            at=EPOCH,
            entity=self.entity,
            session=session,
        )
        return replace(event, **changes)

    def delivery(self, event: Event, url: str = URL, **changes: Any) -> Delivery:
        where = (event.organization_id, event.is_test)
        delivery = Delivery(self.new_id(), event.event_id, *where, None, url, EPOCH, EPOCH)
        return replace(delivery, **changes)

    def lane(self, url: str = URL) -> str:
        """That of sessions' own addresses there."""
        return self.delivery(self.event(), url).lane

    def endpoint(self, **changes: Any) -> WebhookEndpoint:
        where = (self.organization.organization_id, True)
        endpoint = WebhookEndpoint(self.new_id(), *where, URL, ("biometric.*",), EPOCH, EPOCH)
        return replace(endpoint, **changes)

    def new_id(self) -> str:
        return self.build.randomness.object_id()

    def tell(self, *urls: str, **changes: Any) -> list[Delivery]:
        """One event, to all of these."""
        event = self.event()
        deliveries = [self.delivery(event, url, **changes) for url in urls]
        with self.store.begin() as uow:
            uow.events.add(event, deliveries)
            uow.commit()
        return deliveries

    def claim(self, limit: int = 100, first_room: int = 100, **changes: Any) -> list[Delivery]:
        claim = replace(Claim(HOLDER, EPOCH, EPOCH + LEASE, limit, first_room), **changes)
        with self.store.begin() as uow:
            found = uow.deliveries.claim(claim)
            uow.commit()
        assert all(event.event_id == delivery.event_id for delivery, event in found)
        return [delivery for delivery, _ in found]

    def record(self, delivery: Delivery, holder: str = HOLDER, **changes: Any) -> int:
        after = replace(delivery, attempts=delivery.attempts + 1, **changes)
        attempt = DeliveryAttempt(delivery.delivery_id, 1, EPOCH, 5, 503)
        with self.store.begin() as uow:
            written = uow.deliveries.record(holder, [DeliveryResult(after, attempt)])
            uow.commit()
        return written

    def stored(self, delivery: Delivery) -> Delivery:
        with self.store.read() as uow:
            found = uow.deliveries.get(delivery.organization_id, delivery.is_test, delivery.delivery_id)
        assert found is not None
        return found

    def events(self, after: int = 0, limit: int = 100, is_test: bool = True) -> Sequence[Event]:
        with self.store.read() as uow:
            return uow.events.after(self.organization.organization_id, is_test, after, limit)


def make_world(store: SqlStore) -> World:
    build = Builder(SeededRandomness())
    organization = add_organization(store, build.organization())
    return World(store, build, organization, build.entity(organization, attributes={"b": {"c": 1.5}}))
