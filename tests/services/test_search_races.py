"""What becomes searchable between a search and the writing of its result is looked at before that is written.

Each use case here has a search of its own, as in processes of their own, unless they are said to share one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from threading import Barrier
from typing import Any

import pytest

from app.adapters.db.unit_of_work import SqlStore
from app.domain.check import CheckStatus
from app.domain.comparison import Candidate, ComparisonScore, Template, TemplateFormat
from app.domain.errors import MatchingUnavailable
from app.domain.organization import Caller, Entity, KycValidation, ValidationStatus
from app.domain.session import HostedState, SessionStatus
from app.domain.verdict import DecisionWarning, RejectionCode
from app.matching.gallery import TemplateGallery
from app.services.check_biometric import CheckBiometric, CheckRequest
from app.services.cross_entity import SearchOthers
from app.services.import_validation import ImportValidation, ValidationImport
from app.services.review_validation import ReviewValidation
from app.services.search_probe import SEARCH_ROUNDS, SearchProbe
from tests.builders import PORTRAIT_BYTES, Builder, add_organization, caller_of, settings_version
from tests.fakes import FakeClock, FakeMatchingCore, FakeTemplateVault, MemoryBlobStore, SeededRandomness
from tests.searching import new_gallery, search_probe
from tests.services.races import REASON, ROUNDS, Job, at_once
from tests.services.studio import Studio, make_studio

V, W = ValidationStatus, DecisionWarning
AT_ONCE = 3
FACE = b"the face"


class WatchedGallery(TemplateGallery):
    """Has something happen after each of its first searches."""

    def __init__(self, gallery: TemplateGallery, afterwards: Sequence[Job]) -> None:
        vars(self).update(vars(gallery))
        self.afterwards = list(afterwards)

    def search(self, organization_id: str, is_test: bool, probe: Template, limit: int) -> Sequence[Candidate]:
        found = super().search(organization_id, is_test, probe, limit)
        if self.afterwards:
            self.afterwards.pop()()
        return found


class WatchedCore(FakeMatchingCore):
    """Has something happen after its first comparison with faces on the block list."""

    afterwards: Job | None = None

    def compare(self, probe: Template, references: Sequence[Template]) -> Sequence[ComparisonScore]:
        scores = super().compare(probe, references)
        if len(references) > 1 and self.afterwards is not None:
            afterwards, self.afterwards = self.afterwards, None
            afterwards()
        return scores


class World:
    """An organization, and whoever brings in portraits of its people."""

    def __init__(self, store: SqlStore, caller: Caller | None = None, **settings: Any) -> None:
        self.store, self.build, self.blobs = store, Builder(SeededRandomness()), MemoryBlobStore()
        if caller is None:
            caller = caller_of(add_organization(store, self.build.organization(**settings)))
        self.caller, self.clock, self.core = caller, FakeClock(), WatchedCore()
        self.review = ReviewValidation(store=store, clock=self.clock, randomness=self.build.randomness)
        self.plain = self.importing()

    def searching(self, *afterwards: Job) -> SearchProbe:
        search = search_probe(self.store, self.blobs, self.core, self.clock)
        return watched(search, self.store, *afterwards)

    def importing(self, *afterwards: Job, search: SearchProbe | None = None) -> ImportValidation:
        return ImportValidation(
            store=self.store,
            blobs=self.blobs,
            vault=FakeTemplateVault(),
            core=self.core,
            search=search or self.searching(*afterwards),
            clock=self.clock,
            randomness=self.build.randomness,
            image_max_bytes=1000,
        )

    def checking(self) -> CheckBiometric:
        return CheckBiometric(
            store=self.store,
            blobs=self.blobs,
            vault=FakeTemplateVault(),
            core=self.core,
            search=self.searching(),
            clock=self.clock,
            randomness=self.build.randomness,
            image_max_bytes=1000,
        )

    def entity(self) -> Entity:
        entity = self.build.entity(self.caller.organization)
        with self.store.begin() as uow:
            uow.entities.add(entity)
            uow.commit()
        return entity

    def bring(
        self, use_case: ImportValidation | None = None, portrait: bytes = FACE, entity: Entity | None = None
    ) -> KycValidation:
        entity = entity or self.entity()
        made = (use_case or self.plain)(self.caller, ValidationImport(entity.entity_id, portrait))
        with self.store.read() as uow:
            assert uow.validations.get(made.organization_id, made.is_test, made.validation_id) == made
        return made

    def set(self, **changes: Any) -> None:
        """In force from the next request on."""
        organization = self.caller.organization
        version = settings_version(organization, policy_version=2, **changes)
        with self.store.begin() as uow:
            uow.settings.add(version)
            uow.commit()
        self.caller = replace(self.caller, organization=replace(organization, settings=version.settings))


def watched(search: SearchProbe, store: SqlStore, *afterwards: Job) -> SearchProbe:
    def make(wanted: TemplateFormat) -> TemplateGallery:
        return WatchedGallery(new_gallery(wanted), afterwards)

    others = SearchOthers(store=store, vault=FakeTemplateVault(), make_gallery=make)
    return SearchProbe(store=store, others=others, blocklist=search.blocklist)


@pytest.mark.parametrize(("policy", "others"), [("reject", V.REJECTED), ("review", V.IN_REVIEW)])
def test_of_imports_of_one_face_at_once_one_is_approved(
    store: SqlStore, policy: str, others: ValidationStatus
) -> None:
    """All of them have searched before one of them writes."""
    world = World(store, cross_entity_policy=policy)
    for number in range(ROUNDS):
        together, face = Barrier(AT_ONCE, timeout=30), f"face {number}".encode()
        jobs = [partial(world.bring, world.importing(together.wait), face) for _ in range(AT_ONCE)]
        made = [one for one in at_once(jobs) if isinstance(one, KycValidation)]
        assert sorted(one.status for one in made) == sorted([V.APPROVED, others, others]), number


def test_in_one_process_they_take_turns_and_nobody_searches_twice(
    store: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(store, cross_entity_policy="reject")
    shared = world.importing()
    monkeypatch.setattr("app.services.search_probe.SEARCH_ROUNDS", 1)
    for number in range(ROUNDS):
        jobs = [partial(world.bring, shared, f"face {number}".encode()) for _ in range(AT_ONCE)]
        made = [one for one in at_once(jobs) if isinstance(one, KycValidation)]
        assert sorted(one.status for one in made) == [V.APPROVED, V.REJECTED, V.REJECTED], number


def test_imports_of_an_organization_that_searches_nobody_ask_nothing_of_the_trail(
    store: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> int:
        raise AssertionError("nobody was searched")

    world = World(store)
    monkeypatch.setattr("app.adapters.db.audit_trail.SqlAuditTrail.last_sequence", refuse)
    assert [world.bring().status for _ in range(2)] == [V.APPROVED, V.APPROVED]


def approve(world: World) -> Job:
    """A person lets a twin of before count after all."""
    twin = world.bring()
    world.review.reject(world.caller, twin.validation_id, REASON)
    return partial(world.review.approve, world.caller, twin.validation_id, REASON)


def bring(world: World) -> Job:
    return world.bring


@pytest.mark.parametrize("become_searchable", [approve, bring])
def test_an_import_knows_whoever_came_in_after_its_search(
    store: SqlStore, become_searchable: Callable[[World], Job]
) -> None:
    world = World(store, cross_entity_policy="reject")
    late = world.bring(world.importing(become_searchable(world)))
    assert late.status is V.REJECTED
    assert late.duplicates is not None
    assert late.duplicates.warnings == (W.DUPLICATED_FACE,)


def test_an_import_is_not_kept_out_by_one_that_was_rejected_after_its_search(store: SqlStore) -> None:
    world = World(store, cross_entity_policy="reject")
    twin = world.bring()
    reject = partial(world.review.reject, world.caller, twin.validation_id, REASON)
    assert world.bring(world.importing(reject)).status is V.APPROVED


def test_what_is_always_overtaken_is_not_brought_in(store: SqlStore) -> None:
    """The others are strangers; nobody knows who comes next."""
    world = World(store, cross_entity_policy="reject")
    strangers = [partial(world.bring, None, f"stranger {n}".encode()) for n in range(SEARCH_ROUNDS)]
    entity, blobs = world.entity(), world.blobs
    with pytest.raises(MatchingUnavailable):
        world.bring(world.importing(*strangers), entity=entity)
    with store.read() as uow:
        assert uow.validations.latest_created(entity.organization_id, True, entity.entity_id) is None
    assert len(blobs.blobs) == SEARCH_ROUNDS, "only the strangers' portraits are kept"
    assert world.bring(world.importing(*strangers[1:]), entity=entity).status is V.APPROVED


def waiting(store: SqlStore, **settings: Any) -> tuple[Studio, World]:
    """A capture is in."""
    studio = make_studio(store, settings=settings)
    studio.up_to_still().keep()
    world = World(store, studio.caller)
    world.build.randomness = studio.randomness
    world.plain = world.importing()
    return studio, world


def meanwhile(studio: Studio, *afterwards: Job) -> None:
    search = watched(studio.decide_capture.search, studio.store, *afterwards)
    object.__setattr__(studio.decide_capture, "search", search)


@pytest.mark.parametrize(
    ("policy", "status", "is_in_review", "code"),
    [
        ("reject", SessionStatus.REJECTED, False, RejectionCode.CROSS_ENTITY),
        ("review", SessionStatus.IN_PROGRESS, True, None),
    ],
)
def test_a_verdict_knows_whoever_came_in_after_its_search(
    store: SqlStore, policy: str, status: SessionStatus, is_in_review: bool, code: RejectionCode | None
) -> None:
    studio, world = waiting(store, cross_entity_policy=policy)
    twins: list[KycValidation] = []

    def twin() -> None:
        made = world.bring(portrait=PORTRAIT_BYTES)
        twins.append(world.review.approve(world.caller, made.validation_id, REASON))

    meanwhile(studio, twin)
    described = studio.core.templates_made
    session = studio.decide()
    assert session is not None
    assert session == studio.stored()[0]
    assert (session.status, session.is_in_review, session.rejection_code) == (status, is_in_review, code)
    assert session.decision is not None
    assert session.decision.cross_entity is not None
    assert session.decision.cross_entity.matched_entity_ids == tuple(one.entity_id for one in twins)
    with store.read() as uow:
        captures = uow.captures.of_session(session.session_id)
    assert studio.core.templates_made - described == sum(one.is_image for one in captures), "described once"


def test_a_verdict_that_is_always_overtaken_waits(store: SqlStore) -> None:
    studio, world = waiting(store, cross_entity_policy="reject")
    strangers = [partial(world.bring, None, f"stranger {n}".encode()) for n in range(SEARCH_ROUNDS)]
    meanwhile(studio, *strangers)
    with pytest.raises(MatchingUnavailable):
        studio.decide()
    session, hosted = studio.stored()
    assert (session.status, hosted.state) == (SessionStatus.IN_PROGRESS, HostedState.CAPTURED)
    later = studio.decide()
    assert later is not None
    assert later.status is SessionStatus.APPROVED


def test_a_verdict_and_an_import_of_one_face_at_once_have_an_order(store: SqlStore) -> None:
    """Either the import finds the session's person, or it came too late to be found by the verdict."""
    studio, world = waiting(store, cross_entity_policy="reject")
    together = Barrier(2, timeout=30)
    meanwhile(studio, together.wait)
    bring = partial(world.bring, world.importing(together.wait), PORTRAIT_BYTES)
    session, made = at_once([studio.decide, bring])
    assert isinstance(made, KycValidation)
    assert made.status is V.REJECTED
    assert studio.stored()[0] == session
    assert studio.stored()[0].status is SessionStatus.APPROVED


def listed(world: World) -> tuple[Entity, KycValidation]:
    """Somebody on the block list with two portraits, neither of them the face."""
    entity = world.entity()
    validation = world.bring(portrait=b"their younger self", entity=entity)
    world.bring(portrait=b"their older self", entity=entity)
    world.set(blocklist=(entity.entity_id,))
    return entity, validation


def blocks_the_face(world: World, entity: Entity) -> Job:
    """One more portrait of theirs comes in and is rejected as such; it is the face."""
    return partial(world.bring, None, FACE, entity)


def test_an_import_knows_a_blocked_face_that_came_in_after_its_search(store: SqlStore) -> None:
    world = World(store)
    entity, _ = listed(world)
    world.core.afterwards = blocks_the_face(world, entity)
    late = world.bring(world.importing())
    assert late.status is V.REJECTED
    assert late.duplicates is not None
    assert late.duplicates.warnings == (W.FACE_IN_BLOCKLIST,)


def test_a_check_knows_a_blocked_face_that_came_in_after_its_search(store: SqlStore) -> None:
    world = World(store)
    mine = world.bring()
    entity, _ = listed(world)
    world.core.afterwards = blocks_the_face(world, entity)
    check = world.checking()(world.caller, CheckRequest(FACE, mine.entity_id))
    assert (check.outcome.status, check.outcome.is_match, check.matched) == (CheckStatus.DECLINED, False, ())
