"""`bonafide calibrate`: error rates and a threshold from an operator's own labelled pairs; a scale if need be."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import click

from app.cli.calibration_report import Calibrated, print_report, write_report
from app.cli.settings import read_settings
from app.config import ConfigurationError, Settings
from app.domain.calibration_fit import fit_calibration
from app.domain.errors import MatchingUnavailable
from app.main.calibration import TemplateMaker, open_template_maker, picture_reader
from app.services.calibrate import (
    Enrolment,
    PairSets,
    enrol,
    measure,
    recommend,
    score_pairs,
    table_thresholds,
)
from app.services.labelled_pairs import Identities, IdentitySource, PairList, identities_of, read_pairs

SHOWN_PROBLEMS = 10
PROGRESS_EVERY = 200


@click.command("calibrate")
@click.argument("pairs_file", metavar="PAIRS.csv", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--media",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder that the paths in the file are relative to.  [default: the file's own]",
)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("calibration"),
    show_default=True,
    help="Folder for table.csv, report.json, det.png and, without a scale, calibration.toml.",
)
@click.option(
    "--target-fmr",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    default=0.001,
    show_default=True,
    help="False match rate that the recommended threshold must keep, with 95 % certainty.",
)
@click.option(
    "--cross/--no-cross",
    default=None,
    help="Add all pairs of pictures of different people.  [default: where each folder is one person]",
)
def command(pairs_file: Path, media: Path | None, out: Path, target_fmr: float, cross: bool | None) -> None:
    """Measure error rates on labelled pairs of pictures, and recommend a threshold.

    PAIRS.csv has the columns path_a, path_b and same (1: one person, 0: two people). The recognizer is the one of
    BONAFIDE_RECOGNIZER; one without a scale gets one. The pictures stay where they are, and nothing is stored.
    """
    settings = read_settings()
    folder = media if media is not None else pairs_file.parent
    pairs = _read(pairs_file, folder)
    identities = identities_of(pairs.pairs)
    is_crossed = _decide_cross(pairs, identities, cross)
    maker = _open(settings, out)
    enrolment = _enrol(maker, pairs, folder, settings)
    sets = score_pairs(pairs.pairs, identities, enrolment, pairs.paths if is_crossed else None)
    found = _calibrated(maker, pairs_file.name, (pairs, identities, enrolment), sets, target_fmr)
    print_report(found)
    try:
        written = write_report(out, found)
    except OSError as error:
        raise click.ClickException(f"{out} cannot be written: {error.strerror}") from error
    click.echo(f"Written to {out}: {', '.join(written)}")


class Progress:
    """How far the work is, on standard error: one line that is written over on a terminal, else now and then."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._is_terminal = sys.stderr.isatty()

    def show(self, done: int, total: int) -> None:
        if self._is_terminal:
            click.echo(f"\r\x1b[K{done} of {total} {self._what}", nl=done == total, err=True)
        elif done == total or done % PROGRESS_EVERY == 0:
            click.echo(f"{done} of {total} {self._what}", err=True)


def _read(file: Path, folder: Path) -> PairList:
    """The pairs, all of them usable. `click.ClickException` naming the lines that are not."""
    try:
        pairs = read_pairs(file.read_bytes())
    except OSError as error:
        raise click.ClickException(f"{file} cannot be read: {error.strerror}") from error
    missing = []
    for pair in pairs.pairs:
        missing += [
            f"line {pair.line}: {path} is missing"
            for path in (pair.path_a, pair.path_b)
            if not (folder / path).is_file()
        ]
    _refuse([*pairs.problems, *missing], f"{file.name} cannot be used")
    return pairs


def _refuse(problems: Sequence[str], what: str) -> None:
    if problems:
        more = len(problems) - SHOWN_PROBLEMS
        lines = [*problems[:SHOWN_PROBLEMS], *([f"… and {more} more"] if more > 0 else [])]
        raise click.ClickException(f"{what}:\n  " + "\n  ".join(lines))


def _decide_cross(pairs: PairList, identities: Identities, wanted: bool | None) -> bool:
    """Whether cross pairs are made. `click.ClickException` where they cannot be, or a kind of pair is missing."""
    is_possible = identities.source is IdentitySource.FOLDERS and len(set(identities.names.values())) > 1
    if wanted and not is_possible:
        why = identities.reason or "all pictures lie in one folder"
        raise click.ClickException(f"--cross needs two people or more and one folder a person: {why}")
    is_crossed = is_possible if wanted is None else wanted
    if not any(pair.is_mated for pair in pairs.pairs):
        raise click.ClickException("the file has no mated pair (same = 1)")
    if not is_crossed and all(pair.is_mated for pair in pairs.pairs):
        raise click.ClickException("the file has no pair of two people (same = 0)")
    return is_crossed


def _open(settings: Settings, out: Path) -> TemplateMaker:
    """The models; and the folder for the results, before minutes of work and not after."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        return open_template_maker(settings)
    except OSError as error:
        raise click.ClickException(f"{out} cannot be written: {error.strerror}") from error
    except ConfigurationError as error:
        raise click.ClickException("\n  ".join(error.problems)) from error


def _enrol(maker: TemplateMaker, pairs: PairList, folder: Path, settings: Settings) -> Enrolment:
    """Templates of all pictures. `click.ClickException` where a file cannot be read after all."""
    read = picture_reader(folder, settings)
    show = Progress("pictures").show
    try:
        enrolment = enrol(maker.core.create_template, read, pairs.paths, maker.threads, show)
    except MatchingUnavailable as error:
        raise click.ClickException(str(error)) from error
    finally:
        maker.core.close()
    _refuse([f"{path}: {why}" for path, why in enrolment.missing.items()], "pictures cannot be read")
    return enrolment


def _calibrated(
    maker: TemplateMaker,
    pairs_name: str,
    given: tuple[PairList, Identities, Enrolment],
    sets: PairSets,
    target_fmr: float,
) -> Calibrated:
    """The rates on the recognizer's scale; on one made from the pairs, or on cosines, where it has none."""
    fitted, scale = None, maker.calibration
    if scale is None:
        name = f"{maker.template_format.model_id}-{Path(pairs_name).stem}"
        fitted = fit_calibration(name, sets.non_mated.cosines)
        scale = fitted.calibration if fitted else None
    report = measure(sets, table_thresholds(scale), scale)
    return Calibrated(maker, pairs_name, *given, fitted, report, recommend(sets, scale, target_fmr))
