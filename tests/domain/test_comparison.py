"""Scores follow the cosine, and templates of different models never meet."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.comparison import (
    DEFAULT_THRESHOLD,
    Calibration,
    ComparisonOutcome,
    ComparisonScore,
    Template,
    TemplateFormat,
)

COSINES = st.floats(min_value=-1.0, max_value=1.0)
CALIBRATION = Calibration("test-1", (-1.0, 0.0, 0.2, 0.375, 0.7, 1.0), (0.0, 0.0, 10.0, 30.0, 90.0, 100.0))
ONE, OTHER = TemplateFormat("one", "1"), TemplateFormat("other", "1")


@given(COSINES, COSINES)
def test_a_larger_cosine_never_scores_lower(one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert CALIBRATION.score(low).value <= CALIBRATION.score(high).value


@given(COSINES)
def test_scores_stay_between_0_and_100_and_keep_their_cosine(cosine: float) -> None:
    score = CALIBRATION.score(cosine)
    assert 0.0 <= score.value <= 100.0
    assert score.cosine == cosine


@pytest.mark.parametrize(
    ("cosine", "score"), list(zip(CALIBRATION.cosines, CALIBRATION.scores, strict=True)), ids=str
)
def test_the_scale_has_its_knots(cosine: float, score: float) -> None:
    assert CALIBRATION.score(cosine).value == score


@pytest.mark.parametrize(
    ("cosines", "scores", "problem"),
    [
        ((-1.0, 1.0), (0.0, 50.0, 100.0), "as many"),
        ((-1.0, math.nan, 1.0), (0.0, 50.0, 100.0), "numbers"),
        ((0.0, 1.0), (0.0, 100.0), "from -1 to 1"),
        ((), (), "from -1 to 1"),
        ((-1.0, 1.0), (0.0, 99.0), "from 0 to 100"),
        ((-1.0, 0.5, 0.5, 1.0), (0.0, 10.0, 20.0, 100.0), "must grow"),
        ((-1.0, 0.5, 0.6, 1.0), (0.0, 20.0, 10.0, 100.0), "must not fall"),
    ],
)
def test_knots_that_make_no_scale_are_refused(
    cosines: tuple[float, ...], scores: tuple[float, ...], problem: str
) -> None:
    with pytest.raises(ValueError, match=problem):
        Calibration("bad", cosines, scores)


@pytest.mark.parametrize(("cosine", "score"), [(1.0000001, 100.0), (-1.0000001, 0.0)])
def test_what_rounding_puts_beyond_one_stays_on_the_scale(cosine: float, score: float) -> None:
    assert CALIBRATION.score(cosine).value == score


@pytest.mark.parametrize("cosine", [math.nan, math.inf, -math.inf])
def test_no_number_is_no_score(cosine: float) -> None:
    with pytest.raises(ValueError, match="not finite"):
        CALIBRATION.score(cosine)


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
    assert Template(ONE, one).cosine(Template(ONE, other)) == pytest.approx(0.96)
    assert Template(ONE, one).cosine(Template(ONE, -one)) == pytest.approx(-1.0)


def test_templates_of_two_models_are_not_comparable() -> None:
    vector = np.array([1.0, 0.0], dtype=np.float32)
    with pytest.raises(ValueError, match="different models"):
        Template(ONE, vector).cosine(Template(OTHER, vector))


def test_a_damaged_template_has_no_cosine() -> None:
    damaged = Template(ONE, np.array([math.nan, 0.0], dtype=np.float32))
    with pytest.raises(ValueError, match="damaged"):
        damaged.cosine(damaged)


def test_rounding_never_leaves_the_range_of_a_cosine() -> None:
    slightly_long = Template(ONE, np.array([0.8000001, 0.6000001], dtype=np.float32))
    assert slightly_long.cosine(slightly_long) == 1.0
