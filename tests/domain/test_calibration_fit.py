"""A scale made from non-mated pairs keeps its promise on them, and is a scale."""

from __future__ import annotations

import tomllib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from app.domain.calibration_fit import as_toml, fit_calibration, pairs_needed, smallest_cosine
from app.domain.comparison import Calibration
from app.domain.pair_scores import NO_TEMPLATE
from tests.models_fixture import calibration_of


def impostors(count: int, mean: float = 0.05, spread: float = 0.1, seed: int = 1) -> NDArray[np.float64]:
    return np.clip(np.random.default_rng(seed).normal(mean, spread, count), -1, 1)


@settings(max_examples=40, deadline=None)
@given(
    st.integers(pairs_needed(), 60_000),
    st.floats(-0.9, 0.9),
    st.floats(0.0001, 0.5),
    st.integers(0, 99),
    st.booleans(),
)
def test_whatever_the_pairs_the_scale_keeps_its_promise(
    count: int, mean: float, spread: float, seed: int, has_ties: bool
) -> None:
    cosines = impostors(count, mean, spread, seed)
    cosines = np.round(cosines, 1) if has_ties else cosines
    fitted = fit_calibration("any", cosines)
    if fitted is None:
        return  # no room between the pairs and a cosine of 1
    for score in range(10, fitted.measured_to + 1, 10):
        reached = (cosines >= smallest_cosine(fitted.calibration, score)).sum()
        assert reached <= 10 ** (-score / 10) * count + 1e-6


def test_the_target_rate_is_at_its_score_and_not_far_below() -> None:
    cosines = impostors(300_000)
    fitted = fit_calibration("model-pairs", cosines)
    assert fitted is not None
    assert fitted.measured_to == 40
    for score, rate in ((10, 0.1), (20, 0.01), (30, 0.001), (40, 0.0001)):
        share = (cosines >= smallest_cosine(fitted.calibration, score)).mean()
        assert 0.8 * rate <= share <= rate


@pytest.mark.parametrize(("count", "measured_to"), [(250, 10), (2_499, 10), (2_500, 20), (25_000, 30)])
def test_the_scale_is_measured_as_far_as_pairs_support_it(count: int, measured_to: int) -> None:
    fitted = fit_calibration("model", impostors(count))
    assert fitted is not None
    assert fitted.measured_to == measured_to
    assert list(fitted.calibration.scores) == [0, *range(0, 101, 10)], "and extended to 100"


@pytest.mark.parametrize(
    "cosines",
    [np.zeros(0), impostors(pairs_needed() - 1), np.ones(10_000), np.full(10_000, NO_TEMPLATE)],
    ids=["none", "too few", "all alike", "nobody enrolled"],
)
def test_no_scale_is_better_than_one_from_nothing(cosines: NDArray[np.float64]) -> None:
    assert fit_calibration("model", cosines) is None


def test_the_extension_begins_as_steeply_as_the_measured_part_ends() -> None:
    fitted = fit_calibration("model", impostors(300_000))
    assert fitted is not None
    scale = fitted.calibration
    steps = dict(zip(scale.scores, np.diff(scale.cosines, prepend=-2), strict=True))
    assert steps[50] == pytest.approx(steps[40], rel=0.5)
    assert steps[100] > steps[90] > steps[60]


def test_a_version_names_the_knots() -> None:
    one, again, other = (fit_calibration("Ärzte & Co.", impostors(1000, seed=seed)) for seed in (1, 1, 2))
    assert one is not None
    assert other is not None
    assert one == again
    assert one.calibration.version != other.calibration.version
    assert one.calibration.version.startswith("rzte-co-")


def test_the_scale_survives_toml() -> None:
    fitted = fit_calibration("model", impostors(30_000))
    assert fitted is not None
    table = tomllib.loads(as_toml(fitted.calibration))["recognizer"]["calibration"]
    read = Calibration(table["version"], tuple(table["cosines"]), tuple(table["scores"]))
    assert read == fitted.calibration


@pytest.mark.parametrize("score", [0, 0.01, 10, 29.99, 30, 73.4, 99.99, 100])
def test_the_smallest_cosine_of_a_score_is_that(score: float) -> None:
    scale = calibration_of("sface")
    cosine = smallest_cosine(scale, score)
    assert scale.score(cosine).value >= score
    assert score == 0 or scale.score(np.nextafter(cosine, -1)).value < score
