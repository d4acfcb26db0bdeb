"""How likely counts are where all are equally likely: Pearson's chi-square and its tail."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Sequence

from app.domain.challenge import ChallengeKind, Choose, draw_next

KINDS = tuple(ChallengeKind)


def draw_many(choose: Choose, draws: int) -> Sequence[ChallengeKind]:
    """One long session's challenges."""
    sequence: list[ChallengeKind] = []
    for _ in range(draws):
        sequence.append(draw_next(KINDS, sequence[-1] if sequence else None, choose))
    return sequence


def first_draws_p(choose: Choose, draws: int) -> float:
    """p-value of the first challenges of so many sessions."""
    counts = Counter(draw_next(KINDS, None, choose) for _ in range(draws))
    return p_value([counts[kind] for kind in KINDS], len(KINDS) - 1)


def transitions_p(sequence: Sequence[ChallengeKind]) -> float:
    """p-value of who follows whom; for each of the 8 kinds the 7 others are equally likely: 8·6 degrees."""
    counts = Counter(itertools.pairwise(sequence))
    statistic = sum(
        _chi_square([counts[first, second] for second in KINDS if second is not first]) for first in KINDS
    )
    return chi_square_tail(statistic, len(KINDS) * (len(KINDS) - 2))


def p_value(counts: Sequence[int], degrees: int) -> float:
    """How often counts of a uniform draw lie at least as far from each other."""
    return chi_square_tail(_chi_square(counts), degrees)


def _chi_square(counts: Sequence[int]) -> float:
    expected = sum(counts) / len(counts)
    return sum((count - expected) ** 2 / expected for count in counts)


def chi_square_tail(statistic: float, degrees: int) -> float:
    """1 − P(degrees/2, statistic/2), P by its series (Abramowitz and Stegun 6.5.29)."""
    shape, x = degrees / 2, statistic / 2
    term = total = 1 / shape
    for n in range(1, 10_000):
        term *= x / (shape + n)
        total += term
        if term < total * 1e-15:
            break
    return max(0.0, 1 - total * math.exp(shape * math.log(x) - x - math.lgamma(shape))) if x > 0 else 1.0
