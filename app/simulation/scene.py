"""What stands before a camera, and the camera: people who do what is asked, and recordings that do not hear."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from app.domain.challenge import ChallengeKind
from app.domain.face import BgrImage
from app.simulation.camera import FRAME_MS, Camera, FrameTimes, decode
from app.simulation.performance import Performance
from app.simulation.player import Player


class Source(Protocol):
    """What a camera films. Times are milliseconds of one clock, and grow."""

    def ask(self, kind: ChallengeKind, now_ms: float) -> None:
        """A challenge is shown."""

    def rest(self, now_ms: float) -> None:
        """Nothing is asked any more, or not yet: each attempt begins so."""

    def picture(self, now_ms: float) -> BgrImage:
        """What there is to see now."""


class Filmed:
    """A source before a camera, and a page that sends what the camera sees."""

    def __init__(self, source: Source, seed: int, frame_ms: float = FRAME_MS) -> None:
        self.source = source
        self.camera, self.times = Camera(seed), FrameTimes(seed, frame_ms)

    def ask(self, kind: ChallengeKind, now_ms: float) -> None:
        """A challenge is shown."""
        self.source.ask(kind, now_ms)

    def rest(self, now_ms: float) -> None:
        """Nothing is asked any more."""
        self.source.rest(now_ms)

    def frame(self, now_ms: float) -> bytes:
        """The JPEG that the page sends."""
        return self.camera.take(self.source.picture(now_ms), now_ms)

    def still(self, now_ms: float) -> bytes:
        """The JPEG of the end."""
        return self.camera.take_still(self.source.picture(now_ms), now_ms)

    def wait_ms(self) -> float:
        """Milliseconds to the next frame."""
        return self.times.next_ms()


class Person:
    """Somebody who does what is asked, out of one clip."""

    def __init__(self, performance: Performance, seed: int) -> None:
        self._player = Player(performance, seed)

    def ask(self, kind: ChallengeKind, now_ms: float) -> None:
        """Shown after a person's reaction time."""
        self._player.ask(kind, now_ms)

    def rest(self, now_ms: float) -> None:
        """A movement that has begun is brought to its end."""
        self._player.rest()

    @property
    def is_moving(self) -> bool:
        """Whether a movement is on its way."""
        return self._player.is_moving

    def picture(self, now_ms: float) -> BgrImage:
        """Of the performance."""
        return decode(self._player.frame(now_ms))


class Tape:
    """Frames one after another, whatever is asked, over and over; a single one is a still."""

    def __init__(self, frames: Sequence[bytes], frames_per_second: float, start: int = 0) -> None:
        self._frames, self._rate, self._start = frames, frames_per_second, start

    def ask(self, kind: ChallengeKind, now_ms: float) -> None:
        """A tape does not hear."""

    def rest(self, now_ms: float) -> None:
        """Nor does it rest."""

    def picture(self, now_ms: float) -> BgrImage:
        """The frame that has come round."""
        return decode(self._frames[(self._start + int(now_ms * self._rate / 1_000)) % len(self._frames)])


class Frozen:
    """One file, sent again and again."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def ask(self, kind: ChallengeKind, now_ms: float) -> None:
        """Nothing moves."""

    def rest(self, now_ms: float) -> None:
        """Nothing moves."""

    def frame(self, now_ms: float) -> bytes:
        """Always the same."""
        return self._data

    def still(self, now_ms: float) -> bytes:
        """That too."""
        return self._data

    def wait_ms(self) -> float:
        """To the millisecond."""
        return FRAME_MS


Actor = Filmed | Frozen
"""Either, before a page."""
