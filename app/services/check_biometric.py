"""Does a picture show the person of an entity's approved validations? One picture in, one answer out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

from app.domain.check import CheckOutcome, judge_check, probe_warnings, with_blocklist
from app.domain.comparison import Template
from app.domain.errors import InvalidImage, MatchingFailed, NoReferencePortrait, ObjectNotFound
from app.domain.organization import Caller, Entity, KycValidation
from app.domain.search_policy import judge_blocklist
from app.domain.settings import OFF, SessionPolicy, policy_of
from app.domain.verdict import DecisionWarning
from app.services.audit import record
from app.services.compare_pictures import describe_pictures, score_of
from app.services.cross_entity import ProbeOf
from app.services.enrolment import read_portrait
from app.services.ports import BlobStore, Clock, MatchingCore, Randomness, TemplateVault
from app.services.quota import use_quota
from app.services.search_probe import NOBODY_SEARCHED, ProbeSearched, SearchProbe
from app.services.store import Store, UnitOfWork

PORTRAIT_THREADS = 4
"""Portraits without a template that are described at the same time; the core bounds its own work."""


@dataclass(frozen=True)
class CheckRequest:
    """A picture and the entity to check, by our id or else by the integrator's.

    `image_name` is what the caller called the picture, for refusals.
    """

    image: bytes
    entity_id: str | None = None
    external_entity_id: str | None = None
    image_name: str = "user_image"


@dataclass(frozen=True)
class BiometricCheck:
    """The outcome of the best comparison, and which validations matched, the latest approval first.

    None have where the outcome is no match.
    """

    outcome: CheckOutcome
    matched: tuple[KycValidation, ...] = ()


@dataclass
class _Comparisons:
    """Scores by validation id; what could not be compared has none, and the warnings say why.

    `failures` are those where the matching core failed, so that nobody knows what their score would be.
    """

    scores: dict[str, float] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    failures: dict[str, MatchingFailed] = field(default_factory=dict)

    def any_match(self, threshold: float) -> bool:
        """Whether a score reaches the threshold."""
        return any(score >= threshold for score in self.scores.values())


@dataclass(frozen=True, kw_only=True)
class CheckBiometric:
    """`InvalidRequest` for a picture that cannot be read, `ObjectNotFound` for an unknown entity.

    `QuotaExceeded` where others took what was left meanwhile. A check that fails uses nothing.
    A picture that matches is looked for on the block list too; `MatchingUnavailable` where it cannot be now.
    Nothing is kept of the picture; the audit trail says who checked whom and how it ended.
    """

    store: Store
    blobs: BlobStore
    vault: TemplateVault
    core: MatchingCore
    search: SearchProbe
    clock: Clock
    randomness: Randomness
    image_max_bytes: int

    def __call__(self, caller: Caller, asked: CheckRequest) -> BiometricCheck:
        """`MatchingFailed` where nothing matched, but not everything could be compared: that is no non-match."""
        described = describe_pictures(self.core, {asked.image_name: asked.image}, self.image_max_bytes)
        probe = described[asked.image_name]
        entity = self._entity(caller, asked)
        compared = _Comparisons()
        if probe is not None:
            validations, stored = self._references(entity, probe.template)
            compared = self._compare(probe.template, validations, stored)
        compared.warnings = [*probe_warnings(probe), *compared.warnings]
        # Whom else the face belongs to is no question of a check.
        policy = replace(policy_of(caller.organization.settings), cross_entity_policy=OFF)

        def write(searched: ProbeSearched) -> BiometricCheck:
            return self._write(caller, entity, compared, policy, searched)

        if probe is None or not compared.any_match(policy.score_decline_threshold):
            return write(NOBODY_SEARCHED)
        whose = ProbeOf(entity.organization_id, entity.is_test, entity.entity_id)
        return self.search.and_write(whose, probe.template, policy, write)

    def _write(
        self,
        caller: Caller,
        entity: Entity,
        compared: _Comparisons,
        policy: SessionPolicy,
        searched: ProbeSearched,
    ) -> BiometricCheck:
        """`SearchOvertaken`: nothing was written."""
        with self.store.begin() as uow:
            # Read again: one that was rejected during the comparison does not count any more.
            approved = uow.validations.approved_of(entity.organization_id, entity.is_test, entity.entity_id)
            check = _judge(entity, compared, approved, policy, searched)
            self._record(uow, caller, entity, check)
            use_quota(uow, caller, self.clock.now())
            searched.hold(uow, entity.organization_id)
            uow.commit()
        return check

    def _entity(self, caller: Caller, asked: CheckRequest) -> Entity:
        organization_id, found = caller.organization.organization_id, None
        with self.store.read() as uow:
            if asked.entity_id is not None:
                found = uow.entities.get(organization_id, caller.is_test, asked.entity_id)
            elif asked.external_entity_id is not None:
                found = uow.entities.by_external_id(organization_id, caller.is_test, asked.external_entity_id)
        if found is None:
            raise ObjectNotFound("No such entity.")
        return found

    def _references(
        self, entity: Entity, probe: Template
    ) -> tuple[Sequence[KycValidation], Mapping[str, Template]]:
        """What is approved now, and its templates that the probe can be compared with, by validation id."""
        with self.store.read() as uow:
            validations = uow.validations.approved_of(entity.organization_id, entity.is_test, entity.entity_id)
            found = [uow.templates.get(one.validation_id, probe.format) for one in validations]
        sealed = [one for one in found if one is not None]
        opened = self.vault.open(sealed)
        return validations, {
            one.validation_id: template
            for one, template in zip(sealed, opened, strict=True)
            if template is not None
        }

    def _compare(
        self, probe: Template, validations: Sequence[KycValidation], stored: Mapping[str, Template]
    ) -> _Comparisons:
        """Stored templates in one call. Where one of them is damaged, all by their portraits."""
        compared = _Comparisons()
        if stored:
            try:
                scores = self.core.compare(probe, list(stored.values()))
                compared.scores.update((name, score.value) for name, score in zip(stored, scores, strict=True))
            except MatchingFailed:
                compared.scores.clear()
        by_portrait = [one for one in validations if one.validation_id not in compared.scores]
        with ThreadPoolExecutor(max_workers=PORTRAIT_THREADS) as threads:
            made = list(threads.map(self._template_of_portrait, by_portrait))
        for validation, reference in zip(by_portrait, made, strict=True):
            self._note(compared, validation, probe, reference)
        return compared

    def _template_of_portrait(self, validation: KycValidation) -> Template | MatchingFailed | None:
        """None where the portrait is gone, unreadable, or shows no face."""
        try:
            face = self.core.create_template(read_portrait(self.blobs, validation))
        except (NoReferencePortrait, InvalidImage):
            return None
        except MatchingFailed as failure:
            return failure
        return None if face is None else face.template

    def _note(
        self,
        compared: _Comparisons,
        validation: KycValidation,
        probe: Template,
        reference: Template | MatchingFailed | None,
    ) -> None:
        if reference is None:
            compared.warnings.append(DecisionWarning.NO_REFERENCE_IMAGE.value)
        elif isinstance(reference, MatchingFailed):
            compared.warnings.append(DecisionWarning.FACE_MATCH_NOT_COMPUTED.value)
            compared.failures[validation.validation_id] = reference
        else:
            compared.scores[validation.validation_id] = score_of(self.core, probe, reference)

    def _record(self, uow: UnitOfWork, caller: Caller, entity: Entity, check: BiometricCheck) -> None:
        """Who checked whom, and how it ended; neither the score nor anything of the picture."""
        record(
            uow,
            self.randomness,
            self.clock.now(),
            organization_id=entity.organization_id,
            actor=caller.actor,
            action="biometric_check.made",
            object_type="entity",
            object_id=entity.entity_id,
            detail={"status": check.outcome.status.value},
        )


def _judge(
    entity: Entity,
    compared: _Comparisons,
    approved: Sequence[KycValidation],
    policy: SessionPolicy,
    searched: ProbeSearched,
) -> BiometricCheck:
    """The best score of those that count decides, and the block list against it.

    `MatchingFailed`: nothing matched, but not all were compared.
    """
    threshold = policy.score_decline_threshold
    scored = [
        (one, compared.scores[one.validation_id]) for one in approved if one.validation_id in compared.scores
    ]
    best = max((score for _, score in scored), default=None)
    outcome = judge_check(best, threshold, policy.review_band, compared.warnings)
    for one in approved:
        if one.validation_id in compared.failures and not outcome.is_match:
            raise compared.failures[one.validation_id]
    outcome = with_blocklist(outcome, judge_blocklist(searched.blocklist, policy, entity.entity_id))
    matched = tuple(one for one, score in scored if score >= threshold) if outcome.is_match else ()
    return BiometricCheck(outcome, matched)
