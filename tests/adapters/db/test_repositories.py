from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from app.adapters.db.unit_of_work import SqlStore
from app.domain.challenge import Ability
from app.domain.errors import ActiveSessionExists, DuplicateEntity
from app.domain.organization import Capture, Entity, Organization, Scope, ValidationStatus
from app.domain.pause import Failure
from app.domain.session import BiometricSession, HostedSession, HostedState, SessionStatus, move
from app.domain.settings import OrganizationSettings, SettingsVersion
from app.domain.verdict import RejectionCode
from tests.builders import Builder, add_organization, decision, settings_version
from tests.fakes import EPOCH, SeededRandomness

LATER = EPOCH + timedelta(minutes=5, milliseconds=7)


@pytest.fixture
def build() -> Builder:
    return Builder(SeededRandomness())


@pytest.fixture
def organization(store: SqlStore, build: Builder) -> Organization:
    return add_organization(store, build.organization())


@pytest.fixture
def entity(store: SqlStore, build: Builder, organization: Organization) -> Entity:
    entity = build.entity(organization, external_id="customer-1", attributes={"b": [1, 2.5, None], "a": "ñ"})
    with store.begin() as uow:
        uow.entities.add(entity)
        uow.commit()
    return entity


def add_session(store: SqlStore, pair: tuple[BiometricSession, HostedSession]) -> BiometricSession:
    with store.begin() as uow:
        uow.sessions.add(*pair)
        uow.commit()
    return pair[0]


def test_organizations_come_back_as_they_went_in(store: SqlStore, build: Builder) -> None:
    organization = build.organization("globex", allowed_callback_urls=("https://a.example",), review_band=5.5)
    add_organization(store, organization)
    with store.read() as uow:
        assert uow.organizations.get(organization.organization_id) == organization
        assert uow.organizations.by_slug("globex") == organization
        assert uow.organizations.by_slug("nobody") is None


def test_settings_are_replaced_as_a_whole_and_those_of_before_are_kept(
    store: SqlStore, organization: Organization
) -> None:
    settings = OrganizationSettings(policy_version=2, score_decline_threshold=55.5)
    version = SettingsVersion(organization.organization_id, settings, LATER, "api_key:1")
    with store.begin() as uow:
        uow.settings.add(version)
        uow.commit()
    with store.read() as uow:
        found = uow.organizations.get(organization.organization_id)
        assert uow.settings.current(organization.organization_id) == version
        assert uow.settings.get(organization.organization_id, 1) == settings_version(organization)
        assert uow.settings.get(organization.organization_id, 3) is None
    assert found == replace(organization, settings=settings)


def test_keys_are_found_by_digest_and_revoked_once(
    store: SqlStore, build: Builder, organization: Organization
) -> None:
    key = build.api_key(organization, scopes=frozenset({Scope.SESSIONS_READ, Scope.MEDIA_READ}), expires_at=LATER)
    with store.begin() as uow:
        uow.api_keys.add(key)
        assert uow.api_keys.by_sha256(key.sha256) == key
        assert uow.api_keys.by_sha256("0" * 64) is None
        assert uow.api_keys.revoke(key.key_id, LATER)
        assert not uow.api_keys.revoke(key.key_id, LATER + timedelta(days=1))
        uow.commit()
    with store.read() as uow:
        assert uow.api_keys.of_organization(organization.organization_id) == [replace(key, revoked_at=LATER)]


def test_entities_belong_to_one_organization_and_one_mode(store: SqlStore, build: Builder, entity: Entity) -> None:
    other = add_organization(store, build.organization("globex"))
    with store.read() as uow:
        assert uow.entities.get(entity.organization_id, True, entity.entity_id) == entity
        assert uow.entities.get(entity.organization_id, False, entity.entity_id) is None
        assert uow.entities.get(other.organization_id, True, entity.entity_id) is None
        assert uow.entities.by_external_id(entity.organization_id, True, "customer-1") == entity
        assert uow.entities.by_external_id(other.organization_id, True, "customer-1") is None


@pytest.mark.parametrize(("field", "said"), [("external_id", "externalId"), ("tax_id", "taxId")])
def test_a_taken_name_is_refused_within_organization_and_mode_only(
    store: SqlStore, build: Builder, organization: Organization, field: str, said: str
) -> None:
    other = add_organization(store, build.organization("globex"))
    taken = {field: "20-1"}
    with store.begin() as uow:
        uow.entities.add(build.entity(organization, **taken))
        with pytest.raises(DuplicateEntity, match=said):
            uow.entities.add(build.entity(organization, **taken))
        uow.entities.add(build.entity(organization, is_test=False, **taken))
        uow.entities.add(build.entity(other, **taken))
        uow.entities.add(build.entity(organization))
        uow.entities.add(build.entity(organization))
        uow.commit()


def test_entities_are_paged_newest_first(store: SqlStore, build: Builder, organization: Organization) -> None:
    made = [build.entity(organization, name=str(number)) for number in range(5)]
    with store.begin() as uow:
        for entity in made:
            uow.entities.add(entity)
        uow.entities.add(build.entity(organization, is_test=False))
        uow.commit()
    with store.read() as uow:
        page, total = uow.entities.page(organization.organization_id, True, 2, 1)
    assert [entity.name for entity in page] == ["3", "2"]
    assert total == 5


def test_the_latest_approval_counts_not_the_latest_import(store: SqlStore, build: Builder, entity: Entity) -> None:
    newest = build.validation(entity, approved_at=LATER, metadata={"n": 1}, quality={"sharpness": 1.5})
    others = [
        build.validation(entity, approved_at=EPOCH),
        build.validation(entity, approved_at=LATER + timedelta(1), status=ValidationStatus.REJECTED),
        build.validation(entity, status=ValidationStatus.PENDING, approved_at=None),
    ]
    with store.begin() as uow:
        for validation in [newest, *others]:
            uow.validations.add(validation)
        uow.commit()
    with store.read() as uow:
        assert uow.validations.latest_approved(entity.organization_id, True, entity.entity_id) == newest
        assert uow.validations.latest_approved(entity.organization_id, False, entity.entity_id) is None
        assert uow.validations.get(entity.organization_id, True, newest.validation_id) == newest


def test_sessions_come_back_with_their_evidence(store: SqlStore, build: Builder, entity: Entity) -> None:
    session, hosted = build.session(
        entity,
        status=SessionStatus.REJECTED,
        callback="https://a.example/?x=1",
        metadata={"order": [3, 2, 1], "nested": {"ü": None}},
        avoid=frozenset({Ability.LOOK, Ability.BLINK}),
        challenges_at_least=5,
        completed_at=LATER,
        rejection_code=RejectionCode.FACE_MATCH_SCORE_LOW,
        decision=decision(),
    )
    hosted = replace(hosted, state=HostedState.DECIDED, evidence=decision(), consented_at=LATER, page_id="p")
    add_session(store, (session, hosted))
    with store.read() as uow:
        assert uow.sessions.by_hosted_id(session.hosted_session_id) == (session, hosted)
        assert uow.sessions.hosted_of(session.session_id) == hosted
        assert uow.sessions.get(entity.organization_id, True, session.session_id) == session
        assert uow.sessions.get(entity.organization_id, False, session.session_id) is None
        assert uow.sessions.by_hosted_id(session.session_id) is None


def test_a_second_active_session_names_the_first(store: SqlStore, build: Builder, entity: Entity) -> None:
    first = add_session(store, build.session(entity))
    with store.begin() as uow, pytest.raises(ActiveSessionExists) as refused:
        uow.sessions.add(*build.session(entity))
    assert refused.value.active_session_id == first.session_id


def test_parallel_sessions_of_one_entity_leave_one(store: SqlStore, build: Builder, entity: Entity) -> None:
    pairs = [build.session(entity) for _ in range(20)]

    def attempt(pair: tuple[BiometricSession, HostedSession]) -> str:
        try:
            return add_session(store, pair).session_id
        except ActiveSessionExists as refused:
            return f"refused for {refused.active_session_id}"

    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(attempt, pairs))
    winners = [outcome for outcome in outcomes if not outcome.startswith("refused")]
    assert len(winners) == 1
    assert outcomes.count(f"refused for {winners[0]}") == 19


def test_of_racing_moves_exactly_one_wins(store: SqlStore, build: Builder, entity: Entity) -> None:
    session = add_session(store, build.session(entity))
    moves = [move(session, status, LATER) for status in (SessionStatus.CANCELLED, SessionStatus.EXPIRED) * 5]

    def attempt(after: BiometricSession) -> SessionStatus | None:
        with store.begin() as uow:
            won = uow.sessions.swap(SessionStatus.PENDING, after)
            uow.commit()
        return after.status if won else None

    with ThreadPoolExecutor(8) as pool:
        won = [status for status in pool.map(attempt, moves) if status]
    assert len(won) == 1
    with store.read() as uow:
        found = uow.sessions.get(entity.organization_id, True, session.session_id)
    assert found is not None
    assert found.status is won[0]


def test_latest_created_and_latest_approved_differ(store: SqlStore, build: Builder, entity: Entity) -> None:
    def session(minutes: int, status: SessionStatus, completed: int | None = None) -> BiometricSession:
        at = EPOCH + timedelta(minutes=minutes)
        done = EPOCH + timedelta(minutes=completed) if completed else None
        return add_session(store, build.session(entity, created_at=at, status=status, completed_at=done))

    session(1, SessionStatus.APPROVED, completed=20)
    approved_last = session(2, SessionStatus.APPROVED, completed=30)
    session(3, SessionStatus.REJECTED, completed=40)
    created_last = session(4, SessionStatus.PENDING)
    where = (entity.organization_id, True, entity.entity_id)
    with store.read() as uow:
        assert uow.sessions.latest_created(*where) == created_last
        assert uow.sessions.latest_approved(*where) == approved_last
        assert uow.sessions.latest_created(entity.organization_id, False, entity.entity_id) is None


def test_failures_in_the_window_are_rejections_and_what_ended_early_once_it_had_begun(
    store: SqlStore, build: Builder, entity: Entity
) -> None:
    ends = [
        (0, SessionStatus.REJECTED, 1),
        (10, SessionStatus.REJECTED, 0),
        (11, SessionStatus.ABANDONED, 2),
        (12, SessionStatus.ABANDONED, 0),
        (13, SessionStatus.CANCELLED, 1),
        (15, SessionStatus.CANCELLED, 0),
        (14, SessionStatus.APPROVED, 2),
        (9, SessionStatus.REJECTED, 3),
    ]
    for minutes, status, attempts in ends:
        done = EPOCH + timedelta(minutes=minutes)
        add_session(store, build.session(entity, status=status, completed_at=done, attempts=attempts))
    with store.read() as uow:
        found = uow.sessions.failures_since(entity.entity_id, EPOCH + timedelta(minutes=5))
    assert found == [
        Failure(EPOCH + timedelta(minutes=minutes), attempts, is_rejected)
        for minutes, attempts, is_rejected in [(9, 3, True), (10, 0, True), (11, 2, False), (13, 1, False)]
    ]


def test_activity_is_noted_only_while_in_progress(store: SqlStore, build: Builder, entity: Entity) -> None:
    session = add_session(store, build.session(entity))
    with store.begin() as uow:
        uow.sessions.touch(session.session_id, LATER)
        assert uow.sessions.latest_created(entity.organization_id, True, entity.entity_id) == session
        started = move(session, SessionStatus.IN_PROGRESS, EPOCH)
        assert uow.sessions.swap(SessionStatus.PENDING, started)
        uow.sessions.touch(session.session_id, LATER)
        found = uow.sessions.get(entity.organization_id, True, session.session_id)
    assert found == replace(started, last_activity_at=LATER)


def test_captures_are_listed_in_the_order_they_came(store: SqlStore, build: Builder, entity: Entity) -> None:
    session = add_session(store, build.session(entity))
    captures = [
        Capture(
            build.randomness.object_id(),
            entity.organization_id,
            entity.entity_id,
            session.session_id,
            kind,
            "0" * 32,
            "image/jpeg",
            "0" * 64,
            EPOCH,
        )
        for kind in ("selfie", "still", "challenge-1")
    ]
    with store.begin() as uow:
        for capture in captures:
            uow.captures.add(capture)
        uow.commit()
    with store.read() as uow:
        assert uow.captures.of_session(session.session_id) == captures


def test_audit_entries_are_numbered_without_gaps_within_their_organization(
    store: SqlStore, build: Builder, organization: Organization
) -> None:
    other = add_organization(store, build.organization("globex"))
    entries = [build.audit_entry(owner, f"a.{n}") for n in range(10) for owner in (organization, other)]

    def write(number: int) -> None:
        with store.begin() as uow:
            uow.audit.add(entries[number])
            uow.audit.add(entries[number + 1])
            uow.commit()

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(write, range(0, 20, 2)))
    with store.read() as uow:
        mine = uow.audit.of_organization(organization.organization_id)
        theirs = uow.audit.of_organization(other.organization_id)
    assert sorted(entry.action for entry in mine) == [f"a.{n}" for n in range(10)]
    assert len(theirs) == 10


def test_an_audit_entry_of_a_rolled_back_change_is_gone_with_it(
    store: SqlStore, build: Builder, organization: Organization
) -> None:
    with store.begin() as uow:
        uow.audit.add(build.audit_entry(organization))
    with store.read() as uow:
        assert uow.audit.of_organization(organization.organization_id) == []


def test_times_come_back_in_utc_whatever_they_went_in_as(
    store: SqlStore, build: Builder, organization: Organization
) -> None:
    local = datetime(2026, 1, 1, 1, 30, 0, 123000, tzinfo=timezone(timedelta(hours=2)))
    with store.begin() as uow:
        entity = build.entity(organization, created_at=local)
        uow.entities.add(entity)
        uow.commit()
    with store.read() as uow:
        found = uow.entities.get(organization.organization_id, True, entity.entity_id)
    assert found is not None
    assert found.created_at.isoformat() == "2025-12-31T23:30:00.123000+00:00"
    assert found.created_at.tzinfo is UTC
