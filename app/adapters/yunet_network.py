"""The network of YuNet: what it says of one picture, as OpenCV's FaceDetectorYN reads it, run by ONNX Runtime.

The runtime takes 0.4 of OpenCV's time for it (docs/matching.md), and threads share one network.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from app.adapters.onnx_session import load_session
from app.domain.face import BgrImage

STRIDES = (8, 16, 32)
"""Pixels from one place to the next at which a face can be centred, in each of the network's three maps."""

NMS_OVERLAP = 0.3
MAX_CANDIDATES = 50

Rows = NDArray[np.float32]
"""n × 15: left, top, width and height of a face, its five points as x, y, and the score, 0–1."""


class YunetNetwork:
    """RuntimeError where the model cannot be loaded, or is another than YuNet of 2023."""

    def __init__(self, path: Path) -> None:
        self._session = load_session(path, any_size=True)
        self._input = self._session.get_inputs()[0].name
        names = {result.name for result in self._session.get_outputs()}
        if not names >= {f"{kind}_{stride}" for kind in ("cls", "obj", "bbox", "kps") for stride in STRIDES}:
            raise RuntimeError(f"{path.name} is no YuNet model")

    def faces(self, image: BgrImage, score: float) -> Rows:
        """Faces with at least this score, the surest first, in pixels of the image."""
        height, width = (-(-length // STRIDES[-1]) * STRIDES[-1] for length in image.shape[:2])
        planes = np.zeros((1, 3, height, width), dtype=np.float32)
        planes[0, :, : image.shape[0], : image.shape[1]] = image.transpose(2, 0, 1)
        results = self._session.run(None, {self._input: planes})
        maps = {result.name: maps[0] for result, maps in zip(self._session.get_outputs(), results, strict=True)}
        return surest(np.concatenate([_rows(maps, stride, width // stride, score) for stride in STRIDES]))


def _rows(maps: dict[str, NDArray[np.float32]], stride: int, columns: int, least: float) -> Rows:
    """One map's places whose score is enough."""
    classes, objects = (np.clip(maps[f"{kind}_{stride}"][:, 0], 0, 1) for kind in ("cls", "obj"))
    scores = np.sqrt(classes * objects)
    places = np.flatnonzero(scores >= least)
    corners = np.stack((places % columns, places // columns), axis=1).astype(np.float32)
    boxes, points = (maps[f"{kind}_{stride}"][places] for kind in ("bbox", "kps"))
    sizes = np.exp(boxes[:, 2:])
    rows = np.empty((len(places), 15), dtype=np.float32)
    rows[:, :2] = corners + boxes[:, :2] - sizes / 2
    rows[:, 2:4] = sizes
    rows[:, 4:14] = points + np.tile(corners, 5)
    rows[:, :14] *= stride
    rows[:, 14] = scores[places]
    return rows[np.isfinite(rows).all(axis=1)]


def surest(rows: Rows) -> Rows:
    """The rows without those that mean the same face as a surer one, the surest first."""
    if len(rows) == 0:
        return rows
    boxes, scores = rows[:, :4].tolist(), rows[:, 14].tolist()
    kept = np.asarray(cv2.dnn.NMSBoxes(boxes, scores, 0.0, NMS_OVERLAP, top_k=MAX_CANDIDATES), dtype=int)
    return np.asarray(rows[kept], dtype=np.float32)
