"""Who is before the camera in the benches of live sessions: a person's clip, else a bent portrait."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from app.adapters.mediapipe_landmarker import LandmarkerPool
from app.simulation.camera import Camera, decode
from app.simulation.clip_performer import clip_performer
from app.simulation.performance import Performance
from tests.models_fixture import model_path
from tests.synthetic_performer import synthetic_performer

CLIP = Path(__file__).resolve().parents[2] / "shared" / "media" / "video" / "dev" / "headpose_alaa.mp4"
RATE = 15.0
SIZE = (480, 640)
"""Width and height of a phone's frame, as the page sends it."""


def find_performer(clip: Path) -> Performance:
    """The person of the clip, as fast as there. Without it, somebody whom passive PAD refuses in the end."""
    if not clip.exists():
        return synthetic_performer()
    landmarker = LandmarkerPool(model_path("face_landmarker"), 1)
    try:
        return clip_performer(clip, landmarker, RATE, SIZE)
    finally:
        landmarker.close()


def as_sent(performance: Performance) -> Performance:
    """The same, filmed once, noise and JPEG included, so that a load generator has nothing left to do."""
    camera = Camera(seed=1)

    def filmed(frames: Sequence[bytes]) -> list[bytes]:
        return [camera.take(decode(frame), 100.0 * place) for place, frame in enumerate(frames)]

    return replace(
        performance,
        idle=filmed(performance.idle),
        movements={kind: filmed(frames) for kind, frames in performance.movements.items()},
    )
