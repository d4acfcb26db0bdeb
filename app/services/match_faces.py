"""A portrait of a document and a selfie are compared, and every request for it leaves a row: failed ones too."""

from __future__ import annotations

from dataclasses import dataclass, replace

from app.domain.check import (
    CheckOutcome,
    CheckStatus,
    FaceMatch,
    MatchPicture,
    judge_check,
    probe_warnings,
    reference_warnings,
    threshold_for,
)
from app.domain.errors import (
    IdempotencyConflict,
    IdempotencyInProgress,
    InvalidRequest,
    MatchingFailed,
    MatchingUnavailable,
    ObjectNotFound,
    QuotaExceeded,
    StoreUnavailable,
)
from app.domain.organization import Caller
from app.services.compare_pictures import describe_pictures, score_of
from app.services.new_blobs import NewBlobs
from app.services.ports import BlobAddress, BlobStore, Clock, MatchingCore, Randomness
from app.services.quota import use_quota
from app.services.store import Store, UnitOfWork

DOCUMENT_FIELD, SELFIE_FIELD = "documentImage", "selfieImage"


@dataclass(frozen=True)
class FaceMatchRequest:
    """What the integrator asks, apart from the pictures. `threshold` None: the organization's."""

    request_id: str
    entity_id: str | None = None
    threshold: float | None = None
    vendor_data: str | None = None


def address_of(match: FaceMatch, picture: MatchPicture) -> BlobAddress:
    """What a picture of a face match is bound to."""
    return BlobAddress(match.organization_id, match.key_owner, match.face_match_id, picture.value)


@dataclass(frozen=True, kw_only=True)
class MatchFaces:
    """`InvalidRequest`, `ObjectNotFound` for an unknown entity, `MatchingUnavailable`, `MatchingFailed`.

    A failed one keeps no pictures and uses no quota: nothing was decided from them.
    """

    store: Store
    blobs: BlobStore
    core: MatchingCore
    clock: Clock
    randomness: Randomness
    image_max_bytes: int

    def __call__(self, caller: Caller, asked: FaceMatchRequest, document: bytes, selfie: bytes) -> FaceMatch:
        """The check's row, in the store."""
        try:
            return self._match(caller, asked, document, selfie)
        except QuotaExceeded:
            # Others took what was left meanwhile; what is not permitted leaves no row.
            raise
        except Exception as error:
            self._note_failure(caller, asked, error)
            raise

    def note_refusal(self, caller: Caller, asked: FaceMatchRequest, refusal: InvalidRequest) -> None:
        """Leave a row for a request whose pictures could not even be taken out of it."""
        self._note_failure(caller, asked, refusal)

    def _note_failure(self, caller: Caller, asked: FaceMatchRequest, error: Exception) -> None:
        """It names only an entity that there is."""
        match = replace(self._new(caller, asked), error_message=_in_plain_words(error))
        with self.store.begin_apart() as uow:
            if not _is_known(uow, caller, asked.entity_id):
                match = replace(match, entity_id=None)
            uow.face_matches.add(match)
            uow.commit()

    def _match(self, caller: Caller, asked: FaceMatchRequest, document: bytes, selfie: bytes) -> FaceMatch:
        outcome = self._compare(caller, asked, document, selfie)
        if asked.entity_id is not None:
            with self.store.read() as uow:
                if not _is_known(uow, caller, asked.entity_id):
                    raise ObjectNotFound("No such entity.")
        match = replace(
            self._new(caller, asked),
            status=outcome.status,
            is_match=outcome.is_match,
            score=outcome.score,
            warnings=outcome.warnings,
        )
        return self._keep(caller, match, document, selfie)

    def _compare(self, caller: Caller, asked: FaceMatchRequest, document: bytes, selfie: bytes) -> CheckOutcome:
        pictures = {DOCUMENT_FIELD: document, SELFIE_FIELD: selfie}
        described = describe_pictures(self.core, pictures, self.image_max_bytes)
        reference, probe = described[DOCUMENT_FIELD], described[SELFIE_FIELD]
        score = None
        if reference is not None and probe is not None:
            score = score_of(self.core, probe.template, reference.template)
        warnings = (*reference_warnings(reference), *probe_warnings(probe))
        settings = caller.organization.settings
        return judge_check(score, threshold_for(settings, asked.threshold), settings.review_band, warnings)

    def _new(self, caller: Caller, asked: FaceMatchRequest) -> FaceMatch:
        """A row that has failed until it is known better."""
        return FaceMatch(
            face_match_id=self.randomness.object_id(),
            organization_id=caller.organization.organization_id,
            is_test=caller.is_test,
            entity_id=asked.entity_id,
            status=CheckStatus.FAILED,
            is_match=False,
            score=None,
            threshold=threshold_for(caller.organization.settings, asked.threshold),
            warnings=(),
            request_id=asked.request_id,
            triggered_by=caller.actor,
            created_at=self.clock.now(),
            vendor_data=asked.vendor_data,
        )

    def _keep(self, caller: Caller, match: FaceMatch, document: bytes, selfie: bytes) -> FaceMatch:
        """The blobs first: a row never names one that is not there."""
        with NewBlobs(self.blobs) as blobs:
            kept = replace(
                match,
                document_blob_id=blobs.put(address_of(match, MatchPicture.DOCUMENT), document),
                selfie_blob_id=blobs.put(address_of(match, MatchPicture.SELFIE), selfie),
            )
            with self.store.begin() as uow:
                uow.face_matches.add(kept)
                use_quota(uow, caller, kept.created_at)
                blobs.keep()
                uow.commit()
        return kept


def _is_known(uow: UnitOfWork, caller: Caller, entity_id: str | None) -> bool:
    """Whether this is an entity of the caller's."""
    organization_id = caller.organization.organization_id
    return entity_id is not None and uow.entities.get(organization_id, caller.is_test, entity_id) is not None


def _in_plain_words(error: Exception) -> str:
    """What the row says to the integrator: nothing of our inside."""
    if isinstance(error, InvalidRequest):
        fields = "; ".join(f"{name}: {problem.rstrip('.')}" for name, problem in error.fields.items())
        return f"{error} {fields}".strip()
    if isinstance(error, ObjectNotFound | IdempotencyConflict | IdempotencyInProgress):
        return str(error)
    if isinstance(error, MatchingUnavailable | StoreUnavailable):
        return "The service was temporarily unavailable."
    if isinstance(error, MatchingFailed):
        return "The verification could not be completed."
    return "Something went wrong on our side."
