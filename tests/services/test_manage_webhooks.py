"""Endpoints and deliveries in the hands of an organization: what holds when several do it at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from threading import Barrier

import pytest

from app.adapters.db.unit_of_work import SqlStore
from app.domain.errors import BonafideError, InvalidRequest, InvalidState, ObjectNotFound
from app.domain.event import Event, EventName
from app.domain.organization import Caller
from app.domain.webhook import Delivery, DeliveryStatus, WebhookEndpoint
from app.services.manage_deliveries import ManageDeliveries
from app.services.manage_webhooks import EndpointChange, ManageWebhooks
from tests.builders import Builder, add_organization, caller_of
from tests.fakes import FakeClock, SeededRandomness
from tests.services.desk import FakeSecrets

URL = "https://shop.example/hooks"
ROUNDS = 6
HOUR = timedelta(hours=1)
NOTHING = timedelta(0)


@dataclass
class World:
    store: SqlStore
    clock: FakeClock
    build: Builder
    caller: Caller
    webhooks: ManageWebhooks
    deliveries: ManageDeliveries

    def create(self, *patterns: str) -> WebhookEndpoint:
        return self.webhooks.create(self.caller, URL, patterns or ("*",)).endpoint

    def stored(self, endpoint: WebhookEndpoint) -> WebhookEndpoint:
        return self.webhooks.by_id(self.caller, endpoint.endpoint_id)

    def add_delivery(self, endpoint: WebhookEndpoint, status: DeliveryStatus) -> str:
        new_id, now = self.build.randomness.object_id, self.clock.now()
        organization = self.caller.organization
        entity = self.build.entity(organization)
        validation = self.build.validation(entity)
        where = (organization.organization_id, True)
        name = EventName.VALIDATION_CREATED
        event = Event(new_id(), *where, name, validation.validation_id, now, entity, validation=validation)
        delivery = Delivery(
            new_id(), event.event_id, *where, endpoint.endpoint_id, endpoint.url, now, now, status=status
        )
        with self.store.begin() as uow:
            uow.events.add(event, [delivery])
            uow.commit()
        return delivery.delivery_id

    def delivery(self, delivery_id: str) -> Delivery:
        return self.deliveries.by_id(self.caller, delivery_id)[0].delivery


def make_world(store: SqlStore, *, is_development: bool = False) -> World:
    clock, build = FakeClock(), Builder(SeededRandomness())
    caller = caller_of(add_organization(store, build.organization()))
    webhooks = ManageWebhooks(
        store=store,
        clock=clock,
        randomness=build.randomness,
        secrets=FakeSecrets(),
        endpoints_max=3,
        is_development=is_development,
    )
    deliveries = ManageDeliveries(store=store, clock=clock, randomness=build.randomness)
    return World(store, clock, build, caller, webhooks, deliveries)


@pytest.fixture
def world(sqlite_store: SqlStore) -> World:
    return make_world(sqlite_store)


@pytest.fixture
def racing_world(store: SqlStore) -> World:
    """On both databases."""
    return make_world(store)


def at_once(*deeds: Callable[[], object]) -> list[object]:
    """What each comes to, or the refusal; all begin together."""
    barrier = Barrier(len(deeds))

    def run(deed: Callable[[], object]) -> object:
        barrier.wait()
        try:
            return deed()
        except BonafideError as refusal:
            return refusal

    with ThreadPoolExecutor(len(deeds)) as threads:
        return list(threads.map(run, deeds))


@pytest.mark.parametrize(
    "url", ["http://localhost:8080/hooks", "http://127.0.0.1/", "http://[::1]:9/", "http://shop.localhost/"]
)
def test_plain_http_goes_to_loopback_only_and_in_development_only(sqlite_store: SqlStore, url: str) -> None:
    at_work = make_world(sqlite_store)
    with pytest.raises(InvalidRequest) as refusal:
        at_work.webhooks.create(at_work.caller, url, ["*"])
    assert list(refusal.value.fields) == ["url"]
    at_home = replace(at_work.webhooks, is_development=True)
    made = at_home.create(at_work.caller, url, ["*"]).endpoint
    assert at_home.change(at_work.caller, made.endpoint_id, EndpointChange(url=url)).url == url
    for outside in (
        "http://shop.example/",
        "http://10.0.0.1/",
        "https://localhost/",
        "https://user@shop.example/",
    ):
        with pytest.raises(InvalidRequest):
            at_home.create(at_work.caller, outside, ["*"])


def test_a_rotation_remembers_one_secret_before(world: World) -> None:
    made = world.create()
    first = world.webhooks.rotate_secret(world.caller, made.endpoint_id, HOUR)
    assert first.secret.startswith(f"secret 2 of {made.endpoint_id}")
    assert (first.endpoint.previous_secret_version, first.endpoint.previous_until) == (1, world.clock.now() + HOUR)
    world.clock.advance(minutes=10)
    second = world.webhooks.rotate_secret(world.caller, made.endpoint_id, HOUR)
    assert (second.endpoint.secret_version, second.endpoint.previous_secret_version) == (3, 2)
    third = world.webhooks.rotate_secret(world.caller, made.endpoint_id, NOTHING)
    assert (third.endpoint.previous_secret_version, third.endpoint.previous_until) == (None, None)
    assert world.stored(made) == third.endpoint


def test_the_end_of_an_overlap_is_the_clocks(world: World) -> None:
    rotated = world.webhooks.rotate_secret(world.caller, world.create().endpoint_id, HOUR).endpoint
    until = rotated.previous_until
    assert world.webhooks.previous_valid_until(rotated) == until
    world.clock.advance(minutes=59, seconds=59)
    assert world.webhooks.previous_valid_until(rotated) == until
    world.clock.advance(seconds=1)
    assert world.webhooks.previous_valid_until(rotated) is None


def test_enabling_again_forgets_why_it_was_disabled(world: World) -> None:
    made = world.create()
    with world.store.begin() as uow:
        uow.webhook_endpoints.save(replace(made, is_enabled=False, disabled_reason="gone"))
        uow.commit()
    still = world.webhooks.change(world.caller, made.endpoint_id, EndpointChange(url="https://new.example/"))
    assert (still.is_enabled, still.disabled_reason) == (False, "gone")
    same = world.webhooks.change(world.caller, made.endpoint_id, EndpointChange(is_enabled=False))
    assert same.disabled_reason == "gone", "it was disabled before"
    again = world.webhooks.change(world.caller, made.endpoint_id, EndpointChange(is_enabled=True))
    assert (again.is_enabled, again.disabled_reason) == (True, None)


def test_a_change_leaves_secrets_alone_and_a_rotation_the_rest(world: World) -> None:
    made = world.create("kyc.*")
    world.webhooks.change(world.caller, made.endpoint_id, EndpointChange(is_enabled=False))
    rotated = world.webhooks.rotate_secret(world.caller, made.endpoint_id, HOUR).endpoint
    changed = world.webhooks.change(world.caller, made.endpoint_id, EndpointChange(patterns=["*"]))
    assert changed == replace(rotated, patterns=("*",))
    assert not changed.is_enabled


@pytest.mark.parametrize("whose", ["another organization's", "the other mode's"])
def test_what_is_not_the_callers_is_not_found(world: World, whose: str) -> None:
    made = world.create()
    delivery_id = world.add_delivery(made, DeliveryStatus.FAILED)
    stranger = caller_of(world.caller.organization, is_test=False)
    if whose == "another organization's":
        stranger = caller_of(add_organization(world.store, world.build.organization("globex")))
    deeds: Sequence[Callable[[], object]] = [
        lambda: world.webhooks.by_id(stranger, made.endpoint_id),
        lambda: world.webhooks.change(stranger, made.endpoint_id, EndpointChange(is_enabled=False)),
        lambda: world.webhooks.rotate_secret(stranger, made.endpoint_id, HOUR),
        lambda: world.webhooks.remove(stranger, made.endpoint_id),
        lambda: world.deliveries.by_id(stranger, delivery_id),
        lambda: world.deliveries.redeliver(stranger, delivery_id),
    ]
    for deed in deeds:
        with pytest.raises(ObjectNotFound):
            deed()
    assert world.webhooks.page(stranger, 10, 0) == ([], 0)
    assert world.stored(made) == made


def test_of_rotations_at_once_each_has_a_secret_of_its_own(racing_world: World) -> None:
    world = racing_world
    made = world.create()
    rotate = partial(world.webhooks.rotate_secret, world.caller, made.endpoint_id, HOUR)
    secrets = [found.secret for found in at_once(*[rotate] * ROUNDS)]  # type: ignore[attr-defined]
    assert len(set(secrets)) == ROUNDS
    assert world.stored(made).secret_version == ROUNDS + 1


def test_of_changes_at_once_none_is_lost(racing_world: World) -> None:
    world = racing_world
    made = world.create()
    change = partial(world.webhooks.change, world.caller, made.endpoint_id)
    at_once(
        partial(change, EndpointChange(url="https://new.example/")),
        partial(change, EndpointChange(patterns=["kyc.*"])),
        partial(change, EndpointChange(is_enabled=False)),
        partial(world.webhooks.rotate_secret, world.caller, made.endpoint_id, HOUR),
    )
    found = world.stored(made)
    assert (found.url, found.patterns, found.is_enabled) == ("https://new.example/", ("kyc.*",), False)
    assert found.secret_version == 2


def test_the_last_place_is_taken_once(racing_world: World) -> None:
    world = racing_world
    world.create()
    world.create()
    found = at_once(*[world.create] * ROUNDS)
    assert sum(isinstance(one, WebhookEndpoint) for one in found) == 1
    assert all(isinstance(one, WebhookEndpoint | InvalidState) for one in found)
    assert world.webhooks.page(world.caller, 10, 0)[1] == 3


def test_a_removal_and_a_repetition_at_once_leave_nothing_pending(racing_world: World) -> None:
    """Whichever is first: nothing waits for an endpoint that is gone."""
    world = racing_world
    for _ in range(ROUNDS):
        made = world.create()
        delivery_id = world.add_delivery(made, DeliveryStatus.FAILED)
        removed, again = at_once(
            partial(world.webhooks.remove, world.caller, made.endpoint_id),
            partial(world.deliveries.redeliver, world.caller, delivery_id),
        )
        assert isinstance(removed, WebhookEndpoint)
        assert not isinstance(again, ObjectNotFound)
        assert world.delivery(delivery_id).status is DeliveryStatus.FAILED


def test_a_disabling_and_a_repetition_at_once_never_fail(racing_world: World) -> None:
    world = racing_world
    made = world.create()
    for _ in range(ROUNDS):
        delivery_id = world.add_delivery(made, DeliveryStatus.FAILED)
        disabled, again = at_once(
            partial(world.webhooks.change, world.caller, made.endpoint_id, EndpointChange(is_enabled=False)),
            partial(world.deliveries.redeliver, world.caller, delivery_id),
        )
        assert isinstance(disabled, WebhookEndpoint)
        expected = DeliveryStatus.FAILED if isinstance(again, InvalidState) else DeliveryStatus.PENDING
        assert world.delivery(delivery_id).status is expected
        world.webhooks.change(world.caller, made.endpoint_id, EndpointChange(is_enabled=True))


def test_removals_at_once_are_one_removal(racing_world: World) -> None:
    world = racing_world
    made = world.create()
    remove = partial(world.webhooks.remove, world.caller, made.endpoint_id)
    found = at_once(*[remove] * ROUNDS)
    assert sum(isinstance(one, WebhookEndpoint) for one in found) == 1
    assert sum(isinstance(one, ObjectNotFound) for one in found) == ROUNDS - 1


def test_what_was_refused_left_no_audit_entry(world: World) -> None:
    made = world.create()
    delivery_id = world.add_delivery(made, DeliveryStatus.PENDING)
    with pytest.raises(InvalidState):
        world.deliveries.redeliver(world.caller, delivery_id)
    with pytest.raises(InvalidRequest):
        world.webhooks.change(world.caller, made.endpoint_id, EndpointChange(url="https://10.0.0.1/"))
    with world.store.read() as uow:
        entries = uow.audit.of_organization(made.organization_id)
    assert [entry.action for entry in entries] == ["webhook.created"]
