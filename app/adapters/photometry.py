"""Light and sharpness of a face, measured alike for video frames and stills."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from app.domain.face import BgrImage, FaceBox, Photometry

FACE_WIDTH_PX = 128
"""Width to which a face is scaled before it is measured, so that sharpness does not depend on distance."""

CLIPPED_LEVEL = 250
MAX_HEIGHT_FACTOR = 3.0
"""A box taller than this many widths is no face, and scaling it would cost memory."""

_LUMA_STEP = 8
_NOTHING = Photometry(luma=0.0, evenness=0.0, clipped=0.0, sharpness=0.0)


def measure_face(image: BgrImage, box: FaceBox) -> Photometry:
    """Measure the ellipse that the box encloses, as far as it lies in the frame; zeros where none of it does.

    The ellipse keeps hair and background in the corners out. About 0.3 ms for a face of 300 pixels.
    """
    grey = _scaled_grey_face(image, box)
    if grey is None:
        return _NOTHING
    inside = _ellipse(grey.shape[0], grey.shape[1])
    face = grey[inside]
    middle = grey.shape[1] // 2
    left, right = grey[:, :middle][inside[:, :middle]], grey[:, middle:][inside[:, middle:]]
    if left.size == 0 or right.size == 0:
        return _NOTHING
    darker, brighter = sorted((float(left.mean()), float(right.mean())))
    laplacian = cv2.Laplacian(grey, cv2.CV_32F)[inside]
    return Photometry(
        luma=float(face.mean()),
        evenness=darker / brighter if brighter > 0 else 0.0,
        clipped=float((face >= CLIPPED_LEVEL).mean()),
        sharpness=float(laplacian.var()),
    )


def frame_luma(image: BgrImage) -> float:
    """Mean grey level of the whole frame, 0–255, from every eighth pixel of every eighth row."""
    blue, green, red = image[::_LUMA_STEP, ::_LUMA_STEP].reshape(-1, 3).mean(axis=0)
    return float(0.114 * blue + 0.587 * green + 0.299 * red)


def _scaled_grey_face(image: BgrImage, box: FaceBox) -> NDArray[np.uint8] | None:
    """The part of the box inside the frame, grey, scaled so that the whole box is `FACE_WIDTH_PX` wide."""
    if not (box.width >= 1 and 1 <= box.height <= MAX_HEIGHT_FACTOR * box.width):
        return None
    height, width = image.shape[:2]
    left, top = max(0, round(box.x)), max(0, round(box.y))
    right, bottom = min(width, round(box.x + box.width)), min(height, round(box.y + box.height))
    if right - left < 2 or bottom - top < 2:
        return None
    grey = cv2.cvtColor(image[top:bottom, left:right], cv2.COLOR_BGR2GRAY)
    scale = FACE_WIDTH_PX / box.width
    size = (max(2, round(grey.shape[1] * scale)), max(2, round(grey.shape[0] * scale)))
    resized = cv2.resize(grey, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    return np.asarray(resized, dtype=np.uint8)


def _ellipse(height: int, width: int) -> NDArray[np.bool_]:
    mask = np.zeros((height, width), dtype=np.uint8)
    cv2.ellipse(mask, (width // 2, height // 2), (width // 2, height // 2), 0, 0, 360, 1, -1)
    return mask.astype(bool)
