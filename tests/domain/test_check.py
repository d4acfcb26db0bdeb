from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.check import (
    CheckStatus,
    judge_check,
    probe_warnings,
    reference_warnings,
    threshold_for,
    with_blocklist,
)
from app.domain.settings import OrganizationSettings
from app.domain.verdict import Verdict
from tests.fakes import face_of

scores = st.floats(0, 100)


@given(score=scores, threshold=scores, band=scores)
def test_a_match_is_a_score_at_or_above_the_threshold_whatever_the_band(
    score: float, threshold: float, band: float
) -> None:
    outcome = judge_check(score, threshold, band)
    assert outcome.is_match == (score >= threshold)
    assert (outcome.status is CheckStatus.DECLINED) == (score < threshold)
    assert (outcome.score, outcome.threshold) == (score, threshold)


@pytest.mark.parametrize(
    ("score", "status"),
    [
        (29.99, CheckStatus.DECLINED),
        (30, CheckStatus.IN_REVIEW),
        (39.99, CheckStatus.IN_REVIEW),
        (40, CheckStatus.APPROVED),
    ],
)
def test_the_review_band_reaches_from_the_threshold_upward(score: float, status: CheckStatus) -> None:
    assert judge_check(score, 30, 10).status is status


def test_without_a_band_nothing_is_reviewed() -> None:
    assert judge_check(30, 30, 0).status is CheckStatus.APPROVED


@pytest.mark.parametrize("score", [None, math.nan])
def test_what_could_not_be_compared_never_matches_even_at_threshold_zero(score: float | None) -> None:
    outcome = judge_check(score, 0, 0, ["NO_FACE_DETECTED", "NO_FACE_DETECTED"])
    assert (outcome.status, outcome.is_match) == (CheckStatus.DECLINED, False)
    assert outcome.warnings[0] == "NO_FACE_DETECTED"
    assert outcome.warnings.count("NO_FACE_DETECTED") == 1


def test_a_low_score_is_warned_of_and_a_missing_one_is_not() -> None:
    assert judge_check(29, 30, 0).warnings == ("LOW_FACE_MATCH_SIMILARITY",)
    assert judge_check(None, 30, 0).warnings == ()
    assert judge_check(30, 30, 0).warnings == ()


@pytest.mark.parametrize(
    ("floor", "asked", "used"),
    [(None, None, 42), (None, 5, 5), (None, 0, 0), (20, 5, 20), (20, 21, 21), (20, None, 42), (0, 0, 0)],
)
def test_what_a_caller_asks_for_is_raised_to_the_floor(
    floor: float | None, asked: float | None, used: float
) -> None:
    settings = OrganizationSettings(score_decline_threshold=42, score_floor=floor)
    assert threshold_for(settings, asked) == used


def test_probe_and_reference_are_warned_of_in_their_own_words() -> None:
    assert probe_warnings(None) == ("NO_FACE_DETECTED",)
    assert reference_warnings(None) == ("NO_REFERENCE_IMAGE",)
    assert probe_warnings(face_of(b"x")) == reference_warnings(face_of(b"x")) == ()


@given(score=st.none() | scores, threshold=scores, band=scores, blocked=st.sampled_from(Verdict))
def test_the_block_list_makes_no_check_better(
    score: float | None, threshold: float, band: float, blocked: Verdict
) -> None:
    before = judge_check(score, threshold, band)
    after = with_blocklist(before, blocked)
    assert (after.score, after.threshold) == (before.score, before.threshold)
    if not before.is_match or blocked is Verdict.APPROVED:
        assert after == before
    elif blocked is Verdict.IN_REVIEW:
        assert (after.status, after.is_match) == (CheckStatus.IN_REVIEW, True)
    else:
        assert (after.status, after.is_match) == (CheckStatus.DECLINED, False)
        assert after.warnings == (*before.warnings, "FACE_IN_BLOCKLIST")
