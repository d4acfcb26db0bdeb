"""The face as a flat picture: every part brought to its place, so that frames can be laid on each other."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from app.adapters.face_layout import FRONTAL_PLACES
from app.domain.face import Landmarks
from app.domain.frame_signals import TEXTURE_SIDE, GreyImage

_POINTS = np.array(list(FRONTAL_PLACES))
_PLACES = np.array(list(FRONTAL_PLACES.values()), dtype=np.float32) * TEXTURE_SIDE

FACE_PX = 1.5 * TEXTURE_SIDE
"""A wider face is scaled down to this first, by area, so that fine detail does not alias."""


def face_texture(grey: GreyImage, landmarks: Landmarks) -> GreyImage:
    """`TEXTURE_SIDE` square, about 0.25 ms: piecewise affine over the triangles of 84 points of the mesh."""
    points = landmarks[_POINTS, :2].astype(np.float32)
    size = np.array([grey.shape[1], grey.shape[0]])
    low = np.clip(np.floor(points.min(axis=0)).astype(int) - 2, 0, size - 2)
    high = np.clip(np.ceil(points.max(axis=0)).astype(int) + 3, low + 2, size)
    crop = grey[low[1] : high[1], low[0] : high[0]]
    scale = FACE_PX / max(high - low)
    if scale < 1.0:
        width, height = np.maximum(np.round((high - low) * scale).astype(int), 2).tolist()
        crop = np.asarray(cv2.resize(crop, (width, height), interpolation=cv2.INTER_AREA), dtype=np.uint8)
    per_pixel = np.array([crop.shape[1], crop.shape[0]]) / (high - low)
    places = _WEIGHTS @ ((points - low) * per_pixel - 0.5).astype(np.float32)
    across, down = np.ascontiguousarray(places.T).reshape(2, TEXTURE_SIDE, TEXTURE_SIDE)
    warped = cv2.remap(crop, across, down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(warped, dtype=np.uint8)


def _weights() -> NDArray[np.float32]:
    """For every pixel of a texture the shares of the 84 points: its place within its triangle's corners."""
    rows, columns = np.mgrid[0:TEXTURE_SIDE, 0:TEXTURE_SIDE]
    pixels = np.stack([columns.ravel() + 0.5, rows.ravel() + 0.5], axis=1)
    weights = np.zeros((len(pixels), len(_PLACES)), dtype=np.float32)
    innermost = np.full(len(pixels), -np.inf)
    for corners in _triangles():
        first, second, third = _PLACES[corners].astype(np.float64)
        shares = (pixels - first) @ np.linalg.inv(np.array([second - first, third - first]))
        all_shares = np.stack([1.0 - shares.sum(axis=1), shares[:, 0], shares[:, 1]], axis=1)
        # Pixels beyond the mesh continue the triangle that they are nearest to lying in.
        nearer = all_shares.min(axis=1) > innermost
        innermost[nearer] = all_shares.min(axis=1)[nearer]
        weights[nearer] = 0.0
        for corner, share in zip(corners, all_shares.T, strict=True):
            weights[nearer, corner] = share[nearer]
    return weights


def _triangles() -> list[list[int]]:
    """Delaunay triangles of the places."""
    plane = cv2.Subdiv2D((-2, -2, TEXTURE_SIDE + 4, TEXTURE_SIDE + 4))
    index = {}
    for number, (x, y) in enumerate(_PLACES):
        plane.insert((float(x), float(y)))
        index[float(x), float(y)] = number
    found = [[index.get((float(c[i]), float(c[i + 1]))) for i in (0, 2, 4)] for c in plane.getTriangleList()]
    return [[c for c in corners if c is not None] for corners in found if None not in corners]


_WEIGHTS = _weights()
