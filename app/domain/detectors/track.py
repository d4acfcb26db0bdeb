"""TRACK: one face moves without jumps from the alignment to the still.

Tapes that are cut to the take that is asked for, and people who change places, betray themselves where one picture
follows another that it cannot have followed: face, shoulders, background and light change at once, and hardly
before and after. One great jump is enough; so are several moderate ones where a cutter must cut, between a prompt
and the movement it asks for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.domain.capture_phase import CapturePhase
from app.domain.detection import WatchedFrame
from app.domain.detector_evidence import LIMIT_SCORE, Detector, DetectorEvidence, graded
from app.domain.detectors.frame_steps import Floats, Jumps, StepMeter, jumps
from app.domain.liveness import LIMITS, movement


@dataclass(frozen=True, slots=True)
class TrackLimits:
    """In the unit of `Jumps.strength`; chosen on the development clips (`bench/detectors_sequences.py track`).

    `jump` bounds the greatest step, `jumps_at_prompts` the mean of the `jumps_counted` greatest near prompts.
    Where a quarter of the frames takes longer than `slow_interval_ms`, limits grow: people move further between
    two looks, in proportion until `slower` times the limit is reached.
    """

    jump: float = 6.0
    usual_jump: float = 3.0
    jumps_at_prompts: float = 3.3
    usual_jumps_at_prompts: float = 1.6
    jumps_counted: int = 3
    before_prompt_ms: int = 250
    after_onset_ms: int = 400
    after_capture_ms: int = 1_500
    slow_interval_ms: float = 110.0
    slowest_interval_ms: float = 150.0
    slower: float = 1.3
    open_jumps_at_prompts: float = 3.0
    """From `slowest_interval_ms` on more than this is left to a person: cuts between takes of like pose and place
    pass the grown limit there. People as they are stay below 2.8, joined takes of a nodding one reach 2.9. A
    talker's cuts pass all the same (docs/liveness.md)."""

    too_slow_ms: float = 190.0
    """Beyond this a cut can look like any step: what is not refused is left to a person. At five frames a second
    half of the tapes passed that were cut to what was asked."""

    steps_min: int = 8
    gap_intervals: float = 2.5
    gap_ms: float = 200.0
    """A pause in the frames longer than both can hide a cut; at every prompt, of two at least, it is a doubt."""
    prompts_with_gaps: int = 2
    long_gap_intervals: float = 3.5
    prompts_without_gaps: int = 1
    """Longer ones, which a poor line seldom makes, are one too, at all prompts but so many."""
    score_with_gaps: float = 55.0
    """Which `strict` refuses. Pauses elsewhere do not excuse them: whoever cuts a tape can pause there as well."""


LIMITS_OF_TRACK = TrackLimits()


SLOW_FRAMES, GAPS_AT_PROMPTS = "slow_frames", "gaps_at_prompts"
"""Reasons of evidence that is no attack and no proof either: a cut would not have been seen."""

STILL = "still"
"""Name of the window in which the still is asked for; others are named by their challenge's id."""


@dataclass(slots=True)
class _Window:
    """From shortly before a prompt until the movement is well under way: where a cutter must cut."""

    from_ms: int
    until_ms: int | None = None


class TrackDetector:
    """`FrameDetector` of TRACK."""

    def __init__(self, limits: TrackLimits = LIMITS_OF_TRACK) -> None:
        self._limits = limits
        self._meter = StepMeter()
        self._windows: dict[str, _Window] = {}

    def observe(self, frame: WatchedFrame) -> None:
        """Take one frame."""
        self._meter.observe(frame)
        if frame.phase is CapturePhase.CAPTURE:
            self._open(STILL, frame.at_ms, frame.at_ms + self._limits.after_capture_ms)
        elif frame.challenge is not None and frame.asked_ms is not None:
            self._open(frame.challenge.challenge_id, frame.asked_ms, None)
            self._follow(frame)

    def _open(self, name: str, at_ms: int, until_ms: int | None) -> None:
        """The prompt that stands; the one before is over."""
        if name in self._windows:
            return
        for window in self._windows.values():
            window.until_ms = at_ms if window.until_ms is None else window.until_ms
        self._windows[name] = _Window(at_ms - self._limits.before_prompt_ms, until_ms)

    def _follow(self, frame: WatchedFrame) -> None:
        face, asked = frame.observation.face, frame.challenge
        if face is None or asked is None or frame.neutral is None:
            return
        window = self._windows[asked.challenge_id]
        if window.until_ms is None and movement(asked.kind, face, frame.neutral) >= LIMITS[asked.kind].onset:
            window.until_ms = frame.at_ms + self._limits.after_onset_ms

    def evidence(self) -> DetectorEvidence:
        """`score` is None for fewer than `steps_min` steps."""
        found, limits = jumps(self._meter.steps()), self._limits
        if len(found.strength) < limits.steps_min:
            return DetectorEvidence(Detector.TRACK, None, "too_few_frames", {"steps": float(len(found.strength))})
        greatest, near = float(found.strength.max()), self._at_prompts(found)
        allowance = self._allowance(found.slow_ms)
        grades = self._grades(greatest, near, allowance)
        with_gaps, are_many = self._prompts_with_gaps(found)
        if are_many:
            grades.append((limits.score_with_gaps, GAPS_AT_PROMPTS))
        score, reason = min(grades)
        if are_many and score >= LIMIT_SCORE:
            reason = GAPS_AT_PROMPTS
        measured = {
            "greatest_jump": round(greatest, 2),
            "greatest_jump_at_ms": float(found.at_ms[int(found.strength.argmax())]),
            "jumps_at_prompts": round(near, 2),
            "frame_interval_ms": round(found.interval_ms, 1),
            "slow_interval_ms": round(found.slow_ms, 1),
            "allowance": round(allowance, 2),
            "prompts_with_gaps": float(with_gaps),
            "steps": float(len(found.strength)),
        }
        is_doubted = score < LIMIT_SCORE or reason == GAPS_AT_PROMPTS
        if not is_doubted and (
            found.interval_ms > limits.too_slow_ms or self._could_hide(greatest, near, found.slow_ms)
        ):
            return DetectorEvidence(Detector.TRACK, score, SLOW_FRAMES, measured)
        return DetectorEvidence(Detector.TRACK, score, reason if is_doubted else "continuous", measured)

    def _grades(self, greatest: float, near: float, allowance: float) -> list[tuple[float, str]]:
        """The scores of the greatest jump and of those near prompts, limits being grown by the allowance."""
        limits = self._limits
        one, several = (allowance * limit for limit in (limits.jump, limits.jumps_at_prompts))
        usual_one, usual_several = (
            allowance * usual for usual in (limits.usual_jump, limits.usual_jumps_at_prompts)
        )
        return [
            (graded(greatest, limit=one, typical=usual_one), "isolated_jump"),
            (graded(near, limit=several, typical=usual_several), "jumps_at_prompts"),
        ]

    def _could_hide(self, greatest: float, near: float, slow_ms: float) -> bool:
        """Whether frames came so slowly that a cut may look like this."""
        limits, share = self._limits, self._slowness(slow_ms)
        most = limits.jumps_at_prompts - share * (limits.jumps_at_prompts - limits.open_jumps_at_prompts)
        return not (greatest <= limits.jump and near <= most)

    def _insides(self, found: Jumps) -> Mapping[str, NDArray[np.bool_]]:
        """For each window which steps end in it."""
        return {
            name: (found.at_ms > window.from_ms) & (found.at_ms <= (window.until_ms or np.inf))
            for name, window in self._windows.items()
        }

    def _prompts_with_gaps(self, found: Jumps) -> tuple[int, bool]:
        """At how many prompts the frames pause, and whether a cutter could have had it so."""
        limits = self._limits
        at_prompts = [inside for name, inside in self._insides(found).items() if name != STILL]

        def counted(intervals: float) -> int:
            gaps = found.lasting_ms > max(limits.gap_ms, intervals * found.interval_ms)
            return sum(bool(gaps[inside].any()) for inside in at_prompts)

        any_, long_ = counted(limits.gap_intervals), counted(limits.long_gap_intervals)
        many = max(limits.prompts_with_gaps, len(at_prompts) - limits.prompts_without_gaps)
        are_many = long_ >= many or limits.prompts_with_gaps <= any_ == len(at_prompts)
        return any_, are_many

    def _at_prompts(self, found: Jumps) -> float:
        insides = list(self._insides(found).values())
        inside = np.logical_or.reduce(insides) if insides else np.zeros(len(found.at_ms), dtype=bool)
        near: Floats = np.sort(found.strength[inside])[-self._limits.jumps_counted :]
        # Jumps that are missing count as none: a short run shows little.
        return float(near.sum()) / self._limits.jumps_counted

    def _allowance(self, slow_ms: float) -> float:
        return 1.0 + (self._limits.slower - 1.0) * self._slowness(slow_ms)

    def _slowness(self, slow_ms: float) -> float:
        """0 at the page's own rate, 1 where limits grow no more. A page that stutters is a slow one, too."""
        limits = self._limits
        span = limits.slowest_interval_ms - limits.slow_interval_ms
        return min(max((slow_ms - limits.slow_interval_ms) / span, 0.0), 1.0)


def could_hide_cuts(evidence: Sequence[DetectorEvidence]) -> bool:
    """Whether no cut was seen, but one could have gone unseen: frames came slowly, or paused where cutters cut."""
    reasons = (SLOW_FRAMES, GAPS_AT_PROMPTS)
    return any(one.detector is Detector.TRACK and one.reason in reasons for one in evidence)
