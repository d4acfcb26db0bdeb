"""The kill test of the outbox: servers and workers die at random, and afterwards every outcome has arrived.

    python -m bench.kill_outbox                              # 200 lives on SQLite and on PostgreSQL
    python -m bench.kill_outbox --lives 20 --stores sqlite --seed 7

A life is a server (`bonafide serve --dev`) and a worker (`bonafide worker --dev`) over the store of all lives, and
10 sessions that are opened over the API and brought to an end: cancelled, approved and rejected over the API,
expired and abandoned by whichever of the two notices first. At random moments both get SIGKILL. What this program
does to the store itself is only what a test cannot wait for: it puts a session under review, or moves its times
back; every terminal status is written by a process that may die over it. The receiver always answers 200.

At the end a last worker drains the outbox, waiting for the leases of the dead. Then, for every session with a
terminal status: it has one terminal event and one audit entry of that status, the event came to the endpoint and
to the session's own address at least once, always under the one `webhook-id`, and the status is the one that any
API answer gave before.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import itertools
import json
import multiprocessing
import os
import random
import signal
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import timedelta
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import httpx

from app.config import Settings
from app.domain.event import PER_REQUEST_EVENTS, SESSION_EVENTS, Event
from app.domain.session import BiometricSession, SessionStatus
from app.domain.webhook import DeliveryStatus
from app.main.infrastructure import development_key, make_blob_store
from app.services.end_session import begin_session
from app.services.enrolment import PORTRAIT, address_of
from app.services.outbox_store import DeliveryFilter
from app.services.store import SessionFilter
from bench.api import database
from bench.outbox import World, environment, opened, running_worker
from bench.webhook_receiver import running_receiver
from tests.builders import PORTRAIT_BYTES, decision
from tests.live_server import NO_RATES, free_port
from tests.store_fixtures import LOCAL_SERVER

SESSIONS_PER_LIFE = 10
SPAN_SECONDS = 1.5
"""A server dies within that time after it answers first; its sessions take about as long."""

START_SECONDS = 60.0
LEASE_SECONDS = 75
DRAIN_SECONDS = LEASE_SECONDS + 60.0
SESSIONS = "/api/kyc/biometric/sessions"
ENDS = ("cancel", "approve", "reject", "expire", "abandon")
PAST = timedelta(days=2)
PAGE = 1_000

Figures = dict[str, float]


@dataclass
class Lives:
    """What all lives have in common. `answered` are terminal statuses that the API named, by session."""

    world: World
    settings: Settings
    environ: Mapping[str, str]
    folder: Path
    receiver: str
    chance: random.Random
    answered: dict[str, str] = field(default_factory=dict)
    opened: int = 0
    contradictions: int = 0

    def answer(self, session: Mapping[str, object]) -> None:
        """Remember a terminal status; a later one that differs is a contradiction."""
        status, session_id = str(session["status"]), str(session["id"])
        if SessionStatus(status).is_terminal and self.answered.setdefault(session_id, status) != status:
            self.contradictions += 1


def main() -> None:
    options = _options()
    report: dict[str, object] = {"lives": options.lives, "seed": options.seed, "cores": os.cpu_count()}
    is_good = True
    for name in options.stores:
        with tempfile.TemporaryDirectory() as folder, database(name, options.postgres) as url:
            figures, troubles = run(Path(folder), url, options.lives, options.seed)
        report[name] = figures | {"troubles": troubles}
        print(f"{name}\n  " + "  ".join(f"{what} {value:g}" for what, value in figures.items()), flush=True)
        print(
            "\n".join(f"  TROUBLE {trouble}" for trouble in troubles) or "  nothing lost, nothing changed",
            flush=True,
        )
        is_good = is_good and not troubles
    if options.out:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    sys.exit(0 if is_good else 1)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--lives", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--stores", nargs="*", choices=["sqlite", "postgresql"], default=["sqlite", "postgresql"])
    parser.add_argument("--postgres", default=os.environ.get("BONAFIDE_TEST_POSTGRES_URL", LOCAL_SERVER))
    parser.add_argument("--out", type=Path, help="write the report here as JSON")
    return parser.parse_args()


def run(folder: Path, database_url: str | None, lives: int, seed: int) -> tuple[Figures, Sequence[str]]:
    """All lives over one store; figures, and whatever is not as it must be."""
    own = {
        "BONAFIDE_MODELS_DIR": str(folder / "no-models"),
        "BONAFIDE_WEBHOOK_LEASE_SECONDS": str(LEASE_SECONDS),
        "BONAFIDE_LOG_LEVEL": "warning",
    }
    environ = {**environment(folder, database_url), **NO_RATES, **own}
    started = time.monotonic()
    with ExitStack() as stack:
        world = stack.enter_context(opened(environ))
        receiver = stack.enter_context(running_receiver(free_port()))
        world.endpoint(f"{receiver}/endpoint")
        chance = random.Random(seed)  # noqa: S311 (reproducible on purpose)
        all_lives = Lives(world, Settings.from_env(environ, dev=True), environ, folder, receiver, chance)
        deaths: Counter[str] = Counter()
        for _ in range(lives):
            deaths[live(all_lives)] += 1
        seconds = time.monotonic() - started
        pending = _pending(world)
        with running_worker(folder, environ):
            left = _drain(world)
        told = httpx.get(f"{receiver}/told", timeout=30).text.splitlines()
        figures, troubles = judge(all_lives, told)
    figures |= {"pending_before_drain": pending, "seconds": seconds, **deaths}
    return figures, [*troubles, *([f"{left} deliveries are still pending"] if left else [])]


def live(lives: Lives) -> str:
    """One server and one worker, and what their deaths met with."""
    port, new_process = free_port(), multiprocessing.get_context("forkserver").Process
    ids = [_enrol(lives) for _ in range(SESSIONS_PER_LIFE)]
    log = str(lives.folder / "lives.log")
    server = new_process(target=_serve, args=(dict(lives.environ), log, ["serve", "--dev", "--port", str(port)]))
    worker = new_process(target=_serve, args=(dict(lives.environ), log, ["worker", "--dev"]))
    for process in (server, worker):
        process.start()
    client = httpx.Client(
        base_url=f"http://127.0.0.1:{port}",
        headers={"Authorization": f"Bearer {development_key(lives.settings)}"},
        timeout=30,
    )
    try:
        _wait_until_served(client, server)
        deadlines = {server: lives.chance.uniform(0, SPAN_SECONDS), worker: lives.chance.uniform(0, SPAN_SECONDS)}
        killers = [threading.Timer(seconds, _kill, [process]) for process, seconds in deadlines.items()]
        for killer in killers:
            killer.start()
        plans = list(zip(ids, itertools.cycle(ENDS), strict=False))
        lives.chance.shuffle(plans)
        with ThreadPoolExecutor(4) as threads:
            done = list(threads.map(lambda plan: _bring_to_its_end(lives, client, *plan), plans))
        for killer in killers:
            killer.join()
    finally:
        client.close()
        for process in (server, worker):
            _kill(process)
    return "lives_with_all_ended" if all(done) else "lives_cut_off"


def _serve(environ: Mapping[str, str], log: str, arguments: Sequence[str]) -> None:
    """In a process of its own, with a group of its own: a command as the console has it."""
    os.setsid()
    os.environ.clear()
    os.environ.update(environ)
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(output, 1)
    os.dup2(output, 2)
    importlib.import_module("app.cli").cli(arguments)


def _kill(process: ForkServerProcess) -> None:
    """SIGKILL for it and what it has started; safe to repeat."""
    if process.is_alive() and process.pid:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.join()


def _wait_until_served(client: httpx.Client, server: ForkServerProcess) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        with contextlib.suppress(httpx.TransportError):
            if client.get("/livez").status_code == 200:
                return
        assert server.is_alive(), "the server did not start"
        assert time.monotonic() < deadline, "the server does not answer"
        time.sleep(0.02)


def _enrol(lives: Lives) -> str:
    """An entity that sessions can be opened for; its id."""
    infrastructure = lives.world.infrastructure
    entity = replace(
        lives.world.build.entity(lives.world.organization), entity_id=infrastructure.randomness.object_id()
    )
    blobs = make_blob_store(lives.settings, infrastructure)
    validation = lives.world.build.validation(entity, validation_id=infrastructure.randomness.object_id())
    portrait_id = blobs.put(address_of(validation, PORTRAIT), PORTRAIT_BYTES)
    with infrastructure.store.begin() as uow:
        uow.entities.add(entity)
        uow.validations.add(replace(validation, portrait_blob_id=portrait_id))
        uow.commit()
    return entity.entity_id


def _bring_to_its_end(lives: Lives, client: httpx.Client, entity_id: str, end: str) -> bool:
    """Open a session and end it, as far as the server lives; whether it got there."""
    try:
        body = {"entityId": entity_id, "webhookUrl": f"{lives.receiver}/own"}
        created = client.post(SESSIONS, json=body)
        assert created.status_code == 201, created.text
        session_id = created.json()["id"]
        lives.opened += 1
        _prepare(lives.world, session_id, end)
        if end in ("expire", "abandon"):
            ended = client.get(f"{SESSIONS}/{session_id}")
        else:
            reason = {} if end == "cancel" else {"json": {"reason": "looked at by a person"}}
            ended = client.post(f"{SESSIONS}/{session_id}/{end}", **reason)  # type: ignore[arg-type]
        assert ended.status_code == 200, ended.text
    except httpx.TransportError:
        return False
    lives.answer(ended.json())
    return True


def _prepare(world: World, session_id: str, end: str) -> None:
    """What a test cannot wait for, or sit before a camera for. Nothing of it is terminal."""
    if end == "cancel":
        return
    randomness, now = world.infrastructure.randomness, world.infrastructure.clock.now()
    with world.infrastructure.store.begin() as uow:
        session = uow.sessions.get(world.organization.organization_id, True, session_id)
        assert session is not None
        if end == "expire":
            assert uow.sessions.swap(SessionStatus.PENDING, replace(session, expires_at=now - PAST))
        else:
            begun = begin_session(uow, randomness, session, now - PAST if end == "abandon" else now)
            assert begun is not None
            if end != "abandon":
                reviewed = replace(begun, is_in_review=True, decision=decision(now))
                assert uow.sessions.swap(SessionStatus.IN_PROGRESS, reviewed)
        uow.commit()


def _pending(world: World) -> int:
    with world.infrastructure.store.read() as uow:
        wanted = DeliveryFilter(world.organization.organization_id, True, status=DeliveryStatus.PENDING)
        return uow.deliveries.page(wanted, 1, 0)[1]


def _drain(world: World) -> int:
    """How many are pending when nothing comes any more."""
    deadline = time.monotonic() + DRAIN_SECONDS
    while (left := _pending(world)) and time.monotonic() < deadline:
        time.sleep(0.5)
    return left


def judge(lives: Lives, told: Sequence[str]) -> tuple[Figures, Sequence[str]]:
    """Compare what the store holds with what came, and with what the API had answered."""
    came: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    paths: defaultdict[str, set[str]] = defaultdict(set)
    for line in told:
        message_id, _, name, object_id, status, path = line.split()
        came[object_id, name].add(message_id)
        paths[message_id].add(f"{path} {status}")
    sessions = [session for session in _sessions(lives.world) if session.status.is_terminal]
    ends = _ends(lives.world)
    audited = _audited(lives.world)
    troubles = []
    for session in sessions:
        name, event_ids = SESSION_EVENTS[session.status], ends.get(session.session_id, [])
        if event_ids != [(name, event_ids[0][1])] if event_ids else True:
            troubles.append(f"{session.session_id} is {session.status} with the events {event_ids}")
            continue
        message_id = event_ids[0][1]
        wanted = {f"/endpoint {session.status.value}"}
        wanted |= {f"/own {session.status.value}"} if name in PER_REQUEST_EVENTS else set()
        if came[session.session_id, name] != {message_id} or paths[message_id] != wanted:
            troubles.append(f"{session.session_id} is {session.status}, told as {paths[message_id]}")
        if audited[session.session_id] != [f"biometric_session.{session.status.value}"]:
            troubles.append(f"{session.session_id} is {session.status}, audited as {audited[session.session_id]}")
        if lives.answered.get(session.session_id, session.status) != session.status:
            troubles.append(
                f"{session.session_id} was {lives.answered[session.session_id]} and is {session.status}"
            )
    lost = set(lives.answered) - {session.session_id for session in sessions}
    troubles += [f"{session_id} was answered as ended and is not" for session_id in sorted(lost)]
    if lives.contradictions:
        troubles.append(f"{lives.contradictions} answers contradict earlier ones")
    figures: Figures = {
        "sessions": lives.opened,
        "terminal": len(sessions),
        "answered": len(lives.answered),
        "requests": len(told),
        "webhook_ids": len(paths),
        "repeated": len(told) - sum(len(found) for found in paths.values()),
        **Counter(session.status.value for session in sessions),
    }
    return figures, troubles


def _sessions(world: World) -> Iterator[BiometricSession]:
    clock = world.infrastructure.clock
    wanted = SessionFilter(world.organization.organization_id, True, clock.now(), clock.now() - PAST)
    for offset in itertools.count(0, PAGE):
        with world.infrastructure.store.read() as uow:
            found, _ = uow.sessions.page(wanted, PAGE, offset)
        yield from found
        if len(found) < PAGE:
            return


def _ends(world: World) -> Mapping[str, Sequence[tuple[str, str]]]:
    """(name, id) of the terminal events of each session. Numbers must have no gap."""
    found: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
    terminal = {SESSION_EVENTS[status] for status in SessionStatus if status.is_terminal}
    last = 0
    for event in _events(world):
        assert event.sequence == last + 1, f"event {event.sequence} came after {last}"
        last = event.sequence
        if event.name in terminal:
            found[event.object_id].append((event.name, event.event_id))
    return found


def _events(world: World) -> Iterator[Event]:
    after = 0
    while True:
        with world.infrastructure.store.read() as uow:
            found = uow.events.after(world.organization.organization_id, True, after, PAGE)
        yield from found
        if len(found) < PAGE:
            return
        after = found[-1].sequence


def _audited(world: World) -> Mapping[str, Sequence[str]]:
    """Terminal entries of the audit trail by session."""
    ends = {f"biometric_session.{status.value}" for status in SessionStatus if status.is_terminal}
    found: defaultdict[str, list[str]] = defaultdict(list)
    with world.infrastructure.store.read() as uow:
        for entry in uow.audit.of_organization(world.organization.organization_id):
            if entry.action in ends:
                found[entry.object_id].append(entry.action)
    return found


if __name__ == "__main__":
    multiprocessing.get_context("forkserver").set_forkserver_preload(["__main__", "app.main", "app.cli.serve"])
    main()
