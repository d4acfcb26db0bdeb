"""The search among other entities: who is found, and that it follows the store whoever changes it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from app.adapters.db.unit_of_work import SqlStore
from app.domain.comparison import Template, TemplateFormat
from app.domain.errors import MatchingUnavailable
from app.domain.organization import Entity, KycValidation, Organization, StoredTemplate, ValidationStatus
from app.domain.verdict import FoundFace, SearchEvidence
from app.services import cross_entity
from app.services.cross_entity import OthersSearched, ProbeOf, SearchOthers
from tests.builders import Builder, add_organization
from tests.fakes import FAKE_FORMAT, FakeTemplateVault, MemoryBlobStore, SeededRandomness, face_of
from tests.searching import new_gallery, search_others

FACE, OTHER = b"the face", b"another face"
THRESHOLD = 60.0
ANOTHER = TemplateFormat("fake-model", "2")


@dataclass
class CountingVault(FakeTemplateVault):
    """Notes how many it opened."""

    opened: int = 0

    def open(self, sealed: Sequence[StoredTemplate]) -> Sequence[Template | None]:
        self.opened += len(sealed)
        return super().open(sealed)


@dataclass
class World:
    store: SqlStore
    build: Builder = field(default_factory=lambda: Builder(SeededRandomness()))
    vault: CountingVault = field(default_factory=CountingVault)

    def __post_init__(self) -> None:
        self.organization: Organization = add_organization(self.store, self.build.organization())
        self.me: Entity = self.build.entity(self.organization)
        self.build.enrol(self.store, MemoryBlobStore(), self.me, FACE)
        self.search = SearchOthers(store=self.store, vault=self.vault, make_gallery=new_gallery)

    def enrol(
        self, portrait: bytes = FACE, organization: Organization | None = None, **changes: bool
    ) -> KycValidation:
        entity = self.build.entity(organization or self.organization, **changes)
        return self.build.enrol(self.store, MemoryBlobStore(), entity, portrait)

    def move(self, validation: KycValidation, status: ValidationStatus) -> None:
        with self.store.begin() as uow:
            before = uow.validations.get(validation.organization_id, validation.is_test, validation.validation_id)
            assert before is not None
            assert uow.validations.swap(before.status, replace(before, status=status))
            uow.commit()

    def put(self, template: StoredTemplate) -> None:
        with self.store.begin() as uow:
            uow.templates.put(template)
            uow.commit()

    def whole(self, search: SearchOthers | None = None, portrait: bytes = FACE) -> OthersSearched:
        whose = ProbeOf(self.organization.organization_id, True, self.me.entity_id)
        return (search or self.search)(whose, face_of(portrait).template, THRESHOLD)

    def evidence(self, portrait: bytes = FACE) -> SearchEvidence:
        return self.whole(portrait=portrait).evidence


@pytest.fixture
def world(store: SqlStore) -> World:
    return World(store)


def test_nobody_is_found_where_nobody_else_is(world: World) -> None:
    assert world.evidence() == SearchEvidence(THRESHOLD, (), 0, 0)


def test_others_are_found_and_ones_own_enrolments_are_not(world: World) -> None:
    for _ in range(3):
        validation = world.build.validation(world.me)
        with world.store.begin() as uow:
            uow.validations.add(validation)
            uow.templates.put(FakeTemplateVault().seal(validation, face_of(FACE).template, world.build.now))
            uow.commit()
    twin, stranger = world.enrol(), world.enrol(OTHER)
    found = world.whole()
    assert found.evidence == SearchEvidence(THRESHOLD, (FoundFace(twin.entity_id, 100.0),), 2, 0)
    assert found.evidence.matched_entity_ids == (twin.entity_id,)
    assert found.rests_on == (twin.validation_id,)
    assert stranger.entity_id not in str(found)


def test_the_most_alike_is_on_record_where_nobody_matches(world: World) -> None:
    stranger = world.enrol(OTHER)
    found = world.whole()
    (face,) = found.evidence.found
    assert face.entity_id == stranger.entity_id
    assert face.score < THRESHOLD
    assert (found.evidence.matched_entity_ids, found.rests_on) == ((), ())


def test_modes_and_organizations_are_apart(world: World) -> None:
    world.enrol(is_test=False)
    world.enrol(organization=add_organization(world.store, world.build.organization("globex")))
    assert world.evidence() == SearchEvidence(THRESHOLD, (), 0, 0)


def test_many_matches_are_bounded_and_each_entity_is_named_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cross_entity, "FOUND_MAX", 2)
    twins = {world.enrol().entity_id for _ in range(4)}
    matched = world.evidence().matched_entity_ids
    assert len(matched) == 2
    assert set(matched) < twins


def test_what_is_approved_is_found_by_the_next_search_and_what_is_rejected_no_more(world: World) -> None:
    """The store is changed behind the gallery's back, as by another process."""
    assert world.evidence().matched_entity_ids == ()
    twin = world.enrol()
    assert world.evidence().matched_entity_ids == (twin.entity_id,)
    for status, expected in (
        (ValidationStatus.REJECTED, ()),
        (ValidationStatus.APPROVED, (twin.entity_id,)),
        (ValidationStatus.CANCELLED, ()),
    ):
        world.move(twin, status)
        found = world.evidence()
        assert found.matched_entity_ids == expected
        assert (found.searched, found.not_searched) == (len(expected), 0)


def test_templates_are_opened_once(world: World) -> None:
    for _ in range(3):
        world.enrol(OTHER)
    world.evidence()
    assert world.vault.opened == 4
    world.evidence()
    assert world.vault.opened == 4
    world.enrol(OTHER)
    world.evidence()
    assert world.vault.opened == 5


def test_a_template_that_is_made_anew_takes_the_old_one_s_place(world: World) -> None:
    twin = world.enrol(OTHER)
    assert world.evidence().matched_entity_ids == ()
    later = world.build.now.replace(year=2030)
    world.put(FakeTemplateVault().seal(twin, face_of(FACE).template, later))
    assert world.evidence().matched_entity_ids == (twin.entity_id,)


def test_who_has_no_template_of_this_recognizer_is_counted_until_there_is_one(world: World) -> None:
    entity = world.build.entity(world.organization)
    validation = world.build.validation(entity, portrait_blob_id="portrait")
    without_portrait = world.build.validation(world.build.entity(world.organization))
    with world.store.begin() as uow:
        uow.entities.add(entity)
        uow.validations.add(validation)
        uow.entities.add(world.build.entity(world.organization, entity_id=without_portrait.entity_id))
        uow.validations.add(without_portrait)
        vector = face_of(FACE).template.vector
        uow.templates.put(FakeTemplateVault().seal(validation, Template(ANOTHER, vector), world.build.now))
        uow.commit()
    assert world.evidence() == SearchEvidence(THRESHOLD, (), searched=0, not_searched=1)
    world.put(FakeTemplateVault().seal(validation, face_of(FACE).template, world.build.now))
    assert world.evidence().matched_entity_ids == (entity.entity_id,)
    assert world.evidence().not_searched == 0


@pytest.mark.parametrize(
    "damage",
    [
        lambda sealed: replace(sealed, sealed=b"changed"),
        lambda sealed: replace(sealed, sealed=sealed.sealed[:-512] + np.zeros(128, "<f4").tobytes()),
    ],
)
def test_a_template_that_cannot_be_read_is_counted_and_hides_nobody(
    world: World, damage: Callable[[StoredTemplate], StoredTemplate]
) -> None:
    broken, twin = world.enrol(), world.enrol()
    with world.store.read() as uow:
        sealed = uow.templates.get(broken.validation_id, FAKE_FORMAT)
    assert sealed is not None
    world.put(damage(sealed))
    for _ in range(2):
        found = world.evidence()
        assert found.matched_entity_ids == (twin.entity_id,)
        assert (found.searched, found.not_searched) == (1, 1)
    opened = world.vault.opened
    world.evidence()
    assert world.vault.opened == opened, "nobody tries for ever"
    world.put(replace(sealed, created_at=sealed.created_at.replace(year=2030)))
    assert world.evidence().not_searched == 0


def test_a_probe_of_another_recognizer_waits(world: World) -> None:
    whose = ProbeOf(world.organization.organization_id, True, world.me.entity_id)
    probe = Template(ANOTHER, face_of(FACE).template.vector)
    with pytest.raises(MatchingUnavailable):
        world.search(whose, probe, THRESHOLD)
    assert world.evidence().searched == 0


def test_for_a_damaged_probe_nobody_was_searched(world: World) -> None:
    world.enrol()
    whose = ProbeOf(world.organization.organization_id, True, world.me.entity_id)
    probe = Template(FAKE_FORMAT, np.zeros(128, dtype=np.float32))
    assert world.search(whose, probe, THRESHOLD).evidence == SearchEvidence(THRESHOLD, (), 0, 1)


def test_threads_that_search_while_enrolments_come_and_go_agree_in_the_end(world: World) -> None:
    twins = [world.enrol() for _ in range(4)]

    def search(_: int) -> int:
        return len(world.evidence().matched_entity_ids)

    with ThreadPoolExecutor(4) as threads:
        counts = [threads.submit(search, number) for number in range(12)]
        for twin in twins[1:]:
            world.move(twin, ValidationStatus.REJECTED)
        found = [one.result() for one in counts]
    assert set(found) <= {1, 2, 3, 4}
    assert world.evidence().matched_entity_ids == (twins[0].entity_id,)
    assert world.whole(search_others(world.store)) == world.whole()
