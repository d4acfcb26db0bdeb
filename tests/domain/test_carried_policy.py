"""Passive networks are not the sole judge: a head with depth and living skin outweighs their doubt."""

from __future__ import annotations

import itertools
import math

import pytest

from app.domain.detector_evidence import Detector, DetectorEvidence
from app.domain.fusion import STRICT_SCORE
from app.domain.policy import MIN_PASSIVE_SCORE, MIN_PASSIVE_SCORE_CARRIED, MIN_PASSIVE_SCORES_CARRIED
from app.domain.settings import STANDARD, STRICT
from app.domain.verdict import DecisionWarning, LivenessEvidence, PassivePadEvidence, PresentationOutcome
from tests.domain.evidence import judged

P, W = PresentationOutcome, DecisionWarning
ONE, BOTH = ("fr_liveness",), ("fr_liveness", "minifasnet_v2")
SURE, UNSURE = STRICT_SCORE, STRICT_SCORE - 0.01


def liveness(
    score: float,
    models: tuple[str, ...] = ONE,
    profile: str = STANDARD,
    shape: float | None = SURE,
    texture: float | None = SURE,
) -> LivenessEvidence:
    found = [
        DetectorEvidence(detector, value, "reason")
        for detector, value in ((Detector.SHAPE, shape), (Detector.TEXTURE, texture))
    ]
    return judged(passive=PassivePadEvidence(score, 12, models), profile=profile, detectors=found)


@pytest.mark.parametrize("score", [MIN_PASSIVE_SCORE_CARRIED, 17.0, MIN_PASSIVE_SCORE - 0.01])
def test_one_network_s_doubt_is_carried_and_told(score: float) -> None:
    found = liveness(score)
    assert (found.outcome, found.warnings) == (P.BONA_FIDE, (W.LOW_LIVENESS_SCORE,))
    assert found.score == score


@pytest.mark.parametrize("score", [0.0, MIN_PASSIVE_SCORE_CARRIED - 0.01, math.nan])
def test_a_network_that_is_sure_refuses_alone(score: float) -> None:
    found = liveness(score)
    assert (found.outcome, found.warnings) == (
        P.PRESENTATION_ATTACK,
        (W.LIVENESS_FACE_ATTACK, W.LOW_LIVENESS_SCORE),
    )


@pytest.mark.parametrize("score", [MIN_PASSIVE_SCORES_CARRIED, 27.5, MIN_PASSIVE_SCORE - 0.01])
def test_the_doubt_of_two_is_carried_too(score: float) -> None:
    """To install the better network as well must refuse nobody whom one alone let pass."""
    assert (liveness(score, BOTH).outcome, liveness(score, BOTH).warnings) == (
        P.BONA_FIDE,
        (W.LOW_LIVENESS_SCORE,),
    )
    assert liveness(score, BOTH, STRICT).outcome is P.PRESENTATION_ATTACK
    assert liveness(score, BOTH, texture=UNSURE).outcome is P.PRESENTATION_ATTACK


@pytest.mark.parametrize("score", [0.0, MIN_PASSIVE_SCORES_CARRIED - 0.01, math.nan])
def test_two_networks_that_are_sure_refuse_whatever_else_was_seen(score: float) -> None:
    assert liveness(score, BOTH).outcome is P.PRESENTATION_ATTACK


def test_strict_carries_nobody() -> None:
    assert liveness(MIN_PASSIVE_SCORE - 0.01, profile=STRICT).outcome is P.PRESENTATION_ATTACK


@pytest.mark.parametrize(
    ("shape", "texture"),
    [pair for pair in itertools.product([SURE, UNSURE, None, math.nan], repeat=2) if pair != (SURE, SURE)],
)
def test_nothing_less_than_depth_and_skin_carries(shape: float | None, texture: float | None) -> None:
    assert liveness(17.0, shape=shape, texture=texture).outcome is P.PRESENTATION_ATTACK


def test_a_good_score_is_told_without_a_warning() -> None:
    assert liveness(MIN_PASSIVE_SCORE, shape=None, texture=None).warnings == ()
