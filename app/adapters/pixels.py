"""Cutting, scaling and turning of pictures."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from app.domain.face import BgrImage


def surroundings(
    image: BgrImage, low: NDArray[np.floating[Any]], high: NDArray[np.floating[Any]]
) -> tuple[BgrImage, NDArray[np.int64]]:
    """The part of the image between two corners (x, y), at least one pixel, and where it begins."""
    height, width = image.shape[:2]
    left, top = np.clip(np.floor(low), 0, (width - 1, height - 1)).astype(int)
    right, bottom = np.clip(np.ceil(high), (left + 1, top + 1), (width, height)).astype(int)
    return image[top:bottom, left:right], np.array((left, top))


def scaled_size(image: BgrImage, scale: float) -> tuple[int, int]:
    """(width, height) of the scaled image."""
    return max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale))


def resized(image: BgrImage, size: tuple[int, int]) -> BgrImage:
    """By area where it shrinks, so that nothing aliases."""
    method = cv2.INTER_AREA if size[0] < image.shape[1] else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, size, interpolation=method), dtype=np.uint8)


def similarity(points: NDArray[np.float64], target: NDArray[np.float64]) -> NDArray[np.float64]:
    """2 × 3: turn, scale and shift that bring `points` nearest to `target` in least squares (Umeyama 1991)."""
    centre, aim = points.mean(axis=0), target.mean(axis=0)
    source, wanted = points - centre, target - aim
    # In the plane the best turn and scale are one complex number: sum(wanted · conj(source)) / sum(|source|²).
    one, other = source[:, 0] + 1j * source[:, 1], wanted[:, 0] + 1j * wanted[:, 1]
    factor = np.vdot(one, other) / max(float(np.vdot(one, one).real), 1e-9)
    turn = np.array([[factor.real, -factor.imag], [factor.imag, factor.real]])
    return np.hstack([turn, (aim - turn @ centre)[:, None]])
