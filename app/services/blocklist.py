"""A probe is compared with every face of the entities on the organization's block list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.domain.comparison import Candidate, Template, TemplateFormat
from app.domain.errors import InvalidImage, MatchingFailed, NoReferencePortrait
from app.domain.organization import KycValidation
from app.domain.settings import SessionPolicy
from app.domain.verdict import FoundFace, SearchEvidence
from app.services.cross_entity import FOUND_MAX, ProbeOf, best_of_each
from app.services.enrolment import read_portrait
from app.services.ports import BlobStore, Clock, MatchingCore, TemplateVault
from app.services.store import Store


@dataclass(frozen=True, kw_only=True)
class SearchBlocklist:
    """Approved and rejected enrolments count: a face is often blocked for the reason it was rejected for."""

    store: Store
    blobs: BlobStore
    vault: TemplateVault
    core: MatchingCore
    clock: Clock

    def __call__(self, whose: ProbeOf, probe: Template, policy: SessionPolicy) -> SearchEvidence:
        """Who reaches the threshold, and the best, and the probe's own entity, in any case.

        `MatchingUnavailable`, `StoreUnavailable`: nobody can be compared now.
        """
        with self.store.read() as uow:
            listed = uow.validations.judged_of(whose.organization_id, whose.is_test, policy.blocklist)
        templates = self._templates(listed, probe.format)
        found = self._found(whose, probe, listed, templates)
        if found is None:
            return SearchEvidence(policy.duplicate_threshold, (), searched=0, not_searched=len(listed))
        others = [one for one in found if not one.is_own]
        counted = [one for one in others if not one.score < policy.duplicate_threshold]
        kept = [one for one in found if one.is_own] + (counted[:FOUND_MAX] or others[:1])
        lacking = [one for one in listed if one.portrait_blob_id and one.validation_id not in templates]
        return SearchEvidence(policy.duplicate_threshold, tuple(kept), len(templates), len(lacking))

    def _found(
        self,
        whose: ProbeOf,
        probe: Template,
        listed: Sequence[KycValidation],
        templates: Mapping[str, Template],
    ) -> list[FoundFace] | None:
        """None where the core could not compare them: one of them is damaged, and it does not say which."""
        if not templates:
            return []
        try:
            scores = self.core.compare(probe, list(templates.values()))
        except MatchingFailed:
            return None
        candidates = [Candidate(key, score) for key, score in zip(templates, scores, strict=True)]
        owners = {one.validation_id: one.entity_id for one in listed}
        return [one.face for one in best_of_each(candidates, owners, whose.entity_id)]

    def _templates(
        self, listed: Sequence[KycValidation], template_format: TemplateFormat
    ) -> Mapping[str, Template]:
        """By validation id. Where one lacks, as after a change of recognizer, it is made of the portrait."""
        with self.store.read() as uow:
            sealed = uow.templates.of([one.validation_id for one in listed], template_format)
        opened = {
            stored.validation_id: template
            for stored, template in zip(sealed, self.vault.open(sealed), strict=True)
            if template is not None
        }
        for validation in listed:
            if validation.portrait_blob_id and validation.validation_id not in opened:
                template = self._described(validation, template_format)
                if template is not None:
                    opened[validation.validation_id] = template
        return opened

    def _described(self, validation: KycValidation, template_format: TemplateFormat) -> Template | None:
        """Kept, so that it is made once. None where the portrait is gone or shows no face that can be compared."""
        try:
            face = self.core.create_template(read_portrait(self.blobs, validation))
        except (NoReferencePortrait, InvalidImage, MatchingFailed):
            return None
        if face is None or face.template.format != template_format:
            return None
        sealed = self.vault.seal(validation, face.template, self.clock.now())
        with self.store.begin_apart() as uow:  # it stays, whatever becomes of the request that needed it
            stands = uow.validations.get(validation.organization_id, validation.is_test, validation.validation_id)
            if stands is not None and stands.portrait_blob_id == validation.portrait_blob_id:
                uow.templates.put(sealed)
                uow.commit()
        return face.template
