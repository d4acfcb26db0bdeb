"""Error rates of presentation attack detection (ISO/IEC 30107-3): APCER for each species, BPCER.

Every try is a session of its own through the server's use cases, with its models, store and matching core, at the
page's rate of frames on a virtual clock. Attacks get the session's attempts; in half of the tries the draw is
narrowed to what the attack can do. Who performs is found by measuring every clip below --media.

    python bench/pad_error_rates.py --out var/pad.json --plot var/pad.png
    python bench/pad_error_rates.py --minutes 20 --out var/pad.json
    python bench/pad_error_rates.py --species bona_fide tilted_print --tries 10 --people headpose_alaa tranvan_real

All of it, 60 tries a species, takes more than an hour on two cores. Species take turns, so --minutes, an
interrupt or a TERM signal leaves some of each: what has ended is reported and written, and --out is written
anew every now and then meanwhile. A try that goes wrong counts as not played, and is named on standard error.

Settings choose the models: BONAFIDE_MODELS_DIR, BONAFIDE_MODEL_OVERRIDE_<ID>.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from app.domain.verdict import ModelIdentity
from app.main.models import LoadedModels, load_models
from bench.pad.casting import Cast, cast, quiet
from bench.pad.people import prints_of, said
from bench.pad.playing import Ended, leave_signals_to_parent, play_all
from bench.pad.report import SpeciesReport, as_json, line_of, models_lines, people_lines, plot, report_on
from bench.pad.species import SPECIES
from bench.pad.studio import Studio, bench_settings
from bench.pad.trial import ERROR, Material, Plan, Result, failed, perform, plans_of

MEDIA = Path(__file__).resolve().parents[2] / "shared" / "media"
BONA_FIDE = "bona_fide"
WRITE_EVERY_SECONDS = 60.0
"""How much of a run may be lost with the machine."""

_studio: Studio | None = None
_material = Material((), ())


@dataclass
class Run:
    """What is known before the first try, and what all reports of the run need."""

    options: argparse.Namespace
    models: Sequence[ModelIdentity]
    found: Cast
    material: Material
    preparing_seconds: float
    began: float = field(default_factory=time.perf_counter)
    written: float = field(default_factory=time.perf_counter)

    def told(self, results: Sequence[Result]) -> None:
        """A try has ended, the last of these."""
        latest = results[-1]
        if latest.status == ERROR:
            print(f"{latest.species} {latest.number} not played: {latest.message}", file=sys.stderr, flush=True)
        if self.options.verbose:
            _print_try(latest)
        if self.options.out and time.perf_counter() - self.written >= WRITE_EVERY_SECONDS:
            self.written = time.perf_counter()
            self.write(Ended(results, "not at its end"))

    def reports(self, results: Sequence[Result]) -> Sequence[SpeciesReport]:
        """Every species that was chosen, with results or without."""
        return [_report(name, results, self.material) for name in self.options.species]

    def costs(self, results: Sequence[Result]) -> dict[str, float]:
        frames, cpu = sum(one.frames for one in results), sum(one.cpu_seconds for one in results)
        return {
            "preparing_seconds": round(self.preparing_seconds, 1),
            "playing_seconds": round(time.perf_counter() - self.began, 1),
            "cpu_seconds": round(cpu, 1),
            "frames": frames,
            "cpu_ms_a_frame": round(1_000 * cpu / frames, 2) if frames else 0.0,
        }

    def write(self, ended: Ended) -> None:
        """The JSON, whole or as it was before."""
        options, results = self.options, ended.results
        said_of_run = {
            "tries": options.tries,
            "profile": options.profile,
            "seed": options.seed,
            "species": options.species,
            "people": options.people,
            "cut_short": ended.cut,
        }
        report = as_json(said_of_run, self.models, self.found, self.reports(results), results, self.costs(results))
        unfinished = options.out.with_name(f"{options.out.name}.part")
        unfinished.write_text(json.dumps(report, indent=2) + "\n", "utf-8")
        unfinished.replace(options.out)

    def draw(self, results: Sequence[Result]) -> None:
        """The plot."""
        options = self.options
        by_species = {name: [one for one in results if one.species == name] for name in options.species}
        caption = f"{len(results)} sessions, profile {options.profile}, seed {options.seed}"
        plot(options.plot, by_species, BONA_FIDE, caption)


def main(arguments: Sequence[str] | None = None) -> int:
    options = _options(arguments)
    context = multiprocessing.get_context("spawn")
    for one in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(one, signal.default_int_handler)
    with tempfile.TemporaryDirectory(prefix="bonafide-people-") as folder:
        models = load_models(bench_settings(Path(folder)))
        identities = _identities(models)
        print(*models_lines(identities, models.all_missing, options.profile), sep="\n", flush=True)
        if models.required_missing:
            print(f"nothing works without {', '.join(models.required_missing)}", file=sys.stderr)
            return 2
        began = time.perf_counter()
        found = cast(options.media, options.people, options.prepared or Path(folder), options.workers, context)
        print(*people_lines(found), sep="\n", flush=True)
        material = Material(found.people, prints_of(options.media))
        run = Run(options, identities, found, material, time.perf_counter() - began)
        chosen = [SPECIES[name] for name in options.species]
        plans = list(plans_of(chosen, material, options.tries, options.seed))
        workers = ProcessPoolExecutor(options.workers, context, _open_studio, (options.profile, material))
        try:
            seconds = 60 * options.minutes if options.minutes else None
            ended = play_all(workers, _try, plans, seconds=seconds, on_end=run.told)
        finally:
            workers.shutdown(wait=False, cancel_futures=True)
        return _conclude(run, ended, len(plans))


def _conclude(run: Run, ended: Ended, planned: int) -> int:
    """Written first: whoever reads the lines may have gone."""
    options, results = run.options, ended.results
    is_written = not options.out or _is_done(str(options.out), lambda: run.write(ended))
    reports = run.reports(results)
    if ended.cut:
        print(f"cut short, {ended.cut}: {len(results)} of {planned} tries", flush=True)
    print(*(line_of(one) for one in reports), sep="\n")
    print(", ".join(f"{name} {value:g}" for name, value in run.costs(results).items()), flush=True)
    is_drawn = not options.plot or _is_done(str(options.plot), lambda: run.draw(results))
    return 0 if is_written and is_drawn and any(one.rate is not None for one in reports) else 1


def _is_done(what: str, do: Callable[[], None]) -> bool:
    """A report that fails must not take the others with it."""
    try:
        do()
    except Exception as error:  # noqa: BLE001 (named, and the exit status says so)
        print(f"{what} was not written: {said(error)}", file=sys.stderr)
        return False
    return True


def _identities(models: LoadedModels) -> Sequence[ModelIdentity]:
    return [models.identity(model.model_id) for model in models.files.manifest]


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument(
        "--media", type=Path, default=MEDIA, help="folder with video, spoof/replay_video, spoof/nuaa"
    )
    parser.add_argument("--species", nargs="+", choices=list(SPECIES), default=list(SPECIES))
    parser.add_argument("--tries", type=int, default=60, help="of each species")
    parser.add_argument("--profile", choices=("standard", "strict"), default="standard")
    parser.add_argument("--people", nargs="+", help="only clips of these names, or paths below --media")
    parser.add_argument(
        "--prepared",
        type=Path,
        help="keep what was seen in the clips here, for the next run on them (delete it with the judges)",
    )
    parser.add_argument("--minutes", type=float, help="report what has ended after so long")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--out", type=Path, help="write everything here as JSON")
    parser.add_argument("--plot", type=Path, help="write the DET plot here as PNG")
    parser.add_argument("--verbose", action="store_true", help="print each try")
    options = parser.parse_args(arguments)
    if not options.media.is_dir():
        parser.error(f"{options.media} is no folder")
    options.species = list(dict.fromkeys(options.species))
    for path in filter(None, (options.out, options.plot)):
        path.parent.mkdir(parents=True, exist_ok=True)
    return options


def _open_studio(profile: str, material: Material) -> None:
    global _studio, _material
    leave_signals_to_parent()
    quiet()
    _studio, _material = Studio(profile), material


def _try(plan: Plan) -> Result:
    assert _studio is not None
    try:
        return perform(_studio, _material, SPECIES[plan.species], plan)
    except Exception as error:  # noqa: BLE001 (here, since not every exception can be sent to another process)
        return failed(plan, error)


def _print_try(result: Result) -> None:
    print(
        result.species,
        result.number,
        result.person,
        result.status,
        *result.stopped_by,
        f"asked {result.asked}",
        f"failed {result.failures}",
        f"{result.seconds} s",
        f"{result.cpu_seconds} s CPU",
        dict(result.detectors),
        flush=True,
    )


def _report(name: str, results: Sequence[Result], material: Material) -> SpeciesReport:
    species = SPECIES[name]
    return report_on(
        name,
        [one for one in results if one.species == name],
        is_bona_fide=species.is_bona_fide,
        not_possible="" if species.is_possible(material) else species.lack,
    )


if __name__ == "__main__":
    raise SystemExit(main())
