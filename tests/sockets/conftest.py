"""One real gunicorn process for all socket tests: an in-process client shows neither order nor floods."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.simulation.performance import Performance
from tests.clip_performer import clip_performer
from tests.live_server import Api, LiveServer, running_server
from tests.shared_media import SHARED, shared_path
from tests.sockets.bot import Bot
from tests.synthetic_performer import synthetic_performer

CLIP = SHARED / "media" / "video" / "dev" / "headpose_alaa.mp4"


@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    with running_server(tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.fixture(scope="package")
def api(server: LiveServer) -> Iterator[Api]:
    client = Api(server.url, server.demo_key())
    yield client
    client.close()


@pytest.fixture(scope="session")
def performer() -> Performance:
    """A real person where the shared clips are, else the synthetic performer, who is refused in the end."""
    return clip_performer(CLIP) if CLIP.exists() else synthetic_performer()


@pytest.fixture(scope="session")
def person() -> Path:
    """For what only a person's clip can show: a portrait that a program bends is refused. Skips without clips."""
    return shared_path("media", "video", "dev", "headpose_alaa.mp4")


@pytest.fixture
def session_url(api: Api, performer: Performance) -> str:
    """The link of a new session of the performer."""
    return new_session(api, performer)


def new_session(api: Api, performer: Performance) -> str:
    """A new entity with a session that asks what the performer can do."""
    entity_id = api.enrol(performer.name, performer.portrait)
    avoid = performer.abilities_to_avoid()
    return str(api.open_session(entity_id, accessibility={"avoid": avoid})["sessionUrl"])


OpenBot = Callable[[str], Bot]


@pytest.fixture
def open_bot(server: LiveServer) -> Iterator[OpenBot]:
    """Bots that are disconnected in the end. They are not connected yet."""
    opened: list[Bot] = []

    def open_one(session_url: str) -> Bot:
        opened.append(Bot(server, session_url))
        return opened[-1]

    yield open_one
    for bot in opened:
        bot.close()
