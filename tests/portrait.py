"""A portrait that a development dependency ships, for tests that must not rely on shared media."""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np
from skimage import data

from app.domain.face import BgrImage


@cache
def astronaut() -> BgrImage:
    """512 × 512, one face of some 90 pixels width (NASA, public domain)."""
    image = np.ascontiguousarray(data.astronaut()[..., ::-1], dtype=np.uint8)  # type: ignore[no-untyped-call]
    image.setflags(write=False)
    return image


def close_up(width: int = 640, height: int = 480) -> BgrImage:
    """The astronaut's face as a camera would frame it: some 200 pixels wide in the middle."""
    crop = astronaut()[10:220, 83:363]
    return np.asarray(cv2.resize(crop, (width, height), interpolation=cv2.INTER_CUBIC), dtype=np.uint8)


def jpeg(image: BgrImage, quality: int = 90) -> bytes:
    encoded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return bytes(encoded.tobytes())
