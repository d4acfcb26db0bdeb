"""How much one socket may ask of us: a burst, and a steady rate after it."""

from __future__ import annotations

from collections.abc import Callable

BURST = 200
PER_SECOND = 60
"""A page sends 10 frames of two packets a second and a few messages beside them; 20 frames are its limit."""

PACKET_COST = 1
WRITE_COST = 10
"""What a message that makes us read or write the store costs beside its packet."""


class Allowance:
    """A bucket of one socket. Used by the thread of that socket alone."""

    def __init__(self, monotonic_ms: Callable[[], int]) -> None:
        self._monotonic_ms = monotonic_ms
        self._left, self._at_ms = float(BURST), monotonic_ms()

    def spend(self, cost: int) -> bool:
        """Take so much; False where it is not there, and then nothing is taken."""
        now_ms = self._monotonic_ms()
        self._left = min(float(BURST), self._left + (now_ms - self._at_ms) * PER_SECOND / 1_000)
        self._at_ms = now_ms
        if self._left < cost:
            return False
        self._left -= cost
        return True
