"""Evidence of the replay ledger: what counts as seen again."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.detector_evidence import LIMIT_SCORE, Detector
from app.domain.replay import FINGERPRINTS_KEPT, FRAMES_MIN, NEAR_BITS, Fingerprints, judge_replay, spread

CHANCE = np.random.default_rng(7)


def drawn(number: int) -> Fingerprints:
    return CHANCE.integers(0, 2**64, number, dtype=np.uint64)


def ints(fingerprints: Fingerprints) -> list[int]:
    return [int(one) for one in fingerprints]


OWN = drawn(100)


@pytest.mark.parametrize("number", [0, 1, 23, 24, 25, 300])
def test_what_is_kept_is_spread_from_the_first_to_the_last(number: int) -> None:
    kept = ints(spread(range(number)))
    assert kept == sorted(set(kept))
    assert len(kept) == min(number, FINGERPRINTS_KEPT)
    if number:
        assert (kept[0], kept[-1]) == (0, number - 1)


@pytest.mark.parametrize(("bits", "is_seen"), [(0, True), (NEAR_BITS, True), (NEAR_BITS + 1, False)])
def test_near_is_the_same_frame_and_no_further(bits: int, is_seen: bool) -> None:
    copy = spread(ints(OWN)) ^ np.uint64(2**bits - 1)
    evidence = judge_replay(ints(OWN), [drawn(24), copy, drawn(24)])
    assert evidence.detector is Detector.REPLAY
    assert (evidence.score == 0) is is_seen
    assert evidence.measured["seen_again"] == (FINGERPRINTS_KEPT if is_seen else 0)


@pytest.mark.parametrize(("again", "score"), [(0, 100.0), (1, 92.22), (4, 58.89), (5, 47.78), (24, 0.0)])
def test_the_score_falls_with_the_share_of_one_session_that_comes_again(again: int, score: float) -> None:
    earlier = np.concatenate([spread(ints(OWN))[:again], drawn(24 - again)])
    evidence = judge_replay(ints(OWN), [earlier])
    assert (evidence.score, evidence.score is not None and evidence.score >= LIMIT_SCORE) == (score, again < 5)


def test_chance_frames_of_many_sessions_do_not_add_up() -> None:
    earlier = [np.concatenate([OWN[number : number + 2], drawn(22)]) for number in range(0, 100, 2)]
    evidence = judge_replay(ints(OWN), earlier)
    assert (evidence.measured["seen_again"], evidence.reason) == (2, "frames_not_seen_before")


@pytest.mark.parametrize("number", [0, FRAMES_MIN - 1])
def test_too_few_frames_say_nothing(number: int) -> None:
    evidence = judge_replay(ints(OWN[:number]), [OWN])
    assert (evidence.score, evidence.reason) == (None, "too_few_frames")


@given(st.lists(st.integers(min_value=0, max_value=40), max_size=12))
def test_sessions_of_any_length_are_compared_each_for_itself(lengths: list[int]) -> None:
    earlier = [drawn(length) for length in lengths]
    measured = judge_replay(ints(OWN), [*earlier, OWN[:10], np.array([], np.uint64)]).measured
    assert (measured["seen_again"], measured["compared_sessions"]) == (10, len(lengths) + 2)


def test_a_large_ledger_is_looked_through_in_blocks() -> None:
    earlier = [drawn(24) for _ in range(300)]
    earlier[211] = spread(ints(OWN))
    assert judge_replay(ints(OWN), earlier).measured["seen_again"] == FINGERPRINTS_KEPT
