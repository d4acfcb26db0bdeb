"""What a frame's pixels and bytes say beside the face in it: the raw material of the detectors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

GreyImage = NDArray[np.uint8]
"""Height × width, 0–255."""

THUMBNAIL_SIZE = (36, 48)
"""Rows and columns of `FrameSignals.thumbnail`, whatever the frame's shape."""

TEXTURE_SIDE = 64
"""Rows and columns of `FrameSignals.texture`."""

NOISE_SIDE = 64
"""Rows and columns of `FrameSignals.noise`."""

Colour = tuple[float, float, float]
"""Mean blue, green, red, 0–255."""


@dataclass(frozen=True)
class FrameSignals:
    """One frame, measured in about a millisecond.

    `digest` is a hash of the JPEG's bytes, `fingerprint` a perceptual hash of the face's shape, 64 bits: near
    copies differ in a few; None without a face. `thumbnail` is the whole frame in grey. `texture` is the face in
    grey, every part of its mesh brought to its place, None without a face. `skin` and `surroundings` are mean
    colours of the face and of what is not head.
    `noise` is a patch of the frame's upper corner at full resolution, in grey. `jpeg` names the file's structure:
    quantisation tables, subsampling, order of segments; frames of one encoder at one setting share it.
    """

    digest: bytes
    fingerprint: int | None
    thumbnail: GreyImage
    texture: GreyImage | None
    skin: Colour | None
    surroundings: Colour
    noise: GreyImage
    jpeg: str
