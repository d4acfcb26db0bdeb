"""Do checks starve live frames? Frames are judged on a schedule, alone and while callers keep the core saturated.

Two sessions send eight frames a second each (640×480 JPEG, decoded and observed as in production). A frame's age
is the time from when it was due to when it was judged, so that waiting counts. All conditions run in turn, in
several rounds of one run, so that they meet the same machine; the figures to look at are the ratios.

    python -m bench.checks_and_frames --seconds 10 --rounds 3 --out var/checks_and_frames.json
"""

from __future__ import annotations

import argparse
import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from app.adapters.images import Images
from app.adapters.mediapipe_landmarker import LandmarkerPool
from app.adapters.photometry import measure_face
from app.adapters.yunet_detector import YunetDetector
from app.domain.errors import MatchingUnavailable
from app.matching import workers as workers_module
from app.matching.embedded import EmbeddedMatchingCore, Recognizer
from app.matching.workers import NICENESS, Workers
from tests.models_fixture import calibration_of, model_path, real_encoder
from tests.portrait import close_up, jpeg

SESSIONS, FRAMES_PER_SECOND = 2, 8
WAITING = 16
CORES = os.cpu_count() or 1

PORTRAITS = [jpeg(close_up(width, width * 3 // 4)) for width in (640, 640, 640, 1280, 3000)]
"""What checks look like: mostly small, some from a telephone."""


@dataclass(frozen=True)
class Condition:
    """`threads` of the core, 0 for no checks at all."""

    name: str
    threads: int
    niceness: int = NICENESS


CONDITIONS = (
    Condition("frames alone", 0),
    Condition("saturated, niceness", CORES),
    Condition("saturated, no niceness", CORES, 0),
    Condition("saturated, niceness, one thread", 1),
)


@dataclass
class Seen:
    """Milliseconds of every frame, and how many checks were done in how many seconds."""

    ages_ms: list[float] = field(default_factory=list)
    works_ms: list[float] = field(default_factory=list)
    checks: int = 0
    seconds: float = 0.0


def main() -> None:
    options = _options()
    images, landmarkers = Images(), LandmarkerPool(model_path("face_landmarker"), CORES)
    frame = jpeg(close_up(640, 480), 80)
    seen = {condition.name: Seen() for condition in CONDITIONS}
    _judge_frames(lambda: landmarkers.observe(images.read_frame(frame)), 2.0, Seen())
    for _ in range(options.rounds):
        for condition in CONDITIONS:
            with _saturated(condition, seen[condition.name]):
                work = lambda: landmarkers.observe(images.read_frame(frame))  # noqa: E731
                _judge_frames(work, options.seconds, seen[condition.name])
    landmarkers.close()
    report = _report(seen)
    if options.out:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_text(json.dumps(report, indent=2), "utf-8")


def _judge_frames(judge: Callable[[], object], seconds: float, seen: Seen) -> None:
    """Every session judges its frames when they are due; one that is late does not move the next."""
    begin = time.perf_counter() + 0.2

    def session(number: int) -> None:
        period = 1 / FRAMES_PER_SECOND
        for index in range(int(seconds * FRAMES_PER_SECOND)):
            due = begin + (index + number / SESSIONS) * period
            time.sleep(max(0.0, due - time.perf_counter()))
            started = time.perf_counter()
            judge()
            ended = time.perf_counter()
            seen.ages_ms.append((ended - due) * 1000)
            seen.works_ms.append((ended - started) * 1000)

    threads = [threading.Thread(target=session, args=(number,)) for number in range(SESSIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@contextmanager
def _saturated(condition: Condition, seen: Seen) -> Iterator[None]:
    """As many callers as the core lets in, each asking again at once."""
    if condition.threads == 0:
        yield
        return
    workers_module.NICENESS = condition.niceness
    core = EmbeddedMatchingCore(
        Images(),
        YunetDetector(model_path("yunet")),
        Recognizer(real_encoder(), calibration_of("sface")),
        measure_face,
        [],
        Workers(condition.threads, WAITING),
    )
    stopped, done, lock = threading.Event(), 0, threading.Lock()

    def ask(number: int) -> None:
        nonlocal done
        while not stopped.is_set():
            try:
                core.create_template(PORTRAITS[number % len(PORTRAITS)])
            except MatchingUnavailable:
                time.sleep(0.01)
                continue
            number += 1
            with lock:
                done += 1

    callers = [threading.Thread(target=ask, args=(number,)) for number in range(condition.threads + WAITING)]
    started = time.perf_counter()
    for caller in callers:
        caller.start()
    try:
        yield
    finally:
        seen.checks += done
        seen.seconds += time.perf_counter() - started
        stopped.set()
        for caller in callers:
            caller.join()
        core.close()
        workers_module.NICENESS = NICENESS


def _report(seen: dict[str, Seen]) -> dict[str, dict[str, float]]:
    alone = _figures(seen[CONDITIONS[0].name])
    report = {}
    print(f"{'':34} {'age p50':>9} {'age p95':>9} {'work p95':>9} {'p50 ×':>6} {'p95 ×':>6} {'checks/s':>9}")
    for name, one in seen.items():
        figures = _figures(one)
        figures |= {
            "p50_ratio": figures["age_p50_ms"] / alone["age_p50_ms"],
            "p95_ratio": figures["age_p95_ms"] / alone["age_p95_ms"],
            "checks_per_second": one.checks / one.seconds if one.seconds else 0.0,
        }
        report[name] = figures
        print(
            f"{name:34} {figures['age_p50_ms']:9.1f} {figures['age_p95_ms']:9.1f} {figures['work_p95_ms']:9.1f}"
            f" {figures['p50_ratio']:6.2f} {figures['p95_ratio']:6.2f} {figures['checks_per_second']:9.1f}"
        )
    return report


def _figures(seen: Seen) -> dict[str, float]:
    return {
        "age_p50_ms": float(np.percentile(seen.ages_ms, 50)),
        "age_p95_ms": float(np.percentile(seen.ages_ms, 95)),
        "work_p95_ms": float(np.percentile(seen.works_ms, 95)),
    }


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=10.0, help="of each condition in each round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path, help="where the figures go as JSON")
    return parser.parse_args()


if __name__ == "__main__":
    main()
