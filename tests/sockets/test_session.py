"""A whole session without a browser, and what it leaves behind."""

from __future__ import annotations

from itertools import pairwise

import pytest

from app.simulation.performance import Performance
from tests.live_server import Api, LiveServer
from tests.sockets.conftest import OpenBot

JPEG_HEADER = b"\xff\xd8\xff"
SESSION_SECONDS = 120


@pytest.mark.usefixtures("person")
def test_session_over_http_and_socket_alone_is_approved(
    open_bot: OpenBot, api: Api, server: LiveServer, performer: Performance
) -> None:
    entity_id = api.enrol(performer.name, performer.portrait)
    created = api.open_session(entity_id, accessibility={"avoid": performer.abilities_to_avoid()})
    bot = open_bot(created["sessionUrl"])
    bot.connect().begin()
    assert bot.perform(performer, SESSION_SECONDS) == "capture_request"
    answer = bot.upload(performer.idle[0])
    assert answer.status_code == 200
    assert answer.json()["result"]["outcome"] == "approved", api.session(created["id"])["decision"]["liveness"]
    result = bot.wait_for("result")
    assert result["outcome"] == "approved"
    # The ticket was for one still.
    again = bot.upload(performer.idle[0])
    assert (again.status_code, again.json()["code"]) == (409, "not_expected")

    session = api.session(created["id"])
    challenges = session["decision"]["liveness"]["challenges"]
    assert (session["status"], session["attempts"]) == ("approved", 1)
    kinds = [(item["kind"], item["direction"]) for item in challenges]
    assert all(first != second for first, second in pairwise(kinds))
    told = [message["challenge_id"] for name, message in bot.heard if name == "challenge"]
    assert len(set(told)) == len(challenges)
    assert all("score" not in str(message) for _, message in bot.heard)
    # One at a time: no challenge was told before the one before it had passed.
    order = [name for name, _ in bot.heard if name in ("challenge", "challenge_result")]
    assert order == ["challenge", "challenge_result"] * len(challenges)
    leaves_no_trace(server, created["sessionUrl"], performer)


def leaves_no_trace(server: LiveServer, session_url: str, performer: Performance) -> None:
    """Captures lie encrypted; no frame and no token lies anywhere in the clear."""
    token = session_url.rsplit("/", 1)[1].encode()
    files = [path for path in server.data_dir.rglob("*") if path.is_file()]
    blobs = [path for path in files if "blobs" in path.parts]
    assert len(blobs) >= 3
    for path in [*files, server.log]:
        content = path.read_bytes()
        assert performer.portrait[:200] not in content, path
        assert token not in content, path
        assert not content.startswith(JPEG_HEADER), path
        # Three bytes turn up by chance in 16 MB of noise; JFIF's own marker beside them does not.
        assert JPEG_HEADER + b"\xe0\x00\x10JFIF" not in content, path
