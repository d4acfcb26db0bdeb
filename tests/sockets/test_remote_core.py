"""A server whose matching core is another process, which dies when it is needed and comes back."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from app.domain.challenge import Ability
from app.simulation.performance import Performance
from tests.live_server import PROJECT, STOP_SECONDS, Api, free_port, running_server
from tests.sockets.bot import Bot

TOKEN = "test-" + 40 * "t"
START_SECONDS = 60
SESSION_SECONDS = 120
BACK_SECONDS = 60


@contextmanager
def matching_core(port: int) -> Iterator[subprocess.Popen[bytes]]:
    environ = {**os.environ, "BONAFIDE_MATCHING_TOKENS": TOKEN}
    command = [sys.executable, "-m", "app", "matching", "serve", "--port", str(port)]
    process = subprocess.Popen(command, cwd=PROJECT, env=environ, stdout=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + START_SECONDS
        while not is_ready(port):
            assert time.monotonic() < deadline, "the matching core is not ready"
            assert process.poll() is None, "the matching core has ended"
            time.sleep(0.2)
        yield process
    finally:
        process.terminate()
        process.wait(STOP_SECONDS)


def is_ready(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/healthz").status_code == 200
    except httpx.TransportError:
        return False


@pytest.mark.usefixtures("person")
def test_a_session_waits_for_a_core_that_is_away_and_is_decided_when_it_is_back(
    tmp_path: Path, performer: Performance
) -> None:
    port = free_port()
    settings = {
        "BONAFIDE_MATCHING_URL": f"http://127.0.0.1:{port}",
        "BONAFIDE_MATCHING_TOKENS": TOKEN,
        "BONAFIDE_MATCHING_RETRIES": "0",
        "BONAFIDE_MATCHING_BREAKER_SECONDS": "1",
    }
    with matching_core(port) as core, running_server(tmp_path, settings) as server:
        api = Api(server.url, server.demo_key())
        entity_id = api.enrol(performer.name, performer.portrait)
        created = api.open_session(
            entity_id, accessibility={"avoid": performer.abilities_to_avoid_but(Ability.HEAD_TURN)}
        )
        with Bot(server, created["sessionUrl"]) as bot:
            bot.connect().begin()
            assert bot.perform(performer, SESSION_SECONDS) == "capture_request"
            core.terminate()
            core.wait(STOP_SECONDS)
            assert httpx.get(f"{server.url}/readyz").json()["problems"].keys() == {"matching"}
            assert bot.upload(performer.idle[0]).status_code in (200, 202)
            assert api.session(created["id"])["status"] == "in_progress"
            with matching_core(port):
                assert bot.wait_for("result", BACK_SECONDS)["outcome"] == "in_review"
                decision = api.session(created["id"])["decision"]
                assert decision["liveness"]["status"] == decision["faceMatch"]["status"] == "approved"
        api.close()
