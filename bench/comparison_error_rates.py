"""Error rates of face comparison (ISO/IEC 19795-1) on a folder of labelled pictures.

Pairs come from CSV files with the columns path_a, path_b, same; their paths are relative to --media. Each file is
measured on its own, and again with all cross pairs of people where each folder is one person. Nothing is trained
or tuned here. Settings choose the models: BONAFIDE_MODELS_DIR, BONAFIDE_MODEL_OVERRIDE_<ID>.

    python bench/comparison_error_rates.py --out var/comparison.json --plot var/comparison.png
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from app.adapters.error_rate_plot import DetCurve, draw_det
from app.cli.calibrate import Progress
from app.cli.error_rate_text import (
    Json,
    fnmr_at_text,
    pairs_text,
    percent,
    rate_text,
    report_json,
    table_markdown,
    table_text,
    threshold_text,
)
from app.config import ConfigurationError, Settings
from app.domain.comparison import DEFAULT_THRESHOLD
from app.main.calibration import TemplateMaker, open_template_maker, picture_reader
from app.services.calibrate import (
    Enrolment,
    ErrorRateReport,
    RateRow,
    enrol,
    measure,
    score_pairs,
    table_thresholds,
)
from app.services.labelled_pairs import (
    Identities,
    IdentitySource,
    PairList,
    identities_of,
    person_of,
    read_pairs,
)

MEDIA = Path(__file__).resolve().parents[2] / "shared" / "media"
PEOPLE = "faces/lfw_deepfunneled"
PICTURES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff"})
SHOWN = 10


@dataclass(frozen=True)
class PairFile:
    """One file of labelled pairs. `cross` are the pictures to pair across people, None where that cannot be."""

    name: str
    pairs: PairList
    identities: Identities
    cross: tuple[str, ...] | None

    @property
    def paths(self) -> tuple[str, ...]:
        return tuple(sorted({*self.pairs.paths, *(self.cross or ())}))


@dataclass(frozen=True)
class Measured:
    """One set of pairs: `report` None where it could not be measured, and why."""

    name: str
    file: PairFile
    report: ErrorRateReport | None
    reason: str | None = None

    @property
    def paths(self) -> tuple[str, ...]:
        return self.file.pairs.paths if self.report is None or not self.report.sets.is_crossed else self.file.paths


def main(arguments: Sequence[str] | None = None) -> int:
    options = _options(arguments)
    files = [read_file(path, options.media, options.people) for path in _pair_files(options)]
    paths = sorted({path for file in files for path in file.paths})
    if not paths:
        problems = [f"{file.name}: {problem}" for file in files for problem in file.pairs.problems[:SHOWN]]
        print("\n".join([f"there are no pairs to measure in {options.media}", *problems]), file=sys.stderr)
        return 2
    try:
        settings = _settings(options)
        maker = open_template_maker(settings)
    except ConfigurationError as error:
        print(error, file=sys.stderr)
        return 2
    began = time.perf_counter()
    try:
        read = picture_reader(options.media, settings)
        enrolment = enrol(maker.core.create_template, read, paths, maker.threads, Progress("pictures").show)
    finally:
        maker.core.close()
    enrolled = time.perf_counter()
    sets = [measured for file in files for measured in measure_file(file, enrolment, maker)]
    seconds = (enrolled - began, time.perf_counter() - enrolled)
    show(maker, sets, enrolment, seconds, is_markdown=options.markdown)
    write(options, maker, sets, enrolment, seconds)
    return 0 if any(measured.report for measured in sets) else 1


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--media", type=Path, default=MEDIA, help="folder that paths are relative to")
    parser.add_argument("--pairs", type=Path, nargs="+", help="CSV files; all of <media>/pairs by default")
    parser.add_argument(
        "--people",
        help=f"folder below media, one folder a person; {PEOPLE} where pairs are of it, else the pairs'",
    )
    parser.add_argument("--recognizer", help="model id or .toml file; the settings' by default")
    parser.add_argument("--models", type=Path, help="folder of the model files; the settings' by default")
    parser.add_argument("--out", type=Path, help="write the report here as JSON")
    parser.add_argument("--plot", type=Path, help="write the DET plot here as PNG")
    parser.add_argument("--markdown", action="store_true", help="print tables as in docs/matching.md")
    options = parser.parse_args(arguments)
    if options.people and (Path(options.people).is_absolute() or ".." in Path(options.people).parts):
        parser.error("--people is a folder below --media")
    for path in filter(None, (options.out, options.plot)):
        path.parent.mkdir(parents=True, exist_ok=True)
    return options


def _pair_files(options: argparse.Namespace) -> Sequence[Path]:
    return options.pairs or sorted((options.media / "pairs").glob("*.csv"))


def _settings(options: argparse.Namespace) -> Settings:
    environ = dict(os.environ)
    if options.recognizer:
        environ["BONAFIDE_RECOGNIZER"] = options.recognizer
    if options.models:
        environ["BONAFIDE_MODELS_DIR"] = str(options.models)
    return Settings.from_env(environ)


def read_file(path: Path, media: Path, people: str | None) -> PairFile:
    """Pairs and who is in them. A file that cannot be read has no pairs, and says so."""
    try:
        pairs = read_pairs(path.read_bytes())
    except OSError as error:
        return PairFile(
            path.stem, PairList((), (f"{error.strerror}",), 0), Identities(IdentitySource.UNKNOWN, {}), None
        )
    if people is None and any(one.startswith(f"{PEOPLE}/") for one in pairs.paths):
        people = PEOPLE
    identities = identities_of(pairs.pairs, people)
    if identities.source is not IdentitySource.FOLDERS:
        return PairFile(path.stem, pairs, identities, None)
    found = {one: person_of(one, people) for one in (_pictures_below(media, people) if people else ())}
    names = {**found, **identities.names}
    return PairFile(path.stem, pairs, replace(identities, names=names), tuple(sorted(names)))


def _pictures_below(media: Path, people: str) -> Sequence[str]:
    """All pictures in the folders below `people`, by their paths below media."""
    root = media / people
    found = (path for path in root.rglob("*") if path.suffix.lower() in PICTURES and path.is_file())
    return sorted(path.relative_to(media).as_posix() for path in found if path.parent != root)


def measure_file(file: PairFile, enrolment: Enrolment, maker: TemplateMaker) -> Sequence[Measured]:
    """The labelled pairs alone, and the mated ones with all cross pairs of people."""
    sets = [_measure(file.name, file, enrolment, maker, is_crossed=False)]
    if file.cross is not None:
        sets.append(_measure(f"{file.name}, all cross pairs", file, enrolment, maker, is_crossed=True))
    return sets


def _measure(
    name: str, file: PairFile, enrolment: Enrolment, maker: TemplateMaker, *, is_crossed: bool
) -> Measured:
    cross = file.cross if is_crossed else None
    try:
        pairs = score_pairs(file.pairs.pairs, file.identities, enrolment, cross)
        return Measured(name, file, measure(pairs, table_thresholds(maker.calibration), maker.calibration))
    except ValueError as error:
        return Measured(name, file, None, str(error))


def show(
    maker: TemplateMaker,
    sets: Sequence[Measured],
    enrolment: Enrolment,
    seconds: tuple[float, float],
    *,
    is_markdown: bool,
) -> None:
    scale = maker.calibration.version if maker.calibration else "none: thresholds are cosines"
    print(f"Recognizer {maker.template_format}, scale {scale}")
    for measured in sets:
        print(f"\n## {measured.name}\n")
        for problem in measured.file.pairs.problems[:SHOWN]:
            print(f"left out: {problem}")
        if measured.report is None:
            print(f"not measured: {measured.reason}")
        else:
            _show_report(measured, measured.report, is_markdown=is_markdown)
    for what, pictures in (("failed to enrol", enrolment.failures), ("missing", enrolment.missing)):
        print(f"\n{len(pictures)} pictures {what}")
        for path, why in sorted(pictures.items())[:SHOWN]:
            print(f"  {path}: {why}")
    pictures_read = len(enrolment.templates) + len(enrolment.failures)
    print(
        f"\n{pictures_read} pictures in {seconds[0]:.1f} s with {maker.threads} threads: "
        f"{pictures_read / seconds[0]:.1f} a second; rates in {seconds[1]:.1f} s"
    )


def _show_report(measured: Measured, report: ErrorRateReport, *, is_markdown: bool) -> None:
    identities = measured.file.identities
    known = f"{_people_count(measured)} people, by {identities.source}" if identities.names else "people unknown"
    print(f"{len(measured.paths)} pictures of {known}; {pairs_text(report)}")
    print(table_markdown(report.rows, DEFAULT_THRESHOLD) if is_markdown else table_text(report.rows))
    row = _at_default(report)
    if row is not None:
        print(f"At {DEFAULT_THRESHOLD:g}: accuracy {row.accuracy:.4f}, FMR {rate_text(row.fmr)}")
    print(f"Best accuracy {report.best[0]:.4f}, at {threshold_text(report.best[1])} (chosen on these pairs)")
    print(f"AUC {report.auc:.5f}, equal error rate {percent(report.equal_error_rate)} %")
    for found in report.fnmr_at:
        print(fnmr_at_text(found))


def _people_count(measured: Measured) -> int:
    return len({measured.file.identities.names[path] for path in measured.paths})


def _at_default(report: ErrorRateReport) -> RateRow | None:
    return next((row for row in report.rows if row.threshold.score == DEFAULT_THRESHOLD), None)


def write(
    options: argparse.Namespace,
    maker: TemplateMaker,
    sets: Sequence[Measured],
    enrolment: Enrolment,
    seconds: tuple[float, float],
) -> None:
    """JSON and plot, where they are asked for."""
    if options.out:
        report = {
            "media": options.media.resolve().name,
            "recognizer": {"format": str(maker.template_format), "sha256": maker.recognizer_sha256},
            "detector": {"sha256": maker.detector_sha256},
            "calibration": maker.calibration.version if maker.calibration else None,
            "pictures": len(enrolment.templates) + len(enrolment.failures),
            "failures_to_enrol": dict(sorted(enrolment.failures.items())),
            "missing": dict(sorted(enrolment.missing.items())),
            "seconds": {"templates": round(seconds[0], 2), "rates": round(seconds[1], 2)},
            "threads": maker.threads,
            "sets": [_set_json(measured) for measured in sets],
        }
        options.out.write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    if options.plot:
        _draw(options.plot, maker, sets)


def _set_json(measured: Measured) -> Json:
    report, identities = measured.report, measured.file.identities
    found: Json = {
        "name": measured.name,
        "pictures": len(measured.paths),
        "people": _people_count(measured) if identities.names else None,
        "identities": identities.source,
        "repeated_lines": measured.file.pairs.repeated,
        "problems": list(measured.file.pairs.problems),
    }
    if report is None:
        return {**found, "not_measured": measured.reason}
    return {**found, **report_json(report)}


def _draw(path: Path, maker: TemplateMaker, sets: Sequence[Measured]) -> None:
    curves, counts = [], []
    for measured in sets:
        if measured.report is None:
            continue
        row = _at_default(measured.report)
        name = f"{measured.name}: threshold {DEFAULT_THRESHOLD:g}"
        marked = (row.fmr.share, row.fnmr.share, name) if row else None
        points = [(point.fmr, point.fnmr) for point in measured.report.det]
        curves.append(DetCurve(measured.name, points, marked))
        counts.append(f"{measured.name}: {pairs_text(measured.report)}")
    draw_det(path, f"Detection error trade-off, {maker.template_format.model_id}", curves, "\n".join(counts))


if __name__ == "__main__":
    sys.exit(main())
