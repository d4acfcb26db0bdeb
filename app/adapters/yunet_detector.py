"""Face detection (YuNet) on stills, by OpenCV."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from app.adapters.pixels import resized, scaled_size, similarity, surroundings
from app.adapters.pool import Pool
from app.adapters.recognizer_entry import ALIGNMENTS
from app.domain.face import BgrImage, FaceBox

DETECTION_SIDES = (320, 640, 1280, 2560)
"""Longest sides, in pixels, of the copies that are searched in turn until one shows a face.

YuNet sees faces 12–500 pixels wide (measured), so 320 finds every face that takes a twenty-fifth of the
picture or more, at a quarter of what 640 costs; the others serve small faces in large pictures.
"""

MIN_FACE_PX = 8.0
MAX_ASPECT = 3.0
"""What YuNet reports smaller in the copy or longer than this is no face; working on it would cost memory."""

DETECTION_SCORE = 0.8
"""99.9 % of 2,320 pictures of LFW show their first face at 0.85 or more; parts of large faces pass for further
faces up to 0.7. A face under a mask scores 0.6 and counts as none."""

MIN_SIDE_PX = 32
"""A smaller picture holds no usable face, and YuNet answers garbage for a side of one pixel."""

PRECISE_WIDTHS_PX = (60.0, 300.0)
"""Between these widths in the searched copy YuNet's points are as good as they get: mated pairs of LFW scored the
same cosine within 0.015, whichever width they were searched at. At 30 pixels they lose 0.03."""

REFINED_WIDTH_PX = 140.0
"""The largest face is searched again at this width where it was smaller, larger or tilted. A face of 100 pixels in
a picture of 4,900 lost half its comparison score without."""

UPRIGHT_DEGREES = 3.0
ROLL_GAIN = 2.0
MAX_TURNS = 3
"""A face that is tilted more is turned upright and searched again, so often at most. YuNet's points lean towards
an upright face: of a roll of 20–45 degrees they show four tenths (median of 75 portraits turned by a known angle),
and a portrait turned by 30 degrees did not match itself. Hence the low limit, which 99 % of the portraits turned
by 20 or 30 degrees exceed and 16 % of the upright ones, and hence the gain."""

_REFINE_REACH = 0.8
_UPRIGHT = np.array(ALIGNMENTS["arcface_112"])

NMS_OVERLAP = 0.3
MAX_FACES = 50


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
        """All faces, the largest (by area) first; none where there is none. Some 7 ms where 320 pixels show it."""
        if min(image.shape[:2]) < MIN_SIDE_PX:
            return []
        with self._pool.borrow() as detector:
            for copy, scale in _search_copies(image):
                faces = _search(detector, copy, scale)
                if faces:
                    largest = faces[0]
                    if not _is_precise(largest, scale):
                        largest = _refined(detector, image, largest)
                    return [largest, *faces[1:]]
        return []


def _one_thread_per_call() -> None:
    """The pools use the cores; threads inside OpenCV as well would only fight over them."""
    cv2.setNumThreads(1)


def _create_detector(model_path: Path) -> cv2.FaceDetectorYN:
    try:
        return cv2.FaceDetectorYN.create(str(model_path), "", (320, 320), DETECTION_SCORE, NMS_OVERLAP, MAX_FACES)
    except cv2.error as error:
        raise RuntimeError(f"{model_path.name} cannot be loaded") from error


def _search_copies(image: BgrImage) -> Iterator[tuple[BgrImage, float]]:
    """Copies to search, each with its scale. None is enlarged, and none is searched twice."""
    searched: set[tuple[int, int]] = set()
    for side in DETECTION_SIDES:
        scale = min(1.0, side / max(image.shape[:2]))
        size = scaled_size(image, scale)
        if size in searched or min(size) < MIN_SIDE_PX:
            continue
        searched.add(size)
        yield (image if scale == 1 else resized(image, size)), scale


def _search(detector: cv2.FaceDetectorYN, copy: BgrImage, scale: float) -> list[DetectedFace]:
    """Faces of the copy in pixels of the original, the largest first."""
    detector.setInputSize((copy.shape[1], copy.shape[0]))
    rows: NDArray[Any] | None = detector.detect(copy)[1]  # None where it sees no face
    if rows is None or not np.isfinite(rows).all():
        return []
    faces = [_detected(row, scale) for row in rows if _is_plausible(float(row[2]), float(row[3]))]
    return sorted(faces, key=lambda face: face.box.width * face.box.height, reverse=True)


def _is_plausible(width: float, height: float) -> bool:
    return min(width, height) >= MIN_FACE_PX and max(width, height) <= MAX_ASPECT * min(width, height)


def _is_precise(face: DetectedFace, scale: float) -> bool:
    """Whether the copy showed the face upright and at a size at which the points are good."""
    low, high = PRECISE_WIDTHS_PX
    return low <= face.box.width * scale <= high and abs(_roll_degrees(face.points)) <= UPRIGHT_DEGREES


def _refined(detector: cv2.FaceDetectorYN, image: BgrImage, face: DetectedFace) -> DetectedFace:
    """The same face, found again in its surroundings alone and upright; as it was where that fails."""
    reach = _REFINE_REACH * max(face.box.width, face.box.height)
    centre = np.array(face.box.centre)
    region, corner = surroundings(image, centre - reach, centre + reach)
    scale = REFINED_WIDTH_PX / face.box.width
    region = resized(region, scaled_size(region, scale))
    centre_x, centre_y = (centre - corner) * scale
    points = _upright_points(
        detector,
        region,
        (float(centre_x), float(centre_y)),
        math.ceil(2 * reach * scale),
        ROLL_GAIN * _roll_degrees(face.points),
    )
    return face if points is None else replace(face, points=(points / scale + corner).astype(np.float32))


def _upright_points(
    detector: cv2.FaceDetectorYN,
    region: BgrImage,
    centre: tuple[float, float],
    side: int,
    roll_degrees: float,
) -> NDArray[np.float32] | None:
    """Points of the face at the centre, searched in a square with the head upright; None where it is lost.

    The turn is corrected by what is left of it.
    """
    points: NDArray[np.float32] | None = None
    for _ in range(MAX_TURNS):
        turn = np.asarray(cv2.getRotationMatrix2D(centre, roll_degrees, 1), dtype=np.float64)
        turn[:, 2] += side / 2 - np.array(centre)
        upright = np.asarray(cv2.warpAffine(region, turn, (side, side)), dtype=np.uint8)
        found = _search(detector, upright, 1.0)
        if not found:
            break
        nearest = min(found, key=lambda candidate: math.dist(candidate.box.centre, (side / 2, side / 2)))
        back = cv2.invertAffineTransform(turn)
        points = (nearest.points @ back[:, :2].T + back[:, 2]).astype(np.float32)
        left_over = _roll_degrees(nearest.points)
        if abs(left_over) <= UPRIGHT_DEGREES:
            break
        roll_degrees += ROLL_GAIN * left_over
    return points


def _roll_degrees(points: NDArray[np.float32]) -> float:
    """How far the five points are turned against those of an upright face, growing with the clock."""
    turn = similarity(points.astype(np.float64), _UPRIGHT)
    return -math.degrees(math.atan2(turn[1, 0], turn[0, 0]))


def _detected(row: NDArray[Any], scale: float) -> DetectedFace:
    x, y, width, height = (float(value) / scale for value in row[:4])
    return DetectedFace(
        box=FaceBox(x=x, y=y, width=width, height=height),
        points=(row[4:14].reshape(5, 2) / scale).astype(np.float32),
        score=float(row[14]),
    )
