"""A flood, and the end of the process."""

from __future__ import annotations

import signal
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx

from app.simulation.performance import Performance
from tests.live_server import Api, LiveServer, running_server
from tests.portrait import close_up, jpeg
from tests.sockets.bot import FRAME_SECONDS, Bot
from tests.sockets.conftest import OpenBot, new_session

FLOOD_FRAMES = 1_500
FLOOD_PER_SECOND = 300
MEMORY_BYTES = 50_000_000
EXIT_SECONDS = 10
WARM_UP_FRAMES = 15


def test_flood_is_closed_costs_little_and_disturbs_nobody(
    open_bot: OpenBot, api: Api, server: LiveServer, performer: Performance
) -> None:
    frame = jpeg(close_up())
    neighbour = open_bot(new_session(api, performer)).connect().begin()
    flooder = open_bot(new_session(api, performer)).connect().begin()
    warm_up([neighbour, flooder], frame)
    before, first, served = server.memory_bytes(), flooder.seq, 0
    for number in range(first + 1, first + FLOOD_FRAMES):
        if flooder.is_closed.is_set():
            break
        flooder.client.emit("frame", (flooder.header(number), frame), namespace="/capture")
        if number % 10 == 0:
            served += neighbour.frame(frame)["ok"]
        time.sleep(1 / FLOOD_PER_SECOND)
    assert flooder.is_closed.wait(10)
    assert served > 0
    assert neighbour.frame(frame)["ok"]
    assert server.memory_bytes() - before < MEMORY_BYTES


def warm_up(bots: Sequence[Bot], frame: bytes) -> None:
    """Let the server make all its landmarkers, which are made when first needed."""
    with ThreadPoolExecutor(len(bots)) as threads:
        for _ in range(WARM_UP_FRAMES):
            assert all(answer["ok"] for answer in threads.map(lambda bot: bot.frame(frame), bots))
            time.sleep(FRAME_SECONDS)


def test_sigterm_tells_the_pages_and_ends(tmp_path: Path, performer: Performance) -> None:
    with running_server(tmp_path) as server:
        api = Api(server.url, server.demo_key())
        url = new_session(api, performer)
        with Bot(server, url) as bot:
            bot.connect().begin()
            assert bot.frame(jpeg(close_up()))["ok"]
            server.process.send_signal(signal.SIGTERM)
            assert bot.wait_for("draining")["retry_in_ms"] > 0
            assert bot.is_closed.wait(EXIT_SECONDS)
            assert server.process.wait(EXIT_SECONDS) == 0
        api.close()
        with_restart(tmp_path, url)


def with_restart(folder: Path, session_url: str) -> None:
    """Nothing is lost: the same link goes on after a restart."""
    with running_server(folder) as server:
        path = session_url.split("/session/", 1)[1]
        assert httpx.get(f"{server.url}/session/{path}").status_code == 200
        with Bot(server, session_url) as bot:
            assert bot.connect().hello()["state"] == "camera"
