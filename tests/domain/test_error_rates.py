"""Error rates are what their definitions say, however many pairs there are and however they tie."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.error_rates import (
    accuracy,
    area_under_roc,
    best_accuracy,
    det_points,
    equal_error_rate,
    false_match_rates,
    false_non_match_rates,
    fnmr_at_fmr,
    smallest_supported,
    trials_needed,
    wilson,
)
from app.domain.pair_scores import NO_TEMPLATE, PairScores, PictureTemplates

# Coarse, so that ties are common; a failure to enrol now and then.
COSINE = st.one_of(st.integers(-10, 10).map(lambda tenths: tenths / 10), st.just(NO_TEMPLATE))
COSINES = st.lists(COSINE, min_size=1, max_size=30)


def pairs_of(cosines: list[float]) -> PairScores:
    """Pairs of people who are not known."""
    return PairScores(np.array(cosines, dtype=np.float64))


def crowd(people: int = 30, pictures: int = 3, noise: float = 0.8) -> tuple[PairScores, PairScores]:
    """Mated and non-mated pairs of made-up people, some of whose pictures are hard to tell apart."""
    random = np.random.default_rng(7)
    person = np.repeat(np.arange(people, dtype=np.int32), pictures)
    vectors = random.normal(size=(people, 16))[person] + noise * random.normal(size=(len(person), 16))
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    templates = PictureTemplates(vectors, np.ones(len(person), dtype=np.bool_), person)
    first = np.arange(0, len(person), pictures, dtype=np.intp)
    return templates.pairs(first, first + 1), templates.cross_pairs()


@settings(deadline=None)
@given(COSINES, COSINES)
def test_a_higher_threshold_gives_no_more_false_matches_and_no_fewer_false_non_matches(
    mated: list[float], non_mated: list[float]
) -> None:
    thresholds = [step / 20 for step in range(-21, 22)]
    fmr = [rate.errors for rate in false_match_rates(pairs_of(non_mated), thresholds)]
    fnmr = [rate.errors for rate in false_non_match_rates(pairs_of(mated), thresholds)]
    assert fmr == sorted(fmr, reverse=True)
    assert fnmr == sorted(fnmr)


@settings(deadline=None)
@given(COSINES, COSINES)
def test_the_area_under_the_curve_is_its_definition(mated: list[float], non_mated: list[float]) -> None:
    wins = [1.0 if one > other else 0.5 if one == other else 0.0 for one in mated for other in non_mated]
    assert area_under_roc(pairs_of(mated), pairs_of(non_mated)) == pytest.approx(sum(wins) / len(wins))


@settings(deadline=None)
@given(COSINES, COSINES, st.sampled_from([0.0001, 0.1, 0.25, 0.5, 0.9]))
def test_fnmr_at_fmr_is_the_least_that_any_threshold_below_the_fmr_gives(
    mated: list[float], non_mated: list[float], fmr: float
) -> None:
    candidates = sorted({-1.0, *filter(math.isfinite, [*mated, *non_mated])})
    candidates += [math.nextafter(cosine, math.inf) for cosine in candidates]
    least = min(
        sum(cosine < threshold for cosine in mated)
        for threshold in candidates
        if sum(cosine >= threshold for cosine in non_mated) <= fmr * len(non_mated)
    )
    found = fnmr_at_fmr(pairs_of(mated), pairs_of(non_mated), fmr)
    assert found.fnmr.errors == least
    assert sum(cosine < found.cosine for cosine in mated) == least
    assert sum(cosine >= found.cosine for cosine in non_mated) == found.false_matches


@settings(deadline=None)
@given(COSINES, COSINES)
def test_no_threshold_is_more_accurate_than_the_best(mated: list[float], non_mated: list[float]) -> None:
    one, other = pairs_of(mated), pairs_of(non_mated)
    best, at = best_accuracy(one, other)
    assert best == pytest.approx(accuracy(one, other, at))
    assert all(accuracy(one, other, step / 20) <= best + 1e-12 for step in range(-21, 22))


def test_a_failure_to_enrol_is_an_error_in_a_mated_pair_alone() -> None:
    failed = pairs_of([NO_TEMPLATE, 0.9])
    assert false_match_rates(failed, [-1.0])[0].errors == 1
    assert false_non_match_rates(failed, [-1.0])[0].errors == 1
    assert failed.without_template == 1


def test_the_equal_error_rate_of_overlapping_scores() -> None:
    assert equal_error_rate(pairs_of([0.2, 0.6, 0.7, 0.8]), pairs_of([0.0, 0.1, 0.15, 0.65])) == 0.25
    assert equal_error_rate(pairs_of([0.5]), pairs_of([0.4])) == 0


def test_the_det_curve_falls_from_all_false_matches_to_none() -> None:
    points = det_points(*crowd())
    assert [point.fmr for point in points] == sorted((point.fmr for point in points), reverse=True)
    assert [point.fnmr for point in points] == sorted(point.fnmr for point in points)
    assert points[0].fmr > 0.5
    assert points[-1].fmr < 0.001


def test_nobody_enrolled_is_an_answer_too() -> None:
    nobody = pairs_of([NO_TEMPLATE] * 3)
    assert area_under_roc(nobody, nobody) == 0.5
    assert best_accuracy(nobody, nobody)[0] == 0.5
    assert det_points(nobody, nobody) == ()
    assert fnmr_at_fmr(nobody, nobody, 0.01).fnmr.share == 1


@pytest.mark.parametrize(
    ("errors", "trials", "low", "high"),
    [(0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (5, 10, 0.2366, 0.7634), (18, 900, 0.0127, 0.0314)],
)
def test_wilson_s_interval(errors: int, trials: int, low: float, high: float) -> None:
    assert wilson(errors, trials) == pytest.approx((low, high), abs=1e-4)


@pytest.mark.parametrize(("errors", "trials"), [(0, 0), (2, 1), (-1, 1)])
def test_a_rate_of_nothing_is_no_rate(errors: int, trials: int) -> None:
    with pytest.raises(ValueError, match="needs trials"):
        wilson(errors, trials)


@settings(deadline=None)
@given(st.floats(1e-5, 0.5))
def test_so_many_trials_without_an_error_reach_a_limit_and_fewer_do_not(share: float) -> None:
    needed = trials_needed(share)
    assert wilson(0, needed)[1] <= share + 1e-12
    assert needed == 1 or wilson(0, needed - 1)[1] > share - 1e-12


def test_intervals_hold_the_rate_and_are_the_same_again() -> None:
    mated, non_mated = crowd()
    thresholds = [0.2, 0.4, 0.6, 0.8]
    rates = [*false_match_rates(non_mated, thresholds), *false_non_match_rates(mated, thresholds)]
    rates += [fnmr_at_fmr(mated, non_mated, fmr).fnmr for fmr in (0.01, 0.001)]
    assert all(rate.low <= rate.share <= rate.high for rate in rates)
    assert rates[:4] == list(false_match_rates(non_mated, thresholds))


def test_pairs_that_share_people_are_less_sure_than_independent_ones() -> None:
    _, non_mated = crowd()
    (shared,) = false_match_rates(non_mated, [0.5])
    (independent,) = false_match_rates(PairScores(non_mated.cosines), [0.5])
    assert (shared.errors, shared.trials) == (independent.errors, independent.trials)
    assert shared.high - shared.low > 1.2 * (independent.high - independent.low)


def test_all_cross_pairs_are_weighed_as_if_each_were_listed() -> None:
    mated, non_mated = crowd()
    listed = PairScores(non_mated.cosines, non_mated.people)
    assert false_match_rates(non_mated, [0.4, 0.6]) == false_match_rates(listed, [0.4, 0.6])
    assert fnmr_at_fmr(mated, non_mated, 0.01) == fnmr_at_fmr(mated, listed, 0.01)


def test_the_order_of_thresholds_and_repeats_do_not_matter() -> None:
    _, non_mated = crowd()
    low, high = false_match_rates(non_mated, [0.2, 0.6])
    assert false_match_rates(non_mated, [0.6, 0.2, 0.6]) == (high, low, high)


@pytest.mark.parametrize("target", [0.001, 0.005, 0.02, 0.1])
def test_a_supported_threshold_keeps_its_upper_limit_and_the_one_before_does_not(target: float) -> None:
    _, non_mated = crowd(60)
    grid = [step / 100 for step in range(-100, 101)]
    found = smallest_supported(non_mated, grid, target)
    assert found is not None
    before, at = false_match_rates(non_mated, grid[found - 1 : found + 1])
    assert at.high <= target < before.high


def test_too_few_pairs_support_no_threshold() -> None:
    assert smallest_supported(pairs_of([0.0] * 100), [0.5, 0.9], 0.001) is None
    assert smallest_supported(pairs_of([0.95] * 100_000), [0.5, 0.9], 0.001) is None


def test_cross_pairs_are_all_pairs_of_different_people() -> None:
    person = np.array([0, 1, 0, 2, 1], dtype=np.int32)
    vectors = np.eye(5, dtype=np.float32)
    templates = PictureTemplates(vectors, np.array([True, True, True, True, False]), person)
    crossed = templates.cross_pairs()
    assert crossed.people is not None
    assert len(crossed) == 8
    assert all(one != other for one, other in zip(*crossed.people, strict=True))
    assert crossed.without_template == 3


def test_blocks_and_single_pairs_agree() -> None:
    """More pictures than a block holds."""
    random = np.random.default_rng(3)
    vectors = random.normal(size=(700, 8)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    person = np.arange(700, dtype=np.int32) // 2
    templates = PictureTemplates(vectors, np.ones(700, dtype=np.bool_), person)
    row, column = np.triu_indices(700, 1)
    apart = person[row] != person[column]
    expected = templates.pairs(row[apart], column[apart])
    assert np.allclose(np.sort(templates.cross_pairs().cosines), np.sort(expected.cosines), atol=1e-6)


def test_too_many_cross_pairs_are_those_of_fewer_people() -> None:
    person = np.repeat(np.arange(40, dtype=np.int32), 3)
    templates = PictureTemplates(np.ones((120, 2), np.float32), np.ones(120, np.bool_), person)
    crossed = templates.cross_pairs(pairs_max=1000)
    assert crossed.people is not None
    kept = {int(number) for side in crossed.people for number in side}
    assert len(crossed) == 9 * len(kept) * (len(kept) - 1) / 2
    assert 900 <= len(crossed) <= 1000
    assert np.array_equal(templates.cross_pairs(pairs_max=1000).people[0], crossed.people[0])  # type: ignore[index]


def test_cross_pairs_of_unknown_people_are_refused() -> None:
    templates = PictureTemplates(np.ones((2, 2), np.float32), np.ones(2, np.bool_), None)
    with pytest.raises(ValueError, match="who is in the pictures"):
        templates.cross_pairs()
