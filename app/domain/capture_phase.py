"""Where the run of a capture stands."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from app.domain.challenge import ChallengeKind


class CapturePhase(StrEnum):
    """Where a run stands."""

    IDLE = "idle"
    ALIGN = "align"
    CHALLENGE = "challenge"
    LIGHT = "light"
    CAPTURE = "capture"
    STOPPED = "stopped"


FRAME_PHASES = frozenset({CapturePhase.ALIGN, CapturePhase.CHALLENGE, CapturePhase.LIGHT, CapturePhase.CAPTURE})
"""Phases in which frames are taken."""

BETWEEN_CHALLENGES = frozenset({CapturePhase.IDLE, CapturePhase.ALIGN, CapturePhase.STOPPED})
"""Phases in which nothing is asked of the person."""


@dataclass(frozen=True)
class Suspended:
    """A challenge that an interruption voided, and when the last frame before it came."""

    kind: ChallengeKind
    since_ms: int
