"""Observations of a synthetic face: a solid head that turns, nods, blinks, smiles, opens its mouth, comes near."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache, lru_cache

import numpy as np
from numpy.typing import NDArray

from app.domain.challenge import ChallengeKind
from app.domain.face import (
    LEFT_IRIS,
    RIGHT_IRIS,
    Cover,
    Expression,
    FaceBox,
    FaceMeasurement,
    HeadPose,
    Observation,
    Photometry,
)
from app.domain.liveness import CEILINGS, LIMITS, way_left

FRAME_WIDTH, FRAME_HEIGHT = 640, 480
HEAD_PX = (85.0, 120.0, 70.0)
"""Half axes of the head at scale 1: a face of half the frame's height."""

EYE_PX = (42.0, -25.0, -55.0)
"""The subject's left eye: right in the unmirrored image, above the middle, in front."""


@dataclass(frozen=True)
class Face:
    """What the synthetic person does now. Angles in degrees with the signs of `HeadPose`."""

    yaw: float = 0.0
    pitch: float = 0.0
    roll: float = 0.0
    eyes_closed: float = 0.05
    smile: float = 0.02
    jaw_open: float = 0.02
    scale: float = 1.0
    x: float = FRAME_WIDTH / 2
    y: float = FRAME_HEIGHT / 2
    luma: float = 130.0
    evenness: float = 0.8
    clipped: float = 0.0
    sharpness: float = 100.0
    lips_redness: float = 0.30
    lower_redness: float = 0.0
    lower_brightness: float = 0.0
    eyes_brightness: float = 0.0


RESTING = Face()


MOVES = {
    ChallengeKind.TURN_LEFT: ("yaw", 1.0),
    ChallengeKind.TURN_RIGHT: ("yaw", -1.0),
    ChallengeKind.LOOK_UP: ("pitch", 1.0),
    ChallengeKind.LOOK_DOWN: ("pitch", -1.0),
    ChallengeKind.BLINK: ("eyes_closed", 1.0),
    ChallengeKind.SMILE: ("smile", 1.0),
    ChallengeKind.OPEN_MOUTH: ("jaw_open", 1.0),
    ChallengeKind.MOVE_CLOSER: ("scale", 1.0),
}


def moved(kind: ChallengeKind, share: float, base: Face = RESTING) -> Face:
    """`base` with a movement of `share` times what the kind requires; negative: the other way."""
    name, sign = MOVES[kind]
    amount = sign * share * LIMITS[kind].required
    if kind is ChallengeKind.MOVE_CLOSER:
        return replace(base, scale=base.scale * (1.0 + amount))
    if kind in CEILINGS:
        amount *= way_left(kind, getattr(base, name))
    return replace(base, **{name: getattr(base, name) + amount})


@lru_cache(maxsize=4_096)
def seen(face: Face | None = RESTING, *, second_face_ratio: float = 0.0, luma: float = 120.0) -> Observation:
    """A frame of 640 × 480 with this face in it; None: with nobody."""
    measured = None if face is None else measurement(face)
    return Observation(FRAME_WIDTH, FRAME_HEIGHT, measured, second_face_ratio, luma)


def measurement(face: Face) -> FaceMeasurement:
    """Landmarks of the solid head as it stands, projected without perspective."""
    turned = _head() @ _rotation(face).T * face.scale
    landmarks = (turned + np.array([face.x, face.y, 0.0])).astype(np.float32)
    (left, top), (right, bottom) = landmarks[:, :2].min(axis=0), landmarks[:, :2].max(axis=0)
    return FaceMeasurement(
        landmarks=landmarks,
        box=FaceBox(float(left), float(top), float(right - left), float(bottom - top)),
        pose=HeadPose(face.yaw, face.pitch, face.roll),
        expression=Expression(face.eyes_closed, face.smile, face.jaw_open),
        photometry=Photometry(face.luma, face.evenness, face.clipped, face.sharpness),
        cover=Cover(face.lips_redness, face.lower_redness, face.lower_brightness, face.eyes_brightness),
    )


@cache
def _head() -> NDArray[np.float64]:
    """478 points on the front half of an ellipsoid, the irises at their places."""
    points = np.random.default_rng(7).normal(size=(478, 3))
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    points[:, 2] = -np.abs(points[:, 2])
    head = points * HEAD_PX
    head[LEFT_IRIS], head[RIGHT_IRIS] = EYE_PX, (-EYE_PX[0], *EYE_PX[1:])
    return np.asarray(head - head.mean(axis=0), dtype=np.float64)


def _rotation(face: Face) -> NDArray[np.float64]:
    yaw, pitch, roll = np.radians([face.yaw, face.pitch, face.roll])
    about_y = [[np.cos(yaw), 0, -np.sin(yaw)], [0, 1, 0], [np.sin(yaw), 0, np.cos(yaw)]]
    about_x = [[1, 0, 0], [0, np.cos(pitch), np.sin(pitch)], [0, -np.sin(pitch), np.cos(pitch)]]
    about_z = [[np.cos(roll), -np.sin(roll), 0], [np.sin(roll), np.cos(roll), 0], [0, 0, 1]]
    return np.asarray(np.array(about_z) @ np.array(about_x) @ np.array(about_y), dtype=np.float64)


@dataclass(frozen=True)
class Motion:
    """One movement in time: rest, out to `peak` (a share of what is required), hold, back, rest."""

    kind: ChallengeKind
    peak: float = 1.4
    rest_ms: int = 600
    out_ms: int = 500
    hold_ms: int = 400
    back_ms: int = 500

    @property
    def duration_ms(self) -> int:
        """Until the face is at rest again."""
        return self.rest_ms + self.out_ms + self.hold_ms + self.back_ms

    def share_at(self, at_ms: float) -> float:
        """How far the movement stands after so many milliseconds, as a share of what is required."""
        apex_ms = self.rest_ms + self.out_ms
        times = [self.rest_ms, apex_ms, apex_ms + self.hold_ms, self.duration_ms]
        return float(np.interp(at_ms, times, [0.0, self.peak, self.peak, 0.0]))

    def frames(self, fps: float, base: Face = RESTING) -> Iterator[tuple[int, Face]]:
        """Milliseconds since the beginning and the face, until it rests again."""
        step_ms = 1_000 / fps
        for number in range(int(self.duration_ms / step_ms) + 2):
            at_ms = round(number * step_ms)
            yield at_ms, moved(self.kind, round(self.share_at(at_ms), 3), base)
