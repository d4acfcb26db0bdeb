"""How much changes from one frame of a face to the next: the face's place and pose, and what is round about it.

A camera's pictures change by motion, and motion has a before and an after. What counts here is therefore how far
one change stands out from the change before it and the one after it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.domain.detection import WatchedFrame
from app.domain.face import FaceMeasurement, Observation
from app.domain.frame_signals import THUMBNAIL_SIZE, GreyImage

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

STEPS_MAX = 1_500
"""Steps that are kept, the latest: two and a half minutes at ten frames a second, 100 kB."""

HEAD_FACTOR = 1.25
"""The head reaches so much beyond the mesh of the face; what lies outside this ellipse is surroundings."""

OUTSIDE_CELLS_MIN = 40
"""With fewer cells of the thumbnail outside the head nothing is said about the surroundings."""

LOG_OF_SCALE = 3.0
"""One relative change of size moves the mesh's edge by about a third of it, in sizes of the face."""

_ROWS, _COLUMNS = np.mgrid[0 : THUMBNAIL_SIZE[0], 0 : THUMBNAIL_SIZE[1]].astype(np.float32)


@dataclass(frozen=True, slots=True)
class Step:
    """From one frame with a face to the next with one, `lasting_ms` later; `at_ms` is when the later one came.

    `moved` is in sizes of the face (root mean square of the mesh), nearness included, `turned` in degrees.
    `surroundings` is the mean difference outside the head in standard deviations, `light` the logarithm of their
    brightness. `standing_out` is the share of the places outside the head that change more than both before and
    after: a third by chance.
    """

    at_ms: int
    lasting_ms: int
    moved: float
    turned: float
    surroundings: float
    light: float
    standing_out: float


BY_CHANCE = 1.0 / 3.0


@dataclass(frozen=True, slots=True)
class _Sight:
    at_ms: int
    place: Floats
    angles: Floats
    thumbnail: NDArray[np.float32]
    outside: Mask


@dataclass(frozen=True, slots=True)
class _Change:
    step: Step
    difference: NDArray[np.float32]
    outside: Mask


class StepMeter:
    """Measures steps as frames come; keeps four frames and `STEPS_MAX` steps."""

    def __init__(self) -> None:
        self._steps: deque[Step] = deque(maxlen=STEPS_MAX)
        self._last: _Sight | None = None
        self._digest = b""
        self._changes: deque[_Change] = deque(maxlen=3)

    def observe(self, frame: WatchedFrame) -> None:
        """Take one frame. One without a face, or one that repeats the last, counts as one that did not come."""
        face = frame.observation.face
        if face is None or frame.signals.digest == self._digest:
            return
        self._digest = frame.signals.digest
        sight = _sight(frame.at_ms, frame.observation, face, frame.signals.thumbnail)
        if self._last is not None:
            self._take(_change(self._last, sight))
        self._last = sight

    def _take(self, change: _Change) -> None:
        """A change can be said to stand out once the one after it is known."""
        self._changes.append(change)
        if len(self._changes) == self._changes.maxlen and self._steps:
            before, middle, after = self._changes
            self._steps[-1] = _with_standing_out(before, middle, after)
        self._steps.append(change.step)

    def steps(self) -> Sequence[Step]:
        """The steps so far, oldest first."""
        return tuple(self._steps)


def _sight(at_ms: int, observation: Observation, face: FaceMeasurement, thumbnail: GreyImage) -> _Sight:
    mesh, size = face.landmarks[:468, :2], face.scale_px
    (left, top), (right, bottom) = mesh.min(axis=0), mesh.max(axis=0)
    x, y = mesh.mean(axis=0) / size
    rows, columns = THUMBNAIL_SIZE
    across, down = columns / observation.frame_width, rows / observation.frame_height
    u = (_COLUMNS - across * (left + right) / 2) / max(HEAD_FACTOR * across * (right - left) / 2, 1.0)
    v = (_ROWS - down * (top + bottom) / 2) / max(HEAD_FACTOR * down * (bottom - top) / 2, 1.0)
    pose = face.pose
    return _Sight(
        at_ms=at_ms,
        place=np.array([x, y, LOG_OF_SCALE * np.log(size)]),
        angles=np.array([pose.yaw_degrees, pose.pitch_degrees, pose.roll_degrees]),
        thumbnail=thumbnail.astype(np.float32),
        outside=u * u + v * v > 1.0,
    )


def _change(first: _Sight, second: _Sight) -> _Change:
    outside = first.outside & second.outside
    difference = np.zeros(THUMBNAIL_SIZE, dtype=np.float32)
    surroundings = light = 0.0
    if int(outside.sum()) >= OUTSIDE_CELLS_MIN:
        one, other = first.thumbnail[outside], second.thumbnail[outside]
        light = abs(float(np.log((one.mean() + 5.0) / (other.mean() + 5.0))))
        # Exposure is `light`'s affair; one grey level keeps an even wall from being nothing but noise.
        change = np.abs((one - one.mean()) / (one.std() + 1.0) - (other - other.mean()) / (other.std() + 1.0))
        difference[outside], surroundings = change, float(change.mean())
    step = Step(
        at_ms=second.at_ms,
        lasting_ms=max(1, second.at_ms - first.at_ms),
        moved=float(np.linalg.norm(second.place - first.place)),
        turned=float(np.linalg.norm(second.angles - first.angles)),
        surroundings=surroundings,
        light=light,
        standing_out=BY_CHANCE,
    )
    return _Change(step, difference, outside)


def _with_standing_out(before: _Change, middle: _Change, after: _Change) -> Step:
    outside, step = before.outside & middle.outside & after.outside, middle.step
    if int(outside.sum()) < OUTSIDE_CELLS_MIN:
        return step
    greater = middle.difference > np.maximum(before.difference, after.difference)
    share = float(greater[outside].mean())
    return Step(
        step.at_ms, step.lasting_ms, step.moved, step.turned, step.surroundings, step.light, standing_out=share
    )


REPEAT_SHARE = 0.1
"""A step with less than this share of the median change shows the frame before once more, encoded anew."""

GAP_FACTOR_MAX = 4.0
"""More change is natural over a gap, in proportion to it, up to so many times the usual interval."""

STILLEST = np.array([0.01, 0.3, 0.006, 0.002])
"""Least scale of natural change: sizes of the face, degrees, standard deviations, logarithm. Landmarks tremble
by as much on clips of people who hold still."""

RATIO_LEAST, RATIO_MOST = -0.5, 1.5
"""Logarithms of one channel's ratio beyond these count no more: one channel alone decides nothing."""

WEIGHTS = np.array([1.0, 1.0, 3.0, 0.5])
"""Of place, pose, surroundings, light: the surroundings shake least when a face moves naturally."""

WEIGHT_OF_STANDING_OUT = 3.0


@dataclass(frozen=True, slots=True)
class Jumps:
    """How far each step stands out of its neighbours, 0 for none, when it came, and how long it took.

    `interval_ms` is how long steps take as a rule, `slow_ms` what a quarter of them exceeds: much more where a
    device or line stutters.
    """

    at_ms: NDArray[np.int64]
    strength: Floats
    lasting_ms: Floats
    interval_ms: float
    slow_ms: float


def jumps(steps: Sequence[Step]) -> Jumps:
    """For each step: logarithms of its changes over the greater of those before and after, weighted and summed.

    Changes are compared per time where intervals differ, so that a frame that was left out is no jump.
    """
    shown = _without_repeats(steps)
    if len(shown) < 3:
        return Jumps(np.zeros(0, np.int64), np.zeros(0), np.zeros(0), 0.0, 0.0)
    changes = np.array([[one.moved, one.turned, one.surroundings, one.light] for one in shown])
    lasting = np.array([one.lasting_ms for one in shown], dtype=np.float64)
    usual = float(np.median(lasting))
    scale = np.maximum(np.median(changes, axis=0), STILLEST)
    longer = np.clip(lasting[1:-1] / usual, 1.0, GAP_FACTOR_MAX)[:, None]
    middle = changes[1:-1]
    beside = np.maximum(
        changes[:-2] * np.clip(lasting[1:-1] / lasting[:-2], 1.0, GAP_FACTOR_MAX)[:, None],
        changes[2:] * np.clip(lasting[1:-1] / lasting[2:], 1.0, GAP_FACTOR_MAX)[:, None],
    )
    ratios = np.log((middle + longer * scale) / (beside + longer * scale))
    out = np.array([one.standing_out for one in shown[1:-1]]) - BY_CHANCE
    strength = np.clip(ratios, RATIO_LEAST, RATIO_MOST) @ WEIGHTS + WEIGHT_OF_STANDING_OUT * out
    at_ms = np.array([one.at_ms for one in shown[1:-1]], dtype=np.int64)
    # Nobody knows what happened in a gap: the longer it is, the less a jump over it says.
    return Jumps(
        at_ms,
        np.maximum(strength, 0.0) / np.sqrt(longer[:, 0]),
        lasting[1:-1],
        usual,
        float(np.percentile(lasting, 75)),
    )


def _without_repeats(steps: Sequence[Step]) -> Sequence[Step]:
    """The time of a step that shows nothing new goes to the one after it."""
    if not steps:
        return ()
    moved = REPEAT_SHARE * float(np.median([one.moved for one in steps]))
    surroundings = REPEAT_SHARE * float(np.median([one.surroundings for one in steps]))
    shown: list[Step] = []
    waited_ms = 0
    for one in steps:
        if one.moved < moved and one.surroundings < surroundings:
            waited_ms += one.lasting_ms
            continue
        shown.append(
            Step(
                one.at_ms,
                one.lasting_ms + waited_ms,
                one.moved,
                one.turned,
                one.surroundings,
                one.light,
                one.standing_out,
            )
        )
        waited_ms = 0
    return shown
