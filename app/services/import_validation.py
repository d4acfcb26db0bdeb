"""An already approved validation is brought in from elsewhere: its portrait becomes the reference."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from app.domain.comparison import FaceTemplate
from app.domain.errors import InvalidImage, InvalidRequest, ObjectNotFound
from app.domain.organization import Caller, KycValidation, StoredTemplate, ValidationStatus
from app.domain.search_policy import blocklist_warnings, duplicate_warnings, judge_reference
from app.domain.settings import SessionPolicy, policy_of
from app.domain.verdict import DuplicateCheck, Verdict
from app.services.audit import VALIDATION, record
from app.services.cross_entity import ProbeOf
from app.services.enrolment import PORTRAIT, address_of
from app.services.events import emit_validation
from app.services.new_blobs import NewBlobs
from app.services.ports import BlobStore, Clock, MatchingCore, Randomness, TemplateVault
from app.services.search_probe import ProbeSearched, SearchProbe
from app.services.store import Store

MIN_FACE_WIDTH_PX = 60
"""Below this the recognizer has less than half the detail it was made for (112 × 112)."""

MAX_SECOND_FACE_RATIO = 0.5
"""From here on it is not clear whose portrait it is."""

CLOCK_SKEW = timedelta(minutes=5)

STATUS_OF = {
    Verdict.APPROVED: ValidationStatus.APPROVED,
    Verdict.IN_REVIEW: ValidationStatus.IN_REVIEW,
    Verdict.REJECTED: ValidationStatus.REJECTED,
}
"""What an import becomes by what is found of its portrait. A person can approve either of the others: a chance
likeness must not keep somebody out, and what was found is on record for whoever looks."""


@dataclass(frozen=True)
class ValidationImport:
    """What the integrator brings. `portrait` is an image file as it was sent."""

    entity_id: str
    portrait: bytes
    approved_at: datetime | None = None
    external_session_id: str | None = None
    metadata: Mapping[str, object] | None = None


@dataclass(frozen=True, kw_only=True)
class ImportValidation:
    """`InvalidRequest` for an image without one clear face; quality is measured, never a ground for refusal.

    The portrait is searched first, among other entities' and on the block list, as the settings of the request
    have it (`STATUS_OF`). `MatchingUnavailable` where that cannot be done now.
    """

    store: Store
    blobs: BlobStore
    vault: TemplateVault
    core: MatchingCore
    search: SearchProbe
    clock: Clock
    randomness: Randomness
    image_max_bytes: int

    def __call__(self, caller: Caller, new: ValidationImport) -> KycValidation:
        now = self.clock.now()
        approved_at = _approved_at(new.approved_at, now)
        face = self.face_of(new.portrait)
        organization_id = caller.organization.organization_id
        with self.store.read() as uow:
            entity = uow.entities.get(organization_id, caller.is_test, new.entity_id)
        if entity is None:
            raise ObjectNotFound("No such entity.")
        validation = KycValidation(
            validation_id=self.randomness.object_id(),
            organization_id=organization_id,
            entity_id=entity.entity_id,
            is_test=caller.is_test,
            status=ValidationStatus.APPROVED,
            created_at=now,
            updated_at=now,
            approved_at=approved_at,
            external_session_id=new.external_session_id,
            metadata=new.metadata,
            quality={
                "interocular_px": round(face.interocular_px, 2),
                "sharpness": round(face.sharpness, 2),
                "face_width_px": round(face.box.width, 2),
            },
        )
        return self._keep(caller, validation, new.portrait, face)

    def face_of(self, portrait: bytes) -> FaceTemplate:
        """The one clear face of a portrait, or `InvalidRequest` saying why there is none."""
        if len(portrait) > self.image_max_bytes:
            raise _wrong_portrait(f"must be at most {self.image_max_bytes} bytes")
        try:
            face = self.core.create_template(portrait)
        except InvalidImage as error:
            raise InvalidRequest("The portrait cannot be read.", {"portrait": str(error)}) from error
        if face is None:
            raise _wrong_portrait("shows no face")
        if face.box.width < MIN_FACE_WIDTH_PX:
            raise _wrong_portrait(f"shows a face less than {MIN_FACE_WIDTH_PX} pixels wide")
        if face.second_face_ratio >= MAX_SECOND_FACE_RATIO:
            raise _wrong_portrait("shows more than one large face")
        return face

    def _keep(self, caller: Caller, claimed: KycValidation, portrait: bytes, face: FaceTemplate) -> KycValidation:
        """The blob first: a row never names one that is not there."""
        policy = policy_of(caller.organization.settings)
        whose = ProbeOf(claimed.organization_id, claimed.is_test, claimed.entity_id)
        with NewBlobs(self.blobs) as blobs:
            portrait_id = blobs.put(address_of(claimed, PORTRAIT), portrait)
            named = replace(claimed, portrait_blob_id=portrait_id)
            template = self.vault.seal(named, face.template, named.created_at)

            def write(searched: ProbeSearched) -> KycValidation:
                return self._write(caller, _judged(named, searched, policy), template, searched, blobs)

            return self.search.and_write(whose, face.template, policy, write)

    def _write(
        self,
        caller: Caller,
        validation: KycValidation,
        template: StoredTemplate,
        searched: ProbeSearched,
        blobs: NewBlobs,
    ) -> KycValidation:
        """`SearchOvertaken`: nothing was written."""
        with self.store.begin() as uow:
            uow.validations.add(validation)
            uow.templates.put(template)
            record(
                uow,
                self.randomness,
                validation.created_at,
                organization_id=validation.organization_id,
                actor=caller.actor,
                action="kyc_validation.imported",
                object_type=VALIDATION,
                object_id=validation.validation_id,
                detail={"status": validation.status.value},
            )
            emit_validation(uow, self.randomness, validation, validation.created_at)
            searched.hold(uow, validation.organization_id)
            blobs.keep()
            uow.commit()
        return validation


def _judged(claimed: KycValidation, searched: ProbeSearched, policy: SessionPolicy) -> KycValidation:
    """What is claimed to be approved, as the policy has it. Where nobody was searched it stays so."""
    if not policy.searches:
        return claimed
    others, blocklist = searched.cross_entity, searched.blocklist
    verdict = judge_reference(others, blocklist, policy, claimed.entity_id)
    warnings = blocklist_warnings(blocklist, policy, claimed.entity_id) + duplicate_warnings(others, policy)
    return replace(
        claimed,
        status=STATUS_OF[verdict],
        approved_at=claimed.approved_at if verdict is Verdict.APPROVED else None,
        duplicates=DuplicateCheck(policy.policy_version, others, warnings, blocklist),
    )


def _approved_at(claimed: datetime | None, now: datetime) -> datetime:
    if claimed is not None and claimed > now + CLOCK_SKEW:
        raise InvalidRequest("The approval lies in the future.", {"approvedAt": "must not lie in the future"})
    return claimed or now


def _wrong_portrait(what: str) -> InvalidRequest:
    return InvalidRequest(f"The portrait cannot be used: it {what}.", {"portrait": what})
