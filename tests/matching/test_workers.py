from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from app.domain.errors import InvalidImage, MatchingUnavailable
from app.matching.workers import NICENESS, Workers

PATIENCE_S = 30


class Gate:
    """Work that says when it runs, and then waits to be let go."""

    def __init__(self) -> None:
        self.entered = threading.Semaphore(0)
        self._open = threading.Event()
        self.has_worked = False

    def work(self) -> str:
        self.entered.release()
        assert self._open.wait(PATIENCE_S)
        self.has_worked = True
        return threading.current_thread().name

    def open(self) -> None:
        self._open.set()

    def wait_for(self, count: int) -> None:
        for _ in range(count):
            assert self.entered.acquire(timeout=PATIENCE_S)


def _niceness(thread_id: int) -> int:
    """Field 19 of proc(5)'s stat; the name before may hold blanks and brackets."""
    stat = Path(f"/proc/self/task/{thread_id}/stat").read_text("ascii")
    return int(stat.rpartition(")")[2].split()[16])


def _places(workers: Workers) -> int:
    """How many can be at work or wait; all of them are free again afterwards."""
    taken = 0
    while workers._places.acquire(blocking=False):
        taken += 1
    for _ in range(taken):
        workers._places.release()
    return taken


def test_the_answer_comes_from_a_thread_of_the_pool() -> None:
    workers = Workers(1, 0)
    assert workers.run(lambda: threading.current_thread().name).startswith("matching")
    assert workers.run(lambda: None) is None
    workers.close()


def test_no_more_work_at_a_time_than_threads_and_no_more_waits_than_allowed() -> None:
    workers, gate = Workers(2, 3), Gate()
    with ThreadPoolExecutor(5) as callers:
        answers = [callers.submit(workers.run, gate.work) for _ in range(5)]
        gate.wait_for(2)
        while _is_place_left(workers):  # the other three are on their way to the queue
            pass
        assert not gate.entered.acquire(blocking=False)
        with pytest.raises(MatchingUnavailable, match="busy"):
            workers.run(lambda: None)
        gate.open()
        assert len({answer.result(PATIENCE_S) for answer in answers}) == 2
    assert _places(workers) == 5
    workers.close()


def _is_place_left(workers: Workers) -> bool:
    if not workers._places.acquire(blocking=False):
        return False
    workers._places.release()
    return True


@pytest.mark.parametrize("error", [InvalidImage("The image is broken."), ValueError("other"), MemoryError()])
def test_exceptions_pass_through_and_free_their_place(error: Exception) -> None:
    def fail() -> None:
        raise error

    workers = Workers(1, 0)
    for _ in range(3):
        with pytest.raises(type(error)) as caught:
            workers.run(fail)
        assert caught.value is error
    assert workers.run(lambda: 1) == 1
    workers.close()


def test_after_closing_nothing_is_taken_and_what_ran_has_finished() -> None:
    workers, gate = Workers(1, 1), Gate()
    with ThreadPoolExecutor(2) as callers:
        running = callers.submit(workers.run, gate.work)
        gate.wait_for(1)
        closing = callers.submit(workers.close)
        gate.open()
        closing.result(PATIENCE_S)
        assert gate.has_worked
        assert running.result(PATIENCE_S).startswith("matching")
    with pytest.raises(MatchingUnavailable, match="shutting down"):
        workers.run(lambda: None)
    assert _places(workers) == 2
    workers.close()


def test_closing_ends_the_threads() -> None:
    workers = Workers(2, 0)
    thread = workers.run(threading.current_thread)
    workers.close()
    assert not thread.is_alive()


def test_only_the_pools_threads_give_way() -> None:
    own = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
    workers, gate = Workers(2, 0), Gate()

    def niceness() -> int:
        gate.work()
        return _niceness(threading.get_native_id())

    with ThreadPoolExecutor(2) as callers:
        answers = [callers.submit(workers.run, niceness) for _ in range(2)]
        gate.wait_for(2)
        gate.open()
        assert [answer.result(PATIENCE_S) for answer in answers] == [NICENESS, NICENESS]
        assert callers.submit(lambda: _niceness(threading.get_native_id())).result(PATIENCE_S) == own
    assert os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) == own
    workers.close()


@pytest.mark.parametrize("error", [PermissionError(), OSError(), AttributeError()])
def test_where_the_system_forbids_it_work_is_done_all_the_same(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.setpriority", _raising(error))
    workers = Workers(1, 0)
    assert workers.run(lambda: "done") == "done"
    workers.close()


def _raising(error: Exception) -> Callable[..., None]:
    def fail(*_: object) -> None:
        raise error

    return fail
