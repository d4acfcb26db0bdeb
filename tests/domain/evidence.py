"""Evidence of a capture in which everything is as it should be, but for what a test changes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from app.domain.detector_evidence import DetectorEvidence
from app.domain.policy import compare_with_threshold, judge_liveness
from app.domain.settings import DEFAULT_WORKFLOW, OrganizationSettings, effective
from app.domain.verdict import (
    ChallengeEvidence,
    ChallengeOutcome,
    Decision,
    InjectionEvidence,
    LivenessEvidence,
    PassivePadEvidence,
)
from tests import builders

ASKED = 4
GOOD_PASSIVE = PassivePadEvidence(95.0, 12, ("m",))


def one_challenge(attempt: int = 1, outcome: ChallengeOutcome = ChallengeOutcome.PASSED) -> ChallengeEvidence:
    liveness = builders.decision().liveness
    assert liveness is not None
    return replace(liveness.challenges[0], attempt=attempt, outcome=outcome)


def judged(
    *,
    passed: int = ASKED,
    challenges: Sequence[ChallengeEvidence] | None = None,
    attempt: int = 1,
    passive: PassivePadEvidence = GOOD_PASSIVE,
    continuity_score: float | None = 80.0,
    profile: str = "standard",
    has_continuity_failed: bool = False,
    detectors: Sequence[DetectorEvidence] = (),
) -> LivenessEvidence:
    """`passed` of four challenges, or just these `challenges`."""
    return judge_liveness(
        challenges=[one_challenge(attempt)] * passed if challenges is None else challenges,
        attempt=attempt,
        asked=ASKED,
        passive=passive,
        continuity_score=continuity_score,
        profile=profile,
        has_continuity_failed=has_continuity_failed,
        detectors=detectors,
    )


def decision(
    *,
    passed: int = ASKED,
    score: float | None = 80.0,
    threshold: float = 30.0,
    needs_review: bool = False,
    warnings: tuple[str, ...] = (),
    liveness: LivenessEvidence | None = None,
    has_failed: bool = False,
) -> Decision:
    """A live person who matches."""
    policy = effective(OrganizationSettings(score_decline_threshold=threshold), DEFAULT_WORKFLOW)
    return Decision(
        liveness=liveness or judged(passed=passed),
        face_match=compare_with_threshold(score, policy, has_failed=has_failed),
        injection=InjectionEvidence("low", ()),
        models=(),
        policy_version=1,
        warnings=warnings,
        needs_review=needs_review,
    )
