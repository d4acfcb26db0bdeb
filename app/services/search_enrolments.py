"""An operator looks into a suspected double enrolment: whom of this organization does a portrait look like?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app.domain.comparison import DEFAULT_THRESHOLD, Candidate, ComparisonOutcome, ComparisonScore
from app.domain.errors import InvalidRequest
from app.domain.organization import Caller
from app.services.audit import record
from app.services.load_gallery import LoadedGallery, LoadGallery
from app.services.ports import Clock, Gallery, MatchingCore, Randomness
from app.services.store import Store


@dataclass(frozen=True)
class FoundEnrolment:
    """An approved enrolment and its score with the probe."""

    entity_id: str
    validation_id: str
    score: ComparisonScore

    @property
    def is_match(self) -> bool:
        """At or above the default threshold."""
        return self.score.outcome(DEFAULT_THRESHOLD) is ComparisonOutcome.MATCH


@dataclass(frozen=True)
class EnrolmentSearch:
    """What a search found, the highest score first, and in what.

    `faces` is how many the portrait shows; the largest was searched for. `not_described` counts the approved
    enrolments, of all organizations, that have no template of the present recognizer: they cannot be found.
    """

    found: tuple[FoundEnrolment, ...]
    loaded: LoadedGallery
    faces: int
    not_described: int


@dataclass(frozen=True, kw_only=True)
class SearchEnrolments:
    """One-to-many identification of people: each search makes an audit entry before anybody sees its result.

    `load` fills `gallery`. Nothing is kept of the portrait.
    """

    store: Store
    core: MatchingCore
    load: LoadGallery
    gallery: Gallery
    clock: Clock
    randomness: Randomness

    def __call__(self, caller: Caller, portrait: bytes, limit: int) -> EnrolmentSearch:
        """`InvalidImage` for bytes that are no image, `InvalidRequest` where the portrait shows no face."""
        face = self.core.create_template(portrait)
        if face is None:
            raise InvalidRequest("The portrait shows no face.", {"portrait": "shows no face"})
        organization_id = caller.organization.organization_id
        loaded = self.load(organization_id, caller.is_test, face.template.format)
        candidates = self.gallery.search(organization_id, caller.is_test, face.template, limit)
        with self.store.read() as uow:
            not_described = uow.templates.count(face.template.format).lacking
        found = self._enrolments(caller, candidates)
        self._record(caller, found, loaded)
        return EnrolmentSearch(found, loaded, face.faces, not_described)

    def _enrolments(self, caller: Caller, candidates: Sequence[Candidate]) -> tuple[FoundEnrolment, ...]:
        """Whose they are. A validation that has gone meanwhile is nobody's."""
        organization_id = caller.organization.organization_id
        with self.store.read() as uow:
            validations = [
                uow.validations.get(organization_id, caller.is_test, candidate.key) for candidate in candidates
            ]
        return tuple(
            FoundEnrolment(validation.entity_id, validation.validation_id, candidate.score)
            for validation, candidate in zip(validations, candidates, strict=True)
            if validation is not None
        )

    def _record(self, caller: Caller, found: Sequence[FoundEnrolment], loaded: LoadedGallery) -> None:
        """Who searched, in how much, and how many were shown; neither whom nor how alike."""
        with self.store.begin() as uow:
            record(
                uow,
                self.randomness,
                self.clock.now(),
                organization_id=caller.organization.organization_id,
                actor=caller.actor,
                action="enrolments.searched",
                object_type="organization",
                object_id=caller.organization.organization_id,
                detail={"candidates": len(found), "templates": loaded.templates, "isTest": caller.is_test},
            )
            uow.commit()
