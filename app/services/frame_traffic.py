"""Frames of all captures on their way through the analysis: one queue, in order, and none that is too old."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from app.domain.admission import Admission, FrameRates
from app.services.ports import Clock

LONGEST_WAIT_MS = 400
"""A frame that has waited longer for its turn is dropped: its page has a newer one."""


AHEAD = 1
"""So many frames more than landmarkers have their turn: one is decoded or judged while others are looked at."""


class ServerFull(Exception):
    """The analysis bears no further capture now; whoever asks again is let in, in order."""


class Turns:
    """So many threads at once, the others in the order in which they came. None can push in."""

    def __init__(self, places: int) -> None:
        self._lock = threading.Lock()
        self._places = self._free = places
        self._waiting: deque[threading.Lock] = deque()

    def take(self) -> int:
        """Wait for a place; how many are taken then."""
        with self._lock:
            if self._free:
                self._free -= 1
                return self._places - self._free
            mine = threading.Lock()
            mine.acquire()
            self._waiting.append(mine)
        mine.acquire()
        return self._places

    def give_back(self) -> int:
        """The place goes to whoever has waited longest; how many were taken until now."""
        with self._lock:
            crowd = self._places - self._free
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._free += 1
            return crowd


@dataclass
class Turn:
    """A frame's turn. `is_late`: it waited too long and is to be dropped; `is_judged`: it was looked at."""

    is_late: bool
    is_judged: bool = False


class FrameTraffic:
    """What the analysis bears, measured as it goes on. Safe between threads."""

    def __init__(self, places: int, rates: FrameRates, clock: Clock) -> None:
        """`places` frames are looked at at once: there are so many landmarkers."""
        self._clock, self._rates, self._places = clock, rates, places
        self._turns, self._lock = Turns(places + AHEAD), threading.Lock()
        self._admission = Admission(places, rates)

    @contextmanager
    def turn(self, capture: str, *, may_be_dropped: bool) -> Iterator[Turn]:
        """A place in the analysis for one frame. Whoever has it says whether the frame was judged."""
        came_ms = self._clock.monotonic_ms()
        crowd = self._turns.take()
        began_ms = self._clock.monotonic_ms()
        turn = Turn(is_late=may_be_dropped and began_ms - came_ms > LONGEST_WAIT_MS)
        try:
            yield turn
        finally:
            mean_crowd = (crowd + self._turns.give_back()) / 2
            if turn.is_judged:
                now_ms = self._clock.monotonic_ms()
                # Of three frames that share two landmarkers each takes half as long again.
                cost_ms = (now_ms - began_ms) * min(1.0, self._places / mean_crowd)
                with self._lock:
                    self._admission.note_frame(capture, cost_ms, now_ms)

    def rest(self, capture: str) -> None:
        """The capture sends no frames for now: another may have its place."""
        with self._lock:
            self._admission.note_rest(capture)

    def check(self, capture: str, *, has_begun: bool) -> None:
        """`ServerFull` where the capture may not begin yet; it keeps its place in the queue by asking again."""
        with self._lock:
            if not self._admission.may_begin(capture, self._clock.monotonic_ms(), has_begun=has_begun):
                raise ServerFull

    def must_wait(self, capture: str) -> bool:
        """Whether a capture that was told to wait still has to."""
        with self._lock:
            return self._admission.must_wait(capture, self._clock.monotonic_ms())

    def interval_ms(self) -> float:
        """Time between two frames that every live capture is due."""
        with self._lock:
            return self._admission.interval_ms(self._clock.monotonic_ms())

    @property
    def wanted_ms(self) -> float:
        """Time between two frames as long as there is room."""
        return 1_000 / self._rates.wanted
