"""Events: each with a delivery for everybody who wants it, in the transaction of what happened.

Whoever wins the compare-and-swap calls this, so that of racing transitions one is told of, and a commit that
fails leaves neither the status nor the event.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from app.domain.event import PER_REQUEST_EVENTS, SESSION_EVENTS, VALIDATION_EVENTS, Event
from app.domain.organization import Entity, KycValidation
from app.domain.session import BiometricSession
from app.domain.webhook import Delivery
from app.services.ports import Randomness
from app.services.store import UnitOfWork


def emit_session(uow: UnitOfWork, randomness: Randomness, session: BiometricSession, at: datetime) -> None:
    """The session has come to its status."""
    event = Event(
        event_id=randomness.object_id(),
        organization_id=session.organization_id,
        is_test=session.is_test,
        name=SESSION_EVENTS[session.status],
        object_id=session.session_id,
        at=at,
        entity=_entity_of(uow, session),
        session=session,
    )
    _emit(uow, randomness, event, session.webhook_url if event.name in PER_REQUEST_EVENTS else None)


def emit_validation(uow: UnitOfWork, randomness: Randomness, validation: KycValidation, at: datetime) -> None:
    """The validation has come to its status. One that is imported comes to its first and only one at once."""
    event = Event(
        event_id=randomness.object_id(),
        organization_id=validation.organization_id,
        is_test=validation.is_test,
        name=VALIDATION_EVENTS[validation.status],
        object_id=validation.validation_id,
        at=at,
        entity=_entity_of(uow, validation),
        validation=validation,
    )
    _emit(uow, randomness, event, None)


def _entity_of(uow: UnitOfWork, told: BiometricSession | KycValidation) -> Entity:
    entity = uow.entities.get(told.organization_id, told.is_test, told.entity_id)
    if entity is None:
        raise LookupError("a session or a validation without its entity")
    return entity


def _emit(uow: UnitOfWork, randomness: Randomness, event: Event, own_url: str | None) -> None:
    uow.events.add(event, [*_to_endpoints(uow, randomness, event), *_to_url(randomness, event, own_url)])


def _to_endpoints(uow: UnitOfWork, randomness: Randomness, event: Event) -> Iterator[Delivery]:
    for endpoint in uow.webhook_endpoints.enabled(event.organization_id, event.is_test):
        if endpoint.wants(event.name):
            yield _delivery(randomness, event, endpoint.endpoint_id, endpoint.url)


def _to_url(randomness: Randomness, event: Event, url: str | None) -> Iterator[Delivery]:
    if url is not None:
        yield _delivery(randomness, event, None, url)


def _delivery(randomness: Randomness, event: Event, endpoint_id: str | None, url: str) -> Delivery:
    return Delivery(
        delivery_id=randomness.object_id(),
        event_id=event.event_id,
        organization_id=event.organization_id,
        is_test=event.is_test,
        endpoint_id=endpoint_id,
        url=url,
        created_at=event.at,
        next_attempt_at=event.at,
    )
