"""How many sessions at once: a real server, and pages that send frames as the page does.

What is compared with is measured in the same run, before and after: the same decoder, landmarker, networks and
detectors called directly, in a process for each core. Frames are counted against the core time that was there for
them: what the frames' processes used, and what stood idle. So the load generator, and whoever else is on the
machine, are counted apart.

    python -m bench.concurrent_sessions --out var/concurrent_sessions.json
    python -m bench.concurrent_sessions --parts memory row --in-row 500
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from app.simulation.performance import Performance
from bench.direct_rate import DirectRate
from bench.live_page import Gone, LivePage, Seen
from bench.machine import CoreTime, core_time
from bench.performer import CLIP, as_sent, find_performer
from tests.live_server import Api, LiveServer, running_server

CORES = len(os.sched_getaffinity(0))
WANTED_FPS = 10
WARM_UP_SECONDS = 6.0
PARTS = ("saturated", "half", "memory", "row")
COMPARED = {"saturated", "half"}
"""Parts that need the direct rate."""

SHORT = ["head_turn", "look"]
Report = dict[str, Any]

GOALS = {
    "share of the direct rate": (">=", 0.85),
    "CPU a frame, × direct": ("<=", 1.18),
    "p95 frame to answer at half load, ms": ("<=", 150.0),
    "p95 frame age at 2 × capacity, ms": ("<=", 500.0),
    "memory at 2 × capacity, MB grown": ("<=", 10.0),
    "p95 last challenge to verdict, ms": ("<=", 700.0),
    "a live session, MB": ("<=", 10.0),
    "an idle page, kB": ("<=", 200.0),
    "sessions in a row, MB grown": ("<=", 50.0),
}


@dataclass
class Site:
    """The server under load, and who plays before it."""

    server: LiveServer
    api: Api
    performance: Performance
    http: httpx.AsyncClient
    pages: int = 0
    consent: str = ""
    figures: Report = field(default_factory=dict)

    def new_sessions(self, count: int, avoid: Sequence[str] = ()) -> list[str]:
        """Links of new sessions, each of a person of its own."""
        avoided = sorted({*self.performance.abilities_to_avoid(), *avoid})
        made = []
        for _ in range(count):
            entity_id = self.api.enrol("Somebody", self.performance.portrait)
            made.append(str(self.api.open_session(entity_id, accessibility={"avoid": avoided})["sessionUrl"]))
        if not self.consent:
            self.consent = consent_version(made[0])
        return made

    def page(self, session_url: str, seen: Seen, seed: int) -> LivePage:
        return LivePage(session_url, self.performance, self.consent, seen, self._post, seed)

    async def _post(self, session_url: str, ticket: str, still: bytes) -> Any:  # noqa: ANN401 (JSON)
        address = urlsplit(session_url)
        headers = {"Authorization": f"Ticket {ticket}", "Content-Type": "image/jpeg"}
        sent = await self.http.post(f"{address.scheme}://{address.netloc}/capture", content=still, headers=headers)
        return sent.json()

    def used(self) -> CoreTime:
        return core_time([self.server.process.pid])

    def megabytes(self) -> float:
        return self.server.memory_bytes() / 1e6


def consent_version(session_url: str) -> str:
    """Version of the consent text, from the page that shows it."""
    boot = httpx.get(session_url).text.split('id="boot"', 1)[1].split(">", 1)[1].split("</script>", 1)[0]
    return str(json.loads(boot)["consent"]["version"])


@asynccontextmanager
async def crowd(site: Site, links: list[str], count: int, seen: Seen) -> AsyncIterator[list[LivePage]]:
    """So many pages at once; where one ends, the next link takes its place."""
    waiting, pages = iter(enumerate(links)), []

    async def one_after_another() -> None:
        for number, link in waiting:
            page = site.page(link, seen, number)
            pages.append(page)
            with suppress(Gone, asyncio.TimeoutError, OSError):
                await page.play()

    players = [asyncio.create_task(one_after_another()) for _ in range(count)]
    try:
        yield pages
    finally:
        for player in players:
            player.cancel()
        await asyncio.gather(*players, return_exceptions=True)
        for page in pages:
            page.close()
        await asyncio.sleep(1.0)


async def load(site: Site, count: int, seconds: float) -> tuple[Seen, CoreTime, list[float]]:
    """What so many pages see in so many seconds, what the cores did, and the server's memory meanwhile."""
    seen, links, memory = Seen(), site.new_sessions(3 * count), []
    async with crowd(site, links, count, seen):
        await asyncio.sleep(WARM_UP_SECONDS)
        before = site.used()
        while time.monotonic() < before.at + seconds:
            await asyncio.sleep(0.5)
            memory.append(site.megabytes())
        after = site.used()
    seen.ages = [(at, age) for at, age in seen.ages if before.at <= at < after.at]
    return seen, after.since(before), memory


async def saturated(site: Site, direct: DirectRate, seconds: float) -> None:
    """Twice as many pages as the cores bear: the rate, the CPU of a frame, the age of frames, memory."""
    first = direct.measure(seconds / 2)
    count = site.pages or max(2, round(2 * first.frames / first.seconds / WANTED_FPS))
    seen, used, memory = await load(site, count, seconds)
    last = direct.measure(seconds / 2)
    frames, third = len(seen.ages), max(1, len(memory) // 3)
    rates = [one.frames / (one.cpu + one.idle) for one in (first, last)]
    costs = [one.cpu / one.frames for one in (first, last)]
    ages = seen.ages_ms()
    site.figures |= {
        "direct, frames a second": [round(one.frames / one.seconds, 1) for one in (first, last)],
        "direct, CPU ms a frame": [round(1_000 * cost, 2) for cost in costs],
        "pages": count,
        "frames a second": frames / used.at,
        "server, CPU ms a frame": 1_000 * used.family / frames,
        "load generator, cores": used.own / used.at,
        "others, cores": CORES - (used.family + used.own + used.idle) / used.at,
        "share of the direct rate": (frames / (used.family + used.idle)) / statistics.mean(rates),
        "CPU a frame, × direct": used.family / frames / statistics.mean(costs),
        "p50 frame age at 2 × capacity, ms": statistics.median(ages),
        "p95 frame age at 2 × capacity, ms": percentile(ages, 95),
        "memory at 2 × capacity, MB grown": statistics.mean(memory[-third:]) - statistics.mean(memory[:third]),
        "refused at 2 × capacity": dict(seen.refusals),
    }
    show(site)


async def half(site: Site, direct: DirectRate, seconds: float) -> None:
    """Half as many pages as the cores bear."""
    rate = direct.measure(seconds / 4)
    count = max(1, site.pages // 4) if site.pages else max(1, round(rate.frames / rate.seconds / WANTED_FPS / 2))
    seen, used, _ = await load(site, count, 2 * seconds)
    site.figures |= {
        "pages at half load": count,
        "frames a second of each, half load": len(seen.ages) / used.at / count,
        "p50 frame to answer at half load, ms": statistics.median(seen.ages_ms()),
        "p95 frame to answer at half load, ms": percentile(seen.ages_ms(), 95),
        "load generator at half load, cores": used.own / used.at,
        "others at half load, cores": CORES - (used.family + used.own + used.idle) / used.at,
    }
    if seen.verdicts:
        verdicts = [1_000 * one for one in seen.verdicts]
        site.figures |= {
            "verdicts": len(verdicts),
            "p50 last challenge to verdict, ms": statistics.median(verdicts),
            "p95 last challenge to verdict, ms": percentile(verdicts, 95),
            "outcomes at half load": dict(seen.outcomes),
        }
    show(site)


async def memory(site: Site, _direct: DirectRate, _seconds: float) -> None:
    """What a page at the consent adds, and one that sends frames."""
    seen = Seen()
    await all_of(pages_of(site, 2 * CORES, seen))
    before, idle = site.megabytes(), pages_of(site, 100, seen)
    await asyncio.gather(*(page.open() for page in idle))
    await asyncio.sleep(2.0)
    site.figures["an idle page, kB"] = 1_000 * (site.megabytes() - before) / len(idle)
    for page in idle:
        page.close()
    await asyncio.sleep(3.0)
    count, links = 8, site.new_sessions(8)
    before, highest = site.megabytes(), 0.0
    async with crowd(site, links, count, seen):
        for _ in range(40):
            await asyncio.sleep(0.5)
            highest = max(highest, site.megabytes())
    site.figures |= {"live sessions": count, "a live session, MB": (highest - before) / count}
    show(site)


async def all_of(pages: Sequence[LivePage]) -> int:
    """Play them at once, each to its end, good or bad; how many they were."""
    await asyncio.gather(*(page.play() for page in pages), return_exceptions=True)
    return len(pages)


def pages_of(site: Site, count: int, seen: Seen) -> list[LivePage]:
    return [site.page(link, seen, number) for number, link in enumerate(site.new_sessions(count, SHORT[1:]))]


def row_of(in_row: int, at_once: int) -> Callable[[Site, DirectRate, float], Awaitable[None]]:
    async def row(site: Site, _direct: DirectRate, _seconds: float) -> None:
        """Sessions one after another, from the create to the verdict; two challenges each, to be quick."""
        seen, warm = Seen(), Seen()
        await all_of(pages_of(site, 2 * at_once, warm))
        before, found, played = site.megabytes(), [], 0
        while played < in_row:
            played += await all_of(pages_of(site, min(at_once, in_row - played), seen))
            found.append(round(site.megabytes() - before, 1))
            print(f"{played} sessions, {found[-1]:.1f} MB grown", flush=True)
        site.figures |= {
            "sessions in a row": played,
            "of them to a verdict": len(seen.durations),
            "sessions in a row, MB grown": found[-1],
            "grown by tenths, MB": found[:: max(1, len(found) // 10)],
            "outcomes in a row": dict(seen.outcomes),
            "p95 last challenge to verdict in a row, ms": percentile([1_000 * one for one in seen.verdicts], 95),
        }
        show(site)

    return row


def percentile(values: Sequence[float], share: int) -> float:
    return statistics.quantiles(values, n=100, method="inclusive")[share - 1] if len(values) > 1 else values[0]


def show(site: Site) -> None:
    for name, value in site.figures.items():
        shown = f"{value:.2f}" if isinstance(value, float) else str(value)
        print(f"{name:46} {shown:>12} {verdict(name, value)}", flush=True)
    print(f"{'load of the machine':46} {os.getloadavg()[0]:>12.1f}\n", flush=True)


def verdict(name: str, value: object) -> str:
    if name not in GOALS or not isinstance(value, float):
        return ""
    sense, goal = GOALS[name]
    return f"{'ok' if (value <= goal if sense == '<=' else value >= goal) else 'MISSED'} ({sense} {goal:g})"


def main() -> int:
    options = _options()
    cores = CORES if COMPARED & set(options.parts) else 0
    found = find_performer(options.clip)
    performance = as_sent(found)
    parts: dict[str, Callable[[Site, DirectRate, float], Awaitable[None]]] = {
        "saturated": saturated,
        "half": half,
        "memory": memory,
        "row": row_of(options.in_row, options.at_once),
    }
    with (
        tempfile.TemporaryDirectory(prefix="bonafide-bench-") as folder,
        DirectRate(found, cores) as direct,
    ):
        figures: Report = {}
        for part in options.parts:
            place = Path(folder) / part
            place.mkdir()
            with running_server(place, {"BONAFIDE_MAX_CAPTURE_SOCKETS": "512"}) as server:
                figures |= asyncio.run(
                    _part(server, performance, parts[part], direct, options.seconds, options.pages)
                )
    if options.out:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_text(json.dumps(figures, indent=2), "utf-8")
    return int(any(verdict(name, value).startswith("MISSED") for name, value in figures.items()))


async def _part(
    server: LiveServer,
    performance: Performance,
    part: Callable[[Site, DirectRate, float], Awaitable[None]],
    direct: DirectRate,
    seconds: float,
    pages: int,
) -> Report:
    """A server of its own for each part: what one leaves behind is not the next one's."""
    api = Api(server.url, server.demo_key())
    async with httpx.AsyncClient(timeout=30) as http:
        site = Site(server, api, performance, http, pages)
        await part(site, direct, seconds)
    api.close()
    return site.figures


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--seconds", type=float, default=30.0, help="of load")
    parser.add_argument("--pages", type=int, default=0, help="twice the capacity; by default as it is found")
    parser.add_argument("--in-row", type=int, default=500)
    parser.add_argument("--at-once", type=int, default=2 * CORES, help="of those in a row")
    parser.add_argument("--clip", type=Path, default=CLIP)
    parser.add_argument("--out", type=Path, help="where the figures go as JSON")
    return parser.parse_args()


if __name__ == "__main__":
    raise SystemExit(main())
