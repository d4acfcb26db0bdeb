"""SHAPE: whether a head turns, or a plane, flat or bent.

A plane that is turned grows narrow, and all of it keeps to one homography; a head that turns shows another
side of itself: the nose moves against the eyes long before the face grows narrow. So the foreshortening is set
against what no homography explains. This asks for no angle: landmarks of a turned print read as hardly turned.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.domain.capture_phase import CapturePhase
from app.domain.challenge import ChallengeKind
from app.domain.detection import WatchedFrame
from app.domain.detector_evidence import LIMIT_SCORE, Detector, DetectorEvidence, graded
from app.domain.face import FaceMeasurement
from app.domain.liveness import Neutral

Points = NDArray[np.float64]
"""Rows of x and y."""

RIGID_POINTS = np.array(
    (
        10, 67, 297, 151, 9, 8, 168, 6, 197, 195, 5, 4, 1, 33, 133, 263, 362, 50, 280, 101,
        330, 117, 346, 205, 425, 98, 327, 64, 294, 107, 336, 234, 454, 132, 361, 152,
    )
)  # fmt: skip
"""Of MediaPipe's mesh: forehead, ridge and wings of the nose, corners of the eyes, cheeks, rim and chin; no lids,
no lips."""

HEAD_KINDS = frozenset(
    {ChallengeKind.TURN_LEFT, ChallengeKind.TURN_RIGHT, ChallengeKind.LOOK_UP, ChallengeKind.LOOK_DOWN}
)


@dataclass(frozen=True, slots=True)
class ShapeLimits:
    """Chosen on the development clips and on prints drawn from portraits (`bench/detectors.py`, docs/liveness.md).

    `flatness` is foreshortening over residual, both summed over the frames that are foreshortened by
    `foreshortened_min` at least.
    """

    flatness: float = 1.5
    usual_flatness: float = 0.95
    foreshortened_min: float = 0.09
    frames_min: int = 4
    neutral_frames: int = 8
    neutral_degrees: float = 6.0


LIMITS_OF_SHAPE = ShapeLimits()


@dataclass(frozen=True, slots=True)
class PlanarFit:
    """How one set of points lies to another.

    `foreshortening`: one less the ratio of the best affine map's stretches. `residual`: root mean square of what
    the best homography leaves, in sizes of the face (root mean square of the distances from the centroid).
    """

    foreshortening: float
    residual: float


class ShapeDetector:
    """`FrameDetector` of SHAPE, about 0.2 ms a frame while the head is asked to move."""

    def __init__(self, limits: ShapeLimits = LIMITS_OF_SHAPE) -> None:
        self._limits = limits
        self._resting: deque[tuple[float, float, Points]] = deque(maxlen=limits.neutral_frames)
        self._neutral: Points | None = None
        self._foreshortening = self._residual = 0.0
        self._frames = 0

    def observe(self, frame: WatchedFrame) -> None:
        """Take one frame."""
        face = frame.observation.face
        if face is None:
            return
        if frame.phase is CapturePhase.ALIGN:
            pose = face.pose
            self._resting.append((pose.yaw_degrees, pose.pitch_degrees, _rigid(face)))
        elif frame.challenge is not None and frame.challenge.kind in HEAD_KINDS and frame.neutral is not None:
            self._compare(face, frame.neutral)

    def evidence(self) -> DetectorEvidence:
        """`score` is None where the head hardly turned."""
        if self._frames < self._limits.frames_min:
            return DetectorEvidence(Detector.SHAPE, None, "no_turn", {"frames": float(self._frames)})
        flatness = self._foreshortening / max(self._residual, 1e-6)
        score = graded(flatness, limit=self._limits.flatness, typical=self._limits.usual_flatness)
        measured = {
            "flatness": round(flatness, 3),
            "foreshortening": round(self._foreshortening / self._frames, 4),
            "planar_residual": round(self._residual / self._frames, 4),
            "frames": float(self._frames),
        }
        return DetectorEvidence(Detector.SHAPE, score, "head" if score >= LIMIT_SCORE else "plane", measured)

    def _compare(self, face: FaceMeasurement, neutral: Neutral) -> None:
        if self._neutral is None:
            self._neutral = self._resting_face(neutral)
        if self._neutral is None:
            return
        fit = planar_fit(self._neutral, _rigid(face))
        if fit is not None and fit.foreshortening >= self._limits.foreshortened_min:
            self._foreshortening += fit.foreshortening
            self._residual += fit.residual
            self._frames += 1

    def _resting_face(self, neutral: Neutral) -> Points | None:
        """The median of the frames before the first challenge that stood as the neutral face does."""
        reach = self._limits.neutral_degrees
        frontal = [
            points
            for yaw, pitch, points in self._resting
            if abs(yaw - neutral.yaw_degrees) <= reach and abs(pitch - neutral.pitch_degrees) <= reach
        ]
        return np.median(frontal, axis=0) if frontal else None


def planar_fit(resting: Points, moved: Points) -> PlanarFit | None:
    """Both n × 2 in pixels, n at least 5, same points in the same order. None where points coincide."""
    source, target = _normalised(resting), _normalised(moved)
    if source is None or target is None:
        return None
    affine = np.linalg.lstsq(np.column_stack([source, np.ones(len(source))]), target, rcond=None)[0]
    stretches = np.linalg.svd(affine[:2], compute_uv=False)
    return PlanarFit(
        foreshortening=float(1.0 - stretches[1] / max(stretches[0], 1e-9)),
        residual=_homography_residual(source, target),
    )


def _homography_residual(source: Points, target: Points) -> float:
    """Direct linear transform over all points (Hartley and Zisserman, algorithm 4.1), then the error it leaves."""
    x, y = source.T
    u, v = target.T
    one, none = np.ones(len(x)), np.zeros(len(x))
    rows = np.concatenate(
        [
            np.stack([x, y, one, none, none, none, -u * x, -u * y, -u], axis=1),
            np.stack([none, none, none, x, y, one, -v * x, -v * y, -v], axis=1),
        ]
    )
    homography = np.linalg.eigh(rows.T @ rows)[1][:, 0].reshape(3, 3)
    mapped = np.column_stack([source, one]) @ homography.T
    depth = np.where(np.abs(mapped[:, 2:]) < 1e-9, 1e-9, mapped[:, 2:])
    return float(np.sqrt(((mapped[:, :2] / depth - target) ** 2).sum(axis=1).mean()))


def _normalised(points: Points) -> Points | None:
    centred = points - points.mean(axis=0)
    size = float(np.sqrt((centred**2).sum(axis=1).mean()))
    return None if not size > 0 else centred / size


def _rigid(face: FaceMeasurement) -> Points:
    return face.landmarks[RIGID_POINTS, :2].astype(np.float64)
