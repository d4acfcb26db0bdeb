"""A judge of one kind, and frames fed to it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from app.domain.challenge import ChallengeKind
from app.domain.liveness import ChallengeJudge, Judgement, neutral_of
from app.domain.quality import QualityLimits
from tests.faces import RESTING, Face, measurement, seen

EYES_SHUT = replace(RESTING, eyes_closed=0.9)
BLINK_BEGINS_MS = 1_000
KINDS = list(ChallengeKind)
LIMIT_MS = 15_000


def judge_of(kind: ChallengeKind, base: Face = RESTING, limit_ms: int = LIMIT_MS) -> ChallengeJudge:
    return ChallengeJudge(kind, neutral_of([measurement(base)]), limit_ms, QualityLimits())


def feed(judge: ChallengeJudge, frames: Iterable[tuple[int, Face]]) -> list[Judgement]:
    """Every judgement up to the first outcome."""
    judgements: list[Judgement] = []
    for at_ms, face in frames:
        judgements.append(judge.observe(seen(face), at_ms))
        if judgements[-1].outcome is not None:
            break
    return judgements


def blink(closed_ms: int, fps: int, phase_ms: int = 0) -> list[tuple[int, Face]]:
    """Three seconds in which the eyes are shut once, for `closed_ms`; the camera may lag by `phase_ms`."""
    times = range(phase_ms, 3_000, 1_000 // fps)
    ends_ms = BLINK_BEGINS_MS + closed_ms
    return [(at_ms, EYES_SHUT if BLINK_BEGINS_MS <= at_ms <= ends_ms else RESTING) for at_ms in times]


def phases(fps: int) -> range:
    """How frames may fall on what is filmed, from one to the next."""
    return range(0, 1_000 // fps, 10)
