"""Templates of several recognizers in the store, on both databases."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError

from app.adapters.db.session_repository import SqlBiometricSessions
from app.adapters.db.tables import WAITING_CAPTURES_INDEX, KycValidationRow
from app.adapters.db.unit_of_work import SqlStore
from app.domain.comparison import TemplateFormat
from app.domain.organization import Entity, KycValidation, Organization, StoredTemplate, ValidationStatus
from app.domain.session import HostedState, SessionStatus
from app.services.store import TemplateCount
from tests.builders import Builder, add_organization
from tests.fakes import EPOCH, SeededRandomness

OLD, NEW, THIRD = TemplateFormat("sface", "1"), TemplateFormat("sface", "2"), TemplateFormat("other", "2")


@pytest.fixture
def build() -> Builder:
    return Builder(SeededRandomness())


@pytest.fixture
def organization(store: SqlStore, build: Builder) -> Organization:
    return add_organization(store, build.organization())


@pytest.fixture
def entity(store: SqlStore, build: Builder, organization: Organization) -> Entity:
    return added(store, build.entity(organization))


def added(store: SqlStore, entity: Entity) -> Entity:
    with store.begin() as uow:
        uow.entities.add(entity)
        uow.commit()
    return entity


def enrolled(
    store: SqlStore, validation: KycValidation, *formats: TemplateFormat, portrait: str | None = "0" * 32
) -> str:
    """Its id."""
    with store.begin() as uow:
        uow.validations.add(replace(validation, portrait_blob_id=portrait))
        for template_format in formats:
            uow.templates.put(template(validation, template_format))
        uow.commit()
    return validation.validation_id


def template(validation: KycValidation, template_format: TemplateFormat, sealed: bytes = b"\0s") -> StoredTemplate:
    return StoredTemplate(
        validation.validation_id,
        validation.organization_id,
        validation.entity_id,
        validation.is_test,
        template_format.model_id,
        template_format.version,
        sealed,
        EPOCH,
    )


def reject(store: SqlStore, validation_id: str) -> None:
    with store._writers.begin() as connection:
        rejected = sa.update(KycValidationRow).where(KycValidationRow.validation_id == validation_id)
        connection.execute(rejected.values(status=ValidationStatus.REJECTED))


def test_templates_of_several_recognizers_live_side_by_side(
    store: SqlStore, build: Builder, entity: Entity
) -> None:
    validation = build.validation(entity)
    enrolled(store, validation, OLD, NEW, THIRD)
    with store.read() as uow:
        for template_format in (OLD, NEW, THIRD):
            found = uow.templates.get(validation.validation_id, template_format)
            assert found == template(validation, template_format)
            assert found.template_format == template_format
        assert uow.templates.get(validation.validation_id, TemplateFormat("other", "1")) is None
        assert uow.templates.get(entity.entity_id, NEW) is None


def test_putting_twice_replaces(store: SqlStore, build: Builder, entity: Entity) -> None:
    validation = build.validation(entity)
    enrolled(store, validation, OLD, NEW)
    later = replace(template(validation, NEW, b"later"), created_at=EPOCH + timedelta(days=1))
    with store.begin() as uow:
        uow.templates.put(later)
        uow.commit()
    with store.read() as uow:
        assert uow.templates.get(validation.validation_id, NEW) == later
        assert uow.templates.get(validation.validation_id, OLD) == template(validation, OLD)


def test_who_puts_the_same_at_once_does_not_fail(store: SqlStore, build: Builder, entity: Entity) -> None:
    validation = build.validation(entity)
    enrolled(store, validation)

    def put(number: int) -> None:
        with store.begin() as uow:
            uow.templates.put(template(validation, NEW, bytes([number])))
            uow.commit()

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(put, range(12)))
    with store.read() as uow:
        assert len(uow.templates.of_approved(entity.organization_id, True, NEW, "", 10)) == 1


def test_a_template_of_no_validation_is_refused(store: SqlStore, build: Builder, entity: Entity) -> None:
    with store.begin() as uow, pytest.raises(IntegrityError):
        uow.templates.put(template(build.validation(entity), NEW))


def test_a_gallery_is_paged_and_holds_approved_enrolments_of_one_tenant_mode_and_format(
    store: SqlStore, build: Builder, organization: Organization, entity: Entity
) -> None:
    mine = [enrolled(store, build.validation(entity), NEW, OLD) for _ in range(5)]
    rejected = enrolled(store, build.validation(entity), NEW)
    reject(store, rejected)
    enrolled(store, build.validation(entity), OLD)
    live = added(store, build.entity(organization, is_test=False))
    enrolled(store, build.validation(live), NEW)
    stranger = added(store, build.entity(add_organization(store, build.organization("globex"))))
    enrolled(store, build.validation(stranger), NEW)
    found, after = [], ""
    with store.read() as uow:
        while page := uow.templates.of_approved(organization.organization_id, True, NEW, after, 2):
            assert len(page) <= 2
            found += [one.validation_id for one in page]
            after = found[-1]
    assert found == sorted(mine)


def test_lacking_are_approved_enrolments_with_a_portrait_and_no_template_of_the_format(
    store: SqlStore, build: Builder, entity: Entity
) -> None:
    enrolled(store, build.validation(entity), OLD, NEW)
    lacking = [enrolled(store, build.validation(entity), *formats) for formats in ((OLD,), (), (OLD, THIRD))]
    enrolled(store, build.validation(entity, status=ValidationStatus.PENDING))
    enrolled(store, build.validation(entity), OLD, portrait=None)
    with store.read() as uow:
        first = uow.templates.lacking(NEW, "", 2)
        second = uow.templates.lacking(NEW, first[-1].validation_id, 2)
        assert [one.validation_id for one in [*first, *second]] == sorted(lacking)
        assert uow.templates.lacking(NEW, second[-1].validation_id, 2) == []
        assert first[0] == uow.validations.get(entity.organization_id, True, first[0].validation_id)
        assert uow.templates.count(NEW) == TemplateCount(
            approved=5, by_format={THIRD: 1, OLD: 4, NEW: 1}, lacking=4, lacking_without_portrait=1
        )


def test_other_formats_go_but_for_enrolments_that_have_nothing_else(
    store: SqlStore, build: Builder, organization: Organization, entity: Entity
) -> None:
    renewed = enrolled(store, build.validation(entity), OLD, NEW, THIRD)
    not_renewed = enrolled(store, build.validation(entity), OLD)
    without_portrait = enrolled(store, build.validation(entity), OLD, portrait=None)
    rejected = enrolled(store, build.validation(entity), OLD)
    reject(store, rejected)
    stranger = added(store, build.entity(add_organization(store, build.organization("globex"))))
    theirs = enrolled(store, build.validation(stranger), OLD, NEW)
    with store.begin() as uow:
        assert set(uow.templates.removable_of(NEW)) == {entity.organization_id, stranger.organization_id}
        assert uow.templates.remove_other_formats(organization.organization_id, NEW) == 3
        assert uow.templates.remove_other_formats(organization.organization_id, NEW) == 0
        assert uow.templates.removable_of(NEW) == [stranger.organization_id]
        uow.commit()
    with store.read() as uow:
        left = {
            (one, template_format)
            for one in (renewed, not_renewed, without_portrait, rejected, theirs)
            for template_format in (OLD, NEW, THIRD)
            if uow.templates.get(one, template_format)
        }
    assert left == {(renewed, NEW), (not_renewed, OLD), (without_portrait, OLD), (theirs, OLD), (theirs, NEW)}


def waiting_session(
    store: SqlStore, build: Builder, organization: Organization, minute: int, **session: object
) -> str:
    """A session whose capture came in at that minute; its hosted id."""
    changes = {"status": SessionStatus.IN_PROGRESS, **session}
    made, hosted = build.session(added(store, build.entity(organization)), **changes)
    captured_at = EPOCH + timedelta(minutes=minute)
    with store.begin() as uow:
        uow.sessions.add(made, replace(hosted, state=HostedState.CAPTURED, captured_at=captured_at))
        uow.commit()
    return hosted.hosted_session_id


def test_waiting_captures_come_oldest_first_and_without_those_that_ended(
    store: SqlStore, build: Builder, organization: Organization
) -> None:
    late, early, middle = (waiting_session(store, build, organization, minute) for minute in (9, 1, 5))
    waiting_session(store, build, organization, 2, status=SessionStatus.CANCELLED)
    waiting_session(store, build, organization, 3, is_in_review=True)
    consented, hosted = build.session(added(store, build.entity(organization)), status=SessionStatus.IN_PROGRESS)
    with store.begin() as uow:
        uow.sessions.add(consented, replace(hosted, state=HostedState.CONSENTED))
        uow.commit()
    with store.read() as uow:
        assert uow.sessions.waiting_captures(EPOCH + timedelta(hours=1), 10) == [early, middle, late]
        assert uow.sessions.waiting_captures(EPOCH + timedelta(hours=1), 2) == [early, middle]
        assert uow.sessions.waiting_captures(EPOCH + timedelta(minutes=5), 10) == [early]
        assert uow.sessions.waiting_captures(EPOCH, 10) == []


def test_looking_for_waiting_captures_reads_the_small_index(engine: Engine) -> None:
    """Of a bound parameter the database cannot know that the partial index holds all that is asked for."""
    said: list[str] = []

    @sa.event.listens_for(engine, "before_cursor_execute", retval=True)
    def explain(_c: object, _k: object, statement: str, parameters: object, *_more: object) -> tuple[str, object]:
        if "hosted_sessions" in statement:
            is_sqlite = engine.dialect.name == "sqlite"
            statement = f"EXPLAIN {'QUERY PLAN ' if is_sqlite else ''}{statement}"
        return statement, parameters

    @sa.event.listens_for(engine, "after_cursor_execute")
    def read(_c: object, cursor: object, statement: str, *_more: object) -> None:
        if statement.startswith("EXPLAIN"):
            said.append(str(cursor.fetchall()))  # type: ignore[attr-defined]

    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.exec_driver_sql("SET LOCAL enable_seqscan = off")  # an empty table is read whole otherwise
        SqlBiometricSessions(connection).waiting_captures(EPOCH, 4)
    assert WAITING_CAPTURES_INDEX in said[0]
