"""Threads of the matching core's own: so many pictures at a time, so many waiting, and live frames go first."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable
from concurrent.futures import CancelledError, ThreadPoolExecutor
from typing import TypeVar

from app.domain.errors import MatchingUnavailable

T = TypeVar("T")

NICENESS = 10
"""How far these threads give way (nice(2), which on Linux counts for a thread). A full queue of pictures then
leaves a live frame nearly its whole core; with nobody else about they lose nothing."""


class Workers:
    """`threads` run work, at most `waiting` more wait. Memory is bounded with them: work decodes pictures."""

    def __init__(self, threads: int, waiting: int) -> None:
        self._places = threading.BoundedSemaphore(threads + waiting)
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="matching", initializer=_give_way)

    def run(self, work: Callable[[], T]) -> T:
        """The work's answer or exception. `MatchingUnavailable` where too many wait already, or after `close`."""
        if not self._places.acquire(blocking=False):
            raise MatchingUnavailable("The matching core is busy.")
        try:
            return self._submit(work)
        finally:
            self._places.release()

    def _submit(self, work: Callable[[], T]) -> T:
        try:
            future = self._threads.submit(work)
        except RuntimeError as error:
            raise MatchingUnavailable("The matching core is shutting down.") from error
        try:
            return future.result()
        except CancelledError as error:
            raise MatchingUnavailable("The matching core is shutting down.") from error

    def drain(self) -> None:
        """Finish what runs, and turn away what waits. Returns at once."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def close(self) -> None:
        """Finish what runs and end the threads."""
        self._threads.shutdown()


def _give_way() -> None:
    """Where the system does not allow it, the threads run like all others."""
    with contextlib.suppress(OSError, AttributeError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
