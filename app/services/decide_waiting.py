"""Captures that a crash or an absent matching core has left waiting get their verdict, unasked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from app.domain.errors import MatchingUnavailable, StoreUnavailable
from app.services.ports import Clock
from app.services.store import Store

BATCH = 4
"""Captures a batch: a second or two of work, so that a process can end at any time."""

FIRST_TRY = timedelta(seconds=10)
"""So long the upload itself has time to decide; both at once would do the work twice."""

TRY_AGAIN_MS = 10 * 60 * 1_000
"""Until a capture is tried again whose decision failed as it never should: it must not hold up the others."""


@dataclass(frozen=True, kw_only=True)
class DecideWaiting:
    """One batch of waiting captures, the longest waiting first.

    `decide_capture` and then `tell` are called with the id of each hosted session. `note_failure` is told what
    failed in a way that should not happen.
    """

    store: Store
    decide_capture: Callable[[str], object]
    clock: Clock
    tell: Callable[[str], None]
    note_failure: Callable[[str, Exception], None]
    _again_at_ms: dict[str, int] = field(default_factory=dict)

    def __call__(self) -> bool:
        """Whether more may wait. `MatchingUnavailable`, `StoreUnavailable`: the rest waits on."""
        now_ms = self.clock.monotonic_ms()
        for hosted_session_id in [one for one, at in self._again_at_ms.items() if at <= now_ms]:
            del self._again_at_ms[hosted_session_id]
        with self.store.read() as uow:
            limit = BATCH + len(self._again_at_ms)
            waiting = uow.sessions.waiting_captures(self.clock.now() - FIRST_TRY, limit)
        turn = [one for one in waiting if one not in self._again_at_ms][:BATCH]
        for hosted_session_id in turn:
            self._decide(hosted_session_id)
        return len(turn) == BATCH

    def _decide(self, hosted_session_id: str) -> None:
        try:
            self.decide_capture(hosted_session_id)
            self.tell(hosted_session_id)
        except (MatchingUnavailable, StoreUnavailable):
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, it must not hold up the others
            self.note_failure(f"deciding capture {hosted_session_id}", error)
            self._again_at_ms[hosted_session_id] = self.clock.monotonic_ms() + TRY_AGAIN_MS
