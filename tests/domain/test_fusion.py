"""What the evidence of detectors amounts to: the weakest link counts, and what was not measured for nothing."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.detector_evidence import Detector, DetectorEvidence, graded
from app.domain.fusion import (
    RULES,
    STRICT_SCORE,
    Standing,
    fuse_detectors,
    injection_evidence,
    limit_of,
    standing,
)
from app.domain.settings import STANDARD, STRICT
from app.domain.verdict import DecisionWarning, PresentationOutcome
from tests.domain.evidence import judged

scores = st.none() | st.floats(0, 100)
evidences = st.lists(st.builds(DetectorEvidence, st.sampled_from(Detector), scores, st.just("reason")), max_size=9)


def seen(detector: Detector, score: float | None) -> DetectorEvidence:
    return DetectorEvidence(detector, score, "reason")


@pytest.mark.parametrize("profile", [STANDARD, STRICT])
def test_every_detector_has_a_rule(profile: str) -> None:
    assert set(RULES[profile]) == set(Detector)


@given(evidences, evidences)
def test_more_evidence_never_makes_an_attack_bona_fide(
    few: list[DetectorEvidence], more: list[DetectorEvidence]
) -> None:
    for profile in (STANDARD, STRICT):
        assert fuse_detectors([*few, *more], profile).is_attack >= fuse_detectors(few, profile).is_attack


@given(evidences)
def test_strict_refuses_whatever_standard_refuses(found: list[DetectorEvidence]) -> None:
    assert fuse_detectors(found, STRICT).is_attack >= fuse_detectors(found, STANDARD).is_attack


@pytest.mark.parametrize("detector", [one for one in Detector if RULES[STANDARD][one].rejects_below])
def test_one_detector_that_rejects_is_enough(detector: Detector) -> None:
    good = [seen(one, 95.0) for one in Detector if one is not detector]
    assert not fuse_detectors([*good, seen(detector, 50.0)], STANDARD).is_attack
    fused = fuse_detectors([*good, seen(detector, 49.9)], STANDARD)
    assert (fused.is_attack, fused.weakest) == (True, 49.9)
    assert fused.warnings == (RULES[STANDARD][detector].warning,)


@pytest.mark.parametrize("detector", [one for one in Detector if RULES[STANDARD][one].rejects_below is None])
def test_a_weak_signal_warns_in_standard_and_rejects_in_strict(detector: Detector) -> None:
    found = [seen(detector, 10.0)]
    assert not fuse_detectors(found, STANDARD).is_attack
    assert fuse_detectors(found, STANDARD).warnings
    assert fuse_detectors(found, STANDARD).weakest is None
    assert fuse_detectors(found, STRICT).is_attack


def test_what_was_not_measured_is_neither_a_pass_nor_an_attack() -> None:
    fused = fuse_detectors([seen(one, None) for one in Detector], STRICT)
    assert (fused.is_attack, fused.weakest, fused.warnings) == (False, None, ())
    assert standing(seen(Detector.SHAPE, None), STRICT) is Standing.NOT_MEASURED


def test_a_score_that_is_no_number_fails() -> None:
    assert standing(seen(Detector.SHAPE, math.nan), STANDARD) is Standing.FAILED


def test_strict_asks_for_a_margin() -> None:
    between = seen(Detector.SHAPE, 55.0)
    assert (standing(between, STANDARD), standing(between, STRICT)) == (Standing.PASSED, Standing.FAILED)
    assert limit_of(Detector.SHAPE, STRICT) == STRICT_SCORE


@pytest.mark.parametrize(("limit", "typical"), [(1.0, 5.0), (5.0, 1.0), (-3.0, 0.5)])
def test_the_scale_has_its_limit_and_its_typical_value(limit: float, typical: float) -> None:
    assert graded(limit, limit=limit, typical=typical) == 50
    assert graded(typical, limit=limit, typical=typical) == 90
    assert graded(limit - 100 * (typical - limit), limit=limit, typical=typical) == 0
    assert graded(limit + 100 * (typical - limit), limit=limit, typical=typical) == 100
    assert graded(math.nan, limit=limit, typical=typical) == 0


def test_a_detector_that_rejects_makes_it_a_presentation_attack() -> None:
    good = judged(detectors=[seen(one, 95.0) for one in Detector])
    assert (good.outcome, good.score) == (PresentationOutcome.BONA_FIDE, 95.0)
    bad = judged(detectors=[seen(Detector.SHAPE, 20.0)])
    assert (bad.outcome, bad.score) == (PresentationOutcome.PRESENTATION_ATTACK, 0.0)
    assert DecisionWarning.LIVENESS_FACE_ATTACK.value in bad.warnings


def test_a_weak_signal_warns_and_leaves_the_outcome() -> None:
    doubted = judged(detectors=[seen(Detector.PHOTOMETRY, 20.0)])
    assert doubted.outcome is PresentationOutcome.BONA_FIDE
    assert doubted.warnings == (DecisionWarning.LIVENESS_FACE_ATTACK.value,)


@pytest.mark.parametrize(
    ("signals", "score", "risk", "named"),
    [
        ((), None, "low", ()),
        ((), 95.0, "low", ()),
        (("page:canvas",), 95.0, "elevated", ("page:canvas",)),
        ((), 55.0, "elevated", ("reason",)),
        (("page:canvas",), 20.0, "high", ("page:canvas", "reason")),
    ],
)
def test_what_the_browser_says_elevates_the_risk_and_what_was_measured_can_make_it_high(
    signals: tuple[str, ...], score: float | None, risk: str, named: tuple[str, ...]
) -> None:
    found = injection_evidence(signals, [seen(Detector.INJECTION, score), seen(Detector.SHAPE, 1.0)])
    assert (found.risk, found.signals) == (risk, named)
