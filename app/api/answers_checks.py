"""Synchronous checks, as the API answers them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from app.api.answers import Answer, Pagination, Score, Time, Uuid
from app.domain.check import CheckStatus, FaceMatch
from app.services.check_biometric import BiometricCheck

SearchStatus = Literal["Approved", "In Review", "Declined"]

_SEARCH_STATUS: dict[CheckStatus, SearchStatus] = {
    CheckStatus.APPROVED: "Approved",
    CheckStatus.IN_REVIEW: "In Review",
    CheckStatus.DECLINED: "Declined",
}

StoragePath = Annotated[str, Field(examples=["/api/kyc/face-match/verifications/{id}/selfie-image"])]
"""Where the picture can be had of this API."""


class FaceSearchAnswer(Answer):
    """How the comparison with the entity's validations went."""

    status: SearchStatus
    total_matches: int
    approved_matches_count: int
    request_id: str


class CheckAnswer(Answer):
    """Whether the picture shows the person of the entity's approved validations, and of which."""

    match: bool
    score: Score
    approved_session_ids: tuple[str, ...]
    matched_kyc_validation_ids: tuple[Uuid, ...]
    face_search: FaceSearchAnswer
    warnings: tuple[str, ...]


class FaceMatchAnswer(Answer):
    """Whether the two pictures show one person. `match` is `score` ≥ `scoreDeclineThreshold`."""

    match: bool
    score: Score | None
    status: CheckStatus
    verification_id: Uuid
    score_decline_threshold: Score
    request_id: str
    warnings: tuple[str, ...]


class KeptFaceMatchAnswer(Answer):
    """A face match as it is kept. The storage paths are null where the pictures are gone."""

    id: Uuid
    organization_id: Uuid
    entity_id: Uuid | None
    status: CheckStatus
    match: bool
    score: Score | None
    threshold: Score
    warnings: tuple[str, ...]
    request_id: str
    vendor_data: str | None
    error_message: str | None
    triggered_by_user_id: str
    document_storage_path: StoragePath | None
    selfie_storage_path: StoragePath | None
    storage_provider: Literal["bonafide"]
    created_at: Time


class KeptFaceMatchesAnswer(Answer):
    """Part of a list, and the organization's threshold of today."""

    verifications: tuple[KeptFaceMatchAnswer, ...]
    score_decline_threshold: Score
    pagination: Pagination


def check_answer(check: BiometricCheck, request_id: str) -> CheckAnswer:
    """The answer to a biometric check: the page's fields, and `score` and `warnings`."""
    return CheckAnswer(
        match=check.outcome.is_match,
        score=check.outcome.score,
        approved_session_ids=tuple(
            one.external_session_id for one in check.matched if one.external_session_id is not None
        ),
        matched_kyc_validation_ids=tuple(one.validation_id for one in check.matched),
        face_search=FaceSearchAnswer(
            status=_SEARCH_STATUS[check.outcome.status],
            total_matches=len(check.matched),
            approved_matches_count=len(check.matched),
            request_id=request_id,
        ),
        warnings=check.outcome.warnings,
    )


def face_match_answer(match: FaceMatch) -> FaceMatchAnswer:
    """The answer to a face match."""
    return FaceMatchAnswer(
        match=match.is_match,
        score=match.score,
        status=match.status,
        verification_id=match.face_match_id,
        score_decline_threshold=match.threshold,
        request_id=match.request_id,
        warnings=match.warnings,
    )


def kept_face_match_answer(match: FaceMatch) -> KeptFaceMatchAnswer:
    """A face match as it is kept. The storage paths are those of this API: where the pictures can be had."""
    address = f"/api/kyc/face-match/verifications/{match.face_match_id}"
    return KeptFaceMatchAnswer(
        id=match.face_match_id,
        organization_id=match.organization_id,
        entity_id=match.entity_id,
        status=match.status,
        match=match.is_match,
        score=match.score,
        threshold=match.threshold,
        warnings=match.warnings,
        request_id=match.request_id,
        vendor_data=match.vendor_data,
        error_message=match.error_message,
        triggered_by_user_id=match.triggered_by,
        document_storage_path=None if match.document_blob_id is None else f"{address}/document-image",
        selfie_storage_path=None if match.selfie_blob_id is None else f"{address}/selfie-image",
        storage_provider="bonafide",
        created_at=match.created_at,
    )
