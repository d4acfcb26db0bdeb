"""How fast a worker delivers, and whether its memory stays flat: 20,000 deliveries to a receiver on this machine.

    python -m bench.outbox                                  # on SQLite and PostgreSQL
    python -m bench.outbox --number 2000 --stores sqlite --out var/outbox.json
    python -m bench.outbox --backlog 100000                 # sessions' own addresses at one dead host, all due
    python -m bench.outbox --backlog 100000 --refuses       # the host refuses connections, and does not hang

The baseline, in the same run, are bare POSTs by the same client with as many threads as one address may have
deliveries in flight: no store, the same body and headers. Worker, receiver and this program are processes of their
own. Beside the receiver that answers, another one hangs, and gets its events too (`--no-dead` leaves it out): what
it costs the good one is in the figures, and so is how late fresh events of a third receiver come meanwhile.

With `--backlog` nothing else is measured than that: every delivery of the backlog has an address of its own, as
sessions have them, all at one host that answers nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import httpx

from app.adapters.clock import SystemClock
from app.adapters.webhook_sender import HttpWebhookSender
from app.config import Settings
from app.domain.event import Event, EventName
from app.domain.organization import Organization
from app.domain.session import BiometricSession, SessionStatus
from app.domain.webhook import Delivery, WebhookEndpoint
from app.main import Infrastructure, ensure_demo_organization, open_infrastructure, prepare_store
from app.main.delivery import make_delivery
from app.services.ports import WebhookRequest
from bench.api import database
from bench.webhook_receiver import PROJECT, running_receiver
from tests.builders import Builder, decision
from tests.fakes import SeededRandomness
from tests.live_server import free_port
from tests.store_fixtures import LOCAL_SERVER

GOAL_PER_SECOND = 200
GOAL_GROWTH_MB = 10
GOAL_LATE_SECONDS = 2.0
BATCH = 500
DEAD_NUMBER = 200
"""Events for the receiver that hangs."""

BACKLOG_SECONDS = 40.0
"""Beside a backlog: longer than two attempts that hang."""

Figures = dict[str, float]


@dataclass(frozen=True)
class World:
    """A store with one organization, for this program."""

    infrastructure: Infrastructure
    organization: Organization
    build: Builder

    def endpoint(self, url: str) -> WebhookEndpoint:
        endpoint = self._unwritten_endpoint(url)
        with self.infrastructure.store.begin() as uow:
            uow.webhook_endpoints.add(endpoint)
            uow.commit()
        return endpoint

    def _unwritten_endpoint(self, url: str) -> WebhookEndpoint:
        now, organization_id = self.infrastructure.clock.now(), self.organization.organization_id
        new_id = self.infrastructure.randomness.object_id()
        return WebhookEndpoint(new_id, organization_id, True, url, ("*",), now, now)

    def post(self, endpoint: WebhookEndpoint, number: int) -> None:
        """So many events of sessions that were decided, each with one delivery that is due now."""
        self._post(number, lambda _: self._told(endpoint))

    def post_to_sessions(self, host: str, number: int) -> None:
        """The same, to an address each of its own."""

        def told(position: int) -> tuple[Event, Delivery]:
            event, delivery = self._told(self._unwritten_endpoint(f"{host}/own/{position}"))
            return event, replace(delivery, endpoint_id=None)

        self._post(number, told)

    def _post(self, number: int, told: Callable[[int], tuple[Event, Delivery]]) -> None:
        for begin in range(0, number, BATCH):
            with self.infrastructure.store.begin() as uow:
                for position in range(begin, min(begin + BATCH, number)):
                    event, delivery = told(position)
                    uow.events.add(event, [delivery])
                uow.commit()

    def _told(self, endpoint: WebhookEndpoint) -> tuple[Event, Delivery]:
        new_id, now = self.infrastructure.randomness.object_id, self.infrastructure.clock.now()
        entity = self.build.entity(self.organization)
        session: BiometricSession
        session, _ = self.build.session(
            entity, status=SessionStatus.APPROVED, completed_at=now, decision=decision(now)
        )
        event = Event(
            event_id=new_id(),
            organization_id=self.organization.organization_id,
            is_test=True,
            name=EventName.SESSION_APPROVED,
            object_id=session.session_id,
            at=now,
            entity=entity,
            session=session,
        )
        delivery = Delivery(
            delivery_id=new_id(),
            event_id=event.event_id,
            organization_id=event.organization_id,
            is_test=True,
            endpoint_id=endpoint.endpoint_id,
            url=endpoint.url,
            created_at=now,
            next_attempt_at=now,
        )
        return event, delivery


def main() -> None:
    options = _options()
    report: dict[str, object] = {"number": options.number, "cores": os.cpu_count()}
    report["load_before"] = os.getloadavg()[0]
    for name in options.stores:
        with tempfile.TemporaryDirectory() as folder, database(name, options.postgres) as url:
            if options.backlog:
                figures = beside_backlog(Path(folder), url, options.backlog, refuses=options.refuses)
            else:
                figures = measure(Path(folder), url, options.number, has_dead=not options.no_dead)
        report[name] = figures
        print(f"{name}\n" + "\n".join(_lines(figures)), flush=True)
    if options.out:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--number", type=int, default=20_000, help="deliveries")
    parser.add_argument("--stores", nargs="*", choices=["sqlite", "postgresql"], default=["sqlite", "postgresql"])
    parser.add_argument("--postgres", default=os.environ.get("BONAFIDE_TEST_POSTGRES_URL", LOCAL_SERVER))
    parser.add_argument("--backlog", type=int, help="measure lateness beside so many due at one dead host")
    parser.add_argument("--refuses", action="store_true", help="with --backlog: the dead host refuses connections")
    parser.add_argument("--no-dead", action="store_true", help="no receiver that hangs")
    parser.add_argument("--out", type=Path, help="write the report here as JSON")
    return parser.parse_args()


def measure(folder: Path, database_url: str | None, number: int, *, has_dead: bool) -> Figures:
    """All figures of one store."""
    environ = environment(folder, database_url)
    with ExitStack() as stack:
        world = stack.enter_context(opened(environ))
        urls = [stack.enter_context(running_receiver(free_port())) for _ in range(3)]
        good, fresh, bare = urls
        dead = stack.enter_context(running_receiver(free_port(), hang_seconds=60)) if has_dead else None
        figures = {"bare_per_second": bare_posts(environ, world, bare, min(number, 4_000))}
        if dead:
            world.post(world.endpoint(f"{dead}/hooks"), DEAD_NUMBER)
        world.post(world.endpoint(f"{good}/hooks"), number)
        late = world.endpoint(f"{fresh}/hooks")
        with running_worker(folder, environ) as process:
            figures |= watch(process, world, good, number, fresh, late)
    figures["part_of_bare"] = figures["per_second"] / figures["bare_per_second"]
    return figures


def beside_backlog(folder: Path, database_url: str | None, number: int, *, refuses: bool) -> Figures:
    """How late a healthy endpoint is told, and what it costs the worker, while so many are due at a dead host."""
    environ = environment(folder, database_url)
    with ExitStack() as stack:
        world = stack.enter_context(opened(environ))
        fresh = stack.enter_context(running_receiver(free_port()))
        dead = f"http://127.0.0.1:{free_port()}"
        if not refuses:
            dead = stack.enter_context(running_receiver(free_port(), hang_seconds=60))
        world.post_to_sessions(dead, number)
        endpoint = world.endpoint(f"{fresh}/hooks")
        process = stack.enter_context(running_worker(folder, environ))
        world.post(endpoint, 1)
        first = _wait_for_ids(fresh, 1)
        cpu, started = _cpu_seconds(process.pid), time.monotonic()
        lateness: list[float] = []
        while time.monotonic() < started + BACKLOG_SECONDS:
            lateness.append(_tell_and_wait(world, fresh, endpoint, len(lateness) + 2))
            time.sleep(0.3)
        cpu, seconds = _cpu_seconds(process.pid) - cpu, time.monotonic() - started
    return {
        "told": len(lateness),
        "first_with_start_s": first,
        "others_late_median_s": statistics.median(lateness),
        "others_late_max_s": max(lateness),
        "worker_cpu_part": cpu / seconds,
    }


def environment(folder: Path, database_url: str | None) -> dict[str, str]:
    """Of a development installation in this folder."""
    own = {"BONAFIDE_DATA_DIR": str(folder / "data")}
    return {**os.environ, **own, **({"BONAFIDE_DATABASE_URL": database_url} if database_url else {})}


@contextmanager
def opened(environ: Mapping[str, str]) -> Iterator[World]:
    """The store, migrated, with organization `demo`."""
    settings = Settings.from_env(environ, dev=True)
    prepare_store(settings)
    infrastructure = open_infrastructure(settings)
    try:
        yield World(infrastructure, ensure_demo_organization(infrastructure), Builder(SeededRandomness()))
    finally:
        infrastructure.store.close()


@contextmanager
def running_worker(folder: Path, environ: Mapping[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """`bonafide worker`, as it is started on a developer's machine."""
    with (folder / "worker.log").open("ab") as log:
        command = [sys.executable, "-m", "app", "worker", "--dev"]
        process = subprocess.Popen(command, cwd=PROJECT, env=dict(environ), stdout=log, stderr=log)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(15)


def bare_posts(environ: Mapping[str, str], world: World, url: str, number: int) -> float:
    """A second, by the same client: one signed request again and again."""
    settings = Settings.from_env(environ, dev=True)
    limits = settings.limits
    sender = HttpWebhookSender(
        clock=SystemClock(),
        timeout_seconds=limits.webhook_timeout_seconds,
        answer_max_bytes=limits.webhook_answer_max_bytes,
        is_development=True,
    )
    now = world.infrastructure.clock.now()
    endpoint = WebhookEndpoint("bare", world.organization.organization_id, True, f"{url}/hooks", (), now, now)
    event, delivery = world._told(endpoint)
    deliver = make_delivery(settings, world.infrastructure).deliverer._deliver
    body = deliver.bodies.body(replace(event, sequence=1))
    request = WebhookRequest(endpoint.url, deliver.signatures.headers(delivery, endpoint, body), body)
    with ThreadPoolExecutor(limits.webhook_concurrency_per_receiver) as threads:
        started = time.monotonic()
        outcomes = list(threads.map(lambda _: sender.send(request), range(number)))
        seconds = time.monotonic() - started
    sender.close()
    assert {outcome.status_code for outcome in outcomes} == {200}, outcomes[0]
    return number / seconds


def watch(
    process: subprocess.Popen[bytes], world: World, good: str, number: int, fresh: str, late: WebhookEndpoint
) -> Figures:
    """Until everything came. Once a second somebody else has an event: how late is it told?"""
    memory: list[tuple[int, int]] = []
    lateness: list[float] = []
    told = 0
    cpu: list[tuple[int, float]] = []
    deadline = time.monotonic() + 120 + number / 20
    while (counts := _counts(good))["ids"] < number:
        assert time.monotonic() < deadline, f"only {counts} came"
        assert process.poll() is None, "the worker ended"
        memory.append((int(counts["ids"]), _resident_bytes(process.pid)))
        if counts["ids"]:
            cpu.append((int(counts["ids"]), _cpu_seconds(process.pid)))
            told += 1
            lateness.append(_tell_and_wait(world, fresh, late, told))
        time.sleep(0.5)
    memory.append((number, _resident_bytes(process.pid)))
    cpu.append((number, _cpu_seconds(process.pid)))
    counts = _counts(good)
    under_way = [resident for ids, resident in memory if ids >= number // 4]
    return {
        "per_second": (number - 1) / (counts["last"] - counts["first"]),
        "worker_cpu_ms_each": 1_000 * (cpu[-1][1] - cpu[0][1]) / max(1, cpu[-1][0] - cpu[0][0]),
        "twice": counts["requests"] - counts["ids"],
        "rss_at_a_quarter_mb": under_way[0] / 1e6,
        "rss_at_the_end_mb": under_way[-1] / 1e6,
        "rss_growth_mb": (max(under_way) - under_way[0]) / 1e6,
        "others_late_median_s": statistics.median(lateness) if lateness else 0.0,
        "others_late_max_s": max(lateness, default=0.0),
    }


def _tell_and_wait(world: World, url: str, endpoint: WebhookEndpoint, number: int) -> float:
    """Seconds from the commit of one event to its request."""
    world.post(endpoint, 1)
    return _wait_for_ids(url, number)


def _wait_for_ids(url: str, number: int) -> float:
    """Seconds until so many came."""
    began = time.monotonic()
    while _counts(url)["ids"] < number:
        assert time.monotonic() < began + 60, "a fresh event did not come"
        time.sleep(0.01)
    return time.monotonic() - began


def _counts(url: str) -> dict[str, float]:
    found: dict[str, float] = httpx.get(f"{url}/counts", timeout=30).json()
    return found


def _resident_bytes(pid: int) -> int:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def _cpu_seconds(pid: int) -> float:
    """User and system time so far."""
    user, system = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def _lines(figures: Figures) -> Iterator[str]:
    yield "  " + "  ".join(f"{name} {value:,.4g}" for name, value in figures.items())
    is_met = (
        figures.get("per_second", GOAL_PER_SECOND) >= GOAL_PER_SECOND
        and figures.get("rss_growth_mb", 0.0) < GOAL_GROWTH_MB
        and figures["others_late_max_s"] < GOAL_LATE_SECONDS
    )
    yield (
        f"  goal: {GOAL_PER_SECOND} a second, growth under {GOAL_GROWTH_MB} MB, others less than"
        f" {GOAL_LATE_SECONDS:g} s late: {'met' if is_met else 'missed'}"
    )


if __name__ == "__main__":
    main()
