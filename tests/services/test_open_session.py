from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest

from app.adapters.db.unit_of_work import SqlStore
from app.domain.challenge import Ability
from app.domain.errors import (
    ActiveSessionExists,
    BonafideError,
    EntityPaused,
    InvalidRequest,
    KycNotApproved,
    NoReferencePortrait,
    ObjectNotFound,
    WorkflowNotConfigured,
)
from app.domain.organization import Entity, Organization, ValidationStatus
from app.domain.session import BiometricSession, HostedState, SessionStatus, move
from app.domain.settings import Workflow
from app.services.open_session import OpenSession, SessionRequest
from tests.builders import Builder, add_organization, caller_of
from tests.fakes import EPOCH, FakeClock, MemoryBlobStore, SeededRandomness

UNKNOWN_ID = "01900000-0000-7000-8000-ffffffffffff"


@dataclass
class World:
    """One organization with one enrolled person."""

    store: SqlStore
    clock: FakeClock
    build: Builder
    blobs: MemoryBlobStore
    organization: Organization
    entity: Entity

    def open(self, is_development: bool = False, is_test: bool = True, **request: Any) -> BiometricSession:
        use_case = OpenSession(
            store=self.store,
            blobs=self.blobs,
            clock=self.clock,
            randomness=self.build.randomness,
            session_lifetime=timedelta(hours=24),
            abandon_after=timedelta(minutes=15),
            is_development=is_development,
        )
        request = {"entity_id": self.entity.entity_id, **request}
        return use_case(caller_of(self.organization, is_test=is_test), SessionRequest(**request))

    def stored(self, session: BiometricSession) -> BiometricSession | None:
        with self.store.read() as uow:
            return uow.sessions.get(session.organization_id, session.is_test, session.session_id)

    def with_settings(self, **settings: Any) -> None:
        self.organization = replace(self.organization, settings=replace(self.organization.settings, **settings))

    def end(
        self, session: BiometricSession, status: SessionStatus, minutes_ago: float = 0, attempts: int = 0
    ) -> None:
        at = self.clock.now() - timedelta(minutes=minutes_ago)
        with self.store.begin() as uow:
            hosted = uow.sessions.hosted_of(session.session_id)
            uow.sessions.save_hosted(replace(hosted, attempts_used=attempts))
            started = move(session, SessionStatus.IN_PROGRESS, at)
            assert uow.sessions.swap(session.status, started)
            assert uow.sessions.swap(started.status, move(started, status, at))
            uow.commit()


@pytest.fixture
def world(sqlite_store: SqlStore) -> World:
    build, blobs = Builder(SeededRandomness()), MemoryBlobStore()
    organization = add_organization(sqlite_store, build.organization(default_language="es"))
    entity = build.enrolled(sqlite_store, blobs, organization)
    return World(sqlite_store, FakeClock(), build, blobs, organization, entity)


def test_a_session_is_stored_with_its_hosted_part_and_its_audit_entry(world: World) -> None:
    session = world.open(
        callback="https://a.example/done",
        webhook_url="https://a.example/hook",
        metadata={"order": 7},
        avoid=frozenset({Ability.BLINK}),
        has_more_time=True,
        challenges=5,
        expires_in=timedelta(minutes=10),
    )
    assert session.status is SessionStatus.PENDING
    assert session.expires_at == EPOCH + timedelta(minutes=10)
    assert (session.language, session.workflow_id) == (None, "default")
    assert world.stored(session) == session
    with world.store.read() as uow:
        assert uow.sessions.hosted_of(session.session_id).state is HostedState.CREATED
        (entry,) = uow.audit.of_organization(world.organization.organization_id)
    assert (entry.action, entry.object_id, entry.actor) == (
        "biometric_session.created",
        session.session_id,
        "test",
    )


def test_a_day_is_the_default_lifetime(world: World) -> None:
    assert world.open().expires_at == EPOCH + timedelta(hours=24)


def test_the_language_asked_for_wins_and_an_unknown_one_falls_back(world: World) -> None:
    assert world.open(language="pt-BR").language == "pt"
    world.clock.advance(days=2)
    assert world.open(language="klingon").language == "es"


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        ({"callback": "http://a.example"}, InvalidRequest),
        ({"webhook_url": "https://127.0.0.1/"}, InvalidRequest),
        ({"workflow_id": "unknown"}, WorkflowNotConfigured),
        ({"workflow_id": "unknown", "entity_id": UNKNOWN_ID}, WorkflowNotConfigured),
        ({"callback": "nowhere", "entity_id": UNKNOWN_ID}, InvalidRequest),
        ({"entity_id": UNKNOWN_ID}, ObjectNotFound),
        ({"is_test": False}, ObjectNotFound),
    ],
)
def test_refusals_come_in_the_order_of_the_contract(
    world: World, request_: dict[str, Any], reason: type[BonafideError]
) -> None:
    with pytest.raises(reason):
        world.open(**request_)


def test_both_wrong_addresses_are_named_at_once(world: World) -> None:
    with pytest.raises(InvalidRequest) as refused:
        world.open(callback="nowhere", webhook_url="http://a.example")
    assert set(refused.value.fields) == {"callback", "webhookUrl"}


def test_plain_http_webhooks_to_loopback_are_for_development(world: World) -> None:
    with pytest.raises(InvalidRequest):
        world.open(webhook_url="http://127.0.0.1:9/")
    assert world.open(is_development=True, webhook_url="http://127.0.0.1:9/").webhook_url


def test_callbacks_outside_the_organizations_list_are_refused(world: World) -> None:
    world.with_settings(allowed_callback_urls=("https://a.example/app",))
    with pytest.raises(InvalidRequest):
        world.open(callback="https://b.example/app")
    assert world.open(callback="https://a.example/app/x").callback == "https://a.example/app/x"


@pytest.mark.parametrize(
    ("default", "wished", "used"),
    [("default", None, "default"), ("own", None, "own"), ("default", "own", "own"), (None, "own", "own")],
)
def test_a_session_has_the_workflow_it_names_or_the_organizations(
    world: World, default: str | None, wished: str | None, used: str
) -> None:
    workflows = (Workflow("default"), Workflow("own"))
    world.with_settings(workflows=workflows, biometric_workflow_id=default)
    assert world.open(workflow_id=wished).workflow_id == used


@pytest.mark.parametrize(("default", "wished"), [(None, None), (None, "unknown"), ("default", "")])
def test_without_a_workflow_no_session_opens(world: World, default: str | None, wished: str | None) -> None:
    world.with_settings(biometric_workflow_id=default)
    with pytest.raises(WorkflowNotConfigured):
        world.open(workflow_id=wished)


@pytest.mark.parametrize("status", [ValidationStatus.REJECTED, ValidationStatus.PENDING])
def test_without_an_approved_validation_there_is_nothing_to_compare_with(
    world: World, status: ValidationStatus
) -> None:
    entity = world.build.entity(world.organization)
    with world.store.begin() as uow:
        uow.entities.add(entity)
        uow.validations.add(world.build.validation(entity, status=status))
        uow.commit()
    with pytest.raises(KycNotApproved):
        world.open(entity_id=entity.entity_id)


def test_a_portrait_that_cannot_be_read_is_none(world: World) -> None:
    world.blobs.blobs.clear()
    with pytest.raises(NoReferencePortrait):
        world.open()


def test_an_approval_without_portrait_is_no_reference(world: World) -> None:
    entity = world.build.entity(world.organization)
    with world.store.begin() as uow:
        uow.entities.add(entity)
        uow.validations.add(world.build.validation(entity))
        uow.commit()
    with pytest.raises(NoReferencePortrait):
        world.open(entity_id=entity.entity_id)


def test_one_active_session_stands_in_the_way(world: World) -> None:
    first = world.open()
    with pytest.raises(ActiveSessionExists) as refused:
        world.open()
    assert refused.value.active_session_id == first.session_id


def test_a_session_that_nobody_saw_expire_does_not(world: World) -> None:
    first = world.open()
    world.clock.advance(hours=24)
    second = world.open()
    stored = world.stored(first)
    assert stored is not None
    assert stored.status is SessionStatus.EXPIRED
    assert second.status is SessionStatus.PENDING


def test_five_failures_in_a_day_pause_the_entity_until_the_first_is_a_day_old(world: World) -> None:
    for minutes_ago in (600, 500, 400, 300, 200):
        world.end(world.open(), SessionStatus.REJECTED, minutes_ago)
    with pytest.raises(EntityPaused) as refused:
        world.open()
    assert refused.value.retry_after_seconds == (24 * 60 - 600) * 60
    world.clock.advance(minutes=24 * 60 - 600, seconds=1)
    assert world.open().status is SessionStatus.PENDING


def test_the_pause_comes_before_the_active_session(world: World) -> None:
    for minutes_ago in (5, 4, 3, 2, 1):
        world.end(world.open(), SessionStatus.REJECTED, minutes_ago)
    session, hosted = world.build.session(world.entity, created_at=EPOCH)
    with world.store.begin() as uow:
        uow.sessions.add(session, hosted)
        uow.commit()
    with pytest.raises(EntityPaused):
        world.open()


@pytest.mark.parametrize(("attempts", "pauses_after"), [(0, None), (1, 15), (2, 8), (3, 5)])
def test_sessions_that_were_left_count_by_their_attempts(
    world: World, attempts: int, pauses_after: int | None
) -> None:
    """Whoever leaves before the last attempt would guess for ever."""
    for number in range(16):
        if number == pauses_after:
            with pytest.raises(EntityPaused):
                world.open()
            return
        world.end(world.open(), SessionStatus.ABANDONED, attempts=attempts)
    assert pauses_after is None
