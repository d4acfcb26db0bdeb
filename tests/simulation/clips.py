"""Clips that nobody filmed: a synthetic head, frame by frame, with what a landmarker would see."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from app.domain.challenge import ChallengeKind
from app.simulation.camera import encode
from app.simulation.clips import SeenClip, SeenFrame
from tests.faces import FRAME_HEIGHT, FRAME_WIDTH, RESTING, Face, Motion, moved, seen

RATE = 15.0
_GREY = np.linspace(60, 180, 48, dtype=np.uint8)


def clip_of(faces: Iterable[Face | None], backgrounds: Iterable[int] | None = None) -> SeenClip:
    """A clip of these faces; `backgrounds` turn the thumbnail of each frame by so many columns."""
    shown = list(faces)
    turned = list(backgrounds or [0] * len(shown))
    frames = [_frame(face, columns) for face, columns in zip(shown, turned, strict=True)]
    return SeenClip("synthetic", FRAME_WIDTH, FRAME_HEIGHT, RATE, frames)


def _frame(face: Face | None, columns: int) -> SeenFrame:
    image = np.full((48, 64, 3), 128, dtype=np.uint8)
    return SeenFrame(encode(image, 90), seen(face), np.tile(np.roll(_GREY, columns), (36, 1)))


def swaying(count: int, base: Face = RESTING) -> list[Face]:
    """Somebody who holds still as people do."""
    return [
        replace(base, yaw=base.yaw + 0.6 * np.sin(step / 5), x=base.x + np.cos(step / 7)) for step in range(count)
    ]


def movement_of(kind: ChallengeKind, base: Face = RESTING) -> list[Face]:
    """There and back, as far as judges want and a little further."""
    motion = Motion(kind, peak=1.5, rest_ms=0, out_ms=700, hold_ms=900, back_ms=700)
    step = 1_000 / RATE
    return [
        moved(kind, motion.share_at(number * step), base) for number in range(int(motion.duration_ms / step) + 1)
    ]
