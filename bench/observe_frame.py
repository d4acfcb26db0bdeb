"""What the server adds to decoding, landmarks and detectors: CPU time of a frame, whole sessions long.

Somebody does what is asked, ten frames a second on a virtual clock, through the server's own use cases, store and
models. Every frame's work is then done again by calling the same decoder, landmarker, networks and detectors one
after another, in the same process. Sessions take turns with these repetitions, so both meet the same machine; the
figures to look at are the ratios. CPU time is that of the whole process, MediaPipe's threads included.

    python -m bench.observe_frame --sessions 3 --out var/observe_frame.json
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np

from app.adapters.frame_signals import FrameSignalMeter
from app.adapters.images import Images
from app.domain.capture_phase import CapturePhase
from app.domain.challenge import Challenge
from app.domain.detection import WatchedFrame
from app.domain.detectors.attempt import new_watch
from app.domain.face import BgrImage, FaceBox
from app.domain.liveness import Neutral
from app.domain.verdict import ModelIdentity
from app.services.observe_frame import FrameHeader, FrameResult, ObserveFrame
from app.services.ports import PassivePad
from app.simulation.scene import Filmed, Person
from bench.pad.session import play
from bench.pad.studio import Studio
from bench.performer import CLIP, find_performer

RATIO_MAX = 1.18
Value = TypeVar("Value")
STAGES = ("decode", "landmarks", "signals", "detectors", "passive PAD")


@dataclass(frozen=True)
class Step:
    """One frame as the server met it: `boxes` are the crops that passive PAD was asked about."""

    data: bytes
    at_ms: int
    captured_at_ms: float
    phase: CapturePhase
    challenge: Challenge | None
    asked_ms: int | None
    neutral: Neutral | None
    boxes: Sequence[FaceBox]


@dataclass
class NotedPad:
    """The server's passive PAD, and what it was asked."""

    inner: PassivePad
    boxes: list[FaceBox] = field(default_factory=list)

    def score(self, image: BgrImage, box: FaceBox) -> Mapping[str, float]:
        self.boxes.append(box)
        return self.inner.score(image, box)

    def models(self) -> Sequence[ModelIdentity]:
        return self.inner.models()


@dataclass
class TimedObserve:
    """The server's use case with a watch in hand. Every frame that it took becomes a step."""

    inner: ObserveFrame
    pad: NotedPad
    steps: list[Step] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    wall: list[float] = field(default_factory=list)

    def __call__(self, hosted_session_id: str, page_id: str, header: FrameHeader, data: bytes) -> FrameResult:
        live = self.inner.live.get(hosted_session_id)
        assert live is not None
        run = live.run
        before = (run.phase, run.challenge, run.asked_ms, run.neutral)
        self.pad.boxes = []
        wall, cpu = time.perf_counter(), time.process_time()
        result = self.inner(hosted_session_id, page_id, header, data)
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        if result.refusal is None:
            at_ms = self.inner.clock.monotonic_ms()
            self.steps.append(Step(data, at_ms, header.captured_at_ms, *before, tuple(self.pad.boxes)))
            self.cpu.append(cpu)
            self.wall.append(wall)
        return result


class Direct:
    """The same work, called directly: `cpu` of each frame, and of each stage, in seconds."""

    def __init__(self, studio: Studio, pad: PassivePad) -> None:
        self._images, self._pool, self._signals, self._pad = Images(), studio.pool, FrameSignalMeter(), pad
        self.cpu: list[float] = []
        self.stages: dict[str, list[float]] = {name: [] for name in STAGES}

    def __call__(self, steps: Sequence[Step], until: float = float("inf")) -> int:
        """One session, or as much of it as there is time for; each attempt has a watch of its own. Frames done."""
        watch, last = new_watch(), steps[0]
        for done, step in enumerate(steps):
            if time.monotonic() >= until:
                return done
            if step.phase is CapturePhase.ALIGN and last.phase is not CapturePhase.ALIGN:
                watch = new_watch()
            last, began = step, time.process_time()
            image = self._timed("decode", lambda: _decode(step.data))  # noqa: B023 (called at once)
            seen = self._timed("landmarks", lambda: self._pool.observe(image))  # noqa: B023
            signals = self._timed("signals", lambda: self._signals.measure(image, step.data, seen))  # noqa: B023
            frame = WatchedFrame(
                at_ms=step.at_ms,
                captured_at_ms=step.captured_at_ms,
                phase=step.phase,
                challenge=step.challenge,
                asked_ms=step.asked_ms,
                neutral=step.neutral,
                observation=seen,
                signals=signals,
            )
            self._timed("detectors", lambda: watch.observe(frame))  # noqa: B023
            self._timed("passive PAD", lambda: [self._pad.score(image, box) for box in step.boxes])  # noqa: B023
            self.cpu.append(time.process_time() - began)
        return len(steps)

    def _timed(self, stage: str, work: Callable[[], Value]) -> Value:
        began = time.process_time()
        value = work()
        self.stages[stage].append(time.process_time() - began)
        return value


def main() -> int:
    options = _options()
    performance = find_performer(options.clip)
    studio = Studio("standard")
    try:
        observe, direct = install_watch(studio)
        per_session = []
        for number in range(options.sessions + 1):
            observe.steps, observe.cpu, observe.wall, direct.cpu = [], [], [], []
            caller = studio.organization()
            entity_id = studio.enrol(caller, performance.portrait)
            actor = Filmed(Person(performance, number), number)
            status = play(studio, caller, entity_id, performance.abilities_to_avoid(), actor).session
            if number == 0:
                direct.stages = {name: [] for name in STAGES}
                continue  # the first session warms up
            direct(observe.steps)
            per_session.append(_figures(observe, direct))
            print(f"session {number}: {status.status.value if status else 'no verdict'} {_line(per_session[-1])}")
    finally:
        studio.close()
    ratio, report = _report(per_session, direct)
    if options.out:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_text(json.dumps(report, indent=2), "utf-8")
    return 0 if ratio <= RATIO_MAX else 1


def install_watch(studio: Studio) -> tuple[TimedObserve, Direct]:
    """Put the watch into the server's use case; images and landmarks are its own, nothing is remembered."""
    wired = studio.capture.observe_frame
    pad = NotedPad(wired.pad)
    observe = TimedObserve(replace(wired, images=Images(), analyzer=studio.pool, pad=pad), pad)
    studio.capture = replace(studio.capture, observe_frame=observe)  # type: ignore[arg-type]
    return observe, Direct(studio, wired.pad)


def _decode(data: bytes) -> BgrImage:
    return np.asarray(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR), dtype=np.uint8)


def _figures(observe: TimedObserve, direct: Direct) -> dict[str, float]:
    frames = len(observe.cpu)
    return {
        "frames": frames,
        "observe_ms": 1_000 * sum(observe.cpu) / frames,
        "direct_ms": 1_000 * sum(direct.cpu) / frames,
        "ratio": sum(observe.cpu) / sum(direct.cpu),
        "observe_p50_ms": 1_000 * statistics.median(observe.cpu),
        "direct_p50_ms": 1_000 * statistics.median(direct.cpu),
        "wall_p50_ms": 1_000 * statistics.median(observe.wall),
        "wall_p95_ms": 1_000 * statistics.quantiles(observe.wall, n=20)[-1],
    }


def _line(found: Mapping[str, float]) -> str:
    return (
        f"{found['frames']:.0f} frames, CPU {found['observe_ms']:.2f} ms : {found['direct_ms']:.2f} ms direct"
        f" = {found['ratio']:.3f}; median {found['observe_p50_ms']:.2f} : {found['direct_p50_ms']:.2f};"
        f" takes {found['wall_p50_ms']:.1f} ms, p95 {found['wall_p95_ms']:.1f}"
    )


def _report(per_session: Sequence[Mapping[str, float]], direct: Direct) -> tuple[float, dict[str, object]]:
    frames = sum(one["frames"] for one in per_session)
    stages = {name: round(1_000 * sum(spent) / frames, 3) for name, spent in direct.stages.items()}
    ratio = statistics.median(one["ratio"] for one in per_session)
    print("direct, CPU ms a frame: " + ", ".join(f"{name} {spent:.2f}" for name, spent in stages.items()))
    print(f"ratio {ratio:.3f} (median of sessions; at most {RATIO_MAX}), load {os.getloadavg()[0]:.1f}")
    load = os.getloadavg()[0]
    return ratio, {"ratio": ratio, "stages_ms": stages, "load": load, "sessions": list(per_session)}


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--sessions", type=int, default=3, help="after one to warm up")
    parser.add_argument("--clip", type=Path, default=CLIP)
    parser.add_argument("--out", type=Path, help="where the figures go as JSON")
    return parser.parse_args()


if __name__ == "__main__":
    raise SystemExit(main())
