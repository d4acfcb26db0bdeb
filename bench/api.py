"""How long the API makes its callers wait: an open loop against a real server process, on SQLite and PostgreSQL.

    python -m bench.api                                  # 20 creates and 100 gets a second for 30 s, on both
    python -m bench.api --seconds 10 --stores sqlite --out var/api.json

Requests are due at fixed times, whether the ones before are answered or not, and a latency is counted from when
the request was due: waiting counts. The baseline is the same number of requests a second to `/livez`, in the same
run. Every create has an entity of its own, enrolled before the clock starts. The server's rate limits are off.

Afterwards the same application runs in this process, and every commit of its engine is counted over some creates:
one each, and one more for the reservation where the caller sent an idempotency key. On PostgreSQL the server's own
count of commits in this database stands beside it.
"""

from __future__ import annotations

import argparse
import gc
import itertools
import json
import math
import os
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import httpx
import sqlalchemy as sa

from app.config import Settings
from app.domain.comparison import FaceTemplate
from app.main import build_application, ensure_demo_organization, load_models, open_infrastructure
from app.main.api import make_import_validation
from app.main.gallery import make_search_probe
from app.main.infrastructure import development_key, make_blob_store
from app.services.import_validation import ValidationImport
from app.services.register_entity import NewEntity, RegisterEntity
from tests.builders import caller_of
from tests.fakes import FakeMatchingCore
from tests.live_server import running_server
from tests.models_fixture import real_core
from tests.portrait import astronaut, jpeg
from tests.store_fixtures import LOCAL_SERVER
from tests.store_fixtures import _run as execute

SESSIONS = "/api/kyc/biometric/sessions"
CONNECTIONS = 48
"""Of the callers. More than are ever busy at once while the server keeps up."""

WARM_UP_SECONDS = 3.0
READ_SESSIONS = 100
COUNTED_CREATES = 50
NO_LIMITS = {"BONAFIDE_RATE_CREATES_PER_MINUTE": "0", "BONAFIDE_RATE_READS_PER_MINUTE": "0"}
GOAL_P95_MS = 50.0

Method = Literal["GET", "POST"]
Figures = dict[str, float]


@dataclass(frozen=True)
class Request:
    """Due so many seconds after the start."""

    due: float
    kind: str
    method: Method
    path: str
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    """How long it took from when it was due; `status` 0 where there was no answer."""

    kind: str
    latency_ms: float
    status: int


@dataclass(frozen=True)
class Target:
    """A server, and who may ask it."""

    url: str
    headers: Mapping[str, str]


def main() -> None:
    options = _options()
    report: dict[str, object] = {"creates": options.creates, "gets": options.gets, "seconds": options.seconds}
    report["cores"], report["load_before"] = os.cpu_count(), os.getloadavg()[0]
    for name in options.stores:
        with tempfile.TemporaryDirectory() as folder, database(name, options.postgres) as url:
            report[name] = figures = measure(Path(folder), url, options)
        print(f"{name}\n" + "\n".join(_lines(figures)), flush=True)
    if options.out:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--creates", type=int, default=20, help="a second")
    parser.add_argument("--gets", type=int, default=100, help="a second")
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--stores", nargs="*", choices=["sqlite", "postgresql"], default=["sqlite", "postgresql"])
    parser.add_argument("--postgres", default=os.environ.get("BONAFIDE_TEST_POSTGRES_URL", LOCAL_SERVER))
    parser.add_argument("--keys", action="store_true", help="send an idempotency key with each create")
    parser.add_argument("--out", type=Path, help="write the report here as JSON")
    return parser.parse_args()


def measure(folder: Path, database_url: str | None, options: argparse.Namespace) -> dict[str, Figures]:
    """All figures of one store."""
    environ = {**NO_LIMITS, **({"BONAFIDE_DATABASE_URL": database_url} if database_url else {})}
    creates = round(options.creates * (WARM_UP_SECONDS + options.seconds))
    with running_server(folder, environ) as server:
        settings = Settings.from_env(server.environ, dev=True)
        target = Target(server.url, {"Authorization": f"Bearer {development_key(settings)}"})
        people = iter(enrol(settings, READ_SESSIONS + creates + 2 * (COUNTED_CREATES + 1)))
        read = [open_session(target, entity_id) for entity_id in itertools.islice(people, READ_SESSIONS)]
        run(target, load(options, WARM_UP_SECONDS, people, read))
        livez = every(options.creates + options.gets, options.seconds, Request(0, "livez", "GET", "/livez"))
        figures = summary(run(target, list(livez)))
        figures |= summary(run(target, load(options, options.seconds, people, read)))
    for kind in ("create", "get"):
        figures[kind]["p95_to_livez"] = figures[kind]["p95_ms"] / figures["livez"]["p95_ms"]
    figures["commits"] = count_commits(settings, people)
    return figures


def every(rate: float, seconds: float, request: Request, phase: float = 0.0) -> Iterator[Request]:
    """`rate` a second; `phase` is the part of an interval by which the first is late."""
    return (replace(request, due=(number + phase) / rate) for number in range(round(rate * seconds)))


def load(
    options: argparse.Namespace, seconds: float, people: Iterator[str], sessions: Sequence[str]
) -> list[Request]:
    """Creates and gets by when they are due; never two at the same moment."""
    headers = {"Content-Type": "application/json"}
    creates = [
        replace(create, body=json.dumps({"entityId": next(people)}).encode(), headers=headers | _key(options.keys))
        for create in every(options.creates, seconds, Request(0, "create", "POST", SESSIONS))
    ]
    gets = [
        replace(get, path=f"{SESSIONS}/{session_id}")
        for get, session_id in zip(
            every(options.gets, seconds, Request(0, "get", "GET", SESSIONS), phase=0.5),
            itertools.cycle(sessions),
            strict=False,
        )
    ]
    return sorted([*creates, *gets], key=lambda request: request.due)


def _key(is_wanted: bool) -> dict[str, str]:
    return {"Idempotency-Key": str(uuid.uuid4())} if is_wanted else {}


def run(target: Target, requests: Sequence[Request]) -> list[Outcome]:
    """Send each when it is due, over connections that stay open. The collector rests: its pauses are our own."""
    gc.collect()
    gc.disable()
    waiting, lock, began = iter(requests), threading.Lock(), time.perf_counter() + 0.5

    def send_what_is_due() -> list[Outcome]:
        done: list[Outcome] = []
        connection = HTTPConnection(urlsplit(target.url).netloc, timeout=30)
        while True:
            with lock:
                request = next(waiting, None)
            if request is None:
                connection.close()
                return done
            time.sleep(max(0.0, began + request.due - time.perf_counter()))
            status = _send(connection, request, target.headers)
            done.append(Outcome(request.kind, (time.perf_counter() - began - request.due) * 1000, status))

    try:
        with ThreadPoolExecutor(CONNECTIONS) as threads:
            futures = [threads.submit(send_what_is_due) for _ in range(CONNECTIONS)]
            return [outcome for future in futures for outcome in future.result()]
    finally:
        gc.enable()


def _send(connection: HTTPConnection, request: Request, headers: Mapping[str, str]) -> int:
    """The status; 0 where there was no answer."""
    try:
        connection.request(request.method, request.path, request.body or None, {**headers, **request.headers})
        response = connection.getresponse()
        response.read()
    except (HTTPException, OSError):
        connection.close()
        return 0
    return response.status


def summary(outcomes: Sequence[Outcome]) -> dict[str, Figures]:
    """Percentiles of each kind, in milliseconds. Errors count with the time that they took."""
    found: dict[str, Figures] = {}
    for kind in sorted({outcome.kind for outcome in outcomes}):
        own = [outcome for outcome in outcomes if outcome.kind == kind]
        latencies = [outcome.latency_ms for outcome in own]
        found[kind] = {f"p{share}_ms": percentile(latencies, share) for share in (50, 95, 99)}
        found[kind] |= {"max_ms": max(latencies), "requests": len(own)}
        found[kind]["errors"] = sum(not 200 <= outcome.status < 300 for outcome in own)
    return found


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least so many of a hundred do not exceed (nearest rank)."""
    return sorted(values)[max(0, math.ceil(len(values) * share / 100) - 1)]


def enrol(settings: Settings, count: int) -> list[str]:
    """Entities with an approved validation each, made by the use cases beside the server."""
    infrastructure = open_infrastructure(settings)
    portrait = jpeg(astronaut())
    face = real_face(portrait)
    core = FakeMatchingCore({portrait: face}, template_format=face.template.format)
    try:
        caller = caller_of(ensure_demo_organization(infrastructure))
        parts = (infrastructure.store, infrastructure.clock, infrastructure.randomness)
        register = RegisterEntity(store=parts[0], clock=parts[1], randomness=parts[2])
        blobs = make_blob_store(settings, infrastructure)
        search = make_search_probe(settings, infrastructure, load_models(settings), core, blobs)
        bring_in = make_import_validation(settings, infrastructure, core, blobs, search)
        people = [register(caller, NewEntity(name=f"Ada {number}")).entity_id for number in range(count)]
        for entity_id in people:
            bring_in(caller, ValidationImport(entity_id, portrait))
    finally:
        infrastructure.store.close()
    return people


def real_face(portrait: bytes) -> FaceTemplate:
    """What the real core makes of it: a template that the server has nothing to renew of."""
    core = real_core()
    try:
        face = core.create_template(portrait)
    finally:
        core.close()
    assert face is not None
    return face


def open_session(target: Target, entity_id: str) -> str:
    """A session to read; its id."""
    answer = httpx.post(
        f"{target.url}{SESSIONS}", json={"entityId": entity_id}, headers=target.headers, timeout=30
    )
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def count_commits(settings: Settings, people: Iterator[str]) -> Figures:
    """Commits a create, of the same application in this process."""
    application = build_application(settings)
    engine, caller = application.infrastructure.engine, application.flask.test_client()
    bearer = {"Authorization": f"Bearer {development_key(settings)}"}
    engine.pool._pre_ping = False  # a ping is a commit to the server
    commits: list[object] = []
    sa.event.listen(engine, "commit", commits.append)
    found: Figures = {}

    def create(count: int, has_key: bool) -> None:
        for entity_id in itertools.islice(people, count):
            answer = caller.post(SESSIONS, json={"entityId": entity_id}, headers=bearer | _key(has_key))
            assert answer.status_code == 201, answer.text

    try:
        for name, has_key in (("without_key", False), ("with_key", True)):
            create(1, has_key)  # what is made once for an organization, such as the key of kept answers
            idle, before = _commits_by_server(engine), len(commits)
            by_server = _commits_by_server(engine)
            create(COUNTED_CREATES, has_key)
            found[name] = (len(commits) - before) / COUNTED_CREATES
            if engine.dialect.name == "postgresql":  # less what counting itself commits
                now = _commits_by_server(engine)
                found[f"{name}_by_server"] = (now - by_server - (by_server - idle)) / COUNTED_CREATES
    finally:
        application.close()
    return found


def _commits_by_server(engine: sa.Engine) -> int:
    """PostgreSQL's count of this database, 0 for SQLite. It is complete once all connections are closed."""
    if engine.dialect.name != "postgresql":
        return 0
    engine.dispose()
    others = sa.text("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")
    count = sa.text("SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()")
    while True:
        with engine.connect() as connection:
            if connection.scalar(others) == 1:
                return int(connection.scalar(count) or 0)
        time.sleep(0.05)


@contextmanager
def database(name: str, postgres: str) -> Iterator[str | None]:
    """None for SQLite in the data folder; else a database of its own, as durable as the server is set up."""
    if name == "sqlite":
        yield None
        return
    server = sa.make_url(postgres).set(drivername="postgresql+psycopg")
    own = f"bonafide_bench_{uuid.uuid4().hex[:12]}"
    execute(server, f"CREATE DATABASE {own}")
    try:
        yield server.set(database=own).render_as_string(hide_password=False)
    finally:
        execute(server, f"DROP DATABASE {own} WITH (FORCE)")


def _lines(figures: Mapping[str, Figures]) -> Iterator[str]:
    for kind, found in figures.items():
        yield f"  {kind:8}" + "  ".join(f"{name} {value:,.3g}" for name, value in found.items())
    worst = max(figures[kind]["p95_ms"] for kind in ("create", "get"))
    yield f"  goal    p95 under {GOAL_P95_MS:g} ms: {'met' if worst < GOAL_P95_MS else 'missed'}"


if __name__ == "__main__":
    main()
