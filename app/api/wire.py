"""Domain objects as the API's JSON: camelCase names and the contract's words live here and nowhere else."""

from __future__ import annotations

from datetime import datetime

from app.domain.check import CheckStatus, FaceMatch
from app.domain.moment import iso
from app.domain.organization import Entity, KycValidation
from app.domain.session import BiometricSession
from app.domain.verdict import (
    ChallengeEvidence,
    Decision,
    FaceMatchEvidence,
    LivenessEvidence,
    PresentationOutcome,
)
from app.services.check_biometric import BiometricCheck

Json = dict[str, object]

IFRAME_ALLOW = "camera; microphone; fullscreen; autoplay; encrypted-media"
MODE = "face_match"
STORAGE_PROVIDER = "bonafide"
"""Who keeps the pictures of a face match: this server."""

_SEARCH_STATUS = {
    CheckStatus.APPROVED: "Approved",
    CheckStatus.IN_REVIEW: "In Review",
    CheckStatus.DECLINED: "Declined",
}

_LIVENESS_STATUS = {
    PresentationOutcome.BONA_FIDE: "approved",
    PresentationOutcome.PRESENTATION_ATTACK: "declined",
    PresentationOutcome.UNDETERMINED: "undetermined",
}


def _iso_or_none(moment: datetime | None) -> str | None:
    return None if moment is None else iso(moment)


def entity_json(entity: Entity) -> Json:
    return {
        "id": entity.entity_id,
        "organizationId": entity.organization_id,
        "type": entity.entity_type,
        "name": entity.name,
        "externalId": entity.external_id,
        "taxId": entity.tax_id,
        "countryCode": entity.country_code,
        "attributes": entity.attributes,
        "createdAt": iso(entity.created_at),
        "updatedAt": iso(entity.updated_at),
    }


def pagination_json(limit: int, offset: int, total: int) -> Json:
    return {"limit": limit, "offset": offset, "total": total}


def validation_json(validation: KycValidation) -> Json:
    quality = validation.quality
    return {
        "id": validation.validation_id,
        "entityId": validation.entity_id,
        "organizationId": validation.organization_id,
        "status": validation.status.value,
        "approvedAt": _iso_or_none(validation.approved_at),
        "externalSessionId": validation.external_session_id,
        "metadata": validation.metadata,
        "quality": None
        if quality is None
        else {
            "faceWidthPx": quality.get("face_width_px"),
            "interocularPx": quality.get("interocular_px"),
            "sharpness": quality.get("sharpness"),
        },
        "createdAt": iso(validation.created_at),
        "updatedAt": iso(validation.updated_at),
    }


def created_session_json(session: BiometricSession, session_url: str) -> Json:
    """The answer to a create: the page's fields plus `expiresAt`."""
    return {
        "id": session.session_id,
        "entityId": session.entity_id,
        "status": session.status.value,
        "sessionUrl": session_url,
        "iframeAllow": IFRAME_ALLOW,
        "mode": MODE,
        "hostedSessionId": session.hosted_session_id,
        "expiresAt": iso(session.expires_at),
    }


def session_json(session: BiometricSession, session_url: str) -> Json:
    return {
        "id": session.session_id,
        "entityId": session.entity_id,
        "organizationId": session.organization_id,
        "status": session.status.value,
        "mode": MODE,
        "sessionUrl": session_url,
        "hostedSessionId": session.hosted_session_id,
        "iframeAllow": IFRAME_ALLOW,
        "rejectionCode": session.rejection_code.value if session.rejection_code else None,
        "rejectionMessage": session.rejection_message,
        "createdAt": iso(session.created_at),
        "updatedAt": iso(session.updated_at),
        "completedAt": _iso_or_none(session.completed_at),
        "expiresAt": iso(session.expires_at),
        "startedAt": _iso_or_none(session.started_at),
        "attempts": session.attempts,
        "metadata": session.metadata,
        "callback": session.callback,
        "language": session.language,
        "inReview": session.is_in_review,
        "decision": None if session.decision is None else decision_json(session.decision),
        "warnings": [] if session.decision is None else list(session.decision.warnings),
    }


def check_json(check: BiometricCheck, request_id: str) -> Json:
    """The answer to a biometric check: the page's fields, and `score` and `warnings`."""
    session_ids = [one.external_session_id for one in check.matched if one.external_session_id is not None]
    return {
        "match": check.outcome.is_match,
        "score": check.outcome.score,
        "approvedSessionIds": session_ids,
        "matchedKycValidationIds": [one.validation_id for one in check.matched],
        "faceSearch": {
            "status": _SEARCH_STATUS[check.outcome.status],
            "totalMatches": len(check.matched),
            "approvedMatchesCount": len(check.matched),
            "requestId": request_id,
        },
        "warnings": list(check.outcome.warnings),
    }


def face_match_answer_json(match: FaceMatch) -> Json:
    """The answer to a face match."""
    return {
        "match": match.is_match,
        "score": match.score,
        "status": match.status.value,
        "verificationId": match.face_match_id,
        "scoreDeclineThreshold": match.threshold,
        "requestId": match.request_id,
        "warnings": list(match.warnings),
    }


def face_match_json(match: FaceMatch) -> Json:
    """A face match as it is kept. The storage paths are those of this API: where the pictures can be had."""
    address = f"/api/kyc/face-match/verifications/{match.face_match_id}"
    return {
        "id": match.face_match_id,
        "organizationId": match.organization_id,
        "entityId": match.entity_id,
        "status": match.status.value,
        "match": match.is_match,
        "score": match.score,
        "threshold": match.threshold,
        "warnings": list(match.warnings),
        "requestId": match.request_id,
        "vendorData": match.vendor_data,
        "errorMessage": match.error_message,
        "triggeredByUserId": match.triggered_by,
        "documentStoragePath": None if match.document_blob_id is None else f"{address}/document-image",
        "selfieStoragePath": None if match.selfie_blob_id is None else f"{address}/selfie-image",
        "storageProvider": STORAGE_PROVIDER,
        "createdAt": iso(match.created_at),
    }


def decision_json(decision: Decision) -> Json:
    """The evidence behind a verdict. The comparison with other entities is no part of it yet."""
    return {
        "liveness": None if decision.liveness is None else _liveness_json(decision.liveness),
        "faceMatch": None if decision.face_match is None else _face_match_json(decision.face_match),
        "injection": {"risk": decision.injection.risk, "signals": list(decision.injection.signals)},
        "crossEntity": {"status": "off", "matchedEntityIds": []},
        "policyVersion": decision.policy_version,
        "models": [{"name": model.name, "sha256": model.sha256} for model in decision.models],
        "warnings": list(decision.warnings),
    }


def _liveness_json(liveness: LivenessEvidence) -> Json:
    return {
        "status": _LIVENESS_STATUS[liveness.outcome],
        "method": "active" if liveness.passive.score is None else "active_and_passive",
        "score": liveness.score,
        "attempts": liveness.attempts,
        "challenges": [_challenge_json(challenge) for challenge in liveness.challenges],
        "passive": {
            "score": liveness.passive.score,
            "frames": liveness.passive.frames,
            "models": list(liveness.passive.models),
        },
        "continuityScore": liveness.continuity_score,
        "warnings": list(liveness.warnings),
    }


def _challenge_json(challenge: ChallengeEvidence) -> Json:
    return {
        "attempt": challenge.attempt,
        "kind": challenge.kind.ability.value,
        "direction": challenge.kind.direction,
        "askedAt": iso(challenge.asked_at),
        "passedAt": _iso_or_none(challenge.passed_at),
        "measured": challenge.measured,
        "required": challenge.required,
        "unit": challenge.unit,
        "onsetMs": challenge.onset_ms,
        "apexMs": challenge.apex_ms,
        "returnMs": challenge.return_ms,
        "timeLimitMs": challenge.time_limit_ms,
        "outcome": challenge.outcome.value,
    }


def _face_match_json(face_match: FaceMatchEvidence) -> Json:
    status = "approved" if face_match.is_match else "in_review" if face_match.has_failed else "declined"
    return {
        "status": status,
        "score": face_match.score,
        "threshold": face_match.threshold,
        "warnings": list(face_match.warnings),
    }
