"""Why a session is left to a person: said with the verdict, and only with it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from app.domain.detector_evidence import Detector, DetectorEvidence
from app.domain.policy import concluded, decide
from app.domain.settings import DEFAULT_WORKFLOW, OrganizationSettings, effective
from app.domain.verdict import Decision, FoundFace, ReviewReason, SearchEvidence, Verdict
from tests.domain.evidence import decision, judged

POLICY = effective(
    OrganizationSettings(cross_entity_policy="review", review_band=10.0, blocklist=("listed",)), DEFAULT_WORKFLOW
)
SEARCHED = SearchEvidence(threshold=60.0, searched=2, not_searched=0, found=())
OTHER = FoundFace("somebody", 90.0)
R = ReviewReason


def clear(**changes: Any) -> Decision:
    return replace(decision(), cross_entity=SEARCHED, blocklist=SEARCHED, **changes)


def seen(detector: Detector, score: float | None, reason: str) -> Decision:
    return clear(liveness=judged(detectors=[DetectorEvidence(detector, score, reason)]))


def test_what_nothing_is_left_open_in_is_approved_without_a_reason() -> None:
    result = decide(clear(), POLICY)
    assert (result.verdict, result.review_reasons) == (Verdict.APPROVED, ())


@pytest.mark.parametrize(
    ("whole", "reason"),
    [
        (clear(needs_review=True), R.FEW_MOVEMENTS),
        (seen(Detector.LIGHT_RESPONSE, None, "no_response_visible"), R.LIGHT_UNANSWERED),
        (seen(Detector.TRACK, 75.0, "slow_frames"), R.CUTS_COULD_HIDE),
        (seen(Detector.TRACK, 55.0, "gaps_at_prompts"), R.CUTS_COULD_HIDE),
        (seen(Detector.TEXTURE, None, "no_movement"), R.SKIN_UNSEEN),
        (
            clear(liveness=judged(continuity_score=None, has_continuity_failed=True)),
            R.CONTINUITY_NOT_MEASURED,
        ),
        (replace(clear(), face_match=decision(score=None, has_failed=True).face_match), R.FACE_NOT_COMPARED),
        (replace(clear(), face_match=decision(score=35.0).face_match), R.SCORE_IN_REVIEW_BAND),
        (replace(clear(), cross_entity=replace(SEARCHED, found=(OTHER,))), R.FACE_OF_ANOTHER_ENTITY),
        (replace(clear(), cross_entity=replace(SEARCHED, not_searched=1)), R.NOT_ALL_SEARCHED),
        (replace(clear(), blocklist=replace(SEARCHED, not_searched=1)), R.NOT_ALL_SEARCHED),
        (replace(clear(), cross_entity=None), R.NOT_ALL_SEARCHED),
    ],
)
def test_each_reason_is_named_alone_and_kept(whole: Decision, reason: ReviewReason) -> None:
    result = decide(whole, POLICY)
    assert (result.verdict, result.review_reasons) == (Verdict.IN_REVIEW, (reason,))
    assert concluded(whole, result).review_reasons == (reason,)


def test_a_rejection_names_none() -> None:
    result = decide(replace(clear(needs_review=True), face_match=decision(score=1.0).face_match), POLICY)
    assert (result.verdict, result.review_reasons) == (Verdict.REJECTED, ())
