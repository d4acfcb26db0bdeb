"""Error rates of comparison (ISO/IEC 19795-1) from the cosines of mated and non-mated pairs.

A pair matches where its cosine reaches the threshold. A failure to enrol is an error in a mated pair and a correct
rejection in a non-mated one. Intervals hold 95 % and are deterministic: Wilson's for independent pairs; where the
people are known, the wider of that and of a bootstrap that draws people (`identity_bootstrap`): few people make
the bootstrap too sure of itself, and pairs that share people hold no more than independent ones would.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from app.domain.identity_bootstrap import Samples, fmr_samples, fnmr_at_fmr_samples, fnmr_samples
from app.domain.pair_scores import Cosines, PairScores

Z_95 = NormalDist().inv_cdf(0.975)

DET_POINTS = 150
"""Thresholds that a DET curve takes from each of the two distributions."""


@dataclass(frozen=True)
class Rate:
    """A share of errors, counted exactly, with its 95 % interval."""

    errors: int
    trials: int
    low: float
    high: float

    @property
    def share(self) -> float:
        return self.errors / self.trials


@dataclass(frozen=True)
class FnmrAtFmr:
    """The FNMR where the threshold lets through at most this FMR: `cosine` is the smallest such threshold.

    `false_matches` is how many of the non-mated pairs match there: few of them say little.
    """

    fmr: float
    cosine: float
    false_matches: int
    fnmr: Rate


@dataclass(frozen=True)
class DetPoint:
    """One point of the detection error trade-off."""

    cosine: float
    fmr: float
    fnmr: float


def wilson(errors: int, trials: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a share, for independent trials. ValueError where there are none."""
    if not 0 <= errors <= trials or trials == 0:
        raise ValueError("a rate needs trials, and no more errors than those")
    share, square = errors / trials, Z_95**2
    centre = (share + square / (2 * trials)) / (1 + square / trials)
    spread = Z_95 / (1 + square / trials) * math.sqrt(share * (1 - share) / trials + square / (4 * trials**2))
    low = 0.0 if errors == 0 else max(0.0, centre - spread)
    high = 1.0 if errors == trials else min(1.0, centre + spread)
    return low, high


def trials_needed(share: float) -> int:
    """How many trials without any error put Wilson's upper limit at this share (the rule of three, two-sided)."""
    return math.ceil(Z_95**2 * (1 - share) / share)


def false_match_rates(non_mated: PairScores, cosines: Sequence[float]) -> tuple[Rate, ...]:
    """FMR at each threshold."""
    ordered = np.sort(non_mated.cosines)
    errors = len(ordered) - np.searchsorted(ordered, np.asarray(cosines), side="left")
    return _rates(errors, len(ordered), fmr_samples(non_mated, cosines))


def false_non_match_rates(mated: PairScores, cosines: Sequence[float]) -> tuple[Rate, ...]:
    """FNMR at each threshold."""
    errors = np.searchsorted(np.sort(mated.cosines), np.asarray(cosines), side="left")
    return _rates(errors, len(mated), fnmr_samples(mated, cosines))


def fnmr_at_fmr(mated: PairScores, non_mated: PairScores, fmr: float) -> FnmrAtFmr:
    """FNMR at the smallest threshold whose FMR is no more than `fmr`."""
    descending = np.sort(non_mated.cosines)[::-1]
    allowed = math.floor(fmr * len(descending) * (1 + 1e-12))
    boundary = float(descending[allowed]) if allowed < len(descending) else -np.inf
    errors = int((mated.cosines <= boundary).sum())
    samples = fnmr_at_fmr_samples(mated, non_mated, fmr)[:, None]
    return FnmrAtFmr(
        fmr=fmr,
        cosine=float(np.nextafter(max(boundary, -1.0), np.inf)) if boundary > -np.inf else -1.0,
        false_matches=int((descending > boundary).sum()),
        fnmr=_rates(np.array([errors]), len(mated), samples)[0],
    )


def smallest_supported(non_mated: PairScores, cosines: Sequence[float], target_fmr: float) -> int | None:
    """Which of the growing thresholds is the first whose upper limit of the FMR is at or below the target.

    None where there is none: too few pairs, or scores that are too high.
    """
    ordered, trials = np.sort(non_mated.cosines), len(non_mated)
    errors = trials - np.searchsorted(ordered, np.asarray(cosines), side="left")
    start = next((i for i, count in enumerate(errors) if wilson(int(count), trials)[1] <= target_fmr), None)
    if start is None:
        return None
    # The bootstrap only widens, and only these few high scores need it.
    rates = false_match_rates(non_mated, cosines[start:])
    return next((start + i for i, rate in enumerate(rates) if rate.high <= target_fmr), None)


def accuracy(mated: PairScores, non_mated: PairScores, cosine: float) -> float:
    """Share of right decisions among all pairs at this threshold."""
    right = int((mated.cosines >= cosine).sum()) + int((non_mated.cosines < cosine).sum())
    return right / (len(mated) + len(non_mated))


def best_accuracy(mated: PairScores, non_mated: PairScores) -> tuple[float, float]:
    """The highest accuracy that any threshold gives, and that threshold. It was chosen on these very pairs."""
    cosines = _all_thresholds(mated, non_mated)
    fmr, fnmr = _shares(mated, non_mated, cosines)
    right = (1 - fnmr) * len(mated) + (1 - fmr) * len(non_mated)
    best = int(np.argmax(right))
    return float(right[best]) / (len(mated) + len(non_mated)), float(cosines[best])


def area_under_roc(mated: PairScores, non_mated: PairScores) -> float:
    """Probability that a mated pair scores above a non-mated one, ties half; from ranks (Mann–Whitney)."""
    ordered = np.sort(non_mated.cosines)
    below = np.searchsorted(ordered, mated.cosines, side="left")
    not_above = np.searchsorted(ordered, mated.cosines, side="right")
    return float((below + not_above).sum()) / (2 * len(mated) * len(ordered))


def equal_error_rate(mated: PairScores, non_mated: PairScores) -> float:
    """Mean of FMR and FNMR at the threshold where they are nearest to each other."""
    fmr, fnmr = _shares(mated, non_mated, _all_thresholds(mated, non_mated))
    nearest = int(np.argmin(np.abs(fmr - fnmr)))
    return float(fmr[nearest] + fnmr[nearest]) / 2


def det_points(mated: PairScores, non_mated: PairScores) -> tuple[DetPoint, ...]:
    """The DET curve by growing threshold, dense where few pairs err: ranks in logarithmic and even steps."""
    descending, ascending = np.sort(non_mated.cosines)[::-1], np.sort(mated.cosines)
    ranks = np.geomspace(1, len(descending), DET_POINTS).astype(int) - 1
    even = np.linspace(0, len(ascending) - 1, DET_POINTS).astype(int)
    chosen = np.unique(np.concatenate([descending[ranks], ascending[even]]))
    cosines = chosen[np.isfinite(chosen)]
    fmr, fnmr = _shares(mated, non_mated, cosines)
    return tuple(
        DetPoint(float(cosine), float(one), float(other))
        for cosine, one, other in zip(cosines, fmr, fnmr, strict=True)
    )


def _rates(errors: NDArray[np.intp], trials: int, samples: Samples) -> tuple[Rate, ...]:
    found = []
    for number, count in enumerate(errors):
        low, high = wilson(int(count), trials)
        if len(samples):
            drawn_low, drawn_high = np.percentile(samples[:, number], (2.5, 97.5))
            low, high = min(low, float(drawn_low)), max(high, float(drawn_high))
        found.append(Rate(int(count), trials, low, high))
    return tuple(found)


def _all_thresholds(mated: PairScores, non_mated: PairScores) -> Cosines:
    """Every threshold that makes a difference: each cosine that occurs, and one above them all."""
    found = np.unique(np.concatenate([mated.cosines, non_mated.cosines]))
    finite = found[np.isfinite(found)]
    return np.append(finite, np.nextafter(finite[-1], np.inf) if len(finite) else 1.0)


def _shares(mated: PairScores, non_mated: PairScores, cosines: Cosines) -> tuple[Cosines, Cosines]:
    """FMR and FNMR at each threshold."""
    ordered = np.sort(non_mated.cosines)
    fmr = 1 - np.searchsorted(ordered, cosines, side="left") / len(ordered)
    fnmr = np.searchsorted(np.sort(mated.cosines), cosines, side="left") / len(mated)
    return fmr, fnmr
