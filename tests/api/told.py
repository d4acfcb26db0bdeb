"""Events and deliveries as the store has them, for tests that are not about how they come about."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from app.domain.event import Event, EventName
from app.domain.webhook import Delivery, DeliveryAttempt, DeliveryStatus
from app.services.outbox_store import Claim, DeliveryResult
from tests.api.conftest import Api

SESSION_URL = "https://shop.example/of-one-session"


def add_delivery(api: Api, endpoint_id: str | None = None, url: str = SESSION_URL, **changes: object) -> Delivery:
    """One that is due now, of an event of its own that happened to a session. `changes` as of `Delivery`."""
    now, new_id = api.clock.now(), api.build.randomness.object_id
    entity = api.build.entity(api.organization)
    session, _ = api.build.session(entity)
    event = Event(
        event_id=new_id(),
        organization_id=api.organization.organization_id,
        is_test=True,
        name=EventName.SESSION_APPROVED,
        object_id=session.session_id,
        at=now,
        entity=entity,
        session=session,
    )
    delivery = Delivery(new_id(), event.event_id, event.organization_id, True, endpoint_id, url, now, now)
    delivery = replace(delivery, **changes)  # type: ignore[arg-type]
    event = replace(event, organization_id=delivery.organization_id, is_test=delivery.is_test)
    with api.store.begin() as uow:
        uow.events.add(event, [delivery])
        uow.commit()
    return delivery


def try_once(
    api: Api, delivery: Delivery, status: DeliveryStatus, status_code: int | None = 500, error: str | None = None
) -> None:
    """What a worker does with a delivery that is due."""
    holder, now = api.build.randomness.object_id(), api.clock.now()
    with api.store.begin() as uow:
        claim = Claim(holder, now, now + timedelta(seconds=60), limit=100, first_room=100)
        ((claimed, _),) = [
            one for one in uow.deliveries.claim(claim) if one[0].delivery_id == delivery.delivery_id
        ]
        is_over = status is not DeliveryStatus.PENDING
        after = replace(
            claimed,
            status=status,
            attempts=claimed.attempts + 1,
            next_attempt_at=now + timedelta(seconds=5),
            finished_at=now if is_over else None,
            last_status_code=status_code,
            last_error=error,
        )
        attempt = DeliveryAttempt(delivery.delivery_id, after.attempts, now, 12, status_code, error)
        assert uow.deliveries.record(holder, [DeliveryResult(after, attempt)]) == 1
        uow.deliveries.release(holder)
        uow.commit()
