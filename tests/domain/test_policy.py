"""Policy: what approves, what rejects, what a person must look at; and that nothing missing ever approves."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from app.domain.comparison import DEFAULT_THRESHOLD
from app.domain.policy import (
    MIN_CONTINUITY_SCORE,
    MIN_PASSIVE_FRAMES,
    MIN_PASSIVE_SCORE,
    REPLACED,
    compare_with_threshold,
    decide,
    fuse_passive,
    weakest_passive,
)
from app.domain.settings import DEFAULT_WORKFLOW, OrganizationSettings, effective
from app.domain.verdict import (
    ChallengeOutcome,
    Decision,
    DecisionWarning,
    PassivePadEvidence,
    PresentationOutcome,
    RejectionCode,
    Verdict,
)
from tests.domain.evidence import decision, judged, one_challenge

P = PresentationOutcome
W = DecisionWarning
POLICY = effective(OrganizationSettings(score_decline_threshold=30.0), DEFAULT_WORKFLOW)
NO_MODEL = PassivePadEvidence(None, 0, ())
TOO_FEW = PassivePadEvidence(None, 2, ("m",))


def scored(score: float) -> PassivePadEvidence:
    return PassivePadEvidence(score, 12, ("m",))


# Passive evidence


def test_passive_scores_are_the_mean_of_the_models_medians() -> None:
    frames = [{"a": 0.9, "b": 0.1}, {"a": 1.0, "b": 0.3}, {"a": 0.0, "b": 0.2}]
    assert fuse_passive(frames) == PassivePadEvidence(55.0, 3, ("a", "b"))


def test_a_model_that_saw_only_some_frames_counts_with_those() -> None:
    assert fuse_passive([{"a": 0.8}, {"a": 0.8, "b": 0.4}, {"a": 0.8}]).score == 60.0


@pytest.mark.parametrize("frames", range(MIN_PASSIVE_FRAMES))
def test_too_few_frames_are_no_measurement(frames: int) -> None:
    passive = fuse_passive([{"a": 1.0}] * frames)
    assert (passive.score, passive.frames, passive.models) == (None, frames, ("a",) if frames else ())
    assert fuse_passive([{"a": 1.0}] * MIN_PASSIVE_FRAMES).score == 100.0


LIVE, FAKE = {"a": 0.9}, {"a": 0.1}


@pytest.mark.parametrize(
    ("aligned", "identity", "score"),
    [
        ([LIVE] * 12, [LIVE] * 6, 90.0),
        ([LIVE] * 12, [FAKE] * 6, 10.0),
        ([FAKE] * 12, [LIVE] * 6, 10.0),
        ([LIVE] * 12, [LIVE] * 2 + [FAKE] * 4, 10.0),
        ([LIVE] * 12, [LIVE] * 4 + [FAKE] * 2, 90.0),
        ([], [LIVE] * 6, 90.0),
        ([FAKE] * (MIN_PASSIVE_FRAMES - 1), [LIVE] * 6, 90.0),
        ([LIVE] * 12, [], None),
        ([LIVE] * 12, [LIVE] * (MIN_PASSIVE_FRAMES - 1), None),
        ([], [], None),
    ],
)
def test_the_weaker_of_alignment_and_what_identity_rests_on_counts(
    aligned: list[dict[str, float]], identity: list[dict[str, float]], score: float | None
) -> None:
    """Identity frames must be a measurement by themselves; the alignment can only make it worse."""
    passive = weakest_passive(aligned, identity, asked=4)
    frames = [*aligned, *identity]
    assert passive == PassivePadEvidence(score, len(frames), ("a",) if frames else ())


def test_who_is_asked_too_little_for_a_measurement_of_its_own_is_measured_by_all_frames() -> None:
    for asked in range(MIN_PASSIVE_FRAMES):
        assert weakest_passive([LIVE] * 5, [FAKE] * 2, asked) == fuse_passive([LIVE] * 5 + [FAKE] * 2)
        assert weakest_passive([LIVE], [LIVE], asked).score is None
    assert weakest_passive([LIVE] * 5, [FAKE] * 2, MIN_PASSIVE_FRAMES).score is None


# Liveness


def test_all_challenges_one_face_and_a_good_passive_score_are_bona_fide() -> None:
    liveness = judged(passive=scored(91.5), continuity_score=87.65)
    assert (liveness.outcome, liveness.score, liveness.warnings) == (P.BONA_FIDE, 91.5, ())
    assert (liveness.attempts, liveness.asked, len(liveness.challenges)) == (1, 4, 4)
    assert liveness.continuity_score == 87.65


@pytest.mark.parametrize("profile", ["standard", "strict"])
@pytest.mark.parametrize(
    ("score", "outcome", "warnings"),
    [
        (MIN_CONTINUITY_SCORE, P.BONA_FIDE, ()),
        (MIN_CONTINUITY_SCORE - 0.001, P.PRESENTATION_ATTACK, (W.FACE_CHANGED_DURING_CAPTURE,)),
        (0.0, P.PRESENTATION_ATTACK, (W.FACE_CHANGED_DURING_CAPTURE,)),
        (math.nan, P.PRESENTATION_ATTACK, (W.FACE_CHANGED_DURING_CAPTURE,)),
        (None, P.UNDETERMINED, ()),
    ],
)
def test_one_face_throughout(
    score: float | None, outcome: PresentationOutcome, warnings: tuple[str, ...], profile: str
) -> None:
    liveness = judged(continuity_score=score, profile=profile)
    assert (liveness.outcome, liveness.warnings) == (outcome, warnings)


def test_continuity_asks_as_much_as_the_default_threshold() -> None:
    assert MIN_CONTINUITY_SCORE >= DEFAULT_THRESHOLD


@pytest.mark.parametrize(
    ("passive", "profile", "outcome"),
    [
        (scored(MIN_PASSIVE_SCORE), "standard", P.BONA_FIDE),
        (scored(MIN_PASSIVE_SCORE), "strict", P.BONA_FIDE),
        (scored(MIN_PASSIVE_SCORE - 0.01), "standard", P.PRESENTATION_ATTACK),
        (scored(MIN_PASSIVE_SCORE - 0.01), "strict", P.PRESENTATION_ATTACK),
        (scored(math.nan), "standard", P.PRESENTATION_ATTACK),
        (NO_MODEL, "standard", P.BONA_FIDE),
        (NO_MODEL, "strict", P.UNDETERMINED),
        (TOO_FEW, "standard", P.UNDETERMINED),
        (TOO_FEW, "strict", P.UNDETERMINED),
    ],
)
def test_passive_evidence_in_each_profile(
    passive: PassivePadEvidence, profile: str, outcome: PresentationOutcome
) -> None:
    liveness = judged(passive=passive, profile=profile)
    assert liveness.outcome is outcome
    is_attack = outcome is P.PRESENTATION_ATTACK
    assert liveness.warnings == ((W.LIVENESS_FACE_ATTACK, W.LOW_LIVENESS_SCORE) if is_attack else ())


def test_without_a_passive_model_the_score_rests_on_the_challenges() -> None:
    assert judged(passive=NO_MODEL).score == 100.0


def test_only_bona_fide_has_a_score() -> None:
    assert judged(continuity_score=None).score == 0.0
    assert judged(passive=scored(1.0)).score == 0.0
    assert judged(passed=3).score == 0.0


@pytest.mark.parametrize("passed", range(4))
def test_one_challenge_short_is_not_determined(passed: int) -> None:
    liveness = judged(passed=passed)
    assert (liveness.outcome, liveness.warnings) == (P.UNDETERMINED, (W.CHALLENGE_FAILED,))


@pytest.mark.parametrize(
    "outcome",
    [item for item in ChallengeOutcome if item not in (ChallengeOutcome.PASSED, *REPLACED)],
)
def test_passes_before_a_failure_do_not_count(outcome: ChallengeOutcome) -> None:
    begun = [one_challenge()] * 3 + [one_challenge(outcome=outcome)]
    assert judged(challenges=[*begun, one_challenge()]).outcome is P.UNDETERMINED
    assert judged(challenges=[*begun, *[one_challenge()] * 4]).outcome is P.BONA_FIDE
    assert judged(challenges=[*[one_challenge()] * 4, one_challenge(outcome=outcome)]).outcome is P.UNDETERMINED


@pytest.mark.parametrize("outcome", [ChallengeOutcome.SWAPPED, ChallengeOutcome.RESUMED])
def test_a_replaced_challenge_is_neither_passed_nor_failed(outcome: ChallengeOutcome) -> None:
    swapped = one_challenge(outcome=outcome)
    two = [one_challenge()] * 2
    assert judged(challenges=[*two, swapped, *two]).outcome is P.BONA_FIDE
    assert judged(challenges=[*two, swapped, one_challenge()]).outcome is P.UNDETERMINED


def test_passes_of_an_earlier_attempt_do_not_count() -> None:
    earlier, later = [one_challenge(attempt=1)] * 3, [one_challenge(attempt=2)]
    assert judged(challenges=[*earlier, *later], attempt=2).outcome is P.UNDETERMINED


def test_an_attack_is_told_even_where_challenges_failed_too() -> None:
    liveness = judged(passed=2, passive=scored(1.0), continuity_score=1.0)
    assert liveness.outcome is P.PRESENTATION_ATTACK
    assert liveness.warnings == (W.LIVENESS_FACE_ATTACK, W.LOW_LIVENESS_SCORE, W.FACE_CHANGED_DURING_CAPTURE)


# Comparison and verdict


@pytest.mark.parametrize(
    ("score", "is_match", "warnings"),
    [
        (30.0, True, ("before",)),
        (29.99, False, ("before", W.LOW_FACE_MATCH_SIMILARITY)),
        (None, False, ("before", W.FACE_MATCH_NOT_COMPUTED)),
    ],
)
def test_the_comparison_at_the_organization_s_threshold(
    score: float | None, is_match: bool, warnings: tuple[str, ...]
) -> None:
    face_match = compare_with_threshold(score, POLICY, ["before"])
    assert (face_match.score, face_match.threshold) == (score, 30.0)
    assert (face_match.is_match, face_match.warnings) == (is_match, warnings)


def test_a_live_and_matching_person_is_approved() -> None:
    result = decide(decision(score=30.0), POLICY)
    assert (result.verdict, result.rejection_code, result.message) == (Verdict.APPROVED, None, None)


@pytest.mark.parametrize("score", [29.99, 0.0, None, math.nan])
def test_who_does_not_match_is_rejected_for_that(score: float | None) -> None:
    result = decide(decision(score=score), POLICY)
    assert (result.verdict, result.rejection_code) == (Verdict.REJECTED, RejectionCode.FACE_MATCH_SCORE_LOW)
    assert result.message


@pytest.mark.parametrize("outcome", [P.UNDETERMINED, P.PRESENTATION_ATTACK])
@pytest.mark.parametrize("score", [100.0, 0.0])
def test_liveness_comes_first_whatever_the_match(outcome: PresentationOutcome, score: float) -> None:
    whole = decision(score=score)
    assert whole.liveness is not None
    result = decide(replace(whole, liveness=replace(whole.liveness, outcome=outcome)), POLICY)
    assert (result.verdict, result.rejection_code) == (Verdict.REJECTED, RejectionCode.CAPTURE_DECLINED)


@pytest.mark.parametrize(
    ("missing", "code"),
    [
        ({"liveness": None}, RejectionCode.CAPTURE_DECLINED),
        ({"face_match": None}, RejectionCode.FACE_MATCH_SCORE_LOW),
        ({"liveness": None, "face_match": None}, RejectionCode.CAPTURE_DECLINED),
    ],
)
def test_missing_evidence_rejects(missing: dict[str, None], code: RejectionCode) -> None:
    result = decide(replace(decision(), **missing), POLICY)  # type: ignore[arg-type]
    assert (result.verdict, result.rejection_code) == (Verdict.REJECTED, code)


@pytest.mark.parametrize(
    ("score", "verdict"),
    [
        (29.99, Verdict.REJECTED),
        (30.0, Verdict.IN_REVIEW),
        (39.99, Verdict.IN_REVIEW),
        (40.0, Verdict.APPROVED),
    ],
)
def test_the_review_band_reaches_from_the_threshold_upward(score: float, verdict: Verdict) -> None:
    assert decide(decision(score=score), replace(POLICY, review_band=10.0)).verdict is verdict


def test_what_needs_a_person_goes_to_review_but_never_past_a_rejection() -> None:
    assert decide(decision(needs_review=True), POLICY).verdict is Verdict.IN_REVIEW
    assert decide(decision(needs_review=True, score=1.0), POLICY).verdict is Verdict.REJECTED
    assert decide(decision(needs_review=True, passed=0), POLICY).verdict is Verdict.REJECTED


def unmeasured(*, continuity: bool = True, score: float | None = 80.0, has_failed: bool = False) -> Decision:
    """Evidence as the matching core leaves it where it fails."""
    liveness = judged() if continuity else judged(continuity_score=None, has_continuity_failed=True)
    return decision(liveness=liveness, score=score, has_failed=has_failed)


@pytest.mark.parametrize(
    "whole",
    [
        unmeasured(score=None, has_failed=True),
        unmeasured(continuity=False),
        unmeasured(continuity=False, score=None, has_failed=True),
    ],
)
def test_what_the_core_failed_to_measure_is_looked_at_by_a_person(whole: Decision) -> None:
    result = decide(whole, POLICY)
    assert (result.verdict, result.rejection_code, result.message) == (Verdict.IN_REVIEW, None, None)
    assert whole.face_match is not None
    assert (W.FACE_MATCH_NOT_COMPUTED in result.warnings) is (whole.face_match.score is None)


@pytest.mark.parametrize(
    ("whole", "code"),
    [
        (unmeasured(continuity=False, score=1.0), RejectionCode.FACE_MATCH_SCORE_LOW),
        (unmeasured(continuity=False, score=None), RejectionCode.FACE_MATCH_SCORE_LOW),
        (
            decision(liveness=judged(continuity_score=1.0), score=None, has_failed=True),
            RejectionCode.CAPTURE_DECLINED,
        ),
        (
            decision(liveness=judged(continuity_score=None), score=None, has_failed=True),
            RejectionCode.CAPTURE_DECLINED,
        ),
        (
            decision(liveness=judged(continuity_score=None, has_continuity_failed=True, passed=3)),
            RejectionCode.CAPTURE_DECLINED,
        ),
        (
            decision(liveness=judged(continuity_score=None, has_continuity_failed=True, passive=scored(1.0))),
            RejectionCode.CAPTURE_DECLINED,
        ),
    ],
)
def test_a_failure_of_the_core_covers_nothing_that_was_measured(whole: Decision, code: RejectionCode) -> None:
    result = decide(whole, POLICY)
    assert (result.verdict, result.rejection_code) == (Verdict.REJECTED, code)


def test_every_warning_is_told_once_in_order() -> None:
    whole = decision(passed=3, score=1.0, warnings=(W.VIRTUAL_CAMERA_SUSPECTED.value, W.CHALLENGE_FAILED.value))
    assert decide(whole, POLICY).warnings == (
        W.VIRTUAL_CAMERA_SUSPECTED,
        W.CHALLENGE_FAILED,
        W.LOW_FACE_MATCH_SIMILARITY,
    )
