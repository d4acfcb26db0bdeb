"""What the bench puts in the place of time, chance and repeated work. All else is the server's own."""

from __future__ import annotations

import hashlib
import random
from collections import OrderedDict
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from app.adapters.images import Images
from app.adapters.mediapipe_landmarker import LandmarkerPool
from app.adapters.randomness import SystemRandomness
from app.domain.challenge import ChallengeKind
from app.domain.face import BgrImage, Observation

BEGIN = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
REMEMBERED = 32
"""Frames whose observation is kept, for those that come again byte by byte."""


Option = TypeVar("Option")


class VirtualClock:
    """Stands still but for what the session says has passed."""

    def __init__(self) -> None:
        self.ms = 0.0

    def now(self) -> datetime:
        return BEGIN + timedelta(milliseconds=int(self.ms))

    def monotonic_ms(self) -> int:
        return int(self.ms)

    def advance(self, ms: float) -> None:
        self.ms += ms


class SeededDraw(SystemRandomness):
    """The system's ids and nonces, and a draw that can be had again. `script` is asked first, where it stands."""

    def __init__(self) -> None:
        self.chance = random.Random(0)  # noqa: S311 (reproducible on purpose)
        self.script: list[ChallengeKind] = []

    def choose(self, options: Sequence[Option]) -> Option:
        for option in options:
            if self.script and option == self.script[0]:
                self.script.pop(0)
                return option
        return self.chance.choice(options)


class RepeatedImages(Images):
    """Decodes a frame once that comes again byte by byte."""

    def __init__(self) -> None:
        super().__init__()
        self._kept: OrderedDict[bytes, BgrImage] = OrderedDict()

    def read_frame(self, data: bytes) -> BgrImage:
        key = hashlib.blake2b(data, digest_size=16).digest()
        image = self._kept.pop(key, None)
        if image is None:
            image = super().read_frame(data)
            image.setflags(write=False)
        self._kept[key] = image
        while len(self._kept) > REMEMBERED:
            self._kept.popitem(last=False)
        return image


class RepeatedAnalyzer:
    """Observes a picture once that `RepeatedImages` hands out again."""

    def __init__(self, pool: LandmarkerPool) -> None:
        self._pool = pool
        self._kept: OrderedDict[int, tuple[BgrImage, Observation]] = OrderedDict()
        self.observed = 0

    def observe(self, image: BgrImage) -> Observation:
        kept = self._kept.pop(id(image), None)
        if kept is None or kept[0] is not image:
            self.observed += 1
            kept = (image, self._pool.observe(image))
        self._kept[id(image)] = kept
        while len(self._kept) > REMEMBERED:
            self._kept.popitem(last=False)
        return kept[1]
