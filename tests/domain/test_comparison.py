"""Scores follow the cosine, and templates of different models never meet."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.comparison import (
    CALIBRATION_COSINE,
    CALIBRATION_SCORE,
    DEFAULT_THRESHOLD,
    ComparisonOutcome,
    ComparisonScore,
    Template,
    score_from_cosine,
)

COSINES = st.floats(min_value=-1.0, max_value=1.0)


@given(COSINES, COSINES)
def test_a_larger_cosine_never_scores_lower(one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert score_from_cosine(low).value <= score_from_cosine(high).value


@given(COSINES)
def test_scores_stay_between_0_and_100_and_keep_their_cosine(cosine: float) -> None:
    score = score_from_cosine(cosine)
    assert 0.0 <= score.value <= 100.0
    assert score.cosine == cosine


@pytest.mark.parametrize(
    ("cosine", "score"), list(zip(CALIBRATION_COSINE, CALIBRATION_SCORE, strict=True)), ids=str
)
def test_the_scale_has_its_knots(cosine: float, score: float) -> None:
    assert score_from_cosine(cosine).value == score


def test_the_scale_spans_everything_and_grows_wherever_faces_are_told_apart() -> None:
    assert (CALIBRATION_COSINE[0], CALIBRATION_SCORE[0]) == (-1.0, 0.0)
    assert (CALIBRATION_COSINE[-1], CALIBRATION_SCORE[-1]) == (1.0, 100.0)
    assert all(low < high for low, high in pairwise(CALIBRATION_COSINE))
    assert all(low < high for low, high in pairwise(CALIBRATION_SCORE[1:]))
    assert DEFAULT_THRESHOLD in CALIBRATION_SCORE


@pytest.mark.parametrize(("cosine", "score"), [(1.0000001, 100.0), (-1.0000001, 0.0)])
def test_what_rounding_puts_beyond_one_stays_on_the_scale(cosine: float, score: float) -> None:
    assert score_from_cosine(cosine).value == score


@pytest.mark.parametrize("cosine", [math.nan, math.inf, -math.inf])
def test_no_number_is_no_score(cosine: float) -> None:
    with pytest.raises(ValueError, match="not finite"):
        score_from_cosine(cosine)


@pytest.mark.parametrize(
    ("value", "outcome"),
    [
        (DEFAULT_THRESHOLD, ComparisonOutcome.MATCH),
        (DEFAULT_THRESHOLD - 0.01, ComparisonOutcome.NON_MATCH),
    ],
)
def test_a_match_begins_at_the_threshold(value: float, outcome: ComparisonOutcome) -> None:
    assert ComparisonScore(value, 0.4).outcome(DEFAULT_THRESHOLD) is outcome


def test_the_default_threshold_is_the_contract_s() -> None:
    assert DEFAULT_THRESHOLD == 30.0


def test_the_cosine_of_templates() -> None:
    one, other = (np.array(vector, dtype=np.float32) for vector in ([0.6, 0.8], [0.8, 0.6]))
    assert Template("m", one).cosine(Template("m", other)) == pytest.approx(0.96)
    assert Template("m", one).cosine(Template("m", -one)) == pytest.approx(-1.0)


def test_templates_of_two_models_are_not_comparable() -> None:
    vector = np.array([1.0, 0.0], dtype=np.float32)
    with pytest.raises(ValueError, match="different models"):
        Template("one", vector).cosine(Template("other", vector))
