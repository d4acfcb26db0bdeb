"""A portrait that another entity has already: what an import becomes by the organization's policy."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from app.adapters.db.unit_of_work import SqlStore
from app.domain.comparison import TemplateFormat
from app.domain.errors import MatchingUnavailable
from app.domain.organization import Entity, KycValidation, ValidationStatus
from app.domain.verdict import DecisionWarning
from app.services.import_validation import ImportValidation, ValidationImport
from app.services.review_validation import ReviewValidation
from tests.builders import Builder, add_organization, caller_of
from tests.fakes import FakeClock, FakeMatchingCore, FakeTemplateVault, MemoryBlobStore, SeededRandomness
from tests.searching import search_others

FACE, OTHER = b"the face", b"another face"
V, W = ValidationStatus, DecisionWarning


@dataclass
class World:
    store: SqlStore
    settings: dict[str, Any]
    build: Builder = field(default_factory=lambda: Builder(SeededRandomness()))
    core: FakeMatchingCore = field(default_factory=FakeMatchingCore)

    def __post_init__(self) -> None:
        organization = add_organization(self.store, self.build.organization(**self.settings))
        self.caller = caller_of(organization)
        self.use_case = ImportValidation(
            store=self.store,
            blobs=MemoryBlobStore(),
            vault=FakeTemplateVault(),
            core=self.core,
            search_others=search_others(self.store),
            clock=FakeClock(),
            randomness=self.build.randomness,
            image_max_bytes=1000,
        )

    def entity(self) -> Entity:
        entity = self.build.entity(self.caller.organization)
        with self.store.begin() as uow:
            uow.entities.add(entity)
            uow.commit()
        return entity

    def bring(self, entity: Entity | None = None, portrait: bytes = FACE) -> KycValidation:
        entity = entity or self.entity()
        made = self.use_case(self.caller, ValidationImport(entity.entity_id, portrait))
        with self.store.read() as uow:
            assert uow.validations.get(made.organization_id, made.is_test, made.validation_id) == made
        return made


@pytest.mark.parametrize(
    ("policy", "status", "warnings"),
    [
        ("off", V.APPROVED, None),
        ("review", V.IN_REVIEW, (W.POSSIBLE_DUPLICATED_FACE,)),
        ("reject", V.REJECTED, (W.DUPLICATED_FACE,)),
    ],
)
def test_a_face_that_is_there_already(
    store: SqlStore, policy: str, status: ValidationStatus, warnings: tuple[str, ...] | None
) -> None:
    world = World(store, {"cross_entity_policy": policy})
    first, second = world.bring(), world.bring()
    assert first.status is V.APPROVED
    assert second.status is status
    assert (second.approved_at is None) is (status is not V.APPROVED)
    assert (second.duplicates and second.duplicates.warnings) == warnings
    if policy != "off":
        assert first.duplicates is not None
        assert second.duplicates is not None
        assert (first.duplicates.warnings, first.duplicates.policy_version) == ((), 1)
        assert second.duplicates.search.matched_entity_ids == (first.entity_id,)


@pytest.mark.parametrize("policy", ["review", "reject"])
def test_another_portrait_of_the_same_entity_is_no_duplicate(sqlite_store: SqlStore, policy: str) -> None:
    world = World(sqlite_store, {"cross_entity_policy": policy})
    world.bring(portrait=OTHER)
    entity = world.entity()
    assert [world.bring(entity).status for _ in range(3)] == [V.APPROVED] * 3


@pytest.mark.parametrize("policy", ["review", "reject"])
def test_a_person_can_let_it_count_all_the_same(sqlite_store: SqlStore, policy: str) -> None:
    world = World(sqlite_store, {"cross_entity_policy": policy})
    world.bring()
    second = world.bring()
    review = ReviewValidation(store=sqlite_store, clock=FakeClock(), randomness=world.build.randomness)
    approved = review.approve(world.caller, second.validation_id, "they are twins")
    assert approved == replace(second, status=V.APPROVED, approved_at=approved.approved_at)
    third = world.bring()
    assert third.duplicates is not None
    assert len(third.duplicates.search.matched_entity_ids) == 2


def test_what_waits_for_a_person_is_nobody_s_reference(sqlite_store: SqlStore) -> None:
    world = World(sqlite_store, {"cross_entity_policy": "review"})
    world.bring()
    second = world.bring()
    with sqlite_store.read() as uow:
        assert uow.validations.latest_approved(second.organization_id, True, second.entity_id) is None


def test_what_cannot_be_searched_now_is_not_brought_in(sqlite_store: SqlStore) -> None:
    world = World(sqlite_store, {"cross_entity_policy": "review"})
    world.core.template_format = TemplateFormat("fake-model", "2")
    entity = world.entity()
    with pytest.raises(MatchingUnavailable):
        world.bring(entity)
    with sqlite_store.read() as uow:
        assert uow.validations.latest_created(entity.organization_id, True, entity.entity_id) is None
