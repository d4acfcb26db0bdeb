"""Evidence of the detectors: what each measured, the score it makes of that, and why.

Scores are on one scale: 100 is what bona fide presentations show, 50 is the limit below which the `standard`
profile takes it for an attack. Numbers that were measured are kept, so that a score can be made again from them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

LIMIT_SCORE = 50.0
"""A score below this is an attack for detectors that reject in the `standard` profile."""

TYPICAL_SCORE = 90.0


class Detector(StrEnum):
    """The detectors that look at an attempt as a whole. Passive PAD and identity have evidence of their own."""

    SHAPE = "shape"
    """Whether a head turns or a plane: planar residual, and parallax against yaw."""
    TEXTURE = "texture"
    """Whether skin changes its look as it turns and moves, or one picture is bent."""
    TIMING = "timing"
    """When movements begin after their prompts, and how long they take."""
    MICRO_MOTION = "micro_motion"
    """Whether somebody who holds still breathes, sways and blinks."""
    TRACK = "track"
    """Whether one face moves without jumps from the alignment to the still."""
    PHOTOMETRY = "photometry"
    """Whether light and exposure change as they do before a camera; moire."""
    INJECTION = "injection"
    """Whether frames come from a camera: cadence, repeated frames, JPEG structure, noise."""
    LIGHT_RESPONSE = "light_response"
    """Whether skin answers the colours of the screen."""
    REPLAY = "replay"
    """Whether frames were seen in another session."""


@dataclass(frozen=True)
class DetectorEvidence:
    """`score` 0–100, None where it could not be measured; `reason` is a code that says what decided it.

    `measured` are the raw numbers by name, units in the names (`residual_ratio`, `jitter_ms`).
    """

    detector: Detector
    score: float | None
    reason: str
    measured: Mapping[str, float] = field(default_factory=dict)


def graded(value: float, *, limit: float, typical: float) -> float:
    """A measured value on the scale: 50 at `limit`, 90 at `typical` of bona fide, linear, within 0–100.

    `typical` may lie on either side of `limit`. A value that is no number gives 0.
    """
    if not math.isfinite(value):
        return 0.0
    share = (value - limit) / (typical - limit)
    return round(min(max(LIMIT_SCORE + (TYPICAL_SCORE - LIMIT_SCORE) * share, 0.0), 100.0), 2)
