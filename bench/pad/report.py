"""What the tries amount to: rates with intervals, what stopped the attacks, what it cost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

import numpy as np

from app.adapters.error_rate_plot import DetCurve, draw_det
from app.domain.detector_evidence import LIMIT_SCORE
from app.domain.error_rates import false_non_match_rates, wilson
from app.domain.pair_scores import PairScores
from app.domain.policy import MIN_PASSIVE_SCORE
from app.domain.verdict import ModelIdentity
from bench.pad.casting import Cast
from bench.pad.trial import IN_REVIEW, Result


@dataclass(frozen=True)
class SpeciesReport:
    """`errors` are attacks that were approved, or bona fide presentations that were not.

    `low` and `high` take tries for independent; `people_low` and `people_high` know that those of one person are
    not, and are None with fewer than two people. `not_possible` says why nothing could be tried, else it is empty.
    """

    name: str
    is_bona_fide: bool
    tries: int
    people: int
    errors: int
    in_review: int
    not_played: int
    not_played_by: Mapping[str, int]
    rate: float | None
    low: float | None
    high: float | None
    people_low: float | None
    people_high: float | None
    stopped_by: Mapping[str, int]
    errors_narrow: int
    tries_narrow: int
    frames: int
    cpu_seconds: float
    not_possible: str = ""


def report_on(
    name: str, results: Sequence[Result], *, is_bona_fide: bool, not_possible: str = ""
) -> SpeciesReport:
    """One species. A bona fide presentation that a person would review counts as an error: it was not approved."""
    played = [one for one in results if one.is_played]
    errors = [one for one in played if one.is_accepted is not is_bona_fide]
    narrow = [one for one in played if one.is_narrow]
    low, high = wilson(len(errors), len(played)) if played else (None, None)
    by_person = [(one.identity or one.person, one.is_accepted is not is_bona_fide) for one in played]
    people_low, people_high = interval_over_people(by_person) or (None, None)
    return SpeciesReport(
        name=name,
        is_bona_fide=is_bona_fide,
        tries=len(played),
        people=len({one.identity or one.person for one in played}),
        errors=len(errors),
        in_review=sum(one.status == IN_REVIEW for one in played),
        not_played=len(results) - len(played),
        not_played_by=_counted(one for one in results if not one.is_played),
        rate=len(errors) / len(played) if played else None,
        low=low,
        high=high,
        people_low=people_low,
        people_high=people_high,
        stopped_by=_counted(played),
        errors_narrow=sum(one in errors for one in narrow),
        tries_narrow=len(narrow),
        frames=sum(one.frames for one in played),
        cpu_seconds=round(sum(one.cpu_seconds for one in results), 1),
        not_possible=not_possible,
    )


def _counted(tries: Iterable[Result]) -> Mapping[str, int]:
    return dict(Counter(reason for one in tries for reason in one.stopped_by).most_common())


def interval_over_people(tries: Sequence[tuple[str, bool]]) -> tuple[float, float] | None:
    """The interval of a share of errors that draws whole people, as for comparison; of (person, is it an error).

    It is never narrower than Wilson's. None with fewer than two people.
    """
    people = sorted({person for person, _ in tries})
    if len(people) < 2:
        return None
    numbers = np.array([people.index(person) for person, _ in tries], dtype=np.int32)
    scores = PairScores(np.array([0.0 if is_error else 1.0 for _, is_error in tries]), (numbers, numbers))
    (rate,) = false_non_match_rates(scores, [0.5])
    return rate.low, rate.high


def line_of(report: SpeciesReport) -> str:
    """One species, for people."""
    what, done = ("BPCER", "refused") if report.is_bona_fide else ("APCER", "accepted")
    missing = f"{report.not_played} not played: {_listed(report.not_played_by)}" if report.not_played else ""
    if report.not_possible:
        return f"{report.name:<20} not possible: {report.not_possible}"
    if report.rate is None:
        return f"{report.name:<20} not measured ({missing or 'none has ended'})"
    rate = f"{100 * report.rate:.1f} % {_interval(report.low, report.high)}"
    if report.people_low is not None:
        rate += f", over people {_interval(report.people_low, report.people_high)}"
    review = f", {report.in_review} to review" if report.in_review else ""
    missing = f", {missing}" if missing else ""
    return (
        f"{report.name:<20} {report.tries} tries of {report.people} people, {done} {report.errors}"
        f" ({report.errors_narrow} of {report.tries_narrow} narrowed){review}{missing}: {what} {rate}\n"
        f"{'':<20} stopped by: {_listed(report.stopped_by) or '–'}\n"
        f"{'':<20} {report.frames} frames, {report.cpu_seconds:.0f} s CPU"
    )


def _interval(low: float | None, high: float | None) -> str:
    return f"[{100 * (low or 0.0):.1f}–{100 * (high or 0.0):.1f}]"


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{reason} {count}" for reason, count in counts.items())


def models_lines(models: Sequence[ModelIdentity], missing: Sequence[str], profile: str) -> Sequence[str]:
    """What measures, by name and the beginning of its hash, and whether the server would do with it."""
    present = ", ".join(f"{one.name} {one.sha256[:12]}" for one in models if one.sha256)
    lines = [f"models: {present}; without {', '.join(missing) or 'none'}"]
    if profile == "strict" and missing:
        lines.append(
            f"a server does not start with the profile strict without {', '.join(missing)}:"
            " what follows is measured without"
        )
    return lines


def people_lines(found: Cast) -> Sequence[str]:
    """Who was found, and what each shows: (in brackets) where it is only cut out. Then what could not be read."""
    lines = []
    for one in found.people:
        shown = [f"{kind.value}" if kind in one.joined else f"({kind.value})" for kind in one.cut or one.joined]
        role = "screen replay" if one.is_replay else "performer" if one.is_performer else "clip"
        lines.append(f"{one.name:<24} {role:<14} {', '.join(shown) or '–'}")
    lines += [f"{one.name:<24} {'not read':<14} {one.reason}" for one in found.unread]
    lines += [f"{name:<24} {'no such clip':<14}" for name in found.unknown]
    return lines


def as_json(
    options: Mapping[str, object],
    models: Sequence[ModelIdentity],
    found: Cast,
    reports: Sequence[SpeciesReport],
    results: Sequence[Result],
    costs: Mapping[str, float],
) -> dict[str, object]:
    """Everything, so that it can be counted again."""
    return {
        "options": dict(options),
        "models": [asdict(one) for one in models],
        "people": [
            {
                "name": one.name,
                "performer": one.is_performer,
                "joined": [kind.value for kind in one.joined],
                "cut": [kind.value for kind in one.cut],
                "screen_replay": one.is_replay,
            }
            for one in found.people
        ],
        "not_read": [asdict(one) for one in found.unread],
        "species": [asdict(one) for one in reports],
        "tries": [asdict(one) for one in results],
        "costs": dict(costs),
    }


def det_curves(results: Mapping[str, Sequence[Result]], bona_fide: str) -> Sequence[DetCurve]:
    """APCER against BPCER of each species as the limit of the weakest score moves; what never passed lies at 0."""
    played = {name: [one for one in tries if one.is_played] for name, tries in results.items()}
    genuine = [one.score for one in played.get(bona_fide, ())]
    curves = []
    for name, tries in played.items():
        if name == bona_fide or not tries or not genuine:
            continue
        attacks = [one.score for one in tries]
        limits = sorted({*genuine, *attacks, 0.0, 101.0})
        points = [(_share_from(attacks, limit), 1 - _share_from(genuine, limit)) for limit in limits]
        accepted = sum(one.is_accepted for one in tries) / len(tries)
        refused = sum(not one.is_accepted for one in played[bona_fide]) / len(genuine)
        curves.append(DetCurve(name, points, (accepted, refused, f"{name} as decided")))
    return curves


def _share_from(scores: Sequence[float], limit: float) -> float:
    return sum(score >= limit for score in scores) / len(scores)


def plot(path: Path, results: Mapping[str, Sequence[Result]], bona_fide: str, caption: str) -> None:
    """A DET plot of the species that ever passed the challenges: the others have no curve."""
    curves = [
        curve for curve in det_curves(results, bona_fide) if any(one.score > 0 for one in results[curve.name])
    ]
    title = "Presentation attack detection: error rates by species"
    draw_det(path, title, curves, caption, names=("APCER", "BPCER"))


def median_of(values: Sequence[float]) -> float:
    return round(median(values), 2) if values else 0.0


LIMITS_SAID = f"limits: detectors {LIMIT_SCORE:g}, passive {MIN_PASSIVE_SCORE:g}"
