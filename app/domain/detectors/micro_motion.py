"""MICRO_MOTION: whether somebody who holds still breathes, sways and blinks, or a picture stands there.

A frame that a program shows again and again gives the same landmarks each time; one before a real camera gives the
landmarker's noise, which has no memory from frame to frame. People drift: lids, lips and gaze move by fractions of
what is noticed, and each frame resembles the one before. Only the first is scored: a person who holds still before
a good camera comes near to the second. What tells them apart, steps from frame to frame against the whole
wandering, is reported.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.domain.capture_phase import CapturePhase
from app.domain.detection import WatchedFrame
from app.domain.detector_evidence import LIMIT_SCORE, Detector, DetectorEvidence, graded
from app.domain.face import FaceMeasurement

Shape = NDArray[np.float64]

MOVING_POINTS = np.array((33, 133, 159, 145, 263, 362, 386, 374, 13, 14, 61, 291, 70, 300, 1, 152, 468, 473))
"""Of MediaPipe's mesh: corners of the eyes, lids, lips, brows, nose, chin, irises."""

NATURAL_BLINK = 0.3
"""Lids closed this much more than at rest, as the blendshape tells, are a blink."""


@dataclass(frozen=True, slots=True)
class MicroMotionLimits:
    """Chosen on the development clips and on stills with a camera's noise (`bench/detectors.py`).

    `motion` is how far parts of the face move against each other, in thousandths of the face's width: root
    mean square about the mean. Low on purpose: heavily compressed clips of people who hold still are no attack.
    """

    motion: float = 0.3
    usual_motion: float = 1.0
    frames_min: int = 6
    frames_max: int = 60


LIMITS_OF_MICRO_MOTION = MicroMotionLimits()


class MicroMotionDetector:
    """`FrameDetector` of MICRO_MOTION; looks at the alignment only."""

    def __init__(self, limits: MicroMotionLimits = LIMITS_OF_MICRO_MOTION) -> None:
        self._limits = limits
        self._shapes: deque[Shape] = deque(maxlen=limits.frames_max)
        self._places: deque[tuple[float, float, float]] = deque(maxlen=limits.frames_max)
        self._closed: deque[float] = deque(maxlen=limits.frames_max)
        self._at_ms: deque[int] = deque(maxlen=limits.frames_max)

    def observe(self, frame: WatchedFrame) -> None:
        """Take one frame."""
        face = frame.observation.face
        if face is None or frame.phase is not CapturePhase.ALIGN:
            return
        self._shapes.append(_shape(face))
        x, y = face.box.centre
        self._places.append((x / face.box.width, y / face.box.width, float(np.log(face.scale_px))))
        self._closed.append(face.expression.eyes_closed)
        self._at_ms.append(frame.at_ms)

    def evidence(self) -> DetectorEvidence:
        """`score` is None for fewer than `frames_min` frames of alignment."""
        if len(self._shapes) < self._limits.frames_min:
            return DetectorEvidence(
                Detector.MICRO_MOTION, None, "too_few_frames", {"frames": float(len(self._shapes))}
            )
        shapes = np.stack(self._shapes)
        motion = 1000.0 * _wandering(shapes)
        sway = 1000.0 * _wandering(np.array(self._places)[:, :, None])
        score = graded(motion, limit=self._limits.motion, typical=self._limits.usual_motion)
        measured = {
            "motion_permille": round(motion, 3),
            "sway_permille": round(sway, 3),
            "steps_against_wandering": round(_memory(shapes), 3),
            "blinks": float(self._blinks()),
            "frames": float(len(self._shapes)),
            "seconds": round((self._at_ms[-1] - self._at_ms[0]) / 1000.0, 2),
        }
        return DetectorEvidence(
            Detector.MICRO_MOTION, score, "moves" if score >= LIMIT_SCORE else "stands_still", measured
        )

    def _blinks(self) -> int:
        """How often the lids fall and rise again."""
        closed = np.array(self._closed) > np.median(self._closed) + NATURAL_BLINK
        return int((closed[1:] & ~closed[:-1]).sum())


def _wandering(series: NDArray[np.float64]) -> float:
    """How far a series of points (n × points × 2) wanders about its mean, root mean square."""
    return float(np.sqrt(((series - series.mean(axis=0)) ** 2).sum(axis=-1).mean()))


def _memory(series: NDArray[np.float64]) -> float:
    """Steps from one to the next against the whole wandering (von Neumann): 1 for noise, less for drift."""
    wandering = _wandering(series)
    steps = float(np.sqrt(((series[1:] - series[:-1]) ** 2).sum(axis=-1).mean()))
    return float(steps / (np.sqrt(2.0) * wandering)) if wandering > 0 else 0.0


def _shape(face: FaceMeasurement) -> Shape:
    """Points against each other: without place, size and roll of the face, in widths of it."""
    points = face.landmarks[MOVING_POINTS, :2].astype(np.float64)
    eyes = points[4] - points[0]
    along = eyes / max(float(np.hypot(*eyes)), 1e-6)
    axes = np.array([along, [-along[1], along[0]]])
    return np.asarray((points - points.mean(axis=0)) @ axes.T / max(face.box.width, 1e-6), dtype=np.float64)
