from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

import numpy as np
import pytest
import sqlalchemy as sa

from app.adapters.db.tables import KycValidationRow
from app.adapters.db.unit_of_work import SqlStore
from app.domain.check import CheckStatus
from app.domain.comparison import ComparisonScore, Template, TemplateFormat
from app.domain.errors import InvalidRequest, MatchingFailed, MatchingUnavailable, ObjectNotFound
from app.domain.organization import Entity, KycValidation, Organization, ValidationStatus
from app.domain.verdict import DecisionWarning
from app.services.check_biometric import BiometricCheck, CheckBiometric, CheckRequest
from app.services.enrolment import PORTRAIT, address_of
from tests.builders import Builder, add_organization, caller_of
from tests.fakes import (
    EPOCH,
    FakeClock,
    FakeMatchingCore,
    FakeTemplateVault,
    MemoryBlobStore,
    SeededRandomness,
    face_of,
)
from tests.likeness import face_like
from tests.searching import search_probe

PROBE, PORTRAIT_BYTES = b"the probe", b"the portrait"
OLD_FORMAT = TemplateFormat("fake-model", "0")


@dataclass
class World:
    store: SqlStore
    blobs: MemoryBlobStore
    core: FakeMatchingCore
    build: Builder
    organization: Organization
    entity: Entity
    use_case: CheckBiometric

    def check(self, image: bytes = PROBE, **asked: str) -> BiometricCheck:
        request = CheckRequest(image, **{"entity_id": self.entity.entity_id, **asked})
        return self.use_case(caller_of(self.organization), request)

    def enrol(
        self,
        portrait: bytes | None = PORTRAIT_BYTES,
        *,
        template: Template | None = None,
        days_ago: int = 0,
        **changes: object,
    ) -> KycValidation:
        """An approved validation; without `template` it has only the portrait, without that nothing."""
        changes = {"approved_at": EPOCH - timedelta(days=days_ago), **changes}
        validation = self.build.validation(self.entity, **changes)
        if portrait is not None:
            blob_id = self.blobs.put(address_of(validation, PORTRAIT), portrait)
            validation = replace(validation, portrait_blob_id=blob_id)
        with self.store.begin() as uow:
            uow.validations.add(validation)
            if template is not None:
                uow.templates.put(FakeTemplateVault().seal(validation, template, EPOCH))
            uow.commit()
        return validation

    def reject(self, validation: KycValidation) -> None:
        where = KycValidationRow.validation_id == validation.validation_id
        with self.store._writers.begin() as connection:
            connection.execute(sa.update(KycValidationRow).where(where).values(status=ValidationStatus.REJECTED))

    def configure(self, **settings: object) -> None:
        changed = replace(self.organization.settings, **settings)  # type: ignore[arg-type]
        self.organization = replace(self.organization, settings=changed)


@pytest.fixture
def world(sqlite_store: SqlStore) -> World:
    build, blobs, core = Builder(SeededRandomness()), MemoryBlobStore(), FakeMatchingCore()
    organization = add_organization(sqlite_store, build.organization())
    entity = build.entity(organization, external_id="customer-1")
    with sqlite_store.begin() as uow:
        uow.entities.add(entity)
        uow.commit()
    core.faces[PROBE] = face_like(PORTRAIT_BYTES, 80)
    use_case = CheckBiometric(
        store=sqlite_store,
        blobs=blobs,
        vault=FakeTemplateVault(),
        core=core,
        search=search_probe(sqlite_store, blobs, core, FakeClock()),
        clock=FakeClock(),
        randomness=build.randomness,
        image_max_bytes=1000,
    )
    return World(sqlite_store, blobs, core, build, organization, entity, use_case)


def ids(validations: Sequence[KycValidation]) -> list[str]:
    return [one.validation_id for one in validations]


def test_the_stored_template_is_enough(world: World) -> None:
    enrolled = world.enrol(None, template=face_of(PORTRAIT_BYTES).template)
    check = world.check()
    assert (check.outcome.status, check.outcome.is_match) == (CheckStatus.APPROVED, True)
    assert check.outcome.score == pytest.approx(80, abs=0.01)
    assert check.matched == (enrolled,)
    assert check.outcome.warnings == ()
    assert world.core.templates_made == 1


@pytest.mark.parametrize("stored", ["none", "of another format", "damaged"])
def test_without_a_usable_template_the_portrait_counts(world: World, stored: str) -> None:
    template = {
        "none": None,
        "of another format": face_of(PORTRAIT_BYTES, template_format=OLD_FORMAT).template,
        "damaged": Template(world.core.template_format, np.full(128, np.nan, np.float32)),
    }[stored]
    enrolled = world.enrol(template=template)
    check = world.check()
    assert check.matched == (enrolled,)
    assert check.outcome.warnings == ()


def test_every_approved_validation_is_compared_and_the_best_score_counts(world: World) -> None:
    oldest = world.enrol(days_ago=3)
    world.enrol(b"somebody else", days_ago=2)
    newest = world.enrol(None, template=face_like(PORTRAIT_BYTES, 100).template, days_ago=1)
    check = world.check()
    assert ids(check.matched) == ids([newest, oldest])
    assert check.outcome.score == pytest.approx(80, abs=0.01)


def test_one_person_is_not_another(world: World) -> None:
    world.enrol(b"somebody else")
    check = world.check()
    assert (check.outcome.status, check.outcome.is_match, check.matched) == (CheckStatus.DECLINED, False, ())
    assert check.outcome.warnings == ("LOW_FACE_MATCH_SIMILARITY",)


@pytest.mark.parametrize("status", [one for one in ValidationStatus if one is not ValidationStatus.APPROVED])
def test_only_what_is_approved_now_counts(world: World, status: ValidationStatus) -> None:
    world.enrol(status=status)
    check = world.check()
    assert (check.outcome.is_match, check.outcome.score, check.matched) == (False, 0, ())
    assert check.outcome.warnings == ()


@dataclass
class RejectingCore(FakeMatchingCore):
    """While it compares, somebody rejects."""

    world: World | None = None
    rejected: KycValidation | None = None

    def compare(self, probe: Template, references: Sequence[Template]) -> Sequence[ComparisonScore]:
        assert self.world
        assert self.rejected
        self.world.reject(self.rejected)
        return super().compare(probe, references)


def test_what_is_rejected_during_the_comparison_does_not_count_any_more(world: World) -> None:
    rejected = world.enrol(days_ago=1)
    world.enrol(b"somebody else")
    core = RejectingCore(world.core.faces, world=world, rejected=rejected)
    world.use_case = replace(world.use_case, core=core)
    assert world.check().matched == ()


def test_another_entitys_validation_does_not_count(world: World) -> None:
    other = world.build.enrolled(world.store, world.blobs, world.organization)
    world.core.faces[PROBE] = face_of(b"portrait of the one person")
    assert world.check(entity_id=other.entity_id).outcome.is_match
    assert not world.check().outcome.is_match


@pytest.mark.parametrize("portrait", ["gone", "unreadable", "broken", "without a face"])
def test_a_reference_without_a_usable_portrait_is_warned_of_and_others_count(world: World, portrait: str) -> None:
    if portrait == "unreadable":
        lost = world.enrol(b"lost")
        assert lost.portrait_blob_id
        world.blobs.delete(lost.portrait_blob_id)
    else:
        world.enrol(None if portrait == "gone" else b"bad")
    if portrait == "broken":
        world.core.broken.add(b"bad")
    world.core.faces[b"bad"] = None
    assert world.check().outcome.warnings == ("NO_REFERENCE_IMAGE",)
    good = world.enrol(days_ago=1)
    check = world.check()
    assert (check.outcome.is_match, check.matched) == (True, (good,))
    assert check.outcome.warnings == ("NO_REFERENCE_IMAGE",)


def test_what_the_core_could_not_compare_is_no_non_match(world: World) -> None:
    world.core.puzzling.add(b"puzzling")
    world.enrol(b"puzzling")
    world.enrol(b"somebody else")
    with pytest.raises(MatchingFailed):
        world.check()
    good = world.enrol(days_ago=1)
    check = world.check()
    assert (check.outcome.is_match, check.matched) == (True, (good,))
    assert check.outcome.warnings == ("FACE_MATCH_NOT_COMPUTED",)


def test_a_picture_without_a_face_matches_nobody(world: World) -> None:
    world.enrol()
    world.core.faces[PROBE] = None
    world.configure(score_decline_threshold=0.0)
    check = world.check()
    assert (check.outcome.status, check.outcome.score, check.matched) == (CheckStatus.DECLINED, 0, ())
    assert check.outcome.warnings == ("NO_FACE_DETECTED",)


def test_of_several_faces_the_largest_counts(world: World) -> None:
    world.enrol()
    world.core.faces[PROBE] = face_like(PORTRAIT_BYTES, 80, faces=2)
    check = world.check()
    assert check.outcome.is_match
    assert check.outcome.warnings == ("MULTIPLE_FACES_DETECTED",)


def test_threshold_and_band_are_the_organizations(world: World) -> None:
    world.enrol()
    world.configure(score_decline_threshold=75.0, review_band=10.0)
    assert world.check().outcome.status is CheckStatus.IN_REVIEW
    world.configure(score_decline_threshold=81.0)
    assert world.check().matched == ()


def test_the_entity_is_found_by_our_id_or_else_by_the_integrators(world: World) -> None:
    world.enrol()
    request = CheckRequest(PROBE, external_entity_id="customer-1")
    assert world.use_case(caller_of(world.organization), request).outcome.is_match
    assert world.check(external_entity_id="nobody").outcome.is_match


@pytest.mark.parametrize("named", ["entity_id", "external_entity_id"])
@pytest.mark.parametrize("stranger", ["another organization", "the other mode"])
def test_anothers_entity_is_not_found(world: World, named: str, stranger: str) -> None:
    world.enrol()
    asked = {"entity_id": world.entity.entity_id, "external_entity_id": "customer-1"}
    request = CheckRequest(PROBE, **{named: asked[named]})
    organization = world.organization
    if stranger == "another organization":
        organization = add_organization(world.store, world.build.organization("globex"))
    with pytest.raises(ObjectNotFound):
        world.use_case(caller_of(organization, is_test=stranger != "the other mode"), request)


@pytest.mark.parametrize("image", [b"broken", b"x" * 1001])
def test_a_picture_that_cannot_be_used_is_named_as_the_caller_named_it(world: World, image: bytes) -> None:
    world.core.broken.add(b"broken")
    with pytest.raises(InvalidRequest) as refusal:
        world.check(image, image_name="userImage")
    assert list(refusal.value.fields) == ["userImage"]


def test_a_wrong_picture_comes_before_an_unknown_entity(world: World) -> None:
    world.core.broken.add(b"broken")
    with pytest.raises(InvalidRequest):
        world.check(b"broken", entity_id=world.organization.organization_id)


def test_a_core_that_is_away_is_asked_again_later(world: World) -> None:
    world.core.is_away = True
    with pytest.raises(MatchingUnavailable):
        world.check()


def test_the_audit_trail_says_who_checked_whom_and_keeps_no_score(world: World) -> None:
    world.enrol()
    stored = len(world.blobs.blobs)
    world.check()
    with world.store.read() as uow:
        (entry,) = uow.audit.of_organization(world.organization.organization_id)
    assert (entry.actor, entry.action) == ("test", "biometric_check.made")
    assert (entry.object_id, entry.detail) == (world.entity.entity_id, {"status": "approved"})
    assert len(world.blobs.blobs) == stored


def other_entity(world: World, portrait: bytes) -> Entity:
    """Somebody else of the organization, with this portrait."""
    entity = world.build.entity(world.organization)
    world.build.enrol(world.store, world.blobs, entity, portrait)
    return entity


def test_a_face_on_the_block_list_does_not_match(world: World) -> None:
    """Whoever reads nothing but `match` must not let it pass."""
    world.enrol()
    blocked, stranger = other_entity(world, PORTRAIT_BYTES), other_entity(world, b"a stranger")
    world.configure(blocklist=(stranger.entity_id,))
    assert world.check().outcome.is_match
    world.configure(blocklist=(stranger.entity_id, blocked.entity_id))
    check = world.check()
    assert (check.outcome.status, check.outcome.is_match, check.matched) == (CheckStatus.DECLINED, False, ())
    assert check.outcome.warnings == (DecisionWarning.FACE_IN_BLOCKLIST,)
    assert check.outcome.score == pytest.approx(80, abs=0.01)


def test_somebody_on_the_block_list_does_not_match_themselves(world: World) -> None:
    world.enrol()
    world.configure(blocklist=(world.entity.entity_id,), duplicate_threshold=100.0)
    assert world.check().outcome.warnings == (DecisionWarning.FACE_IN_BLOCKLIST,)


def test_where_not_everybody_on_the_block_list_can_be_compared_a_person_looks(world: World) -> None:
    enrolled = world.enrol(template=face_of(PORTRAIT_BYTES).template)
    blocked = other_entity(world, b"a stranger")
    with world.store.begin() as uow:
        listed = uow.validations.judged_of(blocked.organization_id, True, [blocked.entity_id])
        (template,) = uow.templates.of([listed[0].validation_id], world.core.template_format)
        uow.templates.put(replace(template, sealed=b"damaged"))
        uow.commit()
    world.core.broken.add(b"a stranger")
    world.configure(blocklist=(blocked.entity_id,))
    check = world.check()
    assert (check.outcome.status, check.outcome.is_match) == (CheckStatus.IN_REVIEW, True)
    assert check.matched == (enrolled,)


def test_nobody_is_looked_for_on_the_block_list_who_does_not_match(world: World) -> None:
    blocked = other_entity(world, b"a stranger")
    world.enrol()
    world.configure(blocklist=(blocked.entity_id,))
    outcome = world.check(b"a stranger").outcome
    assert (outcome.status, outcome.warnings) == (
        CheckStatus.DECLINED,
        (DecisionWarning.LOW_FACE_MATCH_SIMILARITY,),
    )


def test_other_entities_are_no_question_of_a_check(world: World) -> None:
    world.enrol()
    other_entity(world, PORTRAIT_BYTES)
    world.configure(cross_entity_policy="reject")
    assert world.check().outcome.is_match
