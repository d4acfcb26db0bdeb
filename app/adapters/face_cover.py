"""What lies over a face: colours of small patches of skin, compared with each other.

A mask, scarf or cup breaks the colour between the upper and the lower face or hides the lips, dark glasses
the brightness between eyes and cheeks. A hand has the colour of skin, and is seen by the lips it hides.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

import cv2
import numpy as np
from numpy.typing import NDArray

from app.domain.face import BgrImage, Cover, FaceBox, Landmarks

WIDTH_PX = 64
"""Width to which the box is scaled: a patch is then three pixels wide, a twentieth of the face."""

LEAST_COLOUR = 0.05
"""Of the upper or the lower face, as log(red / green). Grey pictures have no colour to compare; skin shows 0.15
and more."""

_DARK = np.float32(4.0)
"""Added to every level, so that noise in the dark makes no colour."""

_BRIDGE, _BELOW_RIGHT_EYE, _BELOW_LEFT_EYE = (6, 197, 195), (119, 230, 120), (348, 450, 349)
_NOSE, _LIP_TO_NOSE, _CHIN = (4, 1, 5), (164, 164, 164), (199, 175, 200)
_RIGHT_CHEEK, _LEFT_CHEEK = (50, 118, 101), (280, 347, 330)
_RIGHT_JOWL, _LEFT_JOWL = (205, 207, 187), (425, 427, 411)
_PATCHES = np.array(
    [
        *(_BRIDGE, _BELOW_RIGHT_EYE, _BELOW_LEFT_EYE),
        *(_NOSE, _LIP_TO_NOSE, _CHIN, _RIGHT_JOWL, _LEFT_JOWL),
        *(_RIGHT_CHEEK, _LEFT_CHEEK),
    ]
)
_UPPER, _LOWER, _EYES, _MIDDLE = (0, 1, 2), (3, 4, 5, 6, 7), (1, 2), (8, 9, 3, 6, 7)
_MOUTH_RIGHT, _MOUTH_LEFT, _LIP_BELOW = 61, 291, 17


def measure_cover(image: BgrImage, landmarks: Landmarks, box: FaceBox) -> Cover | None:
    """Compare patches of the face (478 landmarks in pixels of `image`, `box` around them); about 0.1 ms.

    None where the face reaches beyond the picture or shows no colour.
    """
    height, width = image.shape[:2]
    left, top = round(box.x), round(box.y)
    right, bottom = round(box.x + box.width), round(box.y + box.height)
    if left < 0 or top < 0 or right > width or bottom > height or right - left < 8 or bottom - top < 8:
        return None
    scale = WIDTH_PX / (right - left)
    size = (WIDTH_PX, max(8, round((bottom - top) * scale)))
    resized = cv2.resize(image[top:bottom, left:right], size, interpolation=cv2.INTER_AREA)
    small = np.asarray(resized, dtype=np.uint8)
    places = np.clip((landmarks[:, :2] - (left, top)) * scale, 0, (size[0] - 1, size[1] - 1)).astype(np.intp)
    at = places[_PATCHES]
    redness, brightness = _colours(np.asarray(cv2.blur(small, (3, 3)), dtype=np.uint8)[at[..., 1], at[..., 0]])
    red, bright = np.sort(redness, axis=1)[:, 1].tolist(), np.sort(brightness, axis=1)[:, 1].tolist()
    upper, lower = _median(red, _UPPER), _median(red, _LOWER)
    mouth = _mouth_redness(small, places)
    if max(abs(upper), abs(lower)) < LEAST_COLOUR or mouth is None:
        return None
    return Cover(
        lips_redness=mouth,
        lower_redness=lower - upper,
        lower_brightness=_median(bright, _LOWER) - _median(bright, _UPPER),
        eyes_brightness=max(bright[patch] for patch in _EYES) - _median(bright, _MIDDLE),
    )


def _median(values: Sequence[float], patches: Sequence[int]) -> float:
    return median(values[patch] for patch in patches)


def _colours(levels: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Logarithms of red over green, which no shade changes, and of the grey level."""
    blue, green, red = np.moveaxis(levels + _DARK, -1, 0)
    return np.log(red / green), np.log(0.114 * blue + 0.587 * green + 0.299 * red)


def _mouth_redness(small: NDArray[np.uint8], places: NDArray[np.intp]) -> float | None:
    """How far rows of the mouth, from below the nose to above the chin, differ in redness."""
    left, right = sorted((int(places[_MOUTH_RIGHT, 0]), int(places[_MOUTH_LEFT, 0])))
    top = int(places[_LIP_TO_NOSE[0], 1])
    bottom = (int(places[_LIP_BELOW, 1]) + int(places[_CHIN[0], 1])) // 2
    if right - left < 4 or bottom - top < 4:
        return None
    rows = _colours(small[top : bottom + 1, left : right + 1])[0].mean(axis=1)
    return float(rows.max() - rows.min())
