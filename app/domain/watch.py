"""One attempt as the detectors see it: every frame of it, and the trace that a person can read afterwards."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from app.domain.capture_phase import CapturePhase
from app.domain.challenge import ChallengeKind
from app.domain.detection import FrameDetector, WatchedFrame
from app.domain.detector_evidence import DetectorEvidence

TRACE_MAX = 1_500
"""Points of a trace that are kept, the latest: two and a half minutes at ten frames a second."""


@dataclass(frozen=True)
class TracePoint:
    """One frame in the trace. `at_ms` counts from the attempt's first frame, angles in degrees.

    `challenge_index` counts from 0, None while no challenge stood. What belongs to the face is None without one;
    `scale` is its size over that of the neutral face, None before there is one.
    """

    at_ms: int
    challenge_index: int | None
    yaw: float | None
    pitch: float | None
    roll: float | None
    eyes_closed: float | None
    smile: float | None
    jaw_open: float | None
    scale: float | None
    luma: float


@dataclass(frozen=True)
class Prompt:
    """A challenge as it was asked: `index` counts from 0, `at_ms` from the attempt's first frame.

    `challenge_id` is that of its evidence; None in traces that were kept before there was one.
    """

    index: int
    kind: ChallengeKind
    at_ms: int
    challenge_id: str | None = None


@dataclass(frozen=True)
class Trace:
    """What the frames of one attempt measured, oldest first, and what was asked meanwhile."""

    points: tuple[TracePoint, ...]
    prompts: tuple[Prompt, ...]


class AttemptWatch:
    """Feeds every frame of an attempt to the detectors. One for each attempt; nothing is shared."""

    def __init__(self, detectors: Sequence[FrameDetector]) -> None:
        self._detectors = tuple(detectors)
        self._points: deque[TracePoint] = deque(maxlen=TRACE_MAX)
        self._prompts: dict[str, Prompt] = {}
        self._first_ms: int | None = None

    @property
    def trace(self) -> Trace:
        """The frames so far."""
        return Trace(tuple(self._points), tuple(self._prompts.values()))

    def cut_trace(self) -> None:
        """Begin the trace anew: what came before is kept already. The detectors go on."""
        self._points.clear()
        self._prompts.clear()
        self._first_ms = None

    def observe(self, frame: WatchedFrame) -> None:
        """Take one frame; frames come in order."""
        if self._first_ms is None:
            self._first_ms = frame.at_ms
        self._points.append(_trace_point(frame, frame.at_ms - self._first_ms))
        if frame.challenge is not None and frame.asked_ms is not None:
            asked = frame.challenge
            at_ms = max(0, frame.asked_ms - self._first_ms)
            prompt = Prompt(asked.index, asked.kind, at_ms, asked.challenge_id)
            self._prompts.setdefault(asked.challenge_id, prompt)
        for detector in self._detectors:
            detector.observe(frame)

    def evidence(self) -> tuple[DetectorEvidence, ...]:
        """What each detector has found so far."""
        return tuple(detector.evidence() for detector in self._detectors)


NewWatch = Callable[[], AttemptWatch]


def _trace_point(frame: WatchedFrame, at_ms: int) -> TracePoint:
    face, standing = frame.observation.face, frame.challenge
    index = standing.index if standing is not None and frame.phase is CapturePhase.CHALLENGE else None
    luma = round(frame.observation.luma, 1)
    if face is None:
        return TracePoint(at_ms, index, None, None, None, None, None, None, None, luma)
    pose, expression = face.pose, face.expression
    scale = None if frame.neutral is None else round(face.scale_px / frame.neutral.scale_px, 3)
    return TracePoint(
        at_ms=at_ms,
        challenge_index=index,
        yaw=round(pose.yaw_degrees, 1),
        pitch=round(pose.pitch_degrees, 1),
        roll=round(pose.roll_degrees, 1),
        eyes_closed=round(expression.eyes_closed, 2),
        smile=round(expression.smile, 2),
        jaw_open=round(expression.jaw_open, 2),
        scale=scale,
        luma=luma,
    )
