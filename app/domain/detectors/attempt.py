"""Which detectors watch an attempt."""

from __future__ import annotations

from app.domain.detectors.injection import InjectionDetector
from app.domain.detectors.light_response import LightResponseDetector
from app.domain.detectors.micro_motion import MicroMotionDetector
from app.domain.detectors.photometry import PhotometryDetector
from app.domain.detectors.shape import ShapeDetector
from app.domain.detectors.texture import TextureDetector
from app.domain.detectors.timing import TimingDetector
from app.domain.detectors.track import TrackDetector
from app.domain.watch import AttemptWatch


def new_watch() -> AttemptWatch:
    """A watch with one of each detector, for one attempt."""
    return AttemptWatch(
        (
            ShapeDetector(),
            TextureDetector(),
            MicroMotionDetector(),
            TrackDetector(),
            TimingDetector(),
            PhotometryDetector(),
            InjectionDetector(),
            LightResponseDetector(),
        )
    )
