"""`bonafide worker`, as processes of its own: several deliver each event once, and end when they are told to."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from app.adapters.clock import SystemClock
from app.cli import cli
from app.config import Settings
from app.domain.session import SessionStatus
from app.domain.webhook import DeliveryStatus
from app.main import open_infrastructure, prepare_store
from app.main.delivery import build_worker
from tests.live_server import PROJECT, START_SECONDS, STOP_SECONDS
from tests.post_office import PostOffice
from tests.receiver import Receiver, running_receiver

NUMBER = 60


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with running_receiver() as running:
        yield running


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    settings = Settings.from_env({"BONAFIDE_DATA_DIR": str(tmp_path / "data")}, dev=True)
    prepare_store(settings)
    return settings


@pytest.fixture
def office(settings: Settings) -> Iterator[PostOffice]:
    infrastructure = open_infrastructure(settings)
    office = PostOffice(infrastructure.store)
    office.clock.at = SystemClock().now()
    yield office
    infrastructure.store.close()


@contextmanager
def worker(settings: Settings, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    environ = {**os.environ, "BONAFIDE_DATA_DIR": str(settings.data_dir)}
    with log.open("wb") as output:
        command = [sys.executable, "-m", "app", "worker", "--dev"]
        process = subprocess.Popen(command, cwd=PROJECT, env=environ, stdout=output, stderr=output)
    try:
        wait_until_it_runs(process, log)
        yield process
    finally:
        process.kill()
        process.wait(STOP_SECONDS)


def wait_until_it_runs(process: subprocess.Popen[bytes], log: Path) -> None:
    """Before that a signal ends it as it ends any process: it is still being loaded."""
    deadline = time.monotonic() + START_SECONDS
    while "The worker runs." not in log.read_text():
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.05)


def test_workers_share_the_work_and_end_in_order(
    settings: Settings, office: PostOffice, receiver: Receiver, tmp_path: Path
) -> None:
    endpoint = office.endpoint(f"{receiver.url}/hooks")
    with worker(settings, tmp_path / "one.log") as one, worker(settings, tmp_path / "two.log") as two:
        posted = office.post(endpoint, NUMBER)
        requests = receiver.wait_for(NUMBER)
        for process in (one, two):
            process.send_signal(signal.SIGTERM)
        assert [process.wait(START_SECONDS) for process in (one, two)] == [0, 0]
    times = Counter(request.headers["webhook-id"] for request in requests)
    assert times == Counter({delivery.event_id: 1 for delivery in posted})
    assert {request.headers["webhook-signature"][:3] for request in requests} == {"v1,"}
    assert {office.now(delivery).status for delivery in posted} == {DeliveryStatus.DELIVERED}
    assert {office.now(delivery).lease_holder for delivery in posted} == {None}
    logs = (tmp_path / "one.log").read_text() + (tmp_path / "two.log").read_text()
    assert logs.splitlines() == ["The worker runs."] * 2


def test_a_worker_ends_overdue_sessions_and_tells_of_it(
    settings: Settings, office: PostOffice, receiver: Receiver
) -> None:
    office.endpoint(f"{receiver.url}/hooks")
    session, hosted = office.build.session(office.build.entity(office.organization))
    entity = replace(office.build.entity(office.organization), entity_id=session.entity_id)
    overdue = replace(session, expires_at=office.clock.at - timedelta(seconds=1))
    with office.store.begin() as uow:
        uow.entities.add(entity)
        uow.sessions.add(overdue, hosted)
        uow.commit()
    running = build_worker(settings)
    running.start()
    (told,) = receiver.wait_for(1)
    running.stop()
    assert b"biometric.session_expired" in told.body
    with office.store.read() as uow:
        ended = uow.sessions.get(session.organization_id, session.is_test, session.session_id)
    assert ended is not None
    assert ended.status is SessionStatus.EXPIRED
    assert office.deliver.next_due() is None


def test_it_names_the_secrets_that_it_lacks(tmp_path: Path) -> None:
    environ = {name: "" for name in os.environ if name.startswith("BONAFIDE_")}
    result = CliRunner().invoke(cli, ["worker"], env={**environ, "BONAFIDE_DATA_DIR": str(tmp_path)})
    assert result.exit_code == 1
    for name in ("BONAFIDE_SECRET_KEYS", "BONAFIDE_MASTER_KEYS", "BONAFIDE_PUBLIC_URL"):
        assert f"{name}: is required" in result.output
    assert "BONAFIDE_SIGNING_KEYS" not in result.output


def test_a_server_can_leave_it_to_others(tmp_path: Path) -> None:
    environ = {"BONAFIDE_DATA_DIR": str(tmp_path)}
    assert Settings.from_env(environ, dev=True).runs_worker
    assert not Settings.from_env({**environ, "BONAFIDE_WORKER": "off"}, dev=True).runs_worker
