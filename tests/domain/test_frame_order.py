"""Frames of a page: which comes next, and whether it was taken when it came."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.capture_config import CaptureConfig
from app.domain.frame_order import CLOCK_SLACK_MS, FIRST_SEQ, FrameOrder


@given(st.lists(st.integers(min_value=-1, max_value=12), max_size=40))
def test_only_the_next_number_is_taken_and_each_once(numbers: list[int]) -> None:
    order, taken = FrameOrder(), []
    for seq in numbers:
        refusal = order.refusal(seq)
        if refusal is None:
            taken.append(seq)
        assert refusal in {None, "stale" if seq < order.next_seq else "out_of_order"}
    assert taken == list(range(FIRST_SEQ, FIRST_SEQ + len(taken)))
    assert order.next_seq == FIRST_SEQ + len(taken)


@given(st.lists(st.integers(min_value=0, max_value=CLOCK_SLACK_MS), min_size=1, max_size=50))
def test_no_line_is_too_uneven_while_it_interrupts_nothing(delays: list[int]) -> None:
    """Each frame is taken when the one before is acknowledged, and is up to the limit on its way."""
    order, now_ms = FrameOrder(), 0
    for delay_ms in delays:
        taken_ms, now_ms = now_ms + 50, now_ms + 50 + delay_ms
        assert order.keeps_time(taken_ms, now_ms)


def test_slack_is_what_a_challenge_bears() -> None:
    assert CaptureConfig((), 0).gap_limit_ms == CLOCK_SLACK_MS


@pytest.mark.parametrize(
    "frames",
    [
        [(50_000, 0), (55_999, 2_999), (56_100, 3_099)],
        [(50_000, 0), (50_001, 3_000), (50_200, 3_200), (50_299, 3_300)],
    ],
    ids=["ahead", "behind"],
)
def test_clocks_leave_each_other_by_the_slack_at_most(frames: list[tuple[int, int]]) -> None:
    order = FrameOrder()
    *in_time, too_far = [order.keeps_time(taken_ms, now_ms) for taken_ms, now_ms in frames]
    assert (all(in_time), too_far) == (True, False)


def test_after_a_silence_the_clocks_are_compared_anew_but_time_never_runs_backwards() -> None:
    order = FrameOrder()
    assert order.keeps_time(1_000, 1_000)
    assert not order.keeps_time(900, 60_000)
    assert order.keeps_time(1_001, 60_000)
    assert order.keeps_time(1_101, 60_100)
