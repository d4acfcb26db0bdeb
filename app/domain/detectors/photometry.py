"""PHOTOMETRY: light on a face changes as it does before a camera: always a little, and seldom in one frame.

Where tapes are cut, exposure jumps; where a picture is drawn and not taken, light does not change at all. Lamps
flicker, cameras correct themselves and screens glow, so this is a doubt and no proof.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.domain.capture_phase import CapturePhase
from app.domain.detection import WatchedFrame
from app.domain.detector_evidence import LIMIT_SCORE, Detector, DetectorEvidence, graded
from app.domain.frame_signals import Colour

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class PhotometryLimits:
    """Chosen on the development clips (`bench/detectors_sequences.py`).

    `jump` is the change of brightness from one frame to the next, as a logarithm, beyond that before and after.
    Cameras that correct their exposure do so over several frames. `jumps` is how many an attempt may have.
    `share_frozen` bounds the frames whose light is that of the frame before to a hundredth of a grey level.
    """

    jump: float = 0.10
    jumps: float = 4.0
    usual_jumps: float = 0.0
    share_frozen: float = 0.5
    usual_share_frozen: float = 0.0
    frames_min: int = 8
    frames_max: int = 1_500


LIMITS_OF_PHOTOMETRY = PhotometryLimits()


class PhotometryDetector:
    """`FrameDetector` of PHOTOMETRY. Keeps two numbers a frame."""

    def __init__(self, limits: PhotometryLimits = LIMITS_OF_PHOTOMETRY) -> None:
        self._limits = limits
        self._light: deque[tuple[float, float]] = deque(maxlen=limits.frames_max)
        self._digest = b""
        self._colours: tuple[Colour | None, Colour] | None = None
        self._frozen = 0

    def observe(self, frame: WatchedFrame) -> None:
        """Take one frame. One without a face, or one that repeats the last, says nothing about light.

        In coloured light it jumps because the page makes it.
        """
        signals = frame.signals
        if frame.phase is CapturePhase.LIGHT:
            return
        if frame.observation.face is None or signals.skin is None or signals.digest == self._digest:
            return
        colours = (signals.skin, signals.surroundings)
        self._frozen += colours == self._colours
        self._digest, self._colours = signals.digest, colours
        self._light.append((_brightness(signals.skin), _brightness(signals.surroundings)))

    def evidence(self) -> DetectorEvidence:
        """`score` is None for fewer than `frames_min` frames with a face."""
        limits, count = self._limits, len(self._light)
        if count < limits.frames_min:
            return DetectorEvidence(Detector.PHOTOMETRY, None, "too_few_frames", {"frames": float(count)})
        excess = _beyond_neighbours(np.log(np.array(self._light)))
        jumps = int((excess > limits.jump).sum())
        frozen = min(1.0, self._frozen / (count - 1))
        found = [
            (graded(jumps, limit=limits.jumps, typical=limits.usual_jumps), "exposure_jumps"),
            (
                graded(frozen, limit=limits.share_frozen, typical=limits.usual_share_frozen),
                "light_is_frozen",
            ),
        ]
        score, reason = min(found)
        measured = {
            "frames": float(count),
            "exposure_jumps": float(jumps),
            "greatest_exposure_jump": round(float(excess.max()), 4),
            "share_frozen": round(frozen, 3),
        }
        return DetectorEvidence(
            Detector.PHOTOMETRY, score, reason if score < LIMIT_SCORE else "natural_light", measured
        )


def _brightness(colour: Colour) -> float:
    """Grey level of a mean colour (ITU-R BT.601), one level at the least."""
    blue, green, red = colour
    return max(1.0, 0.114 * blue + 0.587 * green + 0.299 * red)


def _beyond_neighbours(light: Floats) -> Floats:
    """For each step the lesser of what skin and surroundings change beyond the steps before and after.

    The lesser, because a face that turns changes its own light, and an arm that is raised what is behind.
    """
    steps = np.abs(np.diff(light, axis=0))
    excess: Floats = (steps[1:-1] - np.maximum(steps[:-2], steps[2:])).min(axis=1)
    return excess
