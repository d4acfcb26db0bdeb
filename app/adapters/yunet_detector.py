"""Face detection (YuNet) on stills."""

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
from app.adapters.recognizer_entry import ALIGNMENTS
from app.adapters.yunet_network import LARGE_FACES, Rows, YunetNetwork, surest
from app.domain.face import BgrImage, FaceBox

DETECTION_SIDES = (320, 640, 1280, 2560)
"""Longest sides, in pixels, of the copies that are searched in turn until one shows a face.

YuNet sees faces 12–500 pixels wide (measured), so 320 finds every face that takes a twenty-fifth of the
picture or more, at a quarter of what 640 costs; the others serve small faces in large pictures.
"""

WINDOW_PX = 1280
WINDOW_OVERLAP_PX = 200
"""A larger copy is searched in windows, because YuNet takes 450 MB for 2560 pixels square. Wider faces than the
overlap were found in the smaller copies."""

MIN_FACE_PX = 8.0
MAX_ASPECT = 3.0
"""What YuNet reports smaller in the copy or longer than this is no face; working on it would cost memory."""

DETECTION_SCORE = 0.8
"""99.9 % of 2,320 pictures of LFW show their first face at 0.85 or more; parts of large faces pass for further
faces up to 0.7. A face under a mask scores 0.6 and counts as none."""

MIN_SIDE_PX = 32
"""A smaller picture holds no usable face, and YuNet answers garbage for a side of one pixel."""

REFINED_SIDE_PX = 256
"""The largest face is always searched again, upright, in a square of this side. The first look cannot say
whether that is needed: YuNet found a face that was tilted by 29 degrees upright to within one, and its template
then matched the upright one by a cosine of 0.28. A face of 100 pixels in a picture of 4,900 lost half its score
without. Of 75 portraits of LFW, tilted by 30 degrees, the 5th percentile of that cosine is 0.92; with 224
pixels 0.87, with 350 no better and at three times the cost."""

UPRIGHT_DEGREES = 3.0
ROLL_GAIN = 2.0
MAX_TURNS = 3
NEAR_DEGREES = 10.0
"""A face that is still tilted more is turned again, so often at most. Between two turns to either side of upright
the points are taken in proportion, and where both were near no third is made: one face of LFW in seventeen takes
three turns, and one in three without. Where upright is not between them the last two are averaged.
YuNet's points lean towards an upright face: of a roll of 20–45 degrees they show four tenths (median of 75
portraits turned by a known angle), hence the gain. Of a small roll they show all, and the second turn then goes as
far beyond upright as the first fell short."""

_REFINE_REACH = 0.7
_UPRIGHT = np.array(ALIGNMENTS["arcface_112"])


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

    def __init__(self, model_path: Path) -> None:
        _one_thread_per_call()
        self._network = YunetNetwork(model_path)
        self._refining = YunetNetwork(model_path, LARGE_FACES)

    def detect(self, image: BgrImage) -> Sequence[DetectedFace]:
        """All faces, the largest (by area) first; none where there is none. Threads share the detector."""
        if min(image.shape[:2]) < MIN_SIDE_PX:
            return []
        for copy, scale in _search_copies(image):
            faces = _search(self._network, copy, scale)
            if faces:
                return [_refined(self._refining, image, faces[0]), *faces[1:]]
        return []


def _one_thread_per_call() -> None:
    """The matching core's threads use the cores; threads inside OpenCV as well would only fight over them."""
    cv2.setNumThreads(1)


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


def _search(network: YunetNetwork, copy: BgrImage, scale: float) -> list[DetectedFace]:
    """Faces of the copy in pixels of the original, the largest first."""
    parts = [
        _rows(network, copy[top:bottom, left:right], left, top)
        for top, bottom in _windows(copy.shape[0])
        for left, right in _windows(copy.shape[1])
    ]
    rows = np.concatenate(parts)
    if len(parts) > 1 and len(rows) > 1:
        rows = surest(rows)
    faces = [_detected(row, scale) for row in rows if _is_plausible(float(row[2]), float(row[3]))]
    return sorted(faces, key=lambda face: face.box.width * face.box.height, reverse=True)


def _rows(network: YunetNetwork, window: BgrImage, left: int, top: int) -> Rows:
    """What YuNet says, in pixels of the copy that the window lies in at (left, top)."""
    rows = network.faces(window, DETECTION_SCORE)
    rows[:, [0, 4, 6, 8, 10, 12]] += left
    rows[:, [1, 5, 7, 9, 11, 13]] += top
    return rows


def _windows(length: int) -> list[tuple[int, int]]:
    """Equal pieces of a side of the copy, each reaching into the next."""
    count = max(1, math.ceil((length - WINDOW_OVERLAP_PX) / (WINDOW_PX - WINDOW_OVERLAP_PX)))
    piece = math.ceil((length + (count - 1) * WINDOW_OVERLAP_PX) / count)
    return [
        (start, start + piece) for start in (round(i * (length - piece) / max(1, count - 1)) for i in range(count))
    ]


def _is_plausible(width: float, height: float) -> bool:
    return min(width, height) >= MIN_FACE_PX and max(width, height) <= MAX_ASPECT * min(width, height)


def _refined(network: YunetNetwork, image: BgrImage, face: DetectedFace) -> DetectedFace:
    """The same face, found again in its surroundings alone and upright; as it was where that fails."""
    reach = _REFINE_REACH * max(face.box.width, face.box.height)
    centre = np.array(face.box.centre)
    region, corner = surroundings(image, centre - reach, centre + reach)
    scale = REFINED_SIDE_PX / (2 * reach)
    region = resized(region, scaled_size(region, scale))
    centre_x, centre_y = (centre - corner) * scale
    roll = ROLL_GAIN * _roll_degrees(face.points)
    points = _upright_points(network, region, (float(centre_x), float(centre_y)), roll)
    return face if points is None else replace(face, points=(points / scale + corner).astype(np.float32))


def _upright_points(
    network: YunetNetwork,
    region: BgrImage,
    centre: tuple[float, float],
    roll_degrees: float,
) -> NDArray[np.float32] | None:
    """Points of the face at the centre, searched in a square with the head upright; None where it is lost."""
    side, middle = REFINED_SIDE_PX, (REFINED_SIDE_PX / 2, REFINED_SIDE_PX / 2)
    seen: list[NDArray[np.float64]] = []
    left_over: list[float] = []
    for _ in range(MAX_TURNS):
        turn = np.asarray(cv2.getRotationMatrix2D(centre, roll_degrees, 1), dtype=np.float64)
        turn[:, 2] += np.array(middle) - np.array(centre)
        upright = np.asarray(cv2.warpAffine(region, turn, (side, side)), dtype=np.uint8)
        found = _search(network, upright, 1.0)
        if not found:
            break
        nearest = min(found, key=lambda candidate: math.dist(candidate.box.centre, middle))
        back = cv2.invertAffineTransform(turn)
        seen.append(np.asarray(nearest.points @ back[:, :2].T + back[:, 2], dtype=np.float64))
        left_over.append(_roll_degrees(nearest.points))
        if abs(left_over[-1]) <= UPRIGHT_DEGREES:
            break
        if _are_on_either_side(left_over) and max(map(abs, left_over[-2:])) <= NEAR_DEGREES:
            break
        roll_degrees += ROLL_GAIN * left_over[-1]
    return _points_of_turns(seen, left_over).astype(np.float32) if seen else None


def _are_on_either_side(left_over: Sequence[float]) -> bool:
    """Whether upright lies between the last two turns."""
    return len(left_over) > 1 and left_over[-2] * left_over[-1] < 0


def _points_of_turns(seen: Sequence[NDArray[np.float64]], left_over: Sequence[float]) -> NDArray[np.float64]:
    if not _are_on_either_side(left_over):
        return np.asarray(np.mean(seen[-2:], axis=0))
    share = left_over[-2] / (left_over[-2] - left_over[-1])
    return seen[-2] + share * (seen[-1] - seen[-2])


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
