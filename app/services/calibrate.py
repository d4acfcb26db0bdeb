"""Error rates of the matching core on labelled pairs, for `bonafide calibrate` and for bench/."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from app.domain.calibration_fit import smallest_cosine
from app.domain.comparison import Calibration, FaceTemplate, Template
from app.domain.error_rates import (
    DetPoint,
    FnmrAtFmr,
    Rate,
    accuracy,
    area_under_roc,
    best_accuracy,
    det_points,
    equal_error_rate,
    false_match_rates,
    false_non_match_rates,
    fnmr_at_fmr,
    smallest_supported,
    trials_needed,
    wilson,
)
from app.domain.errors import InvalidImage, MatchingFailed
from app.domain.pair_scores import PairScores, PictureTemplates
from app.services.labelled_pairs import Identities, IdentitySource, LabelledPair

SCORES = (10, 20, 25, 30, 35, 40, 50, 60, 70, 80, 90)
"""Thresholds that a table lists, on the scale."""

COSINES = tuple(round(0.1 * step, 1) for step in range(10))
"""Thresholds that a table lists where there is no scale."""

FMR_TARGETS = (0.01, 0.001)
"""FMRs at which reports give the FNMR."""

GRID_PER_POINT = 10
GRID_PER_COSINE = 1000
"""A recommended threshold is searched for in tenths of a point, or in thousandths of the cosine."""


@dataclass(frozen=True)
class Enrolment:
    """Templates by path; why the others have none; and which files could not be read at all."""

    templates: Mapping[str, Template]
    failures: Mapping[str, str]
    missing: Mapping[str, str]


@dataclass(frozen=True)
class Threshold:
    """A threshold as people set it, on the scale, and as pairs are counted by; `score` None without a scale."""

    score: float | None
    cosine: float


@dataclass(frozen=True)
class RateRow:
    """One threshold of a table. `accuracy` is that on the labelled pairs, as `PairSets.judged` has it."""

    threshold: Threshold
    fmr: Rate
    fnmr: Rate
    accuracy: float


@dataclass(frozen=True)
class PairSets:
    """`mated` and `labelled` (non-mated) pairs of the file; `non_mated` those that the FMR is counted on."""

    mated: PairScores
    labelled: PairScores
    non_mated: PairScores

    @property
    def is_crossed(self) -> bool:
        return self.non_mated is not self.labelled

    @property
    def judged(self) -> PairScores:
        """The non-mated pairs that accuracy is counted on: cross pairs would drown the mated ones."""
        return self.labelled if len(self.labelled) else self.non_mated


@dataclass(frozen=True)
class ErrorRateReport:
    """What was measured on one set of pairs; intervals as `app.domain.error_rates` has them."""

    sets: PairSets
    rows: tuple[RateRow, ...]
    best: tuple[float, Threshold]
    auc: float
    equal_error_rate: float
    fnmr_at: tuple[FnmrAtFmr, ...]
    det: tuple[DetPoint, ...]


@dataclass(frozen=True)
class Recommendation:
    """The smallest threshold whose upper 95 % limit of the FMR is at or below the target.

    `threshold` is None where there is none: `reason` says why, and `row` is what was measured at it otherwise.
    """

    target_fmr: float
    threshold: Threshold | None = None
    row: RateRow | None = None
    reason: str | None = None


def enrol(
    create_template: Callable[[bytes], FaceTemplate | None],
    read: Callable[[str], bytes],
    paths: Sequence[str],
    threads: int,
    progress: Callable[[int, int], None],
) -> Enrolment:
    """A template of every picture, `threads` at the same time; `progress` hears how many are done, of how many.

    `MatchingUnavailable` ends it.
    """
    templates, failures, missing = {}, {}, {}

    def describe(path: str) -> Template | Exception:
        try:
            made = create_template(read(path))
        except (InvalidImage, MatchingFailed, OSError) as error:
            return error
        return made.template if made else MatchingFailed("No face was found.")

    pool = ThreadPoolExecutor(threads)
    try:
        for done, (path, found) in enumerate(zip(paths, pool.map(describe, paths), strict=True), start=1):
            if isinstance(found, Template):
                templates[path] = found
            elif isinstance(found, OSError):
                missing[path] = found.strerror or type(found).__name__
            else:
                failures[path] = str(found)
            progress(done, len(paths))
    finally:
        pool.shutdown(cancel_futures=True)
    return Enrolment(templates, failures, missing)


def score_pairs(
    pairs: Sequence[LabelledPair], identities: Identities, enrolment: Enrolment, cross: Iterable[str] | None
) -> PairSets:
    """Scores of the pairs whose files could be read. `cross` are pictures to pair with those of all other people.

    ValueError for cross pairs where identities are not those of the folders.
    """
    usable = [pair for pair in pairs if not {pair.path_a, pair.path_b} & enrolment.missing.keys()]
    crossed = sorted(set(cross) - enrolment.missing.keys()) if cross is not None else []
    paths = sorted({path for pair in usable for path in (pair.path_a, pair.path_b)} | set(crossed))
    pictures, number = _pictures(paths, identities, enrolment), {path: at for at, path in enumerate(paths)}
    mated, labelled = (
        pictures.pairs(
            *(
                np.array([number[path] for path in side], dtype=np.intp)
                for side in (
                    [pair.path_a for pair in usable if pair.is_mated is is_mated],
                    [pair.path_b for pair in usable if pair.is_mated is is_mated],
                )
            )
        )
        for is_mated in (True, False)
    )
    if cross is None:
        return PairSets(mated, labelled, labelled)
    if identities.source is not IdentitySource.FOLDERS:
        raise ValueError("cross pairs need one folder a person")
    return PairSets(mated, labelled, pictures.cross_pairs())


def measure(sets: PairSets, thresholds: Sequence[Threshold], scale: Calibration | None) -> ErrorRateReport:
    """ValueError where there is no mated or no non-mated pair."""
    if not len(sets.mated) or not len(sets.non_mated):
        raise ValueError(f"there is no {'non-' if len(sets.mated) else ''}mated pair")
    mated, non_mated = sets.mated, sets.non_mated
    best, cosine = best_accuracy(mated, sets.judged)
    return ErrorRateReport(
        sets=sets,
        rows=_rows(sets, thresholds),
        best=(best, Threshold(scale.score(min(1.0, cosine)).value if scale else None, cosine)),
        auc=area_under_roc(mated, non_mated),
        equal_error_rate=equal_error_rate(mated, non_mated),
        fnmr_at=tuple(fnmr_at_fmr(mated, non_mated, target) for target in FMR_TARGETS),
        det=det_points(mated, non_mated),
    )


def table_thresholds(scale: Calibration | None) -> tuple[Threshold, ...]:
    """Those of `SCORES`; of `COSINES` where there is no scale."""
    if scale is None:
        return tuple(Threshold(None, cosine) for cosine in COSINES)
    return tuple(Threshold(score, smallest_cosine(scale, score)) for score in SCORES)


def recommend(sets: PairSets, scale: Calibration | None, target_fmr: float) -> Recommendation:
    """A threshold for the target FMR, or why these pairs support none."""
    trials = len(sets.non_mated)
    if wilson(0, trials)[1] > target_fmr:
        return Recommendation(
            target_fmr,
            reason=(
                f"{trials} non-mated pairs are too few: even if none of them matched, the true rate could be "
                f"{100 * wilson(0, trials)[1]:.2g} % (rule of three, two-sided); "
                f"an FMR of {100 * target_fmr:g} % takes at least {trials_needed(target_fmr)}"
            ),
        )
    grid = _grid(scale)
    found = smallest_supported(sets.non_mated, [threshold.cosine for threshold in grid], target_fmr)
    if found is None:
        return Recommendation(
            target_fmr,
            reason=(
                f"no threshold keeps the upper 95 % limit of the FMR at or below {100 * target_fmr:g} % on these "
                "pairs: too many of different people look alike, or too few people are in them"
            ),
        )
    (row,) = _rows(sets, [grid[found]])
    return Recommendation(target_fmr, grid[found], row)


def _pictures(paths: Sequence[str], identities: Identities, enrolment: Enrolment) -> PictureTemplates:
    dimension = next((template.vector.size for template in enrolment.templates.values()), 1)
    vectors = np.zeros((len(paths), dimension), dtype=np.float32)
    is_enrolled = np.zeros(len(paths), dtype=np.bool_)
    for at, path in enumerate(paths):
        if path in enrolment.templates:
            vectors[at], is_enrolled[at] = enrolment.templates[path].vector, True
    person = None
    if identities.source is not IdentitySource.UNKNOWN:
        known = {name: number for number, name in enumerate(sorted({identities.names[path] for path in paths}))}
        person = np.array([known[identities.names[path]] for path in paths], dtype=np.int32)
    return PictureTemplates(vectors, is_enrolled, person)


def _rows(sets: PairSets, thresholds: Sequence[Threshold]) -> tuple[RateRow, ...]:
    cosines = [threshold.cosine for threshold in thresholds]
    rates = zip(
        thresholds,
        false_match_rates(sets.non_mated, cosines),
        false_non_match_rates(sets.mated, cosines),
        strict=True,
    )
    return tuple(
        RateRow(threshold, fmr, fnmr, accuracy(sets.mated, sets.judged, threshold.cosine))
        for threshold, fmr, fnmr in rates
    )


def _grid(scale: Calibration | None) -> Sequence[Threshold]:
    """Thresholds to choose from, growing."""
    if scale is None:
        return [Threshold(None, step / GRID_PER_COSINE) for step in range(-GRID_PER_COSINE, GRID_PER_COSINE + 1)]
    scores = (step / GRID_PER_POINT for step in range(100 * GRID_PER_POINT + 1))
    return [Threshold(score, smallest_cosine(scale, score)) for score in scores]
