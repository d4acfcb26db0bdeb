"""Synchronous checks: pictures compared once and answered at once, without a person before a camera."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from app.domain.comparison import FaceTemplate
from app.domain.settings import OrganizationSettings
from app.domain.verdict import DecisionWarning, Verdict


class CheckStatus(StrEnum):
    """How a check ended, as in the contract. A failed one says nothing about the faces."""

    APPROVED = "approved"
    IN_REVIEW = "in_review"
    DECLINED = "declined"
    FAILED = "failed"


class MatchPicture(StrEnum):
    """Which of the two pictures of a face match; the value is the kind of its blob."""

    DOCUMENT = "document"
    """The reference."""
    SELFIE = "selfie"
    """The probe."""


@dataclass(frozen=True)
class CheckOutcome:
    """What a check says. `score` is 0 where there was nothing to compare."""

    status: CheckStatus
    is_match: bool
    score: float
    threshold: float
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class FaceMatch:
    """One request for a face match, as it is kept: failed ones too.

    `entity_id` is None where none was named, or none that exists. `score` is None and `error_message` says why
    (in words for the integrator) where the status is failed. The blobs are None for failed ones and where they
    are gone. `triggered_by` is the caller's name in the audit trail.
    """

    face_match_id: str
    organization_id: str
    is_test: bool
    entity_id: str | None
    status: CheckStatus
    is_match: bool
    score: float | None
    threshold: float
    warnings: tuple[str, ...]
    request_id: str
    triggered_by: str
    created_at: datetime
    vendor_data: str | None = None
    error_message: str | None = None
    document_blob_id: str | None = None
    selfie_blob_id: str | None = None

    @property
    def key_owner(self) -> str:
        """Whose data key the pictures are under: the entity's, or one of this check's own."""
        return self.entity_id or self.face_match_id

    def blob_of(self, picture: MatchPicture) -> str | None:
        """The blob of one of the pictures."""
        return self.document_blob_id if picture is MatchPicture.DOCUMENT else self.selfie_blob_id


def threshold_for(settings: OrganizationSettings, asked: float | None) -> float:
    """The organization's own, unless the caller asks for one; what is asked for is raised to the floor, if any."""
    if asked is None:
        return settings.score_decline_threshold
    return asked if settings.score_floor is None else max(asked, settings.score_floor)


def judge_check(
    score: float | None, threshold: float, review_band: float, warnings: Iterable[str] = ()
) -> CheckOutcome:
    """The rule of every check. `score` None: there was nothing to compare, and that is never a match.

    The review band reaches from the threshold upward; a score within it is a match that a person looks at.
    """
    noted = tuple(dict.fromkeys(warnings))
    if score is None:
        return CheckOutcome(CheckStatus.DECLINED, is_match=False, score=0.0, threshold=threshold, warnings=noted)
    # `not >=` on purpose: what is no number must not pass.
    if not score >= threshold:
        noted = (*noted, DecisionWarning.LOW_FACE_MATCH_SIMILARITY.value)
        return CheckOutcome(CheckStatus.DECLINED, is_match=False, score=score, threshold=threshold, warnings=noted)
    status = CheckStatus.IN_REVIEW if score < threshold + review_band else CheckStatus.APPROVED
    return CheckOutcome(status, is_match=True, score=score, threshold=threshold, warnings=noted)


def with_blocklist(outcome: CheckOutcome, blocked: Verdict) -> CheckOutcome:
    """A match, by what the block list leads to by itself: one of a face on it is none.

    Fail closed: whoever reads `is_match` alone must not let a blocked face pass.
    """
    if not outcome.is_match or blocked is Verdict.APPROVED:
        return outcome
    if blocked is Verdict.IN_REVIEW:
        return replace(outcome, status=CheckStatus.IN_REVIEW)
    noted = (*outcome.warnings, DecisionWarning.FACE_IN_BLOCKLIST.value)
    return replace(outcome, status=CheckStatus.DECLINED, is_match=False, warnings=noted)


def probe_warnings(probe: FaceTemplate | None) -> tuple[str, ...]:
    """What is to be said about the picture taken now."""
    return _warnings(probe, DecisionWarning.NO_FACE_DETECTED)


def reference_warnings(reference: FaceTemplate | None) -> tuple[str, ...]:
    """What is to be said about the picture that it is compared with."""
    return _warnings(reference, DecisionWarning.NO_REFERENCE_IMAGE)


def _warnings(face: FaceTemplate | None, without_face: DecisionWarning) -> tuple[str, ...]:
    if face is None:
        return (without_face.value,)
    return (DecisionWarning.MULTIPLE_FACES_DETECTED.value,) if face.faces > 1 else ()
