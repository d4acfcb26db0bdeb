"""Faces of listed entities: approved and rejected ones, also after a change of recognizer."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest

from app.adapters.db.unit_of_work import SqlStore
from app.domain.comparison import Template, TemplateFormat
from app.domain.errors import MatchingUnavailable
from app.domain.organization import Entity, KycValidation, ValidationStatus
from app.domain.settings import OrganizationSettings, policy_of
from app.domain.verdict import FoundFace, SearchEvidence
from app.services.blocklist import SearchBlocklist
from app.services.cross_entity import ProbeOf
from tests.builders import Builder, add_organization
from tests.fakes import (
    FAKE_FORMAT,
    FakeClock,
    FakeMatchingCore,
    FakeTemplateVault,
    MemoryBlobStore,
    SeededRandomness,
    face_of,
)

FACE, OTHER = b"the face", b"another face"
THRESHOLD = 60.0
BEFORE = TemplateFormat("fake-model", "0")


@dataclass
class World:
    store: SqlStore
    build: Builder = field(default_factory=lambda: Builder(SeededRandomness()))
    blobs: MemoryBlobStore = field(default_factory=MemoryBlobStore)
    core: FakeMatchingCore = field(default_factory=FakeMatchingCore)

    def __post_init__(self) -> None:
        self.organization = add_organization(self.store, self.build.organization())
        self.me = self.entity(OTHER)[0]
        self.search = SearchBlocklist(
            store=self.store, blobs=self.blobs, vault=FakeTemplateVault(), core=self.core, clock=FakeClock()
        )

    def entity(self, portrait: bytes = FACE, *, is_test: bool = True) -> tuple[Entity, KycValidation]:
        entity = self.build.entity(self.organization, is_test=is_test)
        return entity, self.build.enrol(self.store, self.blobs, entity, portrait)

    def change(self, validation: KycValidation, **changes: object) -> None:
        with self.store.begin() as uow:
            assert uow.validations.swap(validation.status, replace(validation, **changes))  # type: ignore[arg-type]
            uow.commit()

    def of_before(self, validation: KycValidation) -> None:
        """Its template is of another recognizer."""
        with self.store.begin() as uow:
            vector = face_of(FACE).template.vector
            uow.templates.put(FakeTemplateVault().seal(validation, Template(BEFORE, vector), self.build.now))
            uow.templates.remove_other_formats(validation.organization_id, BEFORE)
            uow.commit()

    def evidence(self, *listed: Entity, portrait: bytes = FACE) -> SearchEvidence:
        policy = policy_of(OrganizationSettings(blocklist=tuple(one.entity_id for one in listed)))
        whose = ProbeOf(self.organization.organization_id, True, self.me.entity_id)
        return self.search(whose, face_of(portrait).template, policy)


@pytest.fixture
def world(store: SqlStore) -> World:
    return World(store)


@pytest.mark.parametrize("status", [ValidationStatus.APPROVED, ValidationStatus.REJECTED])
def test_listed_faces_are_found(world: World, status: ValidationStatus) -> None:
    blocked, validation = world.entity()
    world.entity()
    world.change(validation, status=status)
    found = world.evidence(blocked)
    assert found == SearchEvidence(THRESHOLD, (FoundFace(blocked.entity_id, 100.0),), 1, 0)


@pytest.mark.parametrize("status", [ValidationStatus.IN_REVIEW, ValidationStatus.CANCELLED])
def test_what_nobody_has_judged_counts_for_nothing(world: World, status: ValidationStatus) -> None:
    blocked, validation = world.entity()
    world.change(validation, status=status)
    assert world.evidence(blocked) == SearchEvidence(THRESHOLD, (), 0, 0)


def test_the_other_mode_s_faces_are_not_compared(world: World) -> None:
    blocked, _ = world.entity(is_test=False)
    assert world.evidence(blocked).searched == 0


def test_ones_own_score_is_always_on_record(world: World) -> None:
    blocked, _ = world.entity()
    found = world.evidence(blocked, world.me, portrait=OTHER)
    assert [(one.entity_id, one.is_own) for one in found.found] == [
        (world.me.entity_id, True),
        (blocked.entity_id, False),
    ]
    assert found.matched_entity_ids == ()


def test_a_face_of_another_recognizer_is_described_once_from_its_portrait(world: World) -> None:
    blocked, validation = world.entity()
    world.change(validation, status=ValidationStatus.REJECTED)
    world.of_before(replace(validation, status=ValidationStatus.REJECTED))
    for _ in range(2):
        assert world.evidence(blocked).matched_entity_ids == (blocked.entity_id,)
    assert world.core.templates_made == 1
    with world.store.read() as uow:
        assert uow.templates.get(validation.validation_id, FAKE_FORMAT) is not None


@pytest.mark.parametrize("trouble", ["gone", "broken", "puzzling", "no face"])
def test_a_portrait_that_cannot_be_described_is_counted(world: World, trouble: str) -> None:
    blocked, validation = world.entity()
    world.of_before(validation)
    with world.store.begin() as uow:
        uow.templates.remove_other_formats(world.organization.organization_id, BEFORE)
        uow.commit()
    if trouble == "gone":
        assert validation.portrait_blob_id is not None
        world.blobs.delete(validation.portrait_blob_id)
    elif trouble == "no face":
        world.core.faces[FACE] = None
    else:
        getattr(world.core, trouble).add(FACE)
    assert world.evidence(blocked) == SearchEvidence(THRESHOLD, (), searched=0, not_searched=1)


def test_a_portrait_that_was_erased_is_nobody_s(world: World) -> None:
    blocked, validation = world.entity()
    world.of_before(validation)
    world.change(validation, portrait_blob_id=None)
    assert world.evidence(blocked) == SearchEvidence(THRESHOLD, (), searched=0, not_searched=0)


def test_while_the_core_is_away_nobody_is_compared(world: World) -> None:
    blocked, _ = world.entity()
    world.core.is_away = True
    with pytest.raises(MatchingUnavailable):
        world.evidence(blocked)
