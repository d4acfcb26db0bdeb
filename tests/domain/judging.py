"""A judge of one kind, and frames fed to it."""

from __future__ import annotations

from collections.abc import Iterable

from app.domain.challenge import ChallengeKind
from app.domain.liveness import ChallengeJudge, Judgement, neutral_of
from app.domain.quality import QualityLimits
from tests.faces import RESTING, Face, measurement, seen

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
