"""LIGHT_RESPONSE: skin near a screen answers its colours, more than the room behind does.

What a frame shows is light times what it falls on, times the camera's exposure and white balance. In logarithms
these are sums, and between the skin and what is behind it the camera's own share cancels. So does light that falls
on both alike: a lamp that is switched, and the screen's colours on a print or another screen, where the face and
the room behind it are one surface at one distance. What is left follows the colours only where a face is nearer to
the screen than its surroundings are.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.domain.detection import WatchedFrame
from app.domain.detector_evidence import Detector, DetectorEvidence, graded
from app.domain.frame_signals import Colour
from app.domain.light import LIGHT_COLOURS_SHOWN, LIGHT_RGB, LightColour, LightStanding

Floats = NDArray[np.float64]

LUMA_WEIGHT = 0.3
"""Brightness counts less than shares of colour: a face that moves changes it, and hardly its colour."""

CHANGE_MS = 300
"""Changes are those within so long: a colour comes at once, and a head moves over seconds."""

JITTER_MS = 60
"""Frames come as much too early or too late."""


@dataclass(frozen=True, slots=True)
class LightResponseLimits:
    """Chosen on the development clips with simulated light (`bench/light_response.py`; docs/liveness.md).

    `correlation` is that of the difference between skin and surroundings with the colours, at the best delay.
    `delays_ms` are looked at: the network, a screen that paints, a camera that exposes, and the way back.
    `amplitude` is how much more the skin must change than its surroundings between no light and all of it, as a
    logarithm: without any light it is up to 0.004. Skin and surroundings that both answer plainly
    (`plain_correlation`, `plain_amplitude`) and alike are one surface: what the skin has of its own is below
    `own_share` of its change; a wall that near would have to stand within an eighth of the way from the screen to
    the face. No less than `own_share_to_pass` makes an answer: surroundings that are overexposed in part show only
    part of theirs. Where a channel of theirs reaches `white_level` in more than `share_white` of the frames,
    nothing is said: white cannot become whiter.
    """

    correlation: float = 0.6
    usual_correlation: float = 0.9
    amplitude: float = 0.01
    plain_correlation: float = 0.75
    plain_amplitude: float = 0.04
    own_share: float = 0.2
    usual_own_share: float = 0.6
    own_share_to_pass: float = 0.3
    white_level: float = 250.0
    share_white: float = 0.1
    delays_ms: tuple[int, ...] = tuple(range(0, 401, 50))
    frames_min: int = 12
    frames_max: int = 200


LIMITS_OF_LIGHT_RESPONSE = LightResponseLimits()


@dataclass(frozen=True, slots=True)
class _Answer:
    """How colours are answered at the best delay: `amplitude` is a logarithm, for all of the light."""

    correlation: float
    amplitude: float
    delay_ms: int


class LightResponseDetector:
    """`FrameDetector` of LIGHT_RESPONSE. Keeps eight numbers a frame, of the frames in coloured light only."""

    def __init__(self, limits: LightResponseLimits = LIMITS_OF_LIGHT_RESPONSE) -> None:
        self._limits = limits
        self._frames: deque[tuple[int, Colour, Colour]] = deque(maxlen=limits.frames_max)
        self._since: dict[int, tuple[int, LightColour]] = {}

    def observe(self, frame: WatchedFrame) -> None:
        """Take one frame; only those in coloured light say anything."""
        lit, signals = frame.lit, frame.signals
        if lit is None:
            return
        self._since.setdefault(lit.index, (lit.since_ms, lit.colour))
        if frame.observation.face is not None and signals.skin is not None:
            self._frames.append((frame.at_ms, signals.skin, signals.surroundings))

    def evidence(self) -> DetectorEvidence:
        """`score` is None where too little was seen, or no answer that stands out."""
        limits = self._limits
        shown = sum(colour is not LightColour.OFF for _, colour in self._since.values())
        counts = {"frames": float(len(self._frames)), "colours": float(shown)}
        if shown < LIGHT_COLOURS_SHOWN or len(self._frames) < limits.frames_min:
            return DetectorEvidence(Detector.LIGHT_RESPONSE, None, "too_few_frames", counts)
        at_ms = np.array([one[0] for one in self._frames])
        skin, behind = (np.log(np.array([one[which] for one in self._frames]) + 1.0) for which in (1, 2))
        found = self._best(at_ms, skin - behind)
        of_skin, of_behind = self._best(at_ms, skin), self._best(at_ms, behind)
        white = self._share_white()
        score, reason = self._judge(found, of_skin, of_behind)
        if white > limits.share_white:
            score, reason = None, "surroundings_overexposed"
        measured = {
            **counts,
            "correlation": round(found.correlation, 3),
            "amplitude": round(found.amplitude, 4),
            "delay_ms": float(found.delay_ms),
            "share_white": round(white, 3),
            "correlation_of_skin": round(of_skin.correlation, 3),
            "amplitude_of_skin": round(of_skin.amplitude, 4),
            "correlation_of_surroundings": round(of_behind.correlation, 3),
            "amplitude_of_surroundings": round(of_behind.amplitude, 4),
        }
        return DetectorEvidence(Detector.LIGHT_RESPONSE, score, reason, measured)

    def _share_white(self) -> float:
        brightest = np.array([max(one[2]) for one in self._frames])
        return float((brightest >= self._limits.white_level).mean())

    def _judge(self, found: _Answer, skin: _Answer, behind: _Answer) -> tuple[float | None, str]:
        """Daylight drowns the screen, and a tape does not know it: neither answers; that alone is no attack."""
        limits = self._limits
        least = max(limits.amplitude, limits.own_share_to_pass * skin.amplitude)
        if found.correlation >= limits.correlation and found.amplitude >= least:
            typical = limits.usual_correlation
            return graded(found.correlation, limit=limits.correlation, typical=typical), "skin_answers"
        both_answer = min(skin.correlation, behind.correlation) >= limits.plain_correlation
        if both_answer and min(skin.amplitude, behind.amplitude) >= limits.plain_amplitude:
            own_share = found.amplitude / skin.amplitude
            if own_share < limits.own_share:
                score = graded(own_share, limit=limits.own_share, typical=limits.usual_own_share)
                return score, "surroundings_answer_as_well"
        return None, "no_response_visible"

    def _best(self, at_ms: NDArray[np.int_], seen: Floats) -> _Answer:
        return max(
            (self._at(at_ms, seen, delay_ms) for delay_ms in self._limits.delays_ms),
            key=lambda one: one.correlation,
        )

    def _at(self, at_ms: NDArray[np.int_], seen: Floats, delay_ms: int) -> _Answer:
        """Frames are late by the delay: they show what the screen was told that much earlier."""
        begins = np.array([since for since, _ in self._since.values()])
        index = np.searchsorted(begins, at_ms - delay_ms, side="right") - 1
        colours = [colour for _, colour in self._since.values()]
        is_lit = np.array([place >= 0 and colours[place] is not LightColour.OFF for place in index])
        if int(is_lit.sum()) < self._limits.frames_min:
            return _Answer(0.0, 0.0, delay_ms)
        light = np.array([_bgr_of(colours[place]) for place in index[is_lit]])
        times = at_ms[is_lit]
        shown, answered = _changes(light, times), _changes(seen[is_lit], times)
        both = float((shown * answered).sum())
        power, of_answer = float((shown**2).sum()), float((answered**2).sum())
        if power <= 0.0 or of_answer <= 0.0:
            return _Answer(0.0, 0.0, delay_ms)
        return _Answer(both / math.sqrt(power * of_answer), both / power, delay_ms)


def with_standing(found: Sequence[DetectorEvidence], standing: LightStanding) -> tuple[DetectorEvidence, ...]:
    """The evidence with what became of the light challenge, where frames alone cannot say it.

    Where it was not demanded there is none; where it was and was not shown to its end, that is said.
    """
    if standing is LightStanding.SHOWN:
        return tuple(found)
    others = tuple(one for one in found if one.detector is not Detector.LIGHT_RESPONSE)
    reason = NOT_SHOWN.get(standing)
    return others if reason is None else (*others, DetectorEvidence(Detector.LIGHT_RESPONSE, None, reason))


AVOIDED = "avoided"
NOT_SHOWN: Mapping[LightStanding, str] = {
    LightStanding.AVOIDED: AVOIDED,
    LightStanding.DECLINED: "declined",
    LightStanding.ASKED: "not_shown",
}


def is_answer_missing(evidence: Sequence[DetectorEvidence]) -> bool:
    """Whether the light challenge was demanded, nothing was measured, and the integrator has not waived it."""
    return any(
        one.detector is Detector.LIGHT_RESPONSE and one.score is None and one.reason != AVOIDED for one in evidence
    )


def _bgr_of(colour: LightColour) -> tuple[float, float, float]:
    """Share of all the light that the screen can give, for blue, green and red (sRGB transfer function)."""
    red, green, blue = (_linear(value / 255.0) for value in LIGHT_RGB[colour])
    return blue, green, red


def _linear(value: float) -> float:
    return float(value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4)


def _changes(values: Floats, times: NDArray[np.int_]) -> Floats:
    """What changes within `CHANGE_MS`, frame by frame, with brightness at `LUMA_WEIGHT`."""
    earlier = np.searchsorted(times, times - CHANGE_MS + JITTER_MS / 2)
    has_earlier = times - times[0] >= CHANGE_MS - JITTER_MS
    change = (values - values[earlier])[has_earlier]
    weighted: Floats = change - (1.0 - LUMA_WEIGHT) * change.mean(axis=1, keepdims=True)
    return weighted
