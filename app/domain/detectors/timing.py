"""TIMING: people take a while to follow a prompt, and never twice the same; scripts and tapes need not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from app.domain.capture_phase import CapturePhase
from app.domain.challenge import ChallengeKind
from app.domain.detection import WatchedFrame
from app.domain.detector_evidence import LIMIT_SCORE, Detector, DetectorEvidence, graded
from app.domain.liveness import LIMITS, movement


@dataclass(frozen=True, slots=True)
class TimingLimits:
    """What no person does.

    Simple visual reaction, a key under the finger, takes people 213 ms on the average (Woods et al. 2015, 1,469
    people); a prompt has to be shown and read, and a head needs another 100 ms to come as far as onset. So a
    median of 200 ms from prompt to onset is nobody's; who waits for the prompt needs about 450.

    Nobody is a clock: reactions within 100 ms of each other, and durations of different movements within 200
    as well, are a script's.
    """

    reaction_ms: float = 200.0
    usual_reaction_ms: float = 450.0
    spread_ms: float = 100.0
    usual_spread_ms: float = 400.0
    durations_wider: float = 2.0
    """One pace out and back takes longer from one onset than from another: up to 140 ms (synthetic movements)."""
    share_under_way: float = 0.74
    usual_share_under_way: float = 0.0
    """Challenges whose movement was under way when they were asked: three of four is a tape that runs through."""
    challenges_min: int = 2
    challenges_for_spread: int = 3


LIMITS_OF_TIMING = TimingLimits()


@dataclass(slots=True)
class _Course:
    """One challenge as it went. Times as the server's clock has them."""

    kind: ChallengeKind
    asked_ms: int
    was_under_way: bool
    is_ready: bool
    onset_ms: int | None = None
    home_ms: int | None = None
    is_far: bool = False

    def follow(self, value: float, at_ms: int) -> None:
        """From neutral over onset and what is required back home, as the judge demands it."""
        limits = LIMITS[self.kind]
        if self.home_ms is not None:
            return
        if value < limits.onset and not self.is_far:
            self.is_ready, self.onset_ms = True, None
        elif self.is_ready and self.onset_ms is None:
            self.onset_ms = at_ms
        self.is_far = self.is_far or (self.onset_ms is not None and value >= limits.required)
        if self.is_far and value <= limits.home:
            self.home_ms = at_ms


class TimingDetector:
    """`FrameDetector` of TIMING. Keeps a few numbers for each challenge."""

    def __init__(self, limits: TimingLimits = LIMITS_OF_TIMING) -> None:
        self._limits = limits
        self._courses: dict[str, _Course] = {}

    def observe(self, frame: WatchedFrame) -> None:
        """Take one frame; only those of challenges say anything."""
        asked, face = frame.challenge, frame.observation.face
        if frame.phase is not CapturePhase.CHALLENGE or asked is None or frame.asked_ms is None:
            return
        if face is None or frame.neutral is None:
            return
        value = float(movement(asked.kind, face, frame.neutral))
        course = self._courses.get(asked.challenge_id)
        if course is None:
            is_under_way = bool(value >= LIMITS[asked.kind].onset)
            course = _Course(asked.kind, frame.asked_ms, is_under_way, is_ready=not is_under_way)
            self._courses[asked.challenge_id] = course
        course.follow(value, frame.at_ms)

    def evidence(self) -> DetectorEvidence:
        """`score` is None for fewer than `challenges_min` movements from onset to home."""
        over = [one for one in self._courses.values() if one.onset_ms is not None and one.home_ms is not None]
        if len(over) < self._limits.challenges_min:
            return DetectorEvidence(Detector.TIMING, None, "too_few_challenges", {"challenges": float(len(over))})
        reactions = [float((one.onset_ms or 0) - one.asked_ms) for one in over]
        durations = [float((one.home_ms or 0) - (one.onset_ms or 0)) for one in over]
        under_way = sum(one.was_under_way for one in self._courses.values()) / len(self._courses)
        score, reason = self._judge(reactions, durations, under_way)
        measured = {
            "challenges": float(len(over)),
            "reaction_median_ms": round(median(reactions), 1),
            "reaction_least_ms": round(min(reactions), 1),
            "reaction_spread_ms": round(_spread(reactions), 1),
            "duration_least_ms": round(min(durations), 1),
            "duration_spread_ms": round(_spread(durations), 1),
            "share_under_way": round(under_way, 3),
        }
        return DetectorEvidence(Detector.TIMING, score, reason if score < LIMIT_SCORE else "human", measured)

    def _judge(
        self, reactions: Sequence[float], durations: Sequence[float], under_way: float
    ) -> tuple[float, str]:
        limits = self._limits
        quick = graded(median(reactions), limit=limits.reaction_ms, typical=limits.usual_reaction_ms)
        found = [(quick, "faster_than_people")]
        if len(reactions) >= limits.challenges_for_spread:
            # Either may be alike by chance; both are not.
            spread = max(_spread(reactions), _spread(durations) / limits.durations_wider)
            alike = graded(spread, limit=limits.spread_ms, typical=limits.usual_spread_ms)
            early = graded(under_way, limit=limits.share_under_way, typical=limits.usual_share_under_way)
            found += [(alike, "always_the_same"), (early, "before_the_prompt")]
        return min(found)


def _spread(values: Sequence[float]) -> float:
    return max(values) - min(values)
