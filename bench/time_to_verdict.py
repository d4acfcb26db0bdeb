"""How long a session takes a person who reacts 600 ms after each prompt: from the camera's start to the verdict.

A real server and its real socket. The person is a clip, played so fast that a movement takes as long as those of
the people in the labelled clips: --movement-seconds, there and back. Sessions ask what the clip shows: of fewer
kinds more challenges are asked, so that guessing stays as hard. The time with the default number is that of the
same session up to so many challenges, and of its end.

    python -m bench.time_to_verdict --sessions 5 --out var/time_to_verdict.json
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import httpx

from app.domain.challenge import ChallengeKind, number_of_challenges
from app.simulation.camera import Camera, decode
from app.simulation.performance import Performance
from bench.concurrent_sessions import Site
from bench.live_page import Seen
from bench.performer import CLIP, find_performer
from tests.live_server import Api, running_server

GOAL_SECONDS = 12.0
REACTION_MS = 600.0
MOVEMENT_SECONDS = 1.7
"""Median of the 27 turns and looks in bench/labels/dev_movements.csv, from begin to end."""

DEFAULT_NUMBER = number_of_challenges(len(ChallengeKind))


@dataclass(frozen=True)
class Session:
    """Seconds from the camera's start to each passed challenge, and to the verdict."""

    outcome: str
    passes: tuple[float, ...]
    seconds: float

    @property
    def with_default_number(self) -> float:
        """As if no more had been asked: what comes after the last challenge comes after this one."""
        return self.passes[min(DEFAULT_NUMBER, len(self.passes)) - 1] + self.seconds - self.passes[-1]


async def play(site: Site, sessions: int) -> tuple[list[Session], Seen]:
    """One after another, after one to warm up."""
    seen, played = Seen(), []
    for number in range(sessions + 1):
        seen = Seen() if number == 0 else seen
        page = replace(
            site.page(site.new_sessions(1)[0], seen, number + 1),
            reaction_ms=REACTION_MS,
            film=filmed_by(Camera(number)),
        )
        outcome = await page.play()
        if number == 0:
            seen = Seen()
            continue
        played.append(Session(outcome, tuple(page.passes), seen.durations[-1]))
        print(f"{outcome}: {played[-1].seconds:.1f} s, {len(page.passes)} challenges passed", flush=True)
    return played, seen


def filmed_by(camera: Camera) -> Callable[[bytes, float], bytes]:
    """No two pictures of a camera are the same file."""
    return lambda frame, at_ms: camera.take(decode(frame), at_ms)


async def measure(performance: Performance, sessions: int) -> tuple[list[Session], Seen]:
    """On a server of its own."""
    with tempfile.TemporaryDirectory(prefix="bonafide-bench-") as folder, running_server(Path(folder)) as server:
        api = Api(server.url, server.demo_key())
        async with httpx.AsyncClient(timeout=30) as http:
            found = await play(Site(server, api, performance, http), sessions)
        api.close()
    return found


def main() -> int:
    options = _options()
    performance = find_performer(options.clip)
    frames = statistics.median(len(frames) for frames in performance.movements.values())
    performance = replace(performance, frames_per_second=frames / options.movement_seconds)
    played, seen = asyncio.run(measure(performance, options.sessions))
    report = {
        "median, s": statistics.median(one.seconds for one in played),
        f"median with {DEFAULT_NUMBER} challenges, s": statistics.median(
            one.with_default_number for one in played
        ),
        "challenges": statistics.median(len(one.passes) for one in played),
        "prompt to pass, s": statistics.median(seen.challenges),
        "of that the movement itself, s": options.movement_seconds,
        "last challenge to verdict, s": statistics.median(seen.verdicts),
        "frames a second": len(seen.ages) / sum(seen.durations),
        "load of the machine": os.getloadavg()[0],
    }
    for name, value in report.items():
        print(f"{name:36} {value:8.2f}")
    if options.out:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_text(json.dumps(report, indent=2), "utf-8")
    return int(report[f"median with {DEFAULT_NUMBER} challenges, s"] > GOAL_SECONDS)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--sessions", type=int, default=5, help="after one to warm up")
    parser.add_argument("--movement-seconds", type=float, default=MOVEMENT_SECONDS)
    parser.add_argument("--clip", type=Path, default=CLIP)
    parser.add_argument("--out", type=Path, help="where the figures go as JSON")
    return parser.parse_args()


if __name__ == "__main__":
    raise SystemExit(main())
