"""Frames take turns in the analysis: in order, bounded in age, and without a server that lets in too many."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterable
from dataclasses import replace

import pytest

from app.adapters.db.unit_of_work import SqlStore
from app.domain.admission import FrameRates
from app.services.frame_traffic import LONGEST_WAIT_MS, FrameTraffic, ServerFull, Turns
from app.services.live_capture import LiveCaptures
from app.services.observe_frame import FrameResult
from tests.fakes import FakeClock
from tests.services.studio import Studio, make_studio

PATIENCE_SECONDS = 20


@pytest.fixture
def studio(sqlite_store: SqlStore) -> Studio:
    return make_studio(sqlite_store)


def test_turns_are_given_in_the_order_in_which_they_were_asked_for() -> None:
    turns, order, threads = Turns(1), [], []
    turns.take()

    def work(number: int) -> None:
        turns.take()
        order.append(number)
        turns.give_back()

    for number in range(8):
        threads.append(threading.Thread(target=work, args=(number,)))
        threads[-1].start()
        wait_until(lambda: len(turns._waiting) == number + 1)  # noqa: B023 (called at once)
    turns.give_back()
    for thread in threads:
        thread.join(PATIENCE_SECONDS)
    assert order == list(range(8))


def test_no_more_at_once_than_there_are_places() -> None:
    turns, lock, inside, most = Turns(2), threading.Lock(), 0, 0
    meet = threading.Barrier(2)

    def work() -> None:
        nonlocal inside, most
        for _ in range(20):
            turns.take()
            with lock:
                inside += 1
                most = max(most, inside)
            with lock:
                inside -= 1
            turns.give_back()

    def fill() -> None:
        turns.take()
        meet.wait(PATIENCE_SECONDS)
        turns.give_back()

    threads = [threading.Thread(target=work) for _ in range(6)] + [threading.Thread(target=fill) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_SECONDS)
        assert not thread.is_alive()
    assert most <= 2


def test_a_place_comes_back_whatever_happens_in_it() -> None:
    traffic = FrameTraffic(1, FrameRates(10, 8), FakeClock())
    for _ in range(3):
        with pytest.raises(ZeroDivisionError), traffic.turn("capture", may_be_dropped=True):
            raise ZeroDivisionError
    with traffic.turn("capture", may_be_dropped=True) as is_taken:
        assert is_taken


def test_a_frame_that_waited_too_long_is_dropped_at_no_cost_and_the_next_is_not(studio: Studio) -> None:
    studio.ready().camera()
    studio.show()
    received = studio.live_capture().evidence.received_bytes
    dropped = behind_another(studio, LONGEST_WAIT_MS + 1)
    assert (dropped.refusal, dropped.expected_seq, dropped.events) == ("late", 3, ())
    assert studio.live_capture().evidence.received_bytes == received
    assert behind_another(studio, LONGEST_WAIT_MS + 1).refusal is None, "else a full queue would judge nobody"
    assert behind_another(studio, LONGEST_WAIT_MS + 1).refusal == "late"
    assert behind_another(studio, LONGEST_WAIT_MS).refusal is None


def behind_another(studio: Studio, wait_ms: int) -> FrameResult:
    """A frame whose turn comes after so long."""
    turns = studio.traffic._turns

    class Queued:
        def take(self) -> int:
            crowd = turns.take()
            studio.clock.advance(milliseconds=wait_ms)
            return crowd

        def give_back(self) -> None:
            turns.give_back()

    studio.traffic._turns = Queued()  # type: ignore[assignment]
    try:
        return studio.show()
    finally:
        studio.traffic._turns = turns


def test_the_time_of_a_turn_is_what_a_frame_costs_and_waiting_is_not(studio: Studio) -> None:
    studio.ready().camera()
    for _ in range(60):
        with studio.traffic.turn("other", may_be_dropped=False):
            studio.clock.advance(milliseconds=250)
    assert studio.traffic._admission.cost_ms == pytest.approx(250, rel=0.1)
    assert behind_another(studio, 10_000).refusal == "late"
    assert studio.traffic._admission.cost_ms == pytest.approx(250, rel=0.1)


def test_a_frame_that_shares_the_landmarkers_costs_what_it_would_alone(studio: Studio) -> None:
    """Else a full server would think that it had grown slow, and ask everybody for fewer frames."""
    traffic = studio.traffic
    for _ in range(60):
        with (
            traffic.turn("one", may_be_dropped=False),
            traffic.turn("two", may_be_dropped=False),
            traffic.turn("three", may_be_dropped=False),
        ):
            studio.clock.advance(milliseconds=30)
    # Two of the three began before the third came: they cannot know.
    assert traffic._admission.cost_ms == pytest.approx((20 + 30 + 30) / 3, rel=0.15)


def test_a_session_waits_where_the_analysis_is_full_and_is_let_in_later(studio: Studio) -> None:
    studio.ready()
    others = fill(studio)
    with pytest.raises(ServerFull):
        studio.camera()
    assert studio.show().refusal == "not_expected"
    assert studio.traffic.must_wait(studio.hosted_id)
    studio.clock.advance(seconds=6)
    others.pop()
    keep_alive(studio, others)
    assert not studio.traffic.must_wait(studio.hosted_id)
    assert studio.camera() == []
    assert studio.show().refusal is None


def test_a_capture_has_a_place_as_long_as_it_sends_frames(studio: Studio) -> None:
    studio.ready().align()
    assert let_in(studio, "meanwhile") == studio.traffic._admission.limit() - 1


def test_a_capture_that_has_shown_everything_leaves_its_place_to_others(studio: Studio) -> None:
    studio.up_to_still()
    assert let_in(studio, "meanwhile") == studio.traffic._admission.limit()


def test_a_failed_attempt_leaves_its_place_to_others(studio: Studio) -> None:
    studio.ready().align().fail()
    assert let_in(studio, "meanwhile") == studio.traffic._admission.limit()


def test_a_session_that_has_begun_is_never_thrown_out(studio: Studio) -> None:
    studio.ready().align().fail()
    keep_alive(studio, fill(studio))
    assert studio.camera() is not None, "its next attempt"
    assert studio.show().refusal is None


def test_after_a_restart_a_session_that_has_begun_goes_on_at_once(studio: Studio) -> None:
    studio.ready().align().fail()
    anew = make_again(studio)
    fill(anew)
    assert anew.camera() is not None


def test_who_has_not_consented_takes_no_place(studio: Studio) -> None:
    studio.hello()
    assert studio.camera() is None
    assert len(fill(studio)) == studio.traffic._admission.limit()


def fill(studio: Studio) -> list[str]:
    """Others begin until no more may; who they are."""
    begun = [f"other {number}" for number in range(let_in(studio, "other"))]
    studio.clock.advance(seconds=16)  # the one that was refused has gone
    keep_alive(studio, begun)
    return begun


def let_in(studio: Studio, name: str) -> int:
    """How many others may begin now."""
    for number in itertools.count():
        try:
            studio.traffic.check(f"{name} {number}", has_begun=False)
        except ServerFull:
            return number
    raise AssertionError


def keep_alive(studio: Studio, captures: Iterable[str]) -> None:
    """A frame of each."""
    for one in captures:
        with studio.traffic.turn(one, may_be_dropped=False):
            studio.clock.advance(milliseconds=20)


def make_again(studio: Studio) -> Studio:
    """Another process over the same store, to which the page comes back."""
    again = replace(studio, live=LiveCaptures())
    again.hello()
    return again


def wait_until(holds: Callable[[], bool]) -> None:
    """Another thread is about to make it so."""
    for _ in range(PATIENCE_SECONDS * 1_000):
        if holds():
            return
        threading.Event().wait(0.001)
    raise AssertionError("it did not come")
