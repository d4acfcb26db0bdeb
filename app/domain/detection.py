"""What a detector sees and gives: every frame of one attempt, and one piece of evidence at its end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from app.domain.capture_phase import CapturePhase
from app.domain.challenge import Challenge
from app.domain.detector_evidence import DetectorEvidence
from app.domain.face import Observation
from app.domain.frame_signals import FrameSignals
from app.domain.light import Lit
from app.domain.liveness import Neutral


@dataclass(frozen=True)
class WatchedFrame:
    """One analysed frame of an attempt, with where the run stood when it came.

    `at_ms` is the server's monotonic clock, `captured_at_ms` the page's. `asked_ms` is when the challenge that
    stands was asked (as `at_ms`), `neutral` the person's resting face; None during alignment.
    `lit` is the colour that the screen was told to show, None where it was told none.
    """

    at_ms: int
    captured_at_ms: float
    phase: CapturePhase
    challenge: Challenge | None
    asked_ms: int | None
    neutral: Neutral | None
    observation: Observation
    signals: FrameSignals
    lit: Lit | None = None


class FrameDetector(Protocol):
    """Looks at the frames of one attempt in order; keeps what it needs, bounded."""

    def observe(self, frame: WatchedFrame) -> None:
        """Take one frame."""

    def evidence(self) -> DetectorEvidence:
        """What the frames so far have shown."""
