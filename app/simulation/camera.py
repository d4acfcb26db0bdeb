"""A camera and the page behind it: noise, exposure, JPEG, and when frames come."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from app.domain.face import BgrImage

NOISE_SIGMA = 1.2
"""Grey levels of sensor noise on top of what a clip has; webcams by day show 1 to 3."""

EXPOSURE_DRIFT = 0.008
"""Share by which the exposure wanders: automatic exposure in steady light stays under one in a hundred."""

EXPOSURE_PERIOD_MS = 11_000.0
PAGE_QUALITY = 70
"""JPEG quality of the page's frames (`frame_policy.quality`)."""

STILL_QUALITY = 92
FRAME_MS = 100.0
"""The page sends ten frames a second."""

JITTER_MS = 15.0
"""Half the range by which a page's frames come early or late: timers of browsers, one frame of the camera."""

DROPPED_SHARE = 0.02
"""How often a frame is left out: the page was busy, or the one before was still on its way."""

_BANK = 1_024
_MARGIN = 384


class Camera:
    """Turns what is before it into JPEG files; two pictures of the same thing are never the same file."""

    def __init__(self, seed: int, sigma: float = NOISE_SIGMA, quality: int = PAGE_QUALITY) -> None:
        self._chance = np.random.default_rng(seed)
        self._quality = quality
        self._phase = float(self._chance.uniform(0, 2 * np.pi))
        # Drawn once and then shifted for every frame: fresh normal numbers cost as much as the landmarks.
        noise = self._chance.normal(0.0, sigma, (_BANK + _MARGIN, _BANK + _MARGIN, 3))
        self._bank: NDArray[np.int8] = np.clip(np.rint(noise), -127, 127).astype(np.int8)

    def take(self, image: BgrImage, at_ms: float) -> bytes:
        """A video frame of at most 1,024 pixels a side."""
        return encode(self.expose(image, at_ms), self._quality)

    def take_still(self, image: BgrImage, at_ms: float) -> bytes:
        """The picture at the end, compressed less."""
        return encode(self.expose(image, at_ms), STILL_QUALITY)

    def expose(self, image: BgrImage, at_ms: float) -> BgrImage:
        """The picture with this moment's exposure and noise."""
        height, width = image.shape[:2]
        top, left = (int(self._chance.integers(0, _BANK + _MARGIN - side)) for side in (height, width))
        noise = self._bank[top : top + height, left : left + width, :]
        gain = 1.0 + EXPOSURE_DRIFT * float(np.sin(2 * np.pi * at_ms / EXPOSURE_PERIOD_MS + self._phase))
        return np.asarray(cv2.addWeighted(image, gain, noise, 1.0, 0.0, dtype=cv2.CV_8U), dtype=np.uint8)


class FrameTimes:
    """When a page's frames are taken: at its rate, with the jitter of a browser, some left out."""

    def __init__(self, seed: int, frame_ms: float = FRAME_MS, jitter_ms: float = JITTER_MS) -> None:
        self._chance = np.random.default_rng(seed)
        self._frame_ms, self._jitter_ms = frame_ms, jitter_ms

    def next_ms(self) -> float:
        """Milliseconds from the last frame to the next."""
        dropped = 1 + int(self._jitter_ms > 0 and self._chance.random() < DROPPED_SHARE)
        return dropped * self._frame_ms + float(self._chance.uniform(-self._jitter_ms, self._jitter_ms))


def encode(image: BgrImage, quality: int) -> bytes:
    """A JPEG as browsers write it: baseline, halved colours."""
    return bytes(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes())


def decode(data: bytes) -> BgrImage:
    """A JPEG as pixels. ValueError for bytes that are none."""
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    if image is None:
        raise ValueError("no JPEG")
    return np.asarray(image, dtype=np.uint8)
