"""What `bonafide calibrate` found: on the screen, and as files in a folder."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from app.adapters.error_rate_plot import DetCurve, draw_det
from app.cli.error_rate_text import (
    Json,
    fnmr_at_text,
    percent,
    recommendation_json,
    recommendation_text,
    report_json,
    table_csv,
    table_text,
    threshold_text,
)
from app.domain.calibration_fit import FittedCalibration, as_toml, pairs_needed
from app.domain.comparison import Calibration
from app.main.calibration import TemplateMaker
from app.services.calibrate import Enrolment, ErrorRateReport, Recommendation
from app.services.labelled_pairs import Identities, IdentitySource, PairList


@dataclass(frozen=True)
class Calibrated:
    """All that a run found: `fitted` is a scale made here, for a recognizer that has none."""

    maker: TemplateMaker
    pairs_name: str
    pairs: PairList
    identities: Identities
    enrolment: Enrolment
    fitted: FittedCalibration | None
    report: ErrorRateReport
    recommendation: Recommendation

    @property
    def scale(self) -> Calibration | None:
        """The recognizer's own, else the one made here."""
        return self.maker.calibration or (self.fitted.calibration if self.fitted else None)

    @property
    def people_count(self) -> int:
        """0 where nobody knows."""
        return len(set(self.identities.names.values()))


def print_report(found: Calibrated) -> None:
    """To standard output."""
    report, failures = found.report, found.enrolment.failures
    click.echo(f"Recognizer {found.maker.template_format}, {_scale_text(found)}")
    click.echo(_counts_text(found) + "\n")
    click.echo(table_text(report.rows) + "\n")
    click.echo(f"AUC {report.auc:.5f}, equal error rate {percent(report.equal_error_rate)} %")
    click.echo(f"Best accuracy {report.best[0]:.4f}, at {threshold_text(report.best[1])} (chosen on these pairs)")
    for one in report.fnmr_at:
        click.echo(fnmr_at_text(one))
    click.echo(recommendation_text(found.recommendation))
    click.echo(f"Failed to enrol: {len(failures)} of {len(found.pairs.paths)} pictures")
    for path, why in sorted(failures.items()):
        click.echo(f"  {path}: {why}")


def write_report(out: Path, found: Calibrated) -> Sequence[str]:
    """Names of the files written into the folder, which exists. OSError where it cannot be written."""
    report = {**_subject(found), **report_json(found.report)}
    report["recommended"] = recommendation_json(found.recommendation)
    (out / "table.csv").write_text(table_csv(found.report.rows), "utf-8")
    (out / "report.json").write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n", "utf-8")
    _draw(out / "det.png", found)
    if found.fitted is None:
        return "table.csv", "report.json", "det.png"
    (out / "calibration.toml").write_text(_toml(found, found.fitted), "utf-8")
    return "table.csv", "report.json", "det.png", "calibration.toml"


def _counts_text(found: Calibrated) -> str:
    sets, identities = found.report.sets, found.identities
    people = f"{found.people_count} people" if identities.names else "unknown people"
    how = {
        IdentitySource.FOLDERS: "one folder a person",
        IdentitySource.LABELS: f"by the labels: {identities.reason}",
        IdentitySource.UNKNOWN: "the labels contradict each other; intervals take pairs for independent",
    }
    kind = "non-mated cross pairs" if sets.is_crossed else "non-mated pairs"
    repeated = f"; {found.pairs.repeated} repeated lines count once" if found.pairs.repeated else ""
    return (
        f"{len(found.pairs.paths)} pictures of {people} ({how[identities.source]}), "
        f"{len(sets.mated)} mated and {len(sets.non_mated)} {kind}{repeated}"
    )


def _scale_text(found: Calibrated) -> str:
    if found.maker.calibration is not None:
        return f"scale {found.maker.calibration.version}"
    if found.fitted is None:
        return f"no scale: it takes {pairs_needed()} non-mated pairs or more to make one"
    return (
        f"no scale; made {found.fitted.calibration.version} from these pairs, "
        f"measured up to a score of {found.fitted.measured_to}, extended above"
    )


def _subject(found: Calibrated) -> Json:
    """What was measured, and on what."""
    return {
        "pairs_file": found.pairs_name,
        "recognizer": {"format": str(found.maker.template_format), "sha256": found.maker.recognizer_sha256},
        "detector": {"sha256": found.maker.detector_sha256},
        "calibration": None if found.scale is None else found.scale.version,
        "calibration_made_from_these_pairs": found.fitted is not None,
        "calibration_measured_to": None if found.fitted is None else found.fitted.measured_to,
        "pictures": len(found.pairs.paths),
        "people": found.people_count or None,
        "identities": found.identities.source,
        "repeated_lines": found.pairs.repeated,
        "failures_to_enrol": dict(sorted(found.enrolment.failures.items())),
    }


def _toml(found: Calibrated, fitted: FittedCalibration) -> str:
    lines = (
        f"# From {len(found.report.sets.non_mated)} non-mated pairs of {found.pairs_name!r}.",
        f"# Measured up to a score of {fitted.measured_to}, extended above.",
        "# Put this table at the end of the recognizer's TOML file.",
        as_toml(fitted.calibration),
    )
    return "\n".join(lines)


def _draw(path: Path, found: Calibrated) -> None:
    sets, chosen = found.report.sets, found.recommendation.row
    marked = None
    if chosen is not None:
        name = f"recommended threshold {threshold_text(chosen.threshold)}"
        marked = (chosen.fmr.share, chosen.fnmr.share, name)
    points = [(point.fmr, point.fnmr) for point in found.report.det]
    caption = (
        f"{found.pairs_name}: {len(sets.mated)} mated and {len(sets.non_mated)} non-mated pairs, "
        f"{len(found.enrolment.failures)} pictures failed to enrol"
    )
    curve = DetCurve(found.maker.template_format.model_id, points, marked)
    draw_det(path, "Detection error trade-off", [curve], caption)
