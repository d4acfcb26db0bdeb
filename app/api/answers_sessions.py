"""Biometric sessions and the evidence behind their verdicts, as the API answers them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from app.api.answers import Answer, Pagination, Score, Time, Uuid
from app.domain.challenge import Ability
from app.domain.detector_evidence import DetectorEvidence
from app.domain.fusion import limit_of, standing
from app.domain.session import BiometricSession, SessionStatus
from app.domain.verdict import (
    ChallengeEvidence,
    ChallengeOutcome,
    Decision,
    FaceMatchEvidence,
    LivenessEvidence,
    PresentationOutcome,
    RejectionCode,
    ReviewReason,
    SearchEvidence,
)

IFRAME_ALLOW = "camera; microphone; fullscreen; autoplay; encrypted-media"

_LIVENESS_STATUS: dict[PresentationOutcome, Literal["approved", "declined", "undetermined"]] = {
    PresentationOutcome.BONA_FIDE: "approved",
    PresentationOutcome.PRESENTATION_ATTACK: "declined",
    PresentationOutcome.UNDETERMINED: "undetermined",
}

Mode = Literal["face_match"]
Direction = Annotated[str, Field(json_schema_extra={"enum": ["left", "right", "up", "down"]})]
"""The person's own."""
SessionUrl = Annotated[str, Field(json_schema_extra={"format": "uri"})]
"""The same on every read, until the session expires."""


class ChallengeAnswer(Answer):
    """One movement as it went. `measured` and `required` are in `unit`; `…Ms` count from `askedAt`."""

    attempt: int
    kind: Ability
    direction: Direction | None
    asked_at: Time
    passed_at: Time | None
    measured: float | None
    required: float
    unit: str
    onset_ms: int | None
    apex_ms: int | None
    return_ms: int | None
    time_limit_ms: int
    outcome: ChallengeOutcome


class PassiveAnswer(Answer):
    """Passive detection of presentation attacks. `score`: 100 is a live person, null where not measured."""

    score: Score | None
    frames: int
    models: tuple[str, ...]


class DetectorAnswer(Answer):
    """What one detector made of the attempt that counts. `score`: 100 is a live person, null where not measured.

    Below `limit` the profile doubts it: `failed` where that rejects, `warned` where it does not.
    `reason` says what decided it, `measured` are the numbers behind it. More detectors may be added.
    """

    name: str
    status: Literal["passed", "warned", "failed", "not_measured"]
    score: Score | None
    limit: Score
    reason: str
    measured: dict[str, float]


class LivenessAnswer(Answer):
    """Whether a live person moved as asked. `score` is the weakest part, 0 unless approved.

    `profile` is the liveness profile that it was judged by.
    """

    status: Literal["approved", "declined", "undetermined"]
    method: Literal["active", "active_and_passive"]
    score: Score
    attempts: int
    challenges: tuple[ChallengeAnswer, ...]
    passive: PassiveAnswer
    continuity_score: Score | None
    detectors: tuple[DetectorAnswer, ...]
    profile: str
    warnings: tuple[str, ...]


class SessionFaceMatchAnswer(Answer):
    """The capture against the reference portrait. `score` is null where nothing could be compared."""

    status: Literal["approved", "in_review", "declined"]
    score: Score | None
    threshold: Score
    warnings: tuple[str, ...]


class InjectionAnswer(Answer):
    """Signs that the frames did not come from a camera."""

    risk: str
    signals: tuple[str, ...]


class FailedAttemptAnswer(Answer):
    """How an attempt failed; not `counted` where that was for the picture alone, so that it was given back."""

    attempt: int
    at: Time
    reason: str
    counted: bool


class CrossEntityAnswer(Answer):
    """The search among the organization's other entities; `off` where there was none.

    `matched`: their face too, by `duplicateThreshold`. `undetermined`: nobody, but not all could be searched.
    """

    status: Literal["off", "clear", "matched", "undetermined"]
    matched_entity_ids: tuple[Uuid, ...]


class ModelAnswer(Answer):
    """A model that took part; `sha256` is null for one that was missing."""

    name: str
    sha256: str | None


class DecisionAnswer(Answer):
    """The evidence behind a verdict or a review; `reviewReasons` is empty where nothing was left to a person."""

    liveness: LivenessAnswer | None
    face_match: SessionFaceMatchAnswer | None
    injection: InjectionAnswer
    cross_entity: CrossEntityAnswer
    policy_version: int
    models: tuple[ModelAnswer, ...]
    warnings: tuple[str, ...]
    review_reasons: tuple[ReviewReason, ...]
    failed_attempts: tuple[FailedAttemptAnswer, ...]


class CreatedSessionAnswer(Answer):
    """What an integrator needs to embed a session. `iframeAllow` is for the iframe's `allow`."""

    id: Uuid
    entity_id: Uuid
    status: SessionStatus
    session_url: SessionUrl
    iframe_allow: str
    mode: Mode
    hosted_session_id: str
    expires_at: Time


class SessionAnswer(Answer):
    """A session. `decision` is null until there is a verdict or a review; `warnings` are the decision's."""

    id: Uuid
    entity_id: Uuid
    organization_id: Uuid
    status: SessionStatus
    mode: Mode
    session_url: SessionUrl
    hosted_session_id: str
    iframe_allow: str
    rejection_code: RejectionCode | None
    rejection_message: str | None
    created_at: Time
    updated_at: Time
    completed_at: Time | None
    expires_at: Time
    started_at: Time | None
    attempts: int
    metadata: dict[str, object] | None
    callback: str | None
    language: str | None
    in_review: bool
    decision: DecisionAnswer | None
    warnings: tuple[str, ...]


class SessionsAnswer(Answer):
    """`currentSessionId` is the latest approved of the entity, null without `entityId`."""

    sessions: tuple[SessionAnswer, ...]
    current_session_id: Uuid | None
    pagination: Pagination


def created_session_answer(session: BiometricSession, session_url: str) -> CreatedSessionAnswer:
    """The answer to a create: the page's fields plus `expiresAt`."""
    return CreatedSessionAnswer(
        id=session.session_id,
        entity_id=session.entity_id,
        status=session.status,
        session_url=session_url,
        iframe_allow=IFRAME_ALLOW,
        mode="face_match",
        hosted_session_id=session.hosted_session_id,
        expires_at=session.expires_at,
    )


def session_answer(session: BiometricSession, session_url: str) -> SessionAnswer:
    """The session as it is read."""
    return SessionAnswer(
        id=session.session_id,
        entity_id=session.entity_id,
        organization_id=session.organization_id,
        status=session.status,
        mode="face_match",
        session_url=session_url,
        hosted_session_id=session.hosted_session_id,
        iframe_allow=IFRAME_ALLOW,
        rejection_code=session.rejection_code,
        rejection_message=session.rejection_message,
        created_at=session.created_at,
        updated_at=session.updated_at,
        completed_at=session.completed_at,
        expires_at=session.expires_at,
        started_at=session.started_at,
        attempts=session.attempts,
        metadata=None if session.metadata is None else dict(session.metadata),
        callback=session.callback,
        language=session.language,
        in_review=session.is_in_review,
        decision=None if session.decision is None else decision_answer(session.decision),
        warnings=() if session.decision is None else session.decision.warnings,
    )


def decision_answer(decision: Decision) -> DecisionAnswer:
    """The evidence behind a verdict."""
    return DecisionAnswer(
        liveness=None if decision.liveness is None else _liveness(decision.liveness),
        face_match=None if decision.face_match is None else _face_match(decision.face_match),
        injection=InjectionAnswer(risk=decision.injection.risk, signals=decision.injection.signals),
        cross_entity=cross_entity_answer(decision.cross_entity),
        policy_version=decision.policy_version,
        models=tuple(ModelAnswer(name=model.name, sha256=model.sha256) for model in decision.models),
        warnings=decision.warnings,
        review_reasons=decision.review_reasons,
        failed_attempts=tuple(
            FailedAttemptAnswer(attempt=one.attempt, at=one.at, reason=one.reason, counted=one.is_counted)
            for one in decision.failures
        ),
    )


def cross_entity_answer(search: SearchEvidence | None) -> CrossEntityAnswer:
    """What a search among other entities found; nobody is named who was only the most alike."""
    if search is None:
        return CrossEntityAnswer(status="off", matched_entity_ids=())
    matched = search.matched_entity_ids
    status: Literal["clear", "matched", "undetermined"] = "undetermined" if search.not_searched else "clear"
    return CrossEntityAnswer(status="matched" if matched else status, matched_entity_ids=matched)


def _liveness(liveness: LivenessEvidence) -> LivenessAnswer:
    passive = liveness.passive
    return LivenessAnswer(
        status=_LIVENESS_STATUS[liveness.outcome],
        method="active" if passive.score is None else "active_and_passive",
        score=liveness.score,
        attempts=liveness.attempts,
        challenges=tuple(_challenge(challenge) for challenge in liveness.challenges),
        passive=PassiveAnswer(score=passive.score, frames=passive.frames, models=passive.models),
        continuity_score=liveness.continuity_score,
        detectors=tuple(detector_answer(one, liveness.profile) for one in liveness.detectors),
        profile=liveness.profile,
        warnings=liveness.warnings,
    )


def detector_answer(evidence: DetectorEvidence, profile: str) -> DetectorAnswer:
    """One detector's evidence, as the profile reads it."""
    return DetectorAnswer(
        name=evidence.detector.value,
        status=standing(evidence, profile).value,
        score=evidence.score,
        limit=limit_of(evidence.detector, profile),
        reason=evidence.reason,
        measured=dict(evidence.measured),
    )


def _challenge(challenge: ChallengeEvidence) -> ChallengeAnswer:
    return ChallengeAnswer(
        attempt=challenge.attempt,
        kind=challenge.kind.ability,
        direction=challenge.kind.direction,
        asked_at=challenge.asked_at,
        passed_at=challenge.passed_at,
        measured=challenge.measured,
        required=challenge.required,
        unit=challenge.unit,
        onset_ms=challenge.onset_ms,
        apex_ms=challenge.apex_ms,
        return_ms=challenge.return_ms,
        time_limit_ms=challenge.time_limit_ms,
        outcome=challenge.outcome,
    )


def _face_match(face_match: FaceMatchEvidence) -> SessionFaceMatchAnswer:
    return SessionFaceMatchAnswer(
        status="approved" if face_match.is_match else "in_review" if face_match.has_failed else "declined",
        score=face_match.score,
        threshold=face_match.threshold,
        warnings=face_match.warnings,
    )
