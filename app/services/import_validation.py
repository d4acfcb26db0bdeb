"""An already approved validation is brought in from elsewhere: its portrait becomes the reference."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from app.domain.comparison import FaceTemplate
from app.domain.errors import InvalidImage, InvalidRequest, ObjectNotFound
from app.domain.organization import Caller, KycValidation, ValidationStatus
from app.services.audit import record
from app.services.enrolment import PORTRAIT, address_of
from app.services.new_blobs import NewBlobs
from app.services.ports import BlobStore, Clock, MatchingCore, Randomness, TemplateVault
from app.services.store import Store

MIN_FACE_WIDTH_PX = 60
"""Below this the recognizer has less than half the detail it was made for (112 × 112)."""

MAX_SECOND_FACE_RATIO = 0.5
"""From here on it is not clear whose portrait it is."""

CLOCK_SKEW = timedelta(minutes=5)


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
    """`InvalidRequest` for an image without one clear face; quality is measured, never a ground for refusal."""

    store: Store
    blobs: BlobStore
    vault: TemplateVault
    core: MatchingCore
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

    def _keep(
        self, caller: Caller, validation: KycValidation, portrait: bytes, face: FaceTemplate
    ) -> KycValidation:
        """The blob first: a row never names one that is not there."""
        with NewBlobs(self.blobs) as blobs:
            portrait_id = blobs.put(address_of(validation, PORTRAIT), portrait)
            kept = replace(validation, portrait_blob_id=portrait_id)
            template = self.vault.seal(kept, face.template, kept.created_at)
            with self.store.begin() as uow:
                uow.validations.add(kept)
                uow.templates.put(template)
                record(
                    uow,
                    self.randomness,
                    kept.created_at,
                    organization_id=kept.organization_id,
                    actor=caller.actor,
                    action="kyc_validation.imported",
                    object_type="kyc_validation",
                    object_id=kept.validation_id,
                )
                blobs.keep()
                uow.commit()
        return kept


def _approved_at(claimed: datetime | None, now: datetime) -> datetime:
    if claimed is not None and claimed > now + CLOCK_SKEW:
        raise InvalidRequest("The approval lies in the future.", {"approvedAt": "must not lie in the future"})
    return claimed or now


def _wrong_portrait(what: str) -> InvalidRequest:
    return InvalidRequest(f"The portrait cannot be used: it {what}.", {"portrait": what})
