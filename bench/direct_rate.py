"""The rate that the cores could have: decoder, landmarker, networks and detectors, called directly."""

from __future__ import annotations

import multiprocessing
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Self

from app.simulation.performance import Performance
from app.simulation.scene import Filmed, Person
from bench.machine import core_time
from bench.observe_frame import install_watch
from bench.pad.session import play
from bench.pad.studio import Studio

READY_SECONDS = 300


@dataclass(frozen=True)
class Measured:
    """Of all processes together; `idle` is what the machine's cores did not do meanwhile."""

    frames: int
    seconds: float
    cpu: float
    idle: float


class DirectRate:
    """A process for each core, ready to work; they sleep until they are asked."""

    def __init__(self, performance: Performance, cores: int) -> None:
        context = multiprocessing.get_context("spawn")
        self._workers = []
        for _ in range(cores):
            ours, theirs = context.Pipe()
            process = context.Process(target=_work, args=(theirs, performance), daemon=True)
            process.start()
            self._workers.append((process, ours))
        for _, pipe in self._workers:
            assert pipe.poll(READY_SECONDS), "a worker does not come up"
            pipe.recv()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        for process, pipe in self._workers:
            pipe.send(0.0)
            process.join()

    def measure(self, seconds: float) -> Measured:
        """All cores for so long."""
        for _, pipe in self._workers:
            pipe.send(seconds)
        for _, pipe in self._workers:
            pipe.recv()  # it has begun
        before = core_time([])
        done = [pipe.recv() for _, pipe in self._workers]
        idle = core_time([]).since(before).idle
        frames, cpu = (sum(one[place] for one in done) for place in (0, 1))
        return Measured(frames, max(one[2] for one in done), cpu, idle)


def _work(pipe: Connection, performance: Performance) -> None:
    """Play one session through the server's use cases, then do its frames' work again for as long as is asked."""
    studio = Studio("standard")
    try:
        observe, direct = install_watch(studio)
        caller = studio.organization()
        entity_id = studio.enrol(caller, performance.portrait)
        play(studio, caller, entity_id, performance.abilities_to_avoid(), Filmed(Person(performance, 1), 1))
        pipe.send("ready")
        while (seconds := pipe.recv()) > 0:
            pipe.send("begun")
            began, cpu, frames = time.monotonic(), time.process_time(), 0
            while time.monotonic() < began + seconds:
                frames += direct(observe.steps, began + seconds)
            pipe.send((frames, time.process_time() - cpu, time.monotonic() - began))
    finally:
        studio.close()
