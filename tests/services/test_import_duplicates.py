"""A portrait that another entity has already, or one on the block list: what an import becomes by policy."""

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
from tests.searching import search_probe

FACE, OTHER = b"the face", b"another face"
V, W = ValidationStatus, DecisionWarning


@dataclass
class World:
    store: SqlStore
    settings: dict[str, Any]
    build: Builder = field(default_factory=lambda: Builder(SeededRandomness()))
    core: FakeMatchingCore = field(default_factory=FakeMatchingCore)
    blobs: MemoryBlobStore = field(default_factory=MemoryBlobStore)

    def __post_init__(self) -> None:
        organization = add_organization(self.store, self.build.organization(**self.settings))
        self.caller = caller_of(organization)
        clock = FakeClock()
        self.use_case = ImportValidation(
            store=self.store,
            blobs=self.blobs,
            vault=FakeTemplateVault(),
            core=self.core,
            search=search_probe(self.store, self.blobs, self.core, clock),
            clock=clock,
            randomness=self.build.randomness,
            image_max_bytes=1000,
        )

    def block(self, *entities: Entity) -> None:
        """From the next request on."""
        organization = self.caller.organization
        listed = (*organization.settings.blocklist, *(one.entity_id for one in entities))
        settings = replace(organization.settings, blocklist=listed)
        self.caller = replace(self.caller, organization=replace(organization, settings=settings))

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
        assert second.duplicates.search is not None
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
    assert third.duplicates.search is not None
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


@pytest.mark.parametrize("policy", ["off", "review", "reject"])
def test_a_face_on_the_block_list_is_not_approved(store: SqlStore, policy: str) -> None:
    world = World(store, {"cross_entity_policy": policy})
    blocked = world.entity()
    world.bring(blocked)
    world.block(blocked)
    brought = world.bring()
    assert (brought.status, brought.approved_at) == (V.REJECTED, None)
    assert brought.duplicates is not None
    assert brought.duplicates.warnings[0] == W.FACE_IN_BLOCKLIST
    assert brought.duplicates.blocklist is not None
    assert brought.duplicates.blocklist.matched_entity_ids == (blocked.entity_id,)
    assert (brought.duplicates.search is None) is (policy == "off")
    assert world.bring(portrait=OTHER).status is V.APPROVED


@pytest.mark.parametrize("has_portrait", [False, True])
def test_no_portrait_of_somebody_on_the_block_list_is_approved(sqlite_store: SqlStore, has_portrait: bool) -> None:
    """Neither their first one, nor one that looks like nobody; and it is a blocked face from then on."""
    world = World(sqlite_store, {})
    blocked = world.entity()
    if has_portrait:
        world.bring(blocked)
    world.block(blocked)
    brought = world.bring(blocked, OTHER)
    assert brought.status is V.REJECTED
    assert (brought.duplicates and brought.duplicates.warnings) == (W.FACE_IN_BLOCKLIST,)
    assert world.bring(portrait=OTHER).status is V.REJECTED


def test_where_not_everybody_on_the_block_list_can_be_compared_a_person_looks(sqlite_store: SqlStore) -> None:
    world = World(sqlite_store, {})
    blocked = world.entity()
    validation = world.bring(blocked)
    with sqlite_store.begin() as uow:
        (template,) = uow.templates.of([validation.validation_id], world.core.template_format)
        uow.templates.put(replace(template, sealed=b"damaged"))
        uow.commit()
    world.core.broken.add(FACE)
    world.block(blocked)
    brought = world.bring(portrait=OTHER)
    assert (brought.status, brought.duplicates and brought.duplicates.warnings) == (V.IN_REVIEW, ())


def test_a_person_can_let_a_face_on_the_block_list_count_all_the_same(sqlite_store: SqlStore) -> None:
    world = World(sqlite_store, {})
    blocked = world.entity()
    world.bring(blocked)
    world.block(blocked)
    review = ReviewValidation(store=sqlite_store, clock=FakeClock(), randomness=world.build.randomness)
    assert review.approve(world.caller, world.bring().validation_id, "they are twins").status is V.APPROVED


def test_while_the_block_list_cannot_be_compared_nothing_is_brought_in(
    sqlite_store: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(sqlite_store, {})
    blocked = world.entity()
    world.bring(blocked)
    world.block(blocked)
    entity, kept = world.entity(), len(world.blobs.blobs)

    def away(*_: object) -> None:
        raise MatchingUnavailable("gone between the portrait and the comparison")

    monkeypatch.setattr(world.core, "compare", away)
    with pytest.raises(MatchingUnavailable):
        world.bring(entity)
    with sqlite_store.read() as uow:
        assert uow.validations.latest_created(entity.organization_id, True, entity.entity_id) is None
    assert len(world.blobs.blobs) == kept
