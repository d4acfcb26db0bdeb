"""Frames take turns in the analysis: in order, bounded in age, and without a server that lets in too many."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import replace

import pytest

from app.adapters.db.unit_of_work import SqlStore
from app.domain.admission import FrameRates
from app.services.frame_traffic import LONGEST_WAIT_MS, FrameTraffic, ServerFull, Turns
from app.services.live_capture import LiveCaptures
from app.services.observe_frame import FrameResult
from tests.fakes import FakeClock
from tests.services.studio import PAGE, Studio, make_studio

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
    with traffic.turn("capture", may_be_dropped=True) as turn:
        assert not turn.is_late


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

        def give_back(self) -> int:
            return turns.give_back()

    studio.traffic._turns = Queued()  # type: ignore[assignment]
    try:
        return studio.show()
    finally:
        studio.traffic._turns = turns


def test_the_time_of_a_turn_is_what_a_frame_costs_and_waiting_is_not(studio: Studio) -> None:
    studio.ready().camera()
    for _ in range(60):
        judge_for(studio, "other", 250)
    assert studio.traffic._admission.cost_ms == pytest.approx(250, rel=0.1)
    assert behind_another(studio, 10_000).refusal == "late"
    assert studio.traffic._admission.cost_ms == pytest.approx(250, rel=0.1)


def test_a_frame_that_shares_the_landmarkers_costs_what_it_would_alone(studio: Studio) -> None:
    """Else a full server would think that it had grown slow, and ask everybody for fewer frames."""
    under_way: deque[ExitStack] = deque()
    for number in range(100):
        if len(under_way) == 3:
            under_way.popleft().close()
        under_way.append(ExitStack())
        turn = under_way[-1].enter_context(studio.traffic.turn(str(number), may_be_dropped=False))
        turn.is_judged = True
        studio.clock.advance(milliseconds=10)
    for one in under_way:
        one.close()
    assert studio.traffic._admission.cost_ms == pytest.approx(20, rel=0.1), "of the 30 ms of each"


def test_what_is_no_picture_says_nothing_of_what_a_frame_costs(studio: Studio) -> None:
    """Else one page could make the server believe that it is fast, and let everybody in."""
    studio.ready().camera()
    for _ in range(60):
        judge_for(studio, "other", 60)
    limit = studio.traffic._admission.limit()
    studio.images.broken.add(b"no picture")
    for _ in range(30):
        studio.clock.advance(milliseconds=100)
        assert studio.send(b"no picture").refusal == "not_an_image"
    assert studio.traffic._admission.limit() == limit


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


def test_an_interruption_leaves_the_place_to_others(studio: Studio) -> None:
    studio.ready().align()
    studio.interrupt_capture(studio.hosted_id, PAGE)
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
    for number in range(10_000):
        try:
            studio.traffic.check(f"{name} {number}", has_begun=False)
        except ServerFull:
            return number
    raise AssertionError("it is never full")


def keep_alive(studio: Studio, captures: Iterable[str]) -> None:
    """A frame of each."""
    for one in captures:
        judge_for(studio, one, 20)


def judge_for(studio: Studio, capture: str, ms: int) -> None:
    """A frame of this capture takes so long."""
    with studio.traffic.turn(capture, may_be_dropped=False) as turn:
        turn.is_judged = True
        studio.clock.advance(milliseconds=ms)


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
