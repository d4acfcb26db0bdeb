"""Error rates of presentation attack detection (ISO/IEC 30107-3): APCER for each species, BPCER.

Every try is a session of its own through the server's use cases, with its models, store and matching core, at the
page's rate of frames on a virtual clock. Attacks get the session's attempts; in half of the tries the draw is
narrowed to what the attack can do. Who performs is found by measuring every clip below --media.

    python bench/pad_error_rates.py --out var/pad.json --plot var/pad.png
    python bench/pad_error_rates.py --minutes 20 --out var/pad.json
    python bench/pad_error_rates.py --species bona_fide tilted_print --tries 10 --people headpose_alaa tranvan_real

All of it, 60 tries a species, takes more than an hour on two cores. Species take turns, so --minutes, an
interrupt or a TERM signal leaves some of each: what has ended is reported and written.

Settings choose the models: BONAFIDE_MODELS_DIR, BONAFIDE_MODEL_OVERRIDE_<ID>.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import pickle
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing.context import SpawnContext
from pathlib import Path

import cv2

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.pad.people import Listed, clips_of, prepare
from bench.pad.report import SpeciesReport, as_json, line_of, people_lines, plot, report_on
from bench.pad.species import SPECIES
from bench.pad.studio import Studio, bench_settings
from bench.pad.trial import Material, Plan, Result, perform

MEDIA = Path(__file__).resolve().parents[2] / "shared" / "media"
PRINTS = "spoof/nuaa"
BONA_FIDE = "bona_fide"

_studio: Studio | None = None
_material = Material((), ())


def main(arguments: Sequence[str] | None = None) -> int:
    options = _options(arguments)
    began = time.perf_counter()
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory(prefix="bonafide-people-") as folder:
        people = _people(options, context, options.prepared or Path(folder))
        print(*people_lines(people), sep="\n", flush=True)
        material = Material(people, _prints(options.media))
        plans = list(_plans(options, material))
        prepared = time.perf_counter()
        with ProcessPoolExecutor(options.workers, context, _open_studio, (options.profile, material)) as workers:
            results = _play(workers, plans, options)
    reports = [_report(name, results) for name in options.species if any(one.species == name for one in results)]
    costs = _costs(results, prepared - began, time.perf_counter() - prepared)
    print(*(line_of(one) for one in reports), sep="\n")
    print(", ".join(f"{name} {value:g}" for name, value in costs.items()))
    _write(options, people, reports, results, costs)
    return 0 if reports else 1


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument(
        "--media", type=Path, default=MEDIA, help="folder with video, spoof/replay_video, spoof/nuaa"
    )
    parser.add_argument("--species", nargs="+", choices=list(SPECIES), default=list(SPECIES))
    parser.add_argument("--tries", type=int, default=60, help="of each species")
    parser.add_argument("--profile", choices=("standard", "strict"), default="standard")
    parser.add_argument("--people", nargs="+", help="only clips of these names, to be quick")
    parser.add_argument(
        "--prepared",
        type=Path,
        help="keep what was seen in the clips here, for the next run (delete it with the judges)",
    )
    parser.add_argument("--minutes", type=float, help="report what has ended after so long")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--out", type=Path, help="write everything here as JSON")
    parser.add_argument("--plot", type=Path, help="write the DET plot here as PNG")
    parser.add_argument("--verbose", action="store_true", help="print each try")
    options = parser.parse_args(arguments)
    for path in filter(None, (options.out, options.plot)):
        path.parent.mkdir(parents=True, exist_ok=True)
    return options


def _quiet() -> None:
    """Processes share the cores; MediaPipe speaks to standard error."""
    cv2.setNumThreads(1)
    os.environ["GLOG_minloglevel"] = "3"  # noqa: SIM112 (its own spelling)


def _open_studio(profile: str, material: Material) -> None:
    global _studio, _material
    _quiet()
    _studio, _material = Studio(profile), material


def _people(options: argparse.Namespace, context: SpawnContext, folder: Path) -> Sequence[Listed]:
    """Look at the clips, or take what another run has left in the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    kept = folder / "people.pickle"
    if not kept.exists():
        with ProcessPoolExecutor(options.workers, context, _quiet) as workers:
            kept.write_bytes(pickle.dumps(_prepare(workers, options, folder)))
    people: Sequence[Listed] = pickle.loads(kept.read_bytes())  # noqa: S301 (written by this program)
    return [one for one in people if not options.people or one.name in options.people]


def _prepare(workers: ProcessPoolExecutor, options: argparse.Namespace, folder: Path) -> Sequence[Listed]:
    chosen = [
        (clip, is_replay)
        for clip, is_replay in clips_of(options.media)
        if not options.people or clip.stem in options.people
    ]
    settings = bench_settings(folder)
    waiting = [workers.submit(prepare, settings, clip, is_replay, folder) for clip, is_replay in chosen]
    return [one for one in (future.result() for future in waiting) if one is not None]


def _prints(media: Path) -> Sequence[Path]:
    """Recordings of printed photographs: folders named `print`, one folder a recording."""
    found = sorted((media / PRINTS).rglob("print"))
    return [one for folder in found for one in sorted(folder.iterdir()) if any(one.glob("*.jpg"))]


def _plans(options: argparse.Namespace, material: Material) -> Iterator[Plan]:
    """By turns through the species, so that a run that is cut short has some of each."""
    for number in range(max(options.tries, len(material.prints))):
        for name in options.species:
            species = SPECIES[name]
            count = species.count(material) if species.count else options.tries
            if species.is_possible(material) and number < count:
                yield Plan(name, number, options.seed, is_narrow=species.is_bona_fide or number % 2 == 1)


def _play(workers: ProcessPoolExecutor, plans: Sequence[Plan], options: argparse.Namespace) -> Sequence[Result]:
    results: list[Result] = []
    waiting = [workers.submit(_try, plan) for plan in plans]
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        for future in as_completed(waiting, 60 * options.minutes if options.minutes else None):
            results.append(future.result())
            if options.verbose:
                _print_try(results[-1])
    except (TimeoutError, KeyboardInterrupt):
        workers.shutdown(wait=False, cancel_futures=True)
        print(f"cut short: {len(results)} of {len(plans)} tries", flush=True)
    return sorted(results, key=lambda one: (one.species, one.number))


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


def _try(plan: Plan) -> Result:
    assert _studio is not None
    return perform(_studio, _material, SPECIES[plan.species], plan)


def _report(name: str, results: Sequence[Result]) -> SpeciesReport:
    return report_on(
        name, [one for one in results if one.species == name], is_bona_fide=SPECIES[name].is_bona_fide
    )


def _costs(results: Sequence[Result], preparing: float, playing: float) -> dict[str, float]:
    frames, cpu = sum(one.frames for one in results), sum(one.cpu_seconds for one in results)
    return {
        "preparing_seconds": round(preparing, 1),
        "playing_seconds": round(playing, 1),
        "cpu_seconds": round(cpu, 1),
        "frames": frames,
        "cpu_ms_a_frame": round(1_000 * cpu / frames, 2) if frames else 0.0,
    }


def _write(
    options: argparse.Namespace,
    people: Sequence[Listed],
    reports: Sequence[SpeciesReport],
    results: Sequence[Result],
    costs: dict[str, float],
) -> None:
    if options.out:
        said = {
            "tries": options.tries,
            "profile": options.profile,
            "seed": options.seed,
            "species": options.species,
        }
        options.out.write_text(
            json.dumps(as_json(said, people, reports, results, costs), indent=2) + "\n", "utf-8"
        )
    if options.plot:
        by_species = {name: [one for one in results if one.species == name] for name in options.species}
        caption = f"{len(results)} sessions, profile {options.profile}, seed {options.seed}"
        plot(options.plot, by_species, BONA_FIDE, caption)


if __name__ == "__main__":
    raise SystemExit(main())
