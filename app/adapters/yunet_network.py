"""The network of YuNet: what it says of one picture, as OpenCV's FaceDetectorYN reads it, run by ONNX Runtime.

The runtime takes 0.4 of OpenCV's time for it (docs/matching.md), and threads share one network.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from app.adapters.onnx_session import load_session
from app.domain.face import BgrImage

STRIDES = (8, 16, 32)
"""Pixels from one place to the next at which a face can be centred, in each of the network's three maps."""

LARGE_FACES = STRIDES[-1:]
"""The map that shows faces from about 64 pixels. In squares of 256 pixels around a face it had the surest row of
that face in all of 987 looks (LFW, in the wild, altered portraits)."""

KINDS = ("cls", "obj", "bbox", "kps")

NMS_OVERLAP = 0.3
MAX_CANDIDATES = 50

Rows = NDArray[np.float32]
"""n × 15: left, top, width and height of a face, its five points as x, y, and the score, 0–1."""


class YunetNetwork:
    """RuntimeError where the model cannot be loaded, or is another than YuNet of 2023.

    It reads the maps of `strides` alone. The coarsest is for large faces and takes three quarters of the time of
    all; its memory is kept from picture to picture, so they should be small.
    """

    def __init__(self, path: Path, strides: Sequence[int] = STRIDES) -> None:
        self._strides = tuple(strides)
        wanted = {f"{kind}_{stride}" for kind in KINDS for stride in self._strides}
        keeps_memory = self._strides == LARGE_FACES
        self._session = load_session(path, any_size=True, outputs=wanted, keeps_memory=keeps_memory)
        self._input = self._session.get_inputs()[0].name
        self._results = [result.name for result in self._session.get_outputs()]

    def faces(self, image: BgrImage, score: float) -> Rows:
        """Faces with at least this score, the surest first, in pixels of the image."""
        height, width = (-(-length // STRIDES[-1]) * STRIDES[-1] for length in image.shape[:2])
        planes = np.zeros((1, 3, height, width), dtype=np.float32)
        planes[0, :, : image.shape[0], : image.shape[1]] = image.transpose(2, 0, 1)
        results = self._session.run(None, {self._input: planes})
        maps = {name: maps[0] for name, maps in zip(self._results, results, strict=True)}
        return surest(np.concatenate([_rows(maps, stride, width // stride, score) for stride in self._strides]))


def _rows(maps: dict[str, NDArray[np.float32]], stride: int, columns: int, least: float) -> Rows:
    """One map's places whose score is enough."""
    classes, objects = maps[f"cls_{stride}"][:, 0], maps[f"obj_{stride}"][:, 0]
    # The score is the root of their product, and neither exceeds one by more than a rounding.
    places = np.flatnonzero(np.minimum(classes, objects) >= least**2)
    if not len(places):
        return np.empty((0, 15), dtype=np.float32)
    scores = np.sqrt(np.clip(classes[places], 0, 1) * np.clip(objects[places], 0, 1))
    places, scores = places[scores >= least], scores[scores >= least]
    corners = np.stack((places % columns, places // columns), axis=1).astype(np.float32)
    boxes, points = (maps[f"{kind}_{stride}"][places] for kind in ("bbox", "kps"))
    sizes = np.exp(boxes[:, 2:])
    rows = np.empty((len(places), 15), dtype=np.float32)
    rows[:, :2] = corners + boxes[:, :2] - sizes / 2
    rows[:, 2:4] = sizes
    rows[:, 4:14] = points + np.tile(corners, 5)
    rows[:, :14] *= stride
    rows[:, 14] = scores
    return rows[np.isfinite(rows).all(axis=1)]


def surest(rows: Rows) -> Rows:
    """The rows without those that mean the same face as a surer one, the surest first."""
    if len(rows) == 0:
        return rows
    boxes, scores = rows[:, :4].tolist(), rows[:, 14].tolist()
    kept = np.asarray(cv2.dnn.NMSBoxes(boxes, scores, 0.0, NMS_OVERLAP, top_k=MAX_CANDIDATES), dtype=int)
    return np.asarray(rows[kept], dtype=np.float32)
