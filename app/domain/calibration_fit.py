"""A scale for a recognizer that has none, from the cosines of non-mated pairs.

The rule is that of the scales in the model manifest: ten points stand for a tenfold rarer score among different
people. A score s of 10, 20, … is put at the smallest cosine that at most 10^(−s/10) of the pairs reach, as far as
pairs support it. From there the scale goes on as steeply as it was and flattens towards 100 at a cosine of 1:
nothing is measured there. Half of the pairs score 0.
"""

from __future__ import annotations

import hashlib
import math
import re
from dataclasses import dataclass

import numpy as np

from app.domain.comparison import Calibration
from app.domain.pair_scores import Cosines

SUPPORT = 25
"""Pairs that must reach the last knot's score. Of so few a share is known to a fifth, were they independent."""

STEP = 10
SCORE_ROUNDING = 0.01
"""As `Calibration.score` has it."""

_DECIMALS = 4
_UNIT = 10.0**-_DECIMALS


@dataclass(frozen=True)
class FittedCalibration:
    """A scale, and the highest score of it that is measured."""

    calibration: Calibration
    measured_to: int


def pairs_needed() -> int:
    """Non-mated pairs that a scale needs at the least: its first knot stands at 10."""
    return SUPPORT * 10


def fit_calibration(name: str, non_mated: Cosines) -> FittedCalibration | None:
    """None where there are too few pairs for any knot, or so many cosines of 1 that there is no room for one.

    `name` becomes the beginning of the scale's version; the rest follows from the knots.
    """
    knots = _measured_knots(np.sort(non_mated)[::-1])
    if len(knots) < 2:
        return None
    cosines, scores = zip(*[(-1.0, 0.0), *knots, *_extension(knots[-2], knots[-1]), (1.0, 100.0)], strict=True)
    version = f"{_slug(name)}-{hashlib.sha256(repr((cosines, scores)).encode()).hexdigest()[:8]}"
    return FittedCalibration(Calibration(version, cosines, scores), int(knots[-1][1]))


def smallest_cosine(calibration: Calibration, score: float) -> float:
    """The smallest cosine from which on the scale gives the score. Scores are rounded, so it is searched for."""
    low, high = -1.0, 1.0
    if calibration.score(low).value >= score:
        return low
    while low < (middle := (low + high) / 2) < high:
        low, high = (low, middle) if calibration.score(middle).value >= score else (middle, high)
    return high


def as_toml(calibration: Calibration) -> str:
    """The table of a model's entry (docs/matching.md), to be put at the end of the operator's own TOML file."""
    return (
        "[recognizer.calibration]\n"
        f'version = "{calibration.version}"\n'
        f"cosines = [{', '.join(f'{cosine:g}' for cosine in calibration.cosines)}]\n"
        f"scores = [{', '.join(f'{score:g}' for score in calibration.scores)}]\n"
    )


def _measured_knots(descending: Cosines) -> list[tuple[float, float]]:
    """(cosine, score) from 0 upwards; cosines grow by at least `_UNIT` and leave room below 1."""
    trials = len(descending)
    found: list[tuple[float, float]] = []
    if trials:
        median = float(descending[trials // 2])
        found.append((_rounded_up(max(median, -1.0 + _UNIT)), 0.0))
    for score in range(STEP, 100, STEP):
        expected = trials * 10 ** (-score / 10)
        if expected < SUPPORT * (1 - 1e-9):
            break
        boundary = max(float(descending[math.floor(expected * (1 + 1e-12))]), -1.0)
        cosine = _knot_above(boundary, found[-1][0])
        if not found[-1][0] < cosine < 1 - 2 * _UNIT:
            break
        found.append((cosine, float(score)))
    return found


def _extension(before: tuple[float, float], last: tuple[float, float]) -> list[tuple[float, float]]:
    """Knots between the last measured one and (1, 100), on 1 − (1 − x)^p: it begins with the slope there was.

    A slope that is too flat to reach 100 becomes a straight line (p = 1).
    """
    room_cosine, room_score = 1 - last[0], 100 - last[1]
    slope = (last[1] - before[1]) / (last[0] - before[0])
    power = max(1.0, slope * room_cosine / room_score)
    found: list[tuple[float, float]] = []
    for score in range(int(last[1]) + STEP, 100, STEP):
        share = (score - last[1]) / room_score
        cosine = _rounded_up(last[0] + room_cosine * (1 - (1 - share) ** (1 / power)))
        if (found[-1] if found else last)[0] < cosine < 1:
            found.append((cosine, float(score)))
    return found


def _knot_above(boundary: float, before: float) -> float:
    """The knot whose score the boundary's pair does not reach, although scores are rounded to a hundredth."""
    early = SCORE_ROUNDING / 2 / STEP
    return _rounded_up((boundary - early * before) / (1 - early) + _UNIT / 100)


def _rounded_up(cosine: float) -> float:
    """To `_DECIMALS`: upwards, so that no more pairs reach the score than the rule says."""
    return round(math.ceil(round(cosine / _UNIT, 6)) * _UNIT, _DECIMALS)


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:48] or "own"
