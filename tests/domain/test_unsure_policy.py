"""What detectors leave open does to a verdict, by profile: light unanswered, cuts that could hide, skin unseen."""

from __future__ import annotations

import pytest

from app.domain.detector_evidence import TYPICAL_SCORE, Detector, DetectorEvidence
from app.domain.policy import decide, measured_by
from app.domain.settings import DEFAULT_WORKFLOW, OrganizationSettings, SessionPolicy, effective
from app.domain.verdict import DecisionWarning, PresentationOutcome, RejectionCode, Verdict
from tests.domain.evidence import decision, judged

V = Verdict


def policy_of(profile: str) -> SessionPolicy:
    return effective(OrganizationSettings(liveness_profile=profile), DEFAULT_WORKFLOW)


def verdict(
    profile: str, score: float | None, reason: str, detector: Detector = Detector.LIGHT_RESPONSE
) -> tuple[Verdict, RejectionCode | None]:
    found = DetectorEvidence(detector, score, reason)
    judged_so = decision(liveness=judged(profile=profile, detectors=[found]))
    result = decide(judged_so, policy_of(profile))
    # Made again from what was stored it is the same.
    again = decide(measured_by(judged_so, policy_of(profile)), policy_of(profile))
    assert again == result
    return result.verdict, result.rejection_code


@pytest.mark.parametrize("reason", ["declined", "not_shown", "too_few_frames", "no_response_visible"])
def test_a_missing_answer_is_reviewed_in_standard_and_no_pass_in_strict(reason: str) -> None:
    assert verdict("standard", None, reason) == (V.IN_REVIEW, None)
    assert verdict("strict", None, reason) == (V.REJECTED, RejectionCode.CAPTURE_DECLINED)
    missing = DetectorEvidence(Detector.LIGHT_RESPONSE, None, reason)
    assert judged(profile="strict", detectors=[missing]).outcome is PresentationOutcome.UNDETERMINED


@pytest.mark.parametrize("profile", ["standard", "strict"])
def test_an_answer_and_what_the_integrator_waived_pass(profile: str) -> None:
    assert verdict(profile, 85.0, "skin_answers") == (V.APPROVED, None)
    assert verdict(profile, None, "avoided") == (V.APPROVED, None)


@pytest.mark.parametrize("profile", ["standard", "strict"])
def test_a_surface_that_answers_alike_is_an_attack(profile: str) -> None:
    found = DetectorEvidence(Detector.LIGHT_RESPONSE, 40.0, "surroundings_answer_as_well")
    liveness = judged(profile=profile, detectors=[found])
    assert liveness.outcome is PresentationOutcome.PRESENTATION_ATTACK
    assert DecisionWarning.LIVENESS_FACE_ATTACK.value in liveness.warnings
    assert verdict(profile, 40.0, "surroundings_answer_as_well") == (V.REJECTED, RejectionCode.CAPTURE_DECLINED)


@pytest.mark.parametrize(("score", "reason"), [(75.0, "slow_frames"), (55.0, "gaps_at_prompts")])
def test_frames_that_could_hide_a_cut_are_reviewed_in_standard_and_no_pass_in_strict(
    score: float, reason: str
) -> None:
    assert verdict("standard", score, reason, Detector.TRACK) == (V.IN_REVIEW, None)
    assert verdict("strict", score, reason, Detector.TRACK) == (V.REJECTED, RejectionCode.CAPTURE_DECLINED)
    assert verdict("standard", score, "continuous", Detector.TRACK) == (V.APPROVED, None)


@pytest.mark.parametrize("profile", ["standard", "strict"])
def test_skin_that_was_not_seen_to_move_is_reviewed_whatever_the_profile(profile: str) -> None:
    """A cut-out mask was approved so: only blinks, an open mouth and nearness were asked for.

    In `strict` too: what is asked for is ours to say, and some people can do nothing else.
    """
    assert verdict(profile, None, "no_movement", Detector.TEXTURE) == (V.IN_REVIEW, None)
    assert verdict(profile, 75.0, "skin_changes", Detector.TEXTURE) == (V.APPROVED, None)


def smile_and(**novelties: float) -> dict[str, float]:
    return {"novelty": 1.4, "smile_novelty": 1.4, **novelties}


@pytest.mark.parametrize("profile", ["standard", "strict"])
@pytest.mark.parametrize(
    ("score", "measured", "expected"),
    [
        (TYPICAL_SCORE, smile_and(), V.APPROVED),
        (TYPICAL_SCORE - 0.01, smile_and(), V.IN_REVIEW),
        (60.0, smile_and(turn_left_novelty=1.2), V.APPROVED),
        (60.0, {"novelty": 1.2, "look_down_novelty": 1.2}, V.APPROVED),
    ],
)
def test_a_smile_alone_tells_skin_from_a_mask_with_a_hole_only_where_it_changes_as_much_as_is_usual(
    profile: str, score: float, measured: dict[str, float], expected: Verdict
) -> None:
    """Three of 43 such masks were approved, all where no turn and no look was drawn, by smiles of 54 to 85."""
    found = DetectorEvidence(Detector.TEXTURE, score, "skin_changes", measured)
    judged_so = decision(liveness=judged(profile=profile, detectors=[found]))
    assert decide(judged_so, policy_of(profile)).verdict is expected
