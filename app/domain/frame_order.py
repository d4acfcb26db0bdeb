"""Frames of one page follow each other: in number without a gap, in time at the pace of the server's clock."""

from __future__ import annotations

CLOCK_SLACK_MS = 3_000
"""How far the page's clock may leave the server's.

A frame may be on its way for as long as a challenge bears a gap (`CaptureConfig.gap_limit_ms`), and so may the
first one, by which the clocks are compared. Quartz clocks leave each other by 0.02 s in the longest attempt.
"""

FIRST_SEQ = 1


class FrameOrder:
    """What a page's next frame must be. One for each page; a page's numbers go on over its reconnections."""

    def __init__(self) -> None:
        self.next_seq = FIRST_SEQ
        self._captured_ms: float | None = None
        self._at_ms = 0
        self._page_ahead_ms = 0.0

    def refusal(self, seq: int) -> str | None:
        """Take the number of a frame: None where it is the next one, else why not. A number is taken once."""
        if seq < self.next_seq:
            return "stale"
        if seq > self.next_seq:
            return "out_of_order"
        self.next_seq += 1
        return None

    def keeps_time(self, captured_at_ms: float, now_ms: int) -> bool:
        """Whether the frame was taken after the one before, as much later as it came later.

        After `CLOCK_SLACK_MS` without a frame in time the clocks are compared anew: a device that slept has
        lost its challenge already.
        """
        if self._captured_ms is not None and captured_at_ms <= self._captured_ms:
            return False
        ahead_ms = captured_at_ms - now_ms
        is_first = self._captured_ms is None or now_ms - self._at_ms > CLOCK_SLACK_MS
        if is_first:
            self._page_ahead_ms = ahead_ms
        elif abs(ahead_ms - self._page_ahead_ms) > CLOCK_SLACK_MS:
            return False
        self._captured_ms, self._at_ms = captured_at_ms, now_ms
        return True
