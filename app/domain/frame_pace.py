"""When a page's next frame is wanted: what the server's answer to a frame asks it to wait."""

from __future__ import annotations

LONGEST_WAY_MS = 500
"""A page that was silent for longer was not on its way: it stood still."""


class FramePace:
    """One page's frames. A page that is asked for a pause sends the next frame after it, and one at a time.

    From answer to next frame passes more than that pause: the network, there and back, and the camera's next
    picture. So the time that this took the last time is taken off.
    """

    def __init__(self) -> None:
        self._answered_ms: int | None = None
        self._asked_ms = 0

    def pause_ms(self, arrived_ms: int, now_ms: int, interval_ms: float, wanted_ms: float) -> int:
        """The pause to ask for, so that frames come every `interval_ms`. None at the wanted pace: pages keep that.

        The frame arrived at `arrived_ms` and is answered now.
        """
        way_ms = self._way_ms(arrived_ms)
        pause_ms = 0 if interval_ms <= wanted_ms else max(0, round(interval_ms - (now_ms - arrived_ms) - way_ms))
        self._answered_ms, self._asked_ms = now_ms, pause_ms
        return pause_ms

    def _way_ms(self, arrived_ms: int) -> int:
        if self._answered_ms is None:
            return 0
        way_ms = arrived_ms - self._answered_ms - self._asked_ms
        return way_ms if 0 < way_ms <= LONGEST_WAY_MS else 0
