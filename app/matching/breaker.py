"""A circuit breaker by pybreaker that lets calls run side by side."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from pybreaker import STATE_CLOSED, CircuitBreaker, CircuitMemoryStorage

from app.domain.errors import MatchingUnavailable

T = TypeVar("T")


class Breaker:
    """Opens after `failures` in a row; refuses for `pause_seconds`; then one call at a time tries again.

    A failure is an exception of `counted`: any other end means that somebody answered. `monotonic` in seconds.

    pybreaker holds its lock while the work runs, which would put all calls in a row. So the work runs outside,
    and pybreaker is told how it went.
    """

    def __init__(
        self,
        failures: int,
        pause_seconds: float,
        monotonic: Callable[[], float],
        counted: tuple[type[Exception], ...] = (MatchingUnavailable,),
    ) -> None:
        self._counted = counted
        self._storage = _MonotonicStorage(monotonic)
        self._breaker = CircuitBreaker(failures, pause_seconds, state_storage=self._storage)
        self._pause_seconds = pause_seconds
        self._trial = threading.Lock()

    @property
    def is_open(self) -> bool:
        """Whether calls are refused, or on trial."""
        return self._breaker.current_state != STATE_CLOSED

    def call(self, work: Callable[[], T]) -> T:
        """The work's answer or exception. `MatchingUnavailable`, at once, while open."""
        if not self.is_open:
            return self._run(work)
        if self._storage.open_seconds < self._pause_seconds or not self._trial.acquire(blocking=False):
            raise MatchingUnavailable("The matching core is out of reach; it is not asked for a while.")
        try:
            return self._run(work)
        finally:
            self._trial.release()

    def _run(self, work: Callable[[], T]) -> T:
        try:
            answer = work()
        except Exception as error:
            self._note(error if isinstance(error, self._counted) else None)
            raise
        self._note(None)
        return answer

    def _note(self, failure: Exception | None) -> None:
        """What pybreaker raises here is the failure it was given, or that it is open: neither is news."""

        def outcome() -> None:
            if failure is not None:
                raise failure

        with suppress(Exception):
            self._breaker.call(outcome)


class _MonotonicStorage(CircuitMemoryStorage):
    """pybreaker reckons with the wall clock, which may be set back by an hour.

    Here it gets a moment of the wall clock that is as long ago as the monotonic clock says.
    """

    def __init__(self, monotonic: Callable[[], float]) -> None:
        super().__init__(STATE_CLOSED)
        self._monotonic = monotonic
        self._opened: float | None = None

    @property
    def open_seconds(self) -> float:
        """How long ago it was opened last."""
        return float("inf") if self._opened is None else self._monotonic() - self._opened

    @property
    def opened_at(self) -> datetime | None:
        return None if self._opened is None else datetime.now(UTC) - timedelta(seconds=self.open_seconds)

    @opened_at.setter
    def opened_at(self, _moment: datetime) -> None:
        self._opened = self._monotonic()
