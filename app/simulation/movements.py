"""Where in a clip somebody rests, and where a movement begins and ends, by the project's own judges."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from app.domain.challenge import ChallengeKind
from app.domain.face import Observation
from app.domain.liveness import LIMITS, ChallengeJudge, Neutral, movement
from app.domain.quality import QualityLimits
from app.domain.verdict import ChallengeOutcome
from app.simulation.clips import SeenClip, SeenFrame

STEADY_DEGREES = 2.5
"""How far the resting head may wander; alignment allows 6."""

STEADY_SHARE = 0.06
"""How far the face may wander, in its widths; alignment allows 0.12."""

OPEN_EYES = 0.3
"""Lids of the stretch that is played over and over: a blink in it would come every second."""

REST_SECONDS = (0.6, 1.5)
MARGIN = 1.1
"""A movement goes this much further than required, for the frames that are left out."""

LEAD_SECONDS = 0.7
"""At most so long between rest and onset, and between return and rest."""

PAGE_FRAMES_PER_SECOND = 10
REACTION_MS = 600
LIMIT_MS = 15_000


def resting_stretches(clip: SeenClip) -> Sequence[range]:
    """Stretches in which nothing moves and alignment accepts every frame, the longest first; none overlap."""
    shortest, longest = (round(seconds * clip.frames_per_second) for seconds in REST_SECONDS)
    found = sorted((_still_from(clip.frames, start, longest) for start in range(len(clip.frames))), key=len)
    chosen: list[range] = []
    for stretch in reversed(found):
        if len(stretch) < max(2, shortest):
            break
        if all(stretch.stop <= other.start or stretch.start >= other.stop for other in chosen):
            chosen.append(stretch)
    return chosen


def _still_from(frames: Sequence[SeenFrame], start: int, longest: int) -> range:
    first, end = frames[start].face, start
    while first is not None and end < len(frames) and end - start < longest:
        face = frames[end].face
        if face is None or not frames[end].is_good or face.expression.eyes_closed > OPEN_EYES:
            break
        yaw = abs(face.pose.yaw_degrees - first.pose.yaw_degrees)
        pitch = abs(face.pose.pitch_degrees - first.pose.pitch_degrees)
        (x0, y0), (x1, y1) = first.box.centre, face.box.centre
        shifted = max(abs(x1 - x0), abs(y1 - y0)) / first.box.width
        if max(yaw, pitch) > STEADY_DEGREES or shifted > STEADY_SHARE:
            break
        end += 1
    return range(start, end)


def find_movements(clip: SeenClip, kind: ChallengeKind, neutral: Neutral) -> Iterator[range]:
    """Stretches from rest through the apex back to rest, far enough to be seen at any rate of frames."""
    values = values_of(clip.frames, kind, neutral)
    limits, lead = LIMITS[kind], round(LEAD_SECONDS * clip.frames_per_second)
    start = 0
    while start < len(values):
        end = start + 1
        if values[start] >= limits.onset:
            while end < len(values) and values[end] >= limits.onset:
                end += 1
            if max(values[start:end]) >= MARGIN * limits.required and end < len(values):
                yield _widen(values, range(start, end), limits.onset / 2, lead)
        start = end


def values_of(frames: Sequence[SeenFrame], kind: ChallengeKind, neutral: Neutral) -> Sequence[float]:
    """How far the face has moved in the sense of `kind`, frame by frame; where it is lost, as far as before."""
    values = [0.0]
    for frame in frames:
        values.append(movement(kind, frame.face, neutral) if frame.face else values[-1])
    return values[1:]


def _widen(values: Sequence[float], span: range, rest: float, lead: int) -> range:
    """Go out on both sides until the movement has all but ceased."""
    first, last = span.start, span.stop
    while first > 0 and span.start - first < lead and values[first] > rest:
        first -= 1
    while last < len(values) - 1 and last - span.stop < lead and values[last] > rest:
        last += 1
    return range(first, last + 1)


def is_accepted(
    observations: Sequence[Observation], kind: ChallengeKind, neutral: Neutral, frames_per_second: float
) -> bool:
    """Whether the judge of the kind passes these frames as a page would send them, whichever it begins with.

    The first of them is at rest: it stands for the time before the movement too.
    """
    every = max(1, round(frames_per_second / PAGE_FRAMES_PER_SECOND))
    return all(
        _passes([observations[0], *observations[first::every]], kind, neutral, every / frames_per_second)
        for first in range(every)
    )


def _passes(observations: Sequence[Observation], kind: ChallengeKind, neutral: Neutral, seconds: float) -> bool:
    judge = ChallengeJudge(kind, neutral, LIMIT_MS, QualityLimits())
    for number, observation in enumerate(observations):
        outcome = judge.observe(observation, REACTION_MS + round(1_000 * number * seconds)).outcome
        if outcome is not None:
            return outcome is ChallengeOutcome.PASSED
    return False
