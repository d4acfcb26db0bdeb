from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest
import sqlalchemy as sa

from app.adapters.db.tables import AuditEntryRow
from app.adapters.db.unit_of_work import SqlStore
from app.domain.comparison import TemplateFormat
from app.domain.errors import InvalidImage, InvalidRequest, StoreUnavailable
from app.domain.organization import AuditEntry, KycValidation, Organization
from app.matching.gallery import TemplateGallery
from app.services import search_enrolments
from app.services.load_gallery import LoadGallery
from app.services.search_enrolments import EnrolmentSearch, SearchEnrolments
from tests.builders import Builder, add_organization, caller_of
from tests.fakes import (
    FAKE_CALIBRATION,
    FAKE_FORMAT,
    FakeClock,
    FakeMatchingCore,
    FakeTemplateVault,
    MemoryBlobStore,
    SeededRandomness,
    face_of,
)


@dataclass
class World:
    store: SqlStore
    build: Builder
    organization: Organization
    core: FakeMatchingCore = field(default_factory=FakeMatchingCore)

    def enrol(self, portrait: bytes, *, is_test: bool = True) -> KycValidation:
        entity = self.build.entity(self.organization, is_test=is_test)
        return self.build.enrol(self.store, MemoryBlobStore(), entity, portrait)

    def search(self, portrait: bytes, limit: int = 10, *, is_test: bool = True) -> EnrolmentSearch:
        clock = FakeClock()
        template_format = self.core.template_format
        gallery = TemplateGallery(template_format, 128, FAKE_CALIBRATION)
        search = SearchEnrolments(
            store=self.store,
            core=self.core,
            load=LoadGallery(store=self.store, vault=FakeTemplateVault(), gallery=gallery, clock=clock),
            gallery=gallery,
            clock=clock,
            randomness=self.build.randomness,
        )
        return search(caller_of(self.organization, is_test=is_test), portrait, limit)

    def entries(self) -> list[dict[str, object]]:
        with self.store._readers.connect() as connection:
            statement = sa.select(AuditEntryRow.__table__).order_by(AuditEntryRow.sequence)
            return [dict(row) for row in connection.execute(statement).mappings()]


@pytest.fixture
def world(sqlite_store: SqlStore) -> World:
    build = Builder(SeededRandomness())
    return World(sqlite_store, build, add_organization(sqlite_store, build.organization()))


def test_a_portrait_finds_every_enrolment_of_the_same_face(world: World) -> None:
    first, twin, other = world.enrol(b"Ada"), world.enrol(b"Ada"), world.enrol(b"Eve")
    result = world.search(b"Ada")
    assert [found.validation_id for found in result.found] == [
        first.validation_id,
        twin.validation_id,
        other.validation_id,
    ]
    assert [found.entity_id for found in result.found] == [first.entity_id, twin.entity_id, other.entity_id]
    assert [found.is_match for found in result.found] == [True, True, False]
    assert (result.loaded.templates, result.not_described, result.faces) == (3, 0, 1)
    assert len(world.search(b"Ada", 1).found) == 1


def test_live_people_are_not_found_among_test_people(world: World) -> None:
    world.enrol(b"Ada", is_test=False)
    assert world.search(b"Ada").found == ()
    assert len(world.search(b"Ada", is_test=False).found) == 1


def test_a_search_is_recorded_without_saying_whom_it_found(world: World) -> None:
    ada = world.enrol(b"Ada")
    world.search(b"Ada")
    entry = world.entries()[-1]
    assert (entry["actor"], entry["action"]) == ("test", "enrolments.searched")
    assert (entry["object_type"], entry["object_id"]) == ("organization", world.organization.organization_id)
    assert entry["detail"] == {"candidates": 1, "templates": 1, "isTest": True}
    assert ada.entity_id not in str(entry)


def test_what_cannot_be_recorded_is_not_told(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> AuditEntry:
        raise StoreUnavailable("the disk is full")

    monkeypatch.setattr(search_enrolments, "record", full)
    with pytest.raises(StoreUnavailable):
        world.search(b"Ada")


def test_enrolments_that_the_present_recognizer_has_not_described_are_counted(world: World) -> None:
    world.enrol(b"Ada")
    world.core.template_format = TemplateFormat(FAKE_FORMAT.model_id, "2")
    result = world.search(b"Ada")
    assert (result.found, result.not_described) == ((), 1)


def test_a_picture_without_a_face_is_refused_and_searches_nothing(world: World) -> None:
    world.core.faces[b"wall"] = None
    world.core.broken.add(b"broken")
    with pytest.raises(InvalidRequest, match="no face"):
        world.search(b"wall")
    with pytest.raises(InvalidImage):
        world.search(b"broken")
    assert world.entries() == []


def test_several_faces_are_told(world: World) -> None:
    world.core.faces[b"crowd"] = replace(face_of(b"crowd"), faces=3)
    assert world.search(b"crowd").faces == 3
