"""Frames between two frames: each pixel goes its way from one to the other, and its light with it.

Motion graphs join stretches by aligning and blending them (Kovar, Gleicher, Pighin 2002). In pictures, dense
optical flow (Kroeger et al. 2016, OpenCV's DIS) stands for the alignment.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from app.domain.face import BgrImage

Flow = NDArray[np.float32]
"""Height × width × 2, in pixels."""


def frames_between(first: Sequence[BgrImage], last: Sequence[BgrImage]) -> Sequence[BgrImage]:
    """Frames that lead from one take to another, slow at both ends: each is blended of one frame of either.

    Both takes go on while they are blended. Two frames that stand still would show a camera without noise, and a
    person who stops breathing.
    """
    shares = [(step + 1) / (len(first) + 1) for step in range(len(first))]
    return [
        _between(one, other, share * share * (3 - 2 * share))
        for one, other, share in zip(first, last, shares, strict=True)
    ]


def _flow(first: BgrImage, last: BgrImage) -> Flow:
    """Where each pixel of `first` is found in `last`; light is made equal before it is looked for."""
    search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    one, other = (cv2.equalizeHist(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)) for image in (first, last))
    return np.asarray(search.calc(one, other, np.zeros((*one.shape, 2), dtype=np.float32)), dtype=np.float32)


def _between(first: BgrImage, last: BgrImage, share: float) -> BgrImage:
    moved = _moved(first, -share * _flow(first, last))
    met = _moved(last, -(1 - share) * _flow(last, first))
    return np.asarray(cv2.addWeighted(moved, 1 - share, met, share, 0.0), dtype=np.uint8)


def _moved(image: BgrImage, offset: Flow) -> BgrImage:
    """The picture whose pixel at p is the given one's at p + offset."""
    height, width = image.shape[:2]
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    x, y = x + offset[..., 0], y + offset[..., 1]
    return np.asarray(cv2.remap(image, x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE), dtype=np.uint8)
