"""Tasks by turns: when each is due, what an outage does to it, and that none stands in another's way."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass, field

import pytest

from app.domain.errors import MatchingUnavailable, StoreUnavailable
from app.jobs.background import LONGEST_PAUSE_SECONDS, Background, Task
from tests.fakes import FakeClock


@dataclass
class Work:
    """Does what it was told to, in turn, and then nothing more."""

    outcomes: list[bool | Exception] = field(default_factory=list)
    runs: int = 0

    def __call__(self) -> bool:
        self.runs += 1
        outcome = self.outcomes.pop(0) if self.outcomes else False
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def pauses(background: Background, clock: FakeClock, steps: int) -> list[float]:
    """What the loop waits after each step; the time passes."""
    waited = []
    for _ in range(steps):
        waited.append(background.step())
        clock.advance(seconds=waited[-1])
    return waited


def test_every_task_runs_at_the_start_and_then_at_its_own_pace(clock: FakeClock) -> None:
    often, rarely = Work(), Work()
    background = Background([Task("often", often, 5), Task("rarely", rarely, 12)], clock)
    assert pauses(background, clock, 5) == [5, 5, 2, 3, 5]
    assert (often.runs, rarely.runs) == (4, 2)


def test_a_task_with_more_to_do_goes_on_at_once_and_holds_up_no_other(clock: FakeClock) -> None:
    busy, other = Work([True] * 3), Work()
    background = Background([Task("busy", busy, 60), Task("other", other, 5)], clock)
    assert [background.step() for _ in range(3)] == [0, 0, 0]
    clock.advance(seconds=5)
    assert background.step() == 5
    assert (busy.runs, other.runs) == (4, 2)


def test_nothing_runs_before_it_is_due(clock: FakeClock) -> None:
    work = Work()
    background = Background([Task("work", work, 5)], clock)
    background.step()
    clock.advance(seconds=4)
    assert background.step() == 1
    assert work.runs == 1
    assert Background([], clock).step() > 0


@pytest.mark.parametrize("trouble", [MatchingUnavailable("away"), ZeroDivisionError("a bug")])
def test_pauses_grow_with_each_failure_and_shrink_with_success(
    clock: FakeClock, trouble: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL, "app")
    background = Background([Task("work", Work([*[trouble] * 6, False, trouble]), 3)], clock)
    assert pauses(background, clock, 8) == [5, 10, 20, 40, 60, 60, 3, 5]


@pytest.mark.parametrize(
    ("trouble", "longest"), [(MatchingUnavailable("away"), LONGEST_PAUSE_SECONDS), (ZeroDivisionError(), 900)]
)
def test_a_rare_task_is_tried_soon_after_an_outage_and_seldom_after_a_bug(
    clock: FakeClock, trouble: Exception, longest: float, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL, "app")
    background = Background([Task("rare", Work([trouble] * 2_000), 900)], clock)
    waited = pauses(background, clock, 2_000)
    assert waited[:3] == [5, 10, 20]
    assert set(waited[8:]) == {longest}


def test_an_outage_is_told_when_it_begins_changes_and_ends(
    clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    away, no_store = MatchingUnavailable("no core"), StoreUnavailable("no store")
    background = Background([Task("work", Work([away, away, away, no_store, no_store, False, away]), 5)], clock)
    pauses(background, clock, 8)
    assert [record.getMessage() for record in caplog.records] == [
        "work waits: no core",
        "work waits: no store",
        "work goes on",
        "work waits: no core",
        "work goes on",
    ]


def test_a_bug_in_one_task_is_told_and_the_others_run(clock: FakeClock, caplog: pytest.LogCaptureFixture) -> None:
    work = Work()
    background = Background([Task("broken", Work([ZeroDivisionError()]), 5), Task("work", work, 5)], clock)
    background.step()
    assert work.runs == 1
    assert [record.getMessage() for record in caplog.records] == ["broken failed"]
    assert caplog.records[0].exc_info


def test_it_runs_in_a_thread_of_its_own_until_it_is_stopped(clock: FakeClock) -> None:
    has_run = threading.Event()

    def run() -> bool:
        has_run.set()
        return True

    background = Background([Task("work", run, 5)], clock)
    background.start()
    assert has_run.wait(10)
    background.stop()
    assert not background._thread.is_alive()
    background.stop()


def test_one_that_was_never_started_can_be_stopped(clock: FakeClock) -> None:
    Background([], clock).stop()


def test_a_stop_lets_the_task_that_runs_end_and_begins_no_other(clock: FakeClock) -> None:
    second = Work()

    def first() -> bool:
        background.ask_to_stop()
        return True

    background = Background([Task("first", first, 5), Task("second", second, 5)], clock)
    background.step()
    assert second.runs == 0


def test_a_task_that_hangs_does_not_hold_up_the_end(clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.jobs.background.STOP_SECONDS", 0.01)
    is_running, may_end = threading.Event(), threading.Event()

    def hang() -> bool:
        is_running.set()
        return may_end.wait(10)

    background = Background([Task("hangs", hang, 5)], clock)
    background.start()
    assert is_running.wait(10)
    background.stop()
    assert background._thread.is_alive()
    assert background._thread.daemon
    may_end.set()
    background._thread.join(10)
