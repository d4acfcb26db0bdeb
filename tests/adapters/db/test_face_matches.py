"""Face matches in the store, on both databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import alembic.command
import pytest
import sqlalchemy as sa
from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError

from app.adapters.db.engine import make_engine
from app.adapters.db.migrate import _config, upgrade
from app.adapters.db.tables import OrganizationRow
from app.adapters.db.unit_of_work import SqlStore
from app.domain.check import CheckStatus, FaceMatch
from app.domain.organization import Entity, Organization, ValidationStatus
from tests.builders import Builder, add_organization
from tests.fakes import EPOCH, SeededRandomness


@pytest.fixture
def build() -> Builder:
    return Builder(SeededRandomness())


@pytest.fixture
def organization(store: SqlStore, build: Builder) -> Organization:
    return add_organization(store, build.organization())


@pytest.fixture
def entity(store: SqlStore, build: Builder, organization: Organization) -> Entity:
    entity = build.entity(organization)
    with store.begin() as uow:
        uow.entities.add(entity)
        uow.commit()
    return entity


def face_match(build: Builder, organization: Organization, **changes: object) -> FaceMatch:
    match = FaceMatch(
        face_match_id=build.randomness.object_id(),
        organization_id=organization.organization_id,
        is_test=True,
        entity_id=None,
        status=CheckStatus.FAILED,
        is_match=False,
        score=None,
        threshold=30.0,
        warnings=(),
        request_id="req_1",
        triggered_by="api_key:1",
        created_at=EPOCH,
        error_message="The image is broken.",
    )
    return replace(match, **changes)  # type: ignore[arg-type]


def added(store: SqlStore, *matches: FaceMatch) -> None:
    with store.begin() as uow:
        for match in matches:
            uow.face_matches.add(match)
        uow.commit()


def page(
    store: SqlStore, organization: Organization, *, is_test: bool = True, **how: object
) -> tuple[list[FaceMatch], int]:
    asked = {"entity_id": None, "status": None, "limit": 50, "offset": 0, **how}
    with store.read() as uow:
        found, total = uow.face_matches.page(organization.organization_id, is_test, **asked)  # type: ignore[arg-type]
    return list(found), total


def test_they_come_back_as_they_went_in(
    store: SqlStore, build: Builder, organization: Organization, entity: Entity
) -> None:
    failed = face_match(build, organization)
    done = face_match(
        build,
        organization,
        entity_id=entity.entity_id,
        status=CheckStatus.IN_REVIEW,
        is_match=True,
        score=85.53,
        threshold=12.5,
        warnings=("MULTIPLE_FACES_DETECTED", "LOW_FACE_MATCH_SIMILARITY"),
        vendor_data="ñ" * 1024,
        error_message=None,
        document_blob_id="0" * 32,
        selfie_blob_id="1" * 32,
        created_at=EPOCH + timedelta(milliseconds=7),
    )
    added(store, failed, done)
    with store.read() as uow:
        for match in (failed, done):
            assert uow.face_matches.get(organization.organization_id, True, match.face_match_id) == match
    assert page(store, organization) == ([done, failed], 2)


def test_they_are_seen_only_in_their_organization_and_mode(
    store: SqlStore, build: Builder, organization: Organization
) -> None:
    match = face_match(build, organization)
    added(store, match)
    other = add_organization(store, build.organization("globex"))
    with store.read() as uow:
        assert uow.face_matches.get(organization.organization_id, False, match.face_match_id) is None
        assert uow.face_matches.get(other.organization_id, True, match.face_match_id) is None
    assert page(store, organization, is_test=False) == page(store, other) == ([], 0)


def test_pages_are_newest_first_and_the_total_is_that_of_the_filter(
    store: SqlStore, build: Builder, organization: Organization, entity: Entity
) -> None:
    made = [
        face_match(
            build,
            organization,
            created_at=EPOCH + timedelta(seconds=number // 2),
            entity_id=entity.entity_id if number < 4 else None,
            status=CheckStatus.APPROVED if number % 2 else CheckStatus.FAILED,
        )
        for number in range(6)
    ]
    added(store, *made)
    assert page(store, organization, limit=2, offset=1) == ([made[4], made[3]], 6)
    assert page(store, organization, entity_id=entity.entity_id) == (made[3::-1], 4)
    assert page(store, organization, entity_id=entity.entity_id, status=CheckStatus.APPROVED, limit=1) == (
        [made[3]],
        2,
    )
    assert page(store, organization, offset=6) == ([], 6)


def test_an_entity_that_is_named_is_there(store: SqlStore, build: Builder, organization: Organization) -> None:
    with pytest.raises(IntegrityError):
        added(store, face_match(build, organization, entity_id=build.randomness.object_id()))


def test_approved_validations_are_all_found_the_latest_approval_first(
    store: SqlStore, build: Builder, entity: Entity
) -> None:
    approved = [build.validation(entity, approved_at=EPOCH + timedelta(days=days)) for days in (1, 3, 2)]
    others = [
        build.validation(entity, status=status)
        for status in ValidationStatus
        if status is not ValidationStatus.APPROVED
    ]
    with store.begin() as uow:
        for validation in (*approved, *others):
            uow.validations.add(validation)
        uow.commit()
    with store.read() as uow:
        found = uow.validations.approved_of(entity.organization_id, True, entity.entity_id)
        assert uow.validations.approved_of(entity.organization_id, False, entity.entity_id) == []
    assert found == [approved[1], approved[2], approved[0]]


def test_settings_of_before_have_a_webhook_secret_and_no_floor(
    store: SqlStore, engine: Engine, organization: Organization
) -> None:
    with engine.begin() as connection:
        rows = sa.Table("organizations", sa.MetaData(), autoload_with=connection)
        connection.execute(rows.update().values(settings={"policy_version": 4, "review_band": 5.0}))
    with store.read() as uow:
        found = uow.organizations.get(organization.organization_id)
    assert found is not None
    assert (found.settings.kyc_webhook_secret_version, found.settings.score_floor) == (1, None)


def test_the_tables_go_and_come_again(empty_database_url: str) -> None:
    upgrade(empty_database_url)
    engine = make_engine(empty_database_url)
    for command, revision, is_there in (
        (alembic.command.downgrade, "0002", False),
        (alembic.command.upgrade, "0003", True),
    ):
        with engine.begin() as connection:
            config = _config()
            config.attributes["connection"] = connection
            command(config, revision)
        assert sa.inspect(engine).has_table("face_matches") is is_there
        assert sa.inspect(engine).has_table(OrganizationRow.__tablename__)
    engine.dispose()
