"""How many captures share the analysis: which pace is everybody's due, and whether one more may begin.

Pure: costs and times are handed in. What a frame costs is measured where it is analysed, so a machine that is
slower, or busy with other things, takes in fewer.
"""

from __future__ import annotations

from dataclasses import dataclass

FIRST_GUESS_MS = 20.0
"""What a frame costs before any was seen: two cores' usual figure (bench/observe_frame.py)."""

NEW_COST_WEIGHT = 0.05
"""Weight of the latest frame in the mean: what counts is about the last twenty."""

LIVE_FOR_MS = 5_000
"""So long after its last frame a capture counts as live that has not come to rest: its line may be down."""

WAITS_FOR_MS = 15_000
"""Who was told to wait and has not asked again for so long has gone; pages ask every five seconds."""

KNOWN_FOR_MS = 30 * 60 * 1_000
"""A capture that has begun may go on after a pause; longer than any session stays in progress without activity."""

USED_SHARE = 0.85
"""Of the analysis' time that captures are let in for: stills, verdicts, sockets and the store want the rest.

Those that are in share all of it: a page that is asked for pauses has one frame on its way, so what is too much
only waits a little.
"""


@dataclass(frozen=True)
class FrameRates:
    """Frames a second of one capture: what is wanted, and the least at which another may begin."""

    wanted: float
    least: float


class Admission:
    """Counts live captures against what the analysis bears. Not safe between threads."""

    def __init__(self, places: int, rates: FrameRates) -> None:
        """`places` frames are analysed at once."""
        self._places, self._rates = places, rates
        self._cost_ms = FIRST_GUESS_MS
        self._known_ms: dict[str, int] = {}
        self._live_ms: dict[str, int] = {}
        self._waiting: dict[str, int] = {}

    @property
    def cost_ms(self) -> float:
        """What a frame costs now, waiting left out."""
        return self._cost_ms

    def note_frame(self, capture: str, cost_ms: float, now_ms: int) -> None:
        """A frame of this capture was analysed in so long."""
        self._cost_ms += NEW_COST_WEIGHT * (cost_ms - self._cost_ms)
        self._known_ms[capture] = self._live_ms[capture] = now_ms

    def note_rest(self, capture: str) -> None:
        """No frame of this capture is wanted for now, or ever: its place is free at once."""
        self._live_ms.pop(capture, None)

    def interval_ms(self, now_ms: int) -> float:
        """Time between two frames of a capture, so that all that are live get the same."""
        return max(1_000 / self._rates.wanted, self._live(now_ms) * self._cost_ms / self._places)

    def limit(self) -> int:
        """So many captures can be live at the least rate; always one."""
        frames_a_second = 1_000 * self._places * USED_SHARE / max(self._cost_ms, 0.001)
        return max(1, int(frames_a_second / self._rates.least))

    def may_begin(self, capture: str, now_ms: int, *, has_begun: bool = False) -> bool:
        """Whether this capture may send frames. One that has begun always may; else it is put behind who waits.

        A place that is given counts from now on.
        """
        self._forget(now_ms)
        if has_begun or capture in self._known_ms:
            self._admit(capture, now_ms)
            return True
        self._waiting[capture] = now_ms  # a dict keeps the order in which they came
        free = self.limit() - self._live(now_ms)
        if list(self._waiting).index(capture) >= free:
            return False
        self._admit(capture, now_ms)
        return True

    def must_wait(self, capture: str, now_ms: int) -> bool:
        """Whether one that was told to wait still has to. Asking keeps its place in the queue."""
        return capture in self._waiting and not self.may_begin(capture, now_ms)

    def _admit(self, capture: str, now_ms: int) -> None:
        self._waiting.pop(capture, None)
        self._known_ms[capture] = self._live_ms[capture] = now_ms

    def _live(self, now_ms: int) -> int:
        return sum(now_ms - seen_ms <= LIVE_FOR_MS for seen_ms in self._live_ms.values())

    def _forget(self, now_ms: int) -> None:
        self._known_ms = {one: at for one, at in self._known_ms.items() if now_ms - at <= KNOWN_FOR_MS}
        self._live_ms = {one: at for one, at in self._live_ms.items() if now_ms - at <= LIVE_FOR_MS}
        self._waiting = {one: at for one, at in self._waiting.items() if now_ms - at <= WAITS_FOR_MS}
