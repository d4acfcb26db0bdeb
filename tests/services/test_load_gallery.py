from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from app.adapters.db.unit_of_work import SqlStore
from app.domain.comparison import Template, TemplateFormat
from app.domain.organization import KycValidation, Organization, StoredTemplate, ValidationStatus
from app.matching.gallery import TemplateGallery
from app.services import load_gallery
from app.services.load_gallery import LoadedGallery, LoadGallery
from tests.builders import Builder, add_organization
from tests.fakes import (
    FAKE_CALIBRATION,
    FAKE_FORMAT,
    FakeClock,
    FakeTemplateVault,
    MemoryBlobStore,
    SeededRandomness,
    face_of,
)

ANOTHER = TemplateFormat("fake-model", "2")
OPENING_MS = 7


@dataclass
class SlowVault(FakeTemplateVault):
    """Takes a while for each page."""

    clock: FakeClock = field(default_factory=FakeClock)
    pages: list[int] = field(default_factory=list)

    def open(self, sealed: Sequence[StoredTemplate]) -> Sequence[Template | None]:
        self.clock.advance(milliseconds=OPENING_MS)
        self.pages.append(len(sealed))
        return super().open(sealed)


@dataclass
class World:
    store: SqlStore
    build: Builder
    organization: Organization
    gallery: TemplateGallery = field(default_factory=lambda: TemplateGallery(FAKE_FORMAT, 128, FAKE_CALIBRATION))
    vault: SlowVault = field(default_factory=SlowVault)

    def enrol(self, portrait: bytes, *, is_test: bool = True, organization: Organization | None = None) -> str:
        entity = self.build.entity(organization or self.organization, is_test=is_test)
        return self.build.enrol(self.store, MemoryBlobStore(), entity, portrait).validation_id

    def put(self, validation: KycValidation, template: Template) -> None:
        """An enrolment with just this template."""
        entity = self.build.entity(self.organization, entity_id=validation.entity_id)
        with self.store.begin() as uow:
            uow.entities.add(entity)
            uow.validations.add(validation)
            uow.templates.put(self.vault.seal(validation, template, self.build.now))
            uow.commit()

    def load(self) -> LoadedGallery:
        load = LoadGallery(store=self.store, vault=self.vault, gallery=self.gallery, clock=self.vault.clock)
        return load(self.organization.organization_id, True, FAKE_FORMAT)

    def keys(self) -> set[str]:
        probe = face_of(b"anybody").template
        return {found.key for found in self.gallery.search(self.organization.organization_id, True, probe, 99)}


@pytest.fixture
def world(sqlite_store: SqlStore) -> World:
    build = Builder(SeededRandomness())
    return World(sqlite_store, build, add_organization(sqlite_store, build.organization()))


@pytest.mark.parametrize("enrolments", [0, 1, 2, 5])
def test_all_enrolments_are_loaded_page_by_page(
    world: World, monkeypatch: pytest.MonkeyPatch, enrolments: int
) -> None:
    monkeypatch.setattr(load_gallery, "PAGE", 2)
    expected = {world.enrol(f"portrait {number}".encode()) for number in range(enrolments)}
    pages = -(-enrolments // 2)
    assert world.load() == LoadedGallery(enrolments, 0, OPENING_MS * pages)
    assert len(world.vault.pages) == pages
    assert world.keys() == expected
    assert world.load().templates == enrolments, "a second time changes nothing"
    assert world.keys() == expected


def test_only_what_is_approved_here_and_of_this_format_is_loaded(world: World) -> None:
    expected = world.enrol(b"here")
    world.enrol(b"live", is_test=False)
    world.enrol(b"elsewhere", organization=add_organization(world.store, world.build.organization("other")))
    entity, template = world.build.entity(world.organization), face_of(b"another").template
    rejected = world.build.validation(entity, status=ValidationStatus.REJECTED)
    world.put(rejected, template)
    other_entity = world.build.entity(world.organization)
    world.put(world.build.validation(other_entity), Template(ANOTHER, template.vector))
    assert world.load() == LoadedGallery(1, 0, OPENING_MS)
    assert world.keys() == {expected}


def test_damaged_templates_are_counted_and_hide_no_others(world: World) -> None:
    expected = {world.enrol(b"before")}
    for vector in (np.zeros(128), np.full(128, np.nan), np.ones(3) / 3):
        validation = world.build.validation(world.build.entity(world.organization))
        world.put(validation, Template(FAKE_FORMAT, vector.astype(np.float32)))
    changed = world.enrol(b"changed")
    with world.store.begin() as uow:
        stored = uow.templates.get(changed, FAKE_FORMAT)
        assert stored is not None
        uow.templates.put(replace(stored, sealed=b"changed"))
        uow.commit()
    expected.add(world.enrol(b"after"))
    assert world.load() == LoadedGallery(2, 4, OPENING_MS)
    assert world.keys() == expected
