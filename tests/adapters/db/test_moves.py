"""Compare-and-swap of validations, and what a page of sessions holds."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from app.adapters.db.unit_of_work import SqlStore
from app.domain.organization import Entity, ValidationStatus, move_validation
from app.domain.session import HostedState
from app.services.store import SessionFilter
from tests.builders import Builder, add_organization
from tests.fakes import EPOCH, SeededRandomness

LATER = EPOCH + timedelta(minutes=5)


@pytest.fixture
def build() -> Builder:
    return Builder(SeededRandomness())


@pytest.fixture
def entity(store: SqlStore, build: Builder) -> Entity:
    entity = build.entity(add_organization(store, build.organization()))
    with store.begin() as uow:
        uow.entities.add(entity)
        uow.commit()
    return entity


def test_a_validation_is_written_only_where_it_still_stands_as_it_was_read(
    store: SqlStore, build: Builder, entity: Entity
) -> None:
    validation = build.validation(entity, metadata={"a": 1}, quality={"sharpness": 1.5}, portrait_blob_id="p")
    other = build.validation(entity)
    with store.begin() as uow:
        uow.validations.add(validation)
        uow.validations.add(other)
        uow.commit()
    rejected = move_validation(validation, ValidationStatus.REJECTED, LATER)
    with store.begin() as uow:
        assert not uow.validations.swap(ValidationStatus.IN_REVIEW, rejected)
        assert uow.validations.swap(ValidationStatus.APPROVED, rejected)
        assert not uow.validations.swap(ValidationStatus.APPROVED, rejected)
        uow.commit()
    where = (entity.organization_id, True)
    with store.read() as uow:
        assert uow.validations.get(*where, validation.validation_id) == rejected
        assert uow.validations.get(*where, other.validation_id) == other
        assert uow.validations.latest_created(*where, entity.entity_id) == other
        assert uow.validations.of_entity(*where, entity.entity_id, 1, 1) == ([rejected], 2)
        assert uow.validations.of_entity(entity.organization_id, False, entity.entity_id, 9, 0) == ([], 0)


def test_a_page_holds_sessions_as_they_are_stored_and_their_hosted_ones_are_found_at_once(
    store: SqlStore, build: Builder, entity: Entity
) -> None:
    session, hosted = build.session(entity)
    hosted = replace(hosted, state=HostedState.CONSENTED)
    with store.begin() as uow:
        uow.sessions.add(session, hosted)
        uow.commit()
    wanted = SessionFilter(entity.organization_id, is_test=True, now=session.expires_at, silent_since=EPOCH)
    with store.read() as uow:
        assert uow.sessions.page(wanted, 10, 0) == ([session], 1)
        assert uow.sessions.page(wanted, 10, 1) == ([], 1)
        assert uow.sessions.page(replace(wanted, is_test=False), 10, 0) == ([], 0)
        assert uow.sessions.hosted_of_all([session.session_id]) == {session.session_id: hosted}
        assert uow.sessions.hosted_of_all([]) == {}
