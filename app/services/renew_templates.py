"""After a change of recognizer: templates of the present format, made from the portraits, batch by batch.

What was made stands in the store, so a pass that is killed goes on where it was, and two passes at once only do
some work twice. Verdicts do not wait for it: where a template lacks, they use the portrait.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from app.domain.comparison import TemplateFormat
from app.domain.errors import (
    InvalidImage,
    MatchingFailed,
    MatchingUnavailable,
    NoReferencePortrait,
    StoreUnavailable,
)
from app.domain.organization import KycValidation, StoredTemplate, ValidationStatus
from app.services.audit import record
from app.services.enrolment import read_portrait
from app.services.ports import BlobStore, Clock, MatchingCore, Randomness, TemplateVault
from app.services.store import Store

BATCH = 8
"""Portraits a batch: a quarter of a second of work on one core, so that a process can end at any time."""


class NotMade(StrEnum):
    """Why an enrolment has no template of the present format, in words for the operator."""

    UNREADABLE = "its portrait cannot be decrypted"
    NO_IMAGE = "its portrait is no image that can be read"
    NO_FACE = "its portrait shows no face"
    FAILED = "its portrait could not be described"


@dataclass(frozen=True)
class Renewal:
    """One pass over all enrolments, as far as it has come.

    `not_made` maps validation ids to reasons: they are not tried again in this pass. `removed` counts templates
    of other formats that went.
    """

    template_format: TemplateFormat
    after: str = ""
    made: int = 0
    not_made: Mapping[str, NotMade] = field(default_factory=dict)
    removed: int = 0
    is_finished: bool = False


@dataclass(frozen=True, kw_only=True)
class RenewTemplates:
    """One batch: the next enrolments that lack a template of the core's present format; at the end the tidying.

    `note_failure` is told what failed in a way that should not happen.
    """

    store: Store
    blobs: BlobStore
    vault: TemplateVault
    core: MatchingCore
    clock: Clock
    randomness: Randomness
    note_failure: Callable[[str, Exception], None]

    def __call__(self, renewal: Renewal | None = None) -> Renewal:
        """The pass, one batch further; None begins one, and so does a core that makes another format by now.

        `MatchingUnavailable`, `StoreUnavailable`: nothing is lost, call again later with the same pass.
        """
        health = self.core.health()
        if not health.is_ready or health.template_format is None:
            raise MatchingUnavailable(health.reason or "The matching core is not ready.")
        if renewal is None or renewal.template_format != health.template_format:
            renewal = Renewal(health.template_format)
        with self.store.read() as uow:
            lacking = uow.templates.lacking(renewal.template_format, renewal.after, BATCH)
        return self._make(renewal, lacking) if lacking else self._finish(renewal)

    def _make(self, renewal: Renewal, lacking: Sequence[KycValidation]) -> Renewal:
        """One after another: checks and verdicts always find the core's other threads free."""
        sealed: list[StoredTemplate] = []
        not_made = dict(renewal.not_made)
        try:
            for validation in lacking:
                made = self._template_of(validation, renewal.template_format)
                if isinstance(made, NotMade):
                    not_made[validation.validation_id] = made
                else:
                    sealed.append(made)
        finally:
            kept = self._keep(sealed)  # also those that were made before the core went away
        return replace(renewal, after=lacking[-1].validation_id, made=renewal.made + kept, not_made=not_made)

    def _template_of(self, validation: KycValidation, wanted: TemplateFormat) -> StoredTemplate | NotMade:
        try:
            face = self.core.create_template(read_portrait(self.blobs, validation))
        except NoReferencePortrait:
            return NotMade.UNREADABLE
        except InvalidImage:
            return NotMade.NO_IMAGE
        except MatchingFailed:
            return NotMade.FAILED
        except (MatchingUnavailable, StoreUnavailable):
            raise
        except Exception as error:  # noqa: BLE001 - the pass must not stop at this enrolment for ever
            self.note_failure(f"describing the portrait of validation {validation.validation_id}", error)
            return NotMade.FAILED
        if face is None:
            return NotMade.NO_FACE
        if face.template.format != wanted:
            raise MatchingUnavailable("The matching core is changing its recognizer.")
        return self.vault.seal(validation, face.template, self.clock.now())

    def _keep(self, sealed: Sequence[StoredTemplate]) -> int:
        """How many were stored. One whose validation was erased or rejected meanwhile is not."""
        if not sealed:
            return 0
        kept = 0
        with self.store.begin() as uow:
            for template in sealed:
                validation = uow.validations.get(
                    template.organization_id, template.is_test, template.validation_id
                )
                if validation is not None and validation.status is ValidationStatus.APPROVED:
                    uow.templates.put(template)
                    kept += 1
            uow.commit()
        return kept

    def _finish(self, renewal: Renewal) -> Renewal:
        """Nothing is left to make: templates of other formats go, a transaction and an audit entry a tenant.

        Those of enrolments that could not be described stay. The present recognizer cannot use them, but they
        are all that is left of these enrolments should the operator go back to the former one.
        """
        removed = 0
        with self.store.read() as uow:
            organizations = uow.templates.removable_of(renewal.template_format)
        for organization_id in organizations:
            with self.store.begin() as uow:
                count = uow.templates.remove_other_formats(organization_id, renewal.template_format)
                if count:  # another process may have been faster
                    record(
                        uow,
                        self.randomness,
                        self.clock.now(),
                        organization_id=organization_id,
                        actor="renewal",
                        action="templates.renewed",
                        object_type="template_format",
                        object_id=str(renewal.template_format),
                        detail={"removed": count},
                    )
                uow.commit()
            removed += count
        return replace(renewal, removed=removed, is_finished=True)
