"""TRACK: one face moves without jumps from the alignment to the still.

Tapes that are cut to the take that is asked for, and people who change places, betray themselves where one picture
follows another that it cannot have followed: face, shoulders, background and light change at once, and hardly
before and after. One great jump is enough; so are several moderate ones where a cutter must cut, between a prompt
and the movement it asks for, and lesser ones at each of the prompts: a camera that shakes in somebody's hand makes
jumps anywhere, a cutter has one at every prompt.
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

    `jump` bounds the greatest step, `jumps_at_prompts` the mean of the `jumps_counted` greatest near prompts,
    `jump_at_each` the mean over all prompts of the greatest near each. Where a quarter of the frames takes longer
    than `slow_interval_ms`, limits grow: people move further between two looks, in proportion until `slower`
    times the limit is reached. What only grown limits let pass is left to a person: of uncut clips one or two in a
    hundred at six frames a second. A talker's cuts pass all the same (docs/liveness.md).
    """

    jump: float = 6.0
    usual_jump: float = 3.0
    jumps_at_prompts: float = 3.6
    usual_jumps_at_prompts: float = 1.6
    jumps_counted: int = 3
    jump_at_each: float = 2.5
    usual_jump_at_each: float = 1.2
    """Uncut clips, with a telephone in the hand too, reach 2.2 at ten frames a second and 2.4 at eight."""

    before_prompt_ms: int = 250
    after_onset_ms: int = 400
    after_capture_ms: int = 1_500
    slow_interval_ms: float = 110.0
    slowest_interval_ms: float = 150.0
    slower: float = 1.3
    slower_at_each: float = 1.15
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
    """From shortly before a prompt until the movement is well under way: where a cutter must cut.

    `is_answered` once the movement has begun: a prompt that was never answered needed no cut.
    """

    from_ms: int
    until_ms: int | None = None
    is_answered: bool = False


@dataclass(frozen=True, slots=True)
class _Strengths:
    """The greatest jump, the mean of the greatest near prompts, and that of the greatest at each prompt."""

    greatest: float
    at_prompts: float
    at_each: float


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
            window.until_ms, window.is_answered = frame.at_ms + self._limits.after_onset_ms, True

    def evidence(self) -> DetectorEvidence:
        """`score` is None for fewer than `steps_min` steps."""
        found, limits = jumps(self._meter.steps()), self._limits
        if len(found.strength) < limits.steps_min:
            return DetectorEvidence(Detector.TRACK, None, "too_few_frames", {"steps": float(len(found.strength))})
        strengths = _Strengths(float(found.strength.max()), self._at_prompts(found), self._at_each(found))
        grades = self._grades(strengths, found.slow_ms)
        with_gaps, are_many = self._prompts_with_gaps(found)
        if are_many:
            grades.append((limits.score_with_gaps, GAPS_AT_PROMPTS))
        score, reason = min(grades)
        if are_many and score >= LIMIT_SCORE:
            reason = GAPS_AT_PROMPTS
        measured = {
            "greatest_jump": round(strengths.greatest, 2),
            "greatest_jump_at_ms": float(found.at_ms[int(found.strength.argmax())]),
            "jumps_at_prompts": round(strengths.at_prompts, 2),
            "jump_at_each_prompt": round(strengths.at_each, 2),
            "frame_interval_ms": round(found.interval_ms, 1),
            "slow_interval_ms": round(found.slow_ms, 1),
            "allowance": round(self._grown(limits.slower, found.slow_ms), 2),
            "prompts_with_gaps": float(with_gaps),
            "steps": float(len(found.strength)),
        }
        is_doubted = score < LIMIT_SCORE or reason == GAPS_AT_PROMPTS
        if not is_doubted and self._could_hide(strengths, found.interval_ms):
            return DetectorEvidence(Detector.TRACK, score, SLOW_FRAMES, measured)
        return DetectorEvidence(Detector.TRACK, score, reason if is_doubted else "continuous", measured)

    def _grades(self, found: _Strengths, slow_ms: float) -> list[tuple[float, str]]:
        """The scores of the greatest jump and of those near prompts, by the limits for such frames."""
        limits = self._limits

        def grade(value: float, limit: float, usual: float, slower: float) -> float:
            grown = self._grown(slower, slow_ms)
            return graded(value, limit=grown * limit, typical=grown * usual)

        at_prompts = limits.jumps_at_prompts, limits.usual_jumps_at_prompts, limits.slower
        at_each = limits.jump_at_each, limits.usual_jump_at_each, limits.slower_at_each
        return [
            (grade(found.greatest, limits.jump, limits.usual_jump, limits.slower), "isolated_jump"),
            (grade(found.at_prompts, *at_prompts), "jumps_at_prompts"),
            (grade(found.at_each, *at_each), "jumps_at_prompts"),
        ]

    def _could_hide(self, found: _Strengths, interval_ms: float) -> bool:
        """Whether a cut may look like this: frames came too slowly, or only limits for slow ones let it pass."""
        limits = self._limits
        is_usual = found.greatest <= limits.jump and found.at_prompts <= limits.jumps_at_prompts
        return interval_ms > limits.too_slow_ms or not (is_usual and found.at_each <= limits.jump_at_each)

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

    def _at_each(self, found: Jumps) -> float:
        """The mean over the prompts that were answered of the greatest jump near each; over all where none was."""
        prompts = {name: window for name, window in self._windows.items() if name != STILL}
        counted = [name for name, window in prompts.items() if window.is_answered] or list(prompts)
        insides = self._insides(found)
        greatest = [float(found.strength[insides[name]].max(initial=0.0)) for name in counted]
        return sum(greatest) / len(greatest) if greatest else 0.0

    def _grown(self, slower: float, slow_ms: float) -> float:
        """How often its value a limit is for such frames, if it grows `slower` times at most."""
        return 1.0 + (slower - 1.0) * self._slowness(slow_ms)

    def _slowness(self, slow_ms: float) -> float:
        """0 at the page's own rate, 1 where limits grow no more. A page that stutters is a slow one, too."""
        limits = self._limits
        span = limits.slowest_interval_ms - limits.slow_interval_ms
        return min(max((slow_ms - limits.slow_interval_ms) / span, 0.0), 1.0)


def could_hide_cuts(evidence: Sequence[DetectorEvidence]) -> bool:
    """Whether no cut was seen, but one could have gone unseen: frames came slowly, or paused where cutters cut."""
    reasons = (SLOW_FRAMES, GAPS_AT_PROMPTS)
    return any(one.detector is Detector.TRACK and one.reason in reasons for one in evidence)
