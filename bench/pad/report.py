"""What the tries amount to: rates with intervals, what stopped the attacks, what it cost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from app.adapters.error_rate_plot import DetCurve, draw_det
from app.domain.detector_evidence import LIMIT_SCORE
from app.domain.error_rates import wilson
from app.domain.policy import MIN_PASSIVE_SCORE
from bench.pad.people import Listed
from bench.pad.trial import IN_REVIEW, Result

NOT_PLAYED = frozenset({"no_genuine_session", "no_face_in_recording"})
"""Tries in which nothing was presented: they count nowhere."""


@dataclass(frozen=True)
class SpeciesReport:
    """`errors` are attacks that were approved, or bona fide presentations that were not."""

    name: str
    is_bona_fide: bool
    tries: int
    people: int
    errors: int
    in_review: int
    not_played: int
    rate: float | None
    low: float | None
    high: float | None
    stopped_by: Mapping[str, int]
    errors_narrow: int
    tries_narrow: int
    frames: int
    cpu_seconds: float


def report_on(name: str, results: Sequence[Result], *, is_bona_fide: bool) -> SpeciesReport:
    """One species. A bona fide presentation that a person would review counts as an error: it was not approved."""
    played = [one for one in results if not NOT_PLAYED & set(one.stopped_by)]
    errors = [one for one in played if one.is_accepted is not is_bona_fide]
    narrow = [one for one in played if one.is_narrow]
    low, high = wilson(len(errors), len(played)) if played else (None, None)
    return SpeciesReport(
        name=name,
        is_bona_fide=is_bona_fide,
        tries=len(played),
        people=len({one.person for one in played}),
        errors=len(errors),
        in_review=sum(one.status == IN_REVIEW for one in played),
        not_played=len(results) - len(played),
        rate=len(errors) / len(played) if played else None,
        low=low,
        high=high,
        stopped_by=dict(Counter(reason for one in played for reason in one.stopped_by).most_common()),
        errors_narrow=sum(one in errors for one in narrow),
        tries_narrow=len(narrow),
        frames=sum(one.frames for one in played),
        cpu_seconds=round(sum(one.cpu_seconds for one in results), 1),
    )


def line_of(report: SpeciesReport) -> str:
    """One species, for people."""
    what, done = ("BPCER", "refused") if report.is_bona_fide else ("APCER", "accepted")
    if report.rate is None or report.low is None or report.high is None:
        return f"{report.name:<20} not measured ({report.not_played} could not be played)"
    rate = f"{100 * report.rate:.1f} % [{100 * report.low:.1f}–{100 * report.high:.1f}]"
    review = f", {report.in_review} to review" if report.in_review else ""
    missing = f", {report.not_played} not played" if report.not_played else ""
    reasons = ", ".join(f"{reason} {count}" for reason, count in report.stopped_by.items())
    return (
        f"{report.name:<20} {report.tries} tries of {report.people} people, {done} {report.errors}"
        f" ({report.errors_narrow} of {report.tries_narrow} narrowed){review}{missing}: {what} {rate}\n"
        f"{'':<20} stopped by: {reasons or '–'}\n"
        f"{'':<20} {report.frames} frames, {report.cpu_seconds:.0f} s CPU"
    )


def people_lines(people: Sequence[Listed]) -> Sequence[str]:
    """Who was found, and what each shows: J joined without a jump, C only cut out."""
    lines = []
    for one in people:
        shown = [f"{kind.value}" if kind in one.joined else f"({kind.value})" for kind in one.cut or one.joined]
        role = "screen replay" if one.is_replay else "performer" if one.is_performer else "clip"
        lines.append(f"{one.name:<24} {role:<14} {', '.join(shown) or '–'}")
    return lines


def as_json(
    options: Mapping[str, object],
    people: Sequence[Listed],
    reports: Sequence[SpeciesReport],
    results: Sequence[Result],
    costs: Mapping[str, float],
) -> dict[str, object]:
    """Everything, so that it can be counted again."""
    return {
        "options": dict(options),
        "people": [
            {
                "name": one.name,
                "performer": one.is_performer,
                "joined": [kind.value for kind in one.joined],
                "cut": [kind.value for kind in one.cut],
                "screen_replay": one.is_replay,
            }
            for one in people
        ],
        "species": [asdict(one) for one in reports],
        "tries": [asdict(one) for one in results],
        "costs": dict(costs),
    }


def det_curves(results: Mapping[str, Sequence[Result]], bona_fide: str) -> Sequence[DetCurve]:
    """APCER against BPCER of each species as the limit of the weakest score moves; what never passed lies at 0."""
    genuine = [one.score for one in results.get(bona_fide, ())]
    curves = []
    for name, tries in results.items():
        if name == bona_fide or not tries or not genuine:
            continue
        attacks = [one.score for one in tries]
        limits = sorted({*genuine, *attacks, 0.0, 101.0})
        points = [(_share_from(attacks, limit), 1 - _share_from(genuine, limit)) for limit in limits]
        accepted = sum(one.is_accepted for one in tries) / len(tries)
        refused = sum(not one.is_accepted for one in results[bona_fide]) / len(genuine)
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
