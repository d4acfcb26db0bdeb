"""Who is told of what, and that a consumer who follows the rules ends where the store is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.adapters.db.unit_of_work import SqlStore
from app.domain.event import PER_REQUEST_EVENTS, SESSION_EVENTS, Event, EventName
from app.domain.organization import Entity, Organization, ValidationStatus
from app.domain.session import ACTIVE_STATUSES, TRANSITIONS, BiometricSession, SessionStatus
from app.domain.webhook import Delivery, DeliveryStatus, WebhookEndpoint
from app.services.end_session import begin_session, end_session
from app.services.events import emit_session, emit_validation
from app.services.outbox_store import DeliveryFilter
from tests.builders import Builder, add_organization
from tests.fakes import EPOCH, SeededRandomness

OWN = "https://shop.example/of-this-session"


@dataclass
class World:
    """An organization, one of its entities, and the endpoints that are told."""

    store: SqlStore
    build: Builder
    organization: Organization
    entity: Entity

    def endpoint(self, *patterns: str, **changes: Any) -> WebhookEndpoint:
        new_id = self.build.randomness.object_id()
        url = f"https://shop.example/{new_id}"
        where = (self.organization.organization_id, True)
        endpoint = replace(WebhookEndpoint(new_id, *where, url, patterns, EPOCH, EPOCH), **changes)
        with self.store.begin() as uow:
            uow.webhook_endpoints.add(endpoint)
            uow.commit()
        return endpoint

    def emit(self, status: SessionStatus, **changes: Any) -> tuple[Event, list[Delivery]]:
        session, _ = self.build.session(self.entity, status=status, **changes)
        with self.store.begin() as uow:
            emit_session(uow, self.build.randomness, session, EPOCH)
            uow.commit()
        return self.last(session.is_test)

    def last(self, is_test: bool = True) -> tuple[Event, list[Delivery]]:
        event = self.events(is_test)[-1]
        wanted = DeliveryFilter(event.organization_id, is_test, event_id=event.event_id)
        with self.store.read() as uow:
            return event, list(uow.deliveries.page(wanted, 100, 0)[0])

    def events(self, is_test: bool = True) -> Sequence[Event]:
        with self.store.read() as uow:
            return uow.events.after(self.organization.organization_id, is_test, 0, 1_000)


@pytest.fixture
def world(store: SqlStore) -> World:
    return make_world(store)


def make_world(store: SqlStore, seed: int = 1, slug: str = "acme") -> World:
    build = Builder(SeededRandomness(seed))
    organization = add_organization(store, build.organization(slug))
    entity = build.entity(organization, external_id="customer-1")
    with store.begin() as uow:
        uow.entities.add(entity)
        uow.commit()
    return World(store, build, organization, entity)


def test_an_event_has_what_it_happened_to_and_whose_it_is_as_they_stand(world: World) -> None:
    event, _ = world.emit(SessionStatus.APPROVED, metadata={"order": 7})
    assert (event.name, event.sequence, event.at) == (EventName.SESSION_APPROVED, 1, EPOCH)
    assert event.session is not None
    assert (event.object_id, event.session.metadata) == (event.session.session_id, {"order": 7})
    assert (event.entity, event.validation) == (world.entity, None)


def test_endpoints_get_what_they_want(world: World) -> None:
    everything, sessions = world.endpoint("*"), world.endpoint("biometric.*", "kyc.validation_rejected")
    named = world.endpoint("biometric.session_approved")
    world.endpoint("kyc.*")
    world.endpoint("*", is_enabled=False)
    world.endpoint("*", is_test=False)
    event, deliveries = world.emit(SessionStatus.APPROVED)
    assert {one.endpoint_id for one in deliveries} == {
        everything.endpoint_id,
        sessions.endpoint_id,
        named.endpoint_id,
    }
    urls = {one.endpoint_id: one.url for one in deliveries}
    assert urls[named.endpoint_id] == named.url
    for one in deliveries:
        assert (one.event_id, one.status, one.next_attempt_at) == (event.event_id, DeliveryStatus.PENDING, EPOCH)
    _, deliveries = world.emit(SessionStatus.CANCELLED)
    assert {one.endpoint_id for one in deliveries} == {everything.endpoint_id, sessions.endpoint_id}


def test_another_organizations_endpoints_hear_nothing(world: World) -> None:
    other = add_organization(world.store, world.build.organization("globex"))
    world.endpoint("*", organization_id=other.organization_id)
    assert world.emit(SessionStatus.APPROVED)[1] == []


@pytest.mark.parametrize("status", list(SessionStatus))
def test_a_sessions_own_address_is_told_how_it_ended_unless_it_was_cancelled(
    world: World, status: SessionStatus
) -> None:
    event, deliveries = world.emit(status, webhook_url=OWN)
    is_told = status not in ACTIVE_STATUSES and status is not SessionStatus.CANCELLED
    assert event.name is SESSION_EVENTS[status]
    assert (event.name in PER_REQUEST_EVENTS) is is_told
    assert [(one.endpoint_id, one.url) for one in deliveries] == ([(None, OWN)] if is_told else [])


def test_live_events_are_told_to_live_endpoints(world: World) -> None:
    live_entity = world.build.entity(world.organization, is_test=False)
    with world.store.begin() as uow:
        uow.entities.add(live_entity)
        uow.commit()
    world.endpoint("*")
    live = world.endpoint("*", is_test=False)
    event, (delivery,) = replace(world, entity=live_entity).emit(SessionStatus.PENDING)
    assert (event.is_test, delivery.is_test, delivery.endpoint_id) == (False, False, live.endpoint_id)
    assert world.events(is_test=True) == []


@pytest.mark.parametrize("status", list(ValidationStatus))
def test_validations_are_told_of_by_their_status(world: World, status: ValidationStatus) -> None:
    endpoint = world.endpoint("kyc.*")
    validation = world.build.validation(world.entity, status=status)
    with world.store.begin() as uow:
        emit_validation(uow, world.build.randomness, validation, EPOCH)
        uow.commit()
    event, (delivery,) = world.last()
    name = "created" if status is ValidationStatus.PENDING else status.value
    assert event.name.value == f"kyc.validation_{name}"
    assert (event.validation, event.session, delivery.endpoint_id) == (validation, None, endpoint.endpoint_id)


@dataclass
class Consumer:
    """As the docs tell an integrator: a `webhook-id` counts once, and a lower `sequence` changes nothing."""

    seen: set[str] = field(default_factory=set)
    known: dict[str, tuple[int, SessionStatus]] = field(default_factory=dict)
    used: int = 0

    def take(self, event: Event) -> None:
        if event.event_id in self.seen:
            return
        self.seen.add(event.event_id)
        self.used += 1
        assert event.session is not None
        before, _ = self.known.get(event.object_id, (0, None))
        if event.sequence > before:
            self.known[event.object_id] = (event.sequence, event.session.status)


def step(world: World, session: BiometricSession, status: SessionStatus) -> BiometricSession:
    with world.store.begin() as uow:
        if status is SessionStatus.IN_PROGRESS:
            after = begin_session(uow, world.build.randomness, session, EPOCH)
        else:
            after = end_session(uow, world.build.randomness, session, status, EPOCH, actor="test")
        uow.commit()
    assert after is not None
    return after


def live(world: World, data: st.DataObject) -> dict[str, SessionStatus]:
    """A few sessions, moved on in any order; how each stands at last."""
    sessions: dict[str, BiometricSession] = {}
    for _ in range(data.draw(st.integers(1, 3), "sessions")):
        entity = world.build.entity(world.organization)
        session, hosted = world.build.session(entity)
        with world.store.begin() as uow:
            uow.entities.add(entity)
            uow.sessions.add(session, hosted)
            emit_session(uow, world.build.randomness, session, EPOCH)
            uow.commit()
        sessions[session.session_id] = session
    for _ in range(data.draw(st.integers(0, 6), "moves")):
        moves = [(one, to) for one in sessions.values() for to in sorted(TRANSITIONS[one.status])]
        if moves:
            session, status = data.draw(st.sampled_from(moves), "move")
            sessions[session.session_id] = step(world, session, status)
    return {session_id: session.status for session_id, session in sessions.items()}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_comes_twice_or_out_of_order_a_consumer_ends_where_the_store_is(
    sqlite_store: SqlStore, data: st.DataObject
) -> None:
    with sqlite_store.read() as uow:
        seed = 2 + len(uow.organizations.all())
    world = make_world(sqlite_store, seed, f"organization-{seed}")
    stands = live(world, data)
    told = world.events()
    again = data.draw(st.lists(st.sampled_from(told), max_size=10), "sent again")
    consumer = Consumer()
    for event in data.draw(st.permutations([*told, *again]), "as they come"):
        consumer.take(event)
    assert {session_id: status for session_id, (_, status) in consumer.known.items()} == stands
    assert consumer.used == len(told)
