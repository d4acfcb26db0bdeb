"""The performer of a clip, with the project's own landmarker, made once a process."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

from app.adapters.mediapipe_landmarker import LandmarkerPool
from app.simulation import clip_performer as simulation
from app.simulation.performance import Performance
from tests.models_fixture import model_path

RATE = 15.0
"""Above the ten frames a second that a page sends, so that none is shown twice in a row."""

BRISKLY = 1.6
"""The person is shown so many times as fast as in the clip: nobody waits for tests."""


@cache
def clip_performer(clip: Path, width: int = 480, height: int = 640) -> Performance:
    """Rest, movements and reference portrait of the one person in a clip. ValueError without any rest."""
    landmarker = LandmarkerPool(model_path("face_landmarker"), 1)
    try:
        performance = simulation.clip_performer(clip, landmarker, RATE, (width, height))
    finally:
        landmarker.close()
    return replace(
        performance,
        frames_per_second=BRISKLY * performance.frames_per_second,
        movements={kind: _without_every_third(frames) for kind, frames in performance.movements.items()},
    )


def _without_every_third(frames: Sequence[bytes]) -> Sequence[bytes]:
    """Half as fast again, and a third less for a browser to load; the first and the last frame stay."""
    last = len(frames) - 1
    return [frame for place, frame in enumerate(frames) if place % 3 != 1 or place == last]
