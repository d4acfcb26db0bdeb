"""Recorded clips, frame by frame, in the size of a camera, with what the landmarker sees in them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import cv2
import numpy as np

from app.domain.face import BgrImage, FaceMeasurement, Observation
from app.domain.quality import QualityLimits, alignment_hint
from app.services.ports import FaceAnalyzer
from app.simulation.camera import decode, encode

SUFFIXES = frozenset({".mp4", ".mpg", ".avi", ".webm", ".gif", ".mov", ".mkv"})
LONG_SIDE, SHORT_SIDE = 640, 480
KEPT_QUALITY = 97
"""Frames are kept as JPEGs of this quality: a second of clip then takes 3 MB in place of 28."""

USUAL_RATE = 25.0
"""Frames a second of a clip that does not say."""


@dataclass(frozen=True)
class SeenFrame:
    """A frame of a clip as a JPEG, and what the landmarker sees in it. `thumbnail` is it in grey, 36 × 48."""

    jpeg: bytes = field(repr=False)
    observation: Observation = field(repr=False)
    thumbnail: BgrImage = field(repr=False)

    @property
    def face(self) -> FaceMeasurement | None:
        return self.observation.face

    @property
    def image(self) -> BgrImage:
        return decode(self.jpeg)

    @property
    def is_good(self) -> bool:
        """Whether alignment accepts it."""
        return alignment_hint(self.observation, QualityLimits()) is None


@dataclass(frozen=True)
class SeenClip:
    """A clip that was looked at. `frames_per_second` is what was taken of it."""

    name: str
    width: int
    height: int
    frames_per_second: float
    frames: Sequence[SeenFrame] = field(repr=False)


def find_clips(folder: Path) -> Sequence[Path]:
    """All video files below a folder, by name."""
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file())


def watch_clip(
    clip: Path,
    analyzer: FaceAnalyzer,
    rate: float,
    size: tuple[int, int] | None = None,
    seconds: float | None = None,
) -> SeenClip:
    """Look at a clip at about `rate` frames a second; without a size, upright or lying as the clip is.

    Of a clip longer than `seconds` only its beginning. ValueError where it has no frame that can be read.
    """
    frames_per_second, images = open_clip(clip, rate)
    width, height = size or (0, 0)
    seen: list[SeenFrame] = []
    for image in islice(images, None if seconds is None else round(seconds * frames_per_second)):
        if not width:
            width, height = camera_size(image)
        seen.append(see(fit(image, width, height), analyzer))
    if not seen:
        raise ValueError(f"{clip.name} has no frame that can be read")
    return SeenClip(clip.stem, width, height, frames_per_second, seen)


def see(image: BgrImage, analyzer: FaceAnalyzer) -> SeenFrame:
    """One frame, observed; about 15 ms."""
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    thumbnail = np.asarray(cv2.resize(grey, (48, 36), interpolation=cv2.INTER_AREA), dtype=np.uint8)
    return SeenFrame(encode(image, KEPT_QUALITY), analyzer.observe(image), thumbnail)


def open_clip(clip: Path, rate: float) -> tuple[float, Iterator[BgrImage]]:
    """Frames at even distances, so that about `rate` a second are left, and how many a second those are."""
    video = cv2.VideoCapture(str(clip))
    own = video.get(cv2.CAP_PROP_FPS)
    own = own if 1 <= own <= 240 else USUAL_RATE
    every = max(1, round(own / rate))
    return own / every, _frames(video, every)


def _frames(video: cv2.VideoCapture, every: int) -> Iterator[BgrImage]:
    try:
        position = 0
        while video.grab():
            if position % every == 0:
                is_there, image = video.retrieve()
                if is_there:
                    yield np.asarray(image, dtype=np.uint8)
            position += 1
    finally:
        video.release()


def camera_size(image: BgrImage) -> tuple[int, int]:
    """Width and height of the camera that would have taken this picture: upright, or lying."""
    is_upright = image.shape[0] >= image.shape[1]
    return (SHORT_SIDE, LONG_SIDE) if is_upright else (LONG_SIDE, SHORT_SIDE)


def fit(image: BgrImage, width: int, height: int) -> BgrImage:
    """Scale into the size and continue the picture's outermost pixels where the shape differs."""
    scale = min(width / image.shape[1], height / image.shape[0])
    size = (min(width, max(1, round(image.shape[1] * scale))), min(height, max(1, round(image.shape[0] * scale))))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    left, top = (width - size[0]) // 2, (height - size[1]) // 2
    right, bottom = width - size[0] - left, height - size[1] - top
    return np.asarray(cv2.copyMakeBorder(small, top, bottom, left, right, cv2.BORDER_REPLICATE), dtype=np.uint8)


def faces_of(frames: Iterable[SeenFrame]) -> list[FaceMeasurement]:
    """The faces of those frames that show one."""
    return [frame.face for frame in frames if frame.face is not None]
