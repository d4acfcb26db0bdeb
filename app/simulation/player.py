"""Plays a performance along a clock: at rest until a challenge is asked, then, as a person would, its movement."""

from __future__ import annotations

import random

from app.domain.challenge import ChallengeKind
from app.simulation.performance import Performance

REACTION_MS = (350, 1_000)
"""Between prompt and movement. People who follow a prompt take about 600 ms; one who waits for it, 350."""

REPEAT_AFTER_MS = 1_500
"""A movement that was not accepted is shown again after so long at rest."""

TURNING_SHARE = 0.06
"""How often the play at rest turns round between its ends, per frame: nobody sways like a pendulum."""


class Player:
    """One performer before one camera. Seeded: the same prompts at the same times give the same frames."""

    def __init__(self, performance: Performance, seed: int = 1) -> None:
        self._performance = performance
        self._chance = random.Random(seed)  # noqa: S311 (reproducible on purpose)
        self._asked: ChallengeKind | None = None
        self._due_ms, self._is_shown = 0.0, False
        self._playing: ChallengeKind | None = None
        self._place, self._step = 0, 1
        self._tick: int | None = None

    def ask(self, kind: ChallengeKind, now_ms: float) -> None:
        """A challenge is shown."""
        self._asked, self._due_ms = kind, now_ms + self._chance.uniform(*REACTION_MS)
        self._is_shown = False

    def rest(self) -> None:
        """The challenge is over; a movement that has begun is brought to its end."""
        self._asked = None

    @property
    def is_moving(self) -> bool:
        """Whether a movement is on its way."""
        return self._playing is not None

    def frame(self, now_ms: float) -> bytes:
        """What the camera sees now; times grow."""
        tick = int(now_ms * self._performance.frames_per_second / 1_000)
        for _ in range(tick - (tick if self._tick is None else self._tick)):
            self._advance(now_ms)
        self._tick = tick
        frames = self._performance.idle if self._playing is None else self._performance.movements[self._playing]
        return frames[self._place]

    def _advance(self, now_ms: float) -> None:
        if self._playing is not None:
            self._place += 1
            if self._place >= len(self._performance.movements[self._playing]):
                self._playing, self._place, self._step = None, 0, 1
                if self._is_shown:
                    self._due_ms = now_ms + REPEAT_AFTER_MS
            return
        kind = self._asked if self._asked in self._performance.movements else None
        if kind is not None and now_ms >= self._due_ms and (self._place == 0 or not self._performance.is_joined):
            self._playing, self._place, self._is_shown = kind, 0, True
            return
        self._sway(is_wanted=kind is not None and now_ms >= self._due_ms - self._way_back_ms())

    def _way_back_ms(self) -> float:
        return 1_000 * self._place / self._performance.frames_per_second

    def _sway(self, *, is_wanted: bool) -> None:
        """One frame on at rest; towards the anchor where a movement is about to begin there."""
        last = len(self._performance.idle) - 1
        if is_wanted and self._performance.is_joined:
            self._step = -1
        elif self._chance.random() < TURNING_SHARE:
            self._step = -self._step
        if not 0 <= self._place + self._step <= last:
            self._step = -self._step
        self._place = min(max(self._place + self._step, 0), last)
