"""How many captures the analysis bears, in which order others are let in, and at which pace frames come."""

from __future__ import annotations

import pytest

from app.domain.admission import (
    KNOWN_FOR_MS,
    LIVE_FOR_MS,
    USED_SHARE,
    WAITS_FOR_MS,
    Admission,
    FrameRates,
)

RATES = FrameRates(wanted=10, least=8)
COST_MS = 20.0


def admission(places: int = 2, cost_ms: float = COST_MS) -> Admission:
    """One that has seen so many frames of that cost that it knows it."""
    made = Admission(places, RATES)
    for _ in range(200):
        made.note_frame("of old", cost_ms, -KNOWN_FOR_MS)
    return made


def full(at_ms: int = 0, **kind: float) -> tuple[Admission, list[str]]:
    """As many as may begin at once, and one that may not."""
    made = admission(**kind)  # type: ignore[arg-type]
    begun = [f"capture {number}" for number in range(made.limit())]
    assert [made.may_begin(one, at_ms) for one in begun] == [True] * len(begun)
    return made, begun


@pytest.mark.parametrize(
    ("places", "cost_ms", "limit"),
    [(2, 20.0, 10), (1, 20.0, 5), (4, 20.0, 21), (2, 40.0, 5), (2, 1_000.0, 1), (1, 10_000.0, 1)],
)
def test_as_many_as_keep_the_least_rate_and_always_one(places: int, cost_ms: float, limit: int) -> None:
    made = admission(places, cost_ms)
    assert made.limit() == limit
    assert limit == 1 or limit * RATES.least * cost_ms <= 1_000 * places * USED_SHARE


def test_whoever_is_beyond_waits_and_all_others_go_on() -> None:
    made, begun = full()
    assert not made.may_begin("late", 0)
    for one in begun:
        made.note_frame(one, COST_MS, 100)
        assert made.may_begin(one, 100), "a capture that has begun is never held up"
    assert not made.may_begin("late", 100)


def test_a_place_counts_from_when_it_is_given_and_not_from_the_first_frame() -> None:
    made, _ = full()
    assert not made.may_begin("one more", 1)


def test_they_are_let_in_in_the_order_in_which_they_came() -> None:
    made, begun = full()
    waiting = ["first", "second", "third"]
    assert not any(made.may_begin(one, 0) for one in waiting)
    now_ms = LIVE_FOR_MS + 1
    for one in begun[2:]:
        made.note_frame(one, COST_MS, now_ms)
    assert [made.must_wait(one, now_ms) for one in reversed(waiting)] == [True, False, False]
    assert made.must_wait("third", now_ms)
    assert not made.may_begin("fourth", now_ms)


def test_a_free_place_is_not_taken_by_somebody_who_has_just_come() -> None:
    made, begun = full()
    assert not made.may_begin("first", 0)
    now_ms = LIVE_FOR_MS + 1
    for one in begun[1:]:
        made.note_frame(one, COST_MS, now_ms)
    assert not made.may_begin("second", now_ms)
    assert made.may_begin("first", now_ms)


def test_who_asks_no_more_holds_nobody_up() -> None:
    made, begun = full()
    assert not made.may_begin("gone", 0)
    now_ms = WAITS_FOR_MS + 1
    for one in begun[1:]:
        made.note_frame(one, COST_MS, now_ms)
    assert made.may_begin("next", now_ms)


def test_asking_keeps_the_place_in_the_queue() -> None:
    made, begun = full()
    assert not made.may_begin("first", 0)
    for now_ms in range(5_000, 40_000, 5_000):
        for one in begun:
            made.note_frame(one, COST_MS, now_ms)
        assert made.must_wait("first", now_ms)
        assert not made.may_begin("second", now_ms)
    for one in begun[1:]:
        made.note_frame(one, COST_MS, 45_000)
    assert made.must_wait("second", 45_000)
    assert not made.must_wait("first", 45_000)


def test_who_was_never_told_to_wait_need_not() -> None:
    made, _ = full()
    assert not made.must_wait("at the consent", 0)


def test_what_has_begun_goes_on_after_a_pause_even_where_it_is_full() -> None:
    made, begun = full()
    now_ms = LIVE_FOR_MS + 1
    for one in begun[1:]:
        made.note_frame(one, COST_MS, now_ms)
    assert made.may_begin("another", now_ms)
    assert made.may_begin(begun[0], now_ms), "it reads the tips of the last attempt"
    assert made.may_begin("of a server that was restarted", now_ms, has_begun=True)
    assert not made.may_begin("new", now_ms)


def test_what_was_forgotten_begins_anew() -> None:
    made, begun = full()
    now_ms = KNOWN_FOR_MS + 1
    others = [f"other {number}" for number in range(made.limit())]
    assert all(made.may_begin(one, now_ms) for one in others)
    assert not made.may_begin(begun[0], now_ms)


def test_all_that_are_live_get_the_same_pace_and_no_more_than_is_wanted() -> None:
    made, begun = full()
    for one in begun:
        made.note_frame(one, COST_MS, 0)
    assert 1_000 / made.interval_ms(0) >= RATES.least
    for number in range(len(begun)):
        made.note_frame(f"again {number}", COST_MS, 0)
    twice = made.interval_ms(0)
    assert twice == pytest.approx(2 * len(begun) * COST_MS / 2), "all of the analysis, and no more"
    assert made.interval_ms(LIVE_FOR_MS + 1) == 1_000 / RATES.wanted


def test_the_place_of_a_capture_at_rest_is_free_at_once_and_it_comes_back_where_it_goes_on() -> None:
    made, begun = full()
    for number in range(len(begun)):
        made.note_frame(f"again {number}", COST_MS, 0)
    crowded = made.interval_ms(0)
    for number in range(len(begun)):
        made.note_rest(f"again {number}")
    assert made.interval_ms(0) < crowded
    made.note_rest(begun[0])
    assert made.may_begin("another", 1)
    assert not made.may_begin("one more", 1)
    assert made.may_begin(begun[0], 1), "its next attempt"
    made.note_rest("never seen")


def test_a_machine_that_grows_slow_takes_in_fewer_and_recovers() -> None:
    made = admission()
    usual = made.limit()
    for number in range(60):
        made.note_frame("one", 4 * COST_MS, number)
    assert made.limit() < usual / 2
    for number in range(200):
        made.note_frame("one", COST_MS, number)
    assert made.limit() == usual


def test_a_clock_too_coarse_to_see_the_cost_bounds_nothing() -> None:
    made = admission(cost_ms=0.0)
    assert all(made.may_begin(str(number), 0) for number in range(1_000))
    assert made.interval_ms(0) == pytest.approx(1_000 / RATES.wanted, rel=0.1)
