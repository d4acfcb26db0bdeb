"""Uncertainty of error rates where pairs share people: whole people are drawn anew, with all pairs they are in.

Pairs that share a person are not independent, so intervals that take them for independent are too narrow
(Bolle, Ratha, Pankanti 2004, "Error analysis of pattern recognition systems: the subsets bootstrap"). A person who
is drawn n times weighs n in mated pairs; a non-mated pair weighs the product of both people's weights.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from app.domain.pair_scores import Numbers, PairScores

ROUNDS = 1000
SEED = 1

Weights = NDArray[np.float64]
Samples = NDArray[np.float64]

_TAIL_FACTOR = 4
_TAIL_MIN = 1000


def fmr_samples(non_mated: PairScores, cosines: Sequence[float]) -> Samples:
    """Rounds × thresholds: the FMR at each cosine. No rows where a bootstrap cannot be had."""
    if non_mated.people is None:
        return np.zeros((0, len(cosines)))
    order, bins = _thresholds(cosines)
    can_match = non_mated.cosines >= min(cosines)
    first, second = (side[can_match] for side in non_mated.people)
    place = np.searchsorted(bins, non_mated.cosines[can_match], side="right") - 1
    trials = _TrialCounts(non_mated)
    found = []
    for weights in _draws(non_mated.people_count):
        total = trials.weigh(weights)
        if total > 0:
            errors = np.bincount(place, weights[first] * weights[second], minlength=len(bins))
            found.append(errors[::-1].cumsum()[::-1] / total)
    return np.reshape(found, (len(found), len(bins)))[:, order]


def fnmr_samples(mated: PairScores, cosines: Sequence[float]) -> Samples:
    """Rounds × thresholds: the FNMR at each cosine. No rows where a bootstrap cannot be had."""
    if mated.people is None:
        return np.zeros((0, len(cosines)))
    person = mated.people[0]
    is_error = (mated.cosines[:, None] < np.asarray(cosines)[None, :]).astype(np.float64)
    found = []
    for weights in _draws(mated.people_count):
        weight = weights[person]
        if weight.sum() > 0:
            found.append(weight @ is_error / weight.sum())
    return np.reshape(found, (len(found), len(cosines)))


def fnmr_at_fmr_samples(mated: PairScores, non_mated: PairScores, fmr: float) -> Samples:
    """One FNMR a round, at the threshold that this round's non-mated pairs put at the FMR."""
    if mated.people is None or non_mated.people is None:
        return np.zeros(0)
    ranking = _Ranking(non_mated, fmr)
    trials, person = _TrialCounts(non_mated), mated.people[0]
    found = []
    for weights in _draws(max(mated.people_count, non_mated.people_count)):
        total, weight = trials.weigh(weights), weights[person]
        if total > 0 and weight.sum() > 0:
            boundary = ranking.boundary(weights, fmr * total)
            found.append(weight[mated.cosines <= boundary].sum() / weight.sum())
    return np.array(found)


def _draws(people: int) -> Iterator[Weights]:
    """How often each person is drawn, one round after another; the same in every run."""
    random = np.random.default_rng(SEED)
    for _ in range(ROUNDS if people > 1 else 0):
        yield np.bincount(random.integers(people, size=people), minlength=people).astype(np.float64)


def _thresholds(cosines: Sequence[float]) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """The thresholds in growing order, and where each of those given stands among them."""
    bins, order = np.unique(np.asarray(cosines, dtype=np.float64), return_inverse=True)
    return order, bins


class _TrialCounts:
    """Pairs of pictures, counted by their two people; where all are crossed, pictures of each person will do."""

    def __init__(self, pairs: PairScores) -> None:
        assert pairs.people is not None
        self._crossed = pairs.crossed
        if pairs.crossed is not None:
            return
        size = max(pairs.people_count, 1)
        keys = pairs.people[0].astype(np.int64) * size + pairs.people[1]
        unique, self._pictures = np.unique(keys, return_counts=True)
        self._first, self._second = np.divmod(unique, size)

    def weigh(self, weights: Weights) -> float:
        """All pairs together."""
        if self._crossed is not None:
            pictures = self._crossed * weights[: len(self._crossed)]
            return float(pictures.sum() ** 2 - (pictures**2).sum()) / 2
        return float((self._pictures * weights[self._first]) @ weights[self._second])


class _Ranking:
    """Non-mated pairs from the highest score down. A round needs only the top, so only that is weighed."""

    def __init__(self, pairs: PairScores, fmr: float) -> None:
        self._pairs = pairs
        self._order = np.argsort(-pairs.cosines, kind="stable")
        self._top = self._ranked(max(_TAIL_MIN, int(_TAIL_FACTOR * fmr * len(pairs))))

    def boundary(self, weights: Weights, allowed: float) -> float:
        """The highest cosine that must not match so that matches weigh no more than allowed; −inf if all may."""
        found = _boundary(self._top, weights, allowed)
        if found is None:
            found = _boundary(self._ranked(len(self._pairs)), weights, allowed)
        return -np.inf if found is None else found

    def _ranked(self, count: int) -> tuple[NDArray[np.float64], Numbers, Numbers]:
        ranked = self._order[:count]
        assert self._pairs.people is not None
        first, second = (side[ranked] for side in self._pairs.people)
        return self._pairs.cosines[ranked], first, second


def _boundary(
    ranked: tuple[NDArray[np.float64], Numbers, Numbers], weights: Weights, allowed: float
) -> float | None:
    """The cosine of the first pair that is too much; None where there is none among these."""
    cosines, first, second = ranked
    weighed = np.cumsum(weights[first] * weights[second])
    place = int(np.searchsorted(weighed, allowed * (1 + 1e-12), side="right"))
    return float(cosines[place]) if place < len(cosines) else None
