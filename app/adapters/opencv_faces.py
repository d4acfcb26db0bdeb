"""Face detection (YuNet) and recognition (SFace) on stills, by OpenCV."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from app.adapters.pool import Pool
from app.domain.face import BgrImage, FaceBox

SFACE_MODEL_ID = "sface-2021dec-int8bq"
"""Names the template format; templates of another model are not comparable with these."""

DETECTION_SIDES = (640, 320, 1280, 2560)
"""Longest sides, in pixels, of the copies that are searched in turn until one shows a face.

YuNet sees faces 12–500 pixels wide (measured), so 640 finds every face that takes a fiftieth of the
picture or more, and the others serve pictures of bad quality and small faces in large pictures.
"""

DETECTION_SCORE = 0.8
"""Of 2,400 portraits none scores below 0.84 for its only face, and parts of large faces score up to 0.7."""

REFINE_BELOW_PX = 48.0
REFINED_WIDTH_PX = 80.0
"""A face found smaller than the first in a shrunk copy is searched again at the second width: its points are
too coarse to align by (a face of 100 pixels in a picture of 4,900 lost half its comparison score)."""

_REFINE_REACH = 1.5

NMS_OVERLAP = 0.3
MAX_FACES = 50

MAX_INTEROCULAR_PX = 70.0
"""Twice the distance in the recognizer's 112 × 112 input: a larger face is shrunk by area first, because
OpenCV's alignment samples single pixels and would alias."""

_ALIGNMENT_MARGIN = 4.0
"""Interocular distances around the eyes, nose and mouth that the aligned square can reach at any roll."""


@dataclass(frozen=True)
class DetectedFace:
    """A face in pixels of the image it was found in.

    `points` are 5 × 2: right eye, left eye, nose tip, right and left corner of the mouth (the subject's own).
    """

    box: FaceBox
    points: NDArray[np.float32]
    score: float


class YunetDetector:
    """Finds faces from 60 to 3,000 pixels wide. RuntimeError where the model cannot be loaded."""

    def __init__(self, model_path: Path, pool_size: int = 1) -> None:
        _one_thread_per_call()
        self._pool = Pool(lambda: _create_detector(model_path), pool_size)

    def detect(self, image: BgrImage) -> Sequence[DetectedFace]:
        """All faces, the largest (by area) first; none where there is none. 50 ms for a side of 640 pixels."""
        with self._pool.borrow() as detector:
            for copy, scale in _search_copies(image):
                faces = _search(detector, copy, scale)
                if faces and scale < 1 and faces[0].box.width * scale < REFINE_BELOW_PX:
                    return [_refined(detector, image, faces[0]), *faces[1:]]
                if faces:
                    return faces
        return []


class SfaceEncoder:
    """Describes an aligned face. RuntimeError where the model cannot be loaded."""

    model_id = SFACE_MODEL_ID

    def __init__(self, model_path: Path, pool_size: int = 1) -> None:
        _one_thread_per_call()
        self._pool = Pool(lambda: _create_recognizer(model_path), pool_size)

    def encode(self, image: BgrImage, points: NDArray[np.float32]) -> NDArray[np.float32]:
        """128 float32, L2-normalized, of the face whose five points are given. About 25–60 ms.

        ValueError where the recognizer gives nothing that can be normalized.
        """
        region, row = _alignment_region(image, points)
        with self._pool.borrow() as recognizer:
            vector = np.asarray(recognizer.feature(recognizer.alignCrop(region, row)), np.float32).ravel()
        length = float(np.linalg.norm(vector))
        if not np.isfinite(length) or length == 0:
            raise ValueError("the recognizer gave no usable template")
        return np.asarray(vector / length, dtype=np.float32)


def _one_thread_per_call() -> None:
    """The pools use the cores; threads inside OpenCV as well would only fight over them."""
    cv2.setNumThreads(1)


def _create_detector(model_path: Path) -> cv2.FaceDetectorYN:
    try:
        return cv2.FaceDetectorYN.create(str(model_path), "", (320, 320), DETECTION_SCORE, NMS_OVERLAP, MAX_FACES)
    except cv2.error as error:
        raise RuntimeError(f"{model_path.name} cannot be loaded") from error


def _create_recognizer(model_path: Path) -> cv2.FaceRecognizerSF:
    try:
        return cv2.FaceRecognizerSF.create(str(model_path), "")
    except cv2.error as error:
        raise RuntimeError(f"{model_path.name} cannot be loaded") from error


def _search_copies(image: BgrImage) -> Iterator[tuple[BgrImage, float]]:
    """Copies to search, each with its scale. None is enlarged, and none is searched twice."""
    searched: set[tuple[int, int]] = set()
    for side in DETECTION_SIDES:
        scale = min(1.0, side / max(image.shape[:2]))
        size = _scaled_size(image, scale)
        if size in searched:
            continue
        searched.add(size)
        yield (image if scale == 1 else _shrunk(image, size)), scale


def _search(detector: cv2.FaceDetectorYN, copy: BgrImage, scale: float) -> list[DetectedFace]:
    """Faces of the copy in pixels of the original, the largest first."""
    detector.setInputSize((copy.shape[1], copy.shape[0]))
    rows: NDArray[Any] | None = detector.detect(copy)[1]  # None where it sees no face
    if rows is None or not np.isfinite(rows).all():
        return []
    faces = [_detected(row, scale) for row in rows]
    return sorted(faces, key=lambda face: face.box.width * face.box.height, reverse=True)


def _refined(detector: cv2.FaceDetectorYN, image: BgrImage, face: DetectedFace) -> DetectedFace:
    """The same face, found again in its surroundings alone; as it was where it is not found there."""
    reach = _REFINE_REACH * max(face.box.width, face.box.height)
    centre = np.array(face.box.centre)
    height, width = image.shape[:2]
    left, top = np.clip(centre - reach, 0, (width - 1, height - 1)).astype(int)
    right, bottom = np.clip(centre + reach, (left + 1, top + 1), (width, height)).astype(int)
    region = image[top:bottom, left:right]
    scale = min(1.0, REFINED_WIDTH_PX / face.box.width)
    if scale < 1:
        region = _shrunk(region, _scaled_size(region, scale))
    moved = [_moved(found, float(left), float(top)) for found in _search(detector, region, scale)]
    return min(moved, key=lambda found: math.dist(found.box.centre, face.box.centre), default=face)


def _moved(face: DetectedFace, right: float, down: float) -> DetectedFace:
    box = replace(face.box, x=face.box.x + right, y=face.box.y + down)
    return replace(face, box=box, points=face.points + np.array((right, down), dtype=np.float32))


def _scaled_size(image: BgrImage, scale: float) -> tuple[int, int]:
    """(width, height) of the scaled image."""
    return max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale))


def _shrunk(image: BgrImage, size: tuple[int, int]) -> BgrImage:
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _detected(row: NDArray[Any], scale: float) -> DetectedFace:
    x, y, width, height = (float(value) / scale for value in row[:4])
    return DetectedFace(
        box=FaceBox(x=x, y=y, width=width, height=height),
        points=(row[4:14].reshape(5, 2) / scale).astype(np.float32),
        score=float(row[14]),
    )


def _alignment_region(image: BgrImage, points: NDArray[np.float32]) -> tuple[BgrImage, NDArray[np.float32]]:
    """The face's surroundings, shrunk to `MAX_INTEROCULAR_PX`, and OpenCV's row of 15 with the points in it."""
    interocular = max(float(np.linalg.norm(points[0] - points[1])), 1.0)
    reach = _ALIGNMENT_MARGIN * interocular
    height, width = image.shape[:2]
    left, top = np.clip(np.floor(points.min(axis=0) - reach), 0, (width - 1, height - 1)).astype(int)
    right, bottom = np.clip(np.ceil(points.max(axis=0) + reach), 1, (width, height)).astype(int)
    region = image[top : max(bottom, top + 1), left : max(right, left + 1)]
    scale = min(1.0, MAX_INTEROCULAR_PX / interocular)
    if scale < 1:
        region = _shrunk(region, _scaled_size(region, scale))
    row = np.zeros(15, dtype=np.float32)
    row[4:14] = ((points - (left, top)) * scale).ravel()
    return region, row
