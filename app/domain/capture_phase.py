"""Where the run of a capture stands."""

from __future__ import annotations

from enum import StrEnum


class CapturePhase(StrEnum):
    """Where a run stands."""

    IDLE = "idle"
    ALIGN = "align"
    CHALLENGE = "challenge"
    LIGHT = "light"
    CAPTURE = "capture"
    STOPPED = "stopped"


FRAME_PHASES = frozenset({CapturePhase.ALIGN, CapturePhase.CHALLENGE, CapturePhase.LIGHT, CapturePhase.CAPTURE})
"""Phases in which frames are wanted."""
