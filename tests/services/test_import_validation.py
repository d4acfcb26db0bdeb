from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import pytest

from app.adapters.db.unit_of_work import SqlStore, SqlUnitOfWork
from app.domain.comparison import TemplateFormat
from app.domain.errors import InvalidRequest, MatchingUnavailable, ObjectNotFound, StoreUnavailable
from app.domain.organization import Entity, KycValidation, Organization, ValidationStatus
from app.services.enrolment import PORTRAIT, address_of, read_portrait, read_template
from app.services.import_validation import ImportValidation, ValidationImport
from tests.builders import Builder, add_organization, caller_of
from tests.fakes import (
    EPOCH,
    FAKE_FORMAT,
    FakeClock,
    FakeMatchingCore,
    FakeTemplateVault,
    MemoryBlobStore,
    SeededRandomness,
    face_of,
)
from tests.searching import search_probe

PICTURE = b"a picture"


@dataclass
class World:
    store: SqlStore
    blobs: MemoryBlobStore
    core: FakeMatchingCore
    organization: Organization
    entity: Entity
    use_case: ImportValidation

    def bring(self, portrait: bytes = PICTURE, **more: object) -> KycValidation:
        request = ValidationImport(self.entity.entity_id, portrait, **more)  # type: ignore[arg-type]
        return self.use_case(caller_of(self.organization), request)


@pytest.fixture
def world(sqlite_store: SqlStore) -> World:
    build, blobs, core = Builder(SeededRandomness()), MemoryBlobStore(), FakeMatchingCore()
    organization = add_organization(sqlite_store, build.organization())
    entity = build.entity(organization)
    with sqlite_store.begin() as uow:
        uow.entities.add(entity)
        uow.commit()
    use_case = ImportValidation(
        store=sqlite_store,
        blobs=blobs,
        vault=FakeTemplateVault(),
        core=core,
        search=search_probe(sqlite_store, blobs, core, FakeClock()),
        clock=FakeClock(),
        randomness=build.randomness,
        image_max_bytes=1000,
    )
    return World(sqlite_store, blobs, core, organization, entity, use_case)


def test_portrait_and_template_are_kept_with_the_validation(world: World) -> None:
    approved_at = EPOCH - timedelta(days=3)
    validation = world.bring(approved_at=approved_at, external_session_id="s-1", metadata={"a": 1})
    assert validation.status is ValidationStatus.APPROVED
    assert validation.approved_at == approved_at
    assert validation.quality == {"interocular_px": 100, "sharpness": 100, "face_width_px": 200}
    with world.store.read() as uow:
        where = (validation.organization_id, True, validation.entity_id)
        assert uow.validations.latest_approved(*where) == validation
        (entry,) = uow.audit.of_organization(validation.organization_id)
    assert (entry.action, entry.object_id) == ("kyc_validation.imported", validation.validation_id)
    assert read_portrait(world.blobs, validation) == PICTURE
    assert validation.portrait_blob_id
    assert world.blobs.blobs[validation.portrait_blob_id][0] == address_of(validation, PORTRAIT)
    template = read_template(world.store, FakeTemplateVault(), validation, FAKE_FORMAT)
    assert template is not None
    assert read_template(world.store, FakeTemplateVault(), validation, TemplateFormat("another", "1")) is None
    np.testing.assert_array_equal(template.vector, face_of(PICTURE).template.vector)


def test_without_a_time_the_approval_is_of_now(world: World) -> None:
    assert world.bring().approved_at == EPOCH


def test_an_approval_from_the_future_is_refused_but_for_skewed_clocks(world: World) -> None:
    assert world.bring(approved_at=EPOCH + timedelta(minutes=5)).approved_at
    with pytest.raises(InvalidRequest) as refused:
        world.bring(approved_at=EPOCH + timedelta(minutes=6))
    assert set(refused.value.fields) == {"approvedAt"}


@pytest.mark.parametrize(
    ("width", "second_face_ratio", "is_taken"),
    [(60, 0, True), (59.9, 0, False), (200, 0.49, True), (200, 0.5, False), (200, 1, False)],
)
def test_one_clear_face_is_needed(world: World, width: float, second_face_ratio: float, is_taken: bool) -> None:
    world.core.faces[PICTURE] = face_of(PICTURE, width=width, second_face_ratio=second_face_ratio)
    if is_taken:
        assert world.bring().portrait_blob_id
        return
    with pytest.raises(InvalidRequest) as refused:
        world.bring()
    assert set(refused.value.fields) == {"portrait"}
    assert world.blobs.blobs == {}


def test_pictures_without_face_broken_and_huge_ones_are_refused(world: World) -> None:
    world.core.faces[PICTURE] = None
    world.core.broken.add(b"broken")
    for portrait in (PICTURE, b"broken", b"x" * 1001):
        with pytest.raises(InvalidRequest):
            world.bring(portrait)
    assert world.blobs.blobs == {}


def test_an_unknown_entity_is_not_found_after_the_picture_was_judged(world: World) -> None:
    world.entity = Builder(SeededRandomness(2)).entity(
        world.organization, entity_id="0" * 8 + "-0000" * 3 + "-" + "0" * 12
    )
    with pytest.raises(ObjectNotFound):
        world.bring()
    world.core.broken.add(PICTURE)
    with pytest.raises(InvalidRequest):
        world.bring()


def test_outages_are_told_and_leave_no_row(world: World) -> None:
    world.core.is_away = True
    with pytest.raises(MatchingUnavailable):
        world.bring()
    world.core.is_away = False
    world.blobs.is_read_only = True
    with pytest.raises(StoreUnavailable):
        world.bring()
    with world.store.read() as uow:
        where = (world.organization.organization_id, True, world.entity.entity_id)
        assert uow.validations.latest_approved(*where) is None


def test_an_import_that_cannot_be_written_leaves_no_image_behind(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def out_of_reach() -> SqlUnitOfWork:
        raise StoreUnavailable("away")

    monkeypatch.setattr(world.store, "begin", out_of_reach)
    with pytest.raises(StoreUnavailable):
        world.bring()
    assert world.blobs.blobs == {}
