"""Who may open a socket, and how those are told who may not."""

from __future__ import annotations

import httpx
import pytest
import socketio
import websocket

from app.hosted.connections import SOCKETS_PER_SESSION
from tests.live_server import LiveServer
from tests.sockets.conftest import OpenBot
from tests.sockets.raw import join, raw_socket, wait_until_closed


@pytest.mark.parametrize(
    "auth",
    [{}, {"token": None}, {"token": 7}, {"token": ""}, {"token": "forged.awMb9A.x"}, {"token": "x" * 5_000}],
)
def test_handshake_without_a_valid_token_is_refused_with_a_code(
    open_bot: OpenBot, session_url: str, auth: object
) -> None:
    bot = open_bot(session_url)
    told: list[object] = []
    bot.client.on("connect_error", told.append, namespace="/capture")
    with pytest.raises(socketio.exceptions.ConnectionError):
        bot.connect(auth=auth)
    assert told == [{"message": "unknown_session", "data": {"code": "unknown_session", "retryable": False}}]


def test_too_many_pages_of_one_session_are_told_so_and_not_that_the_server_is_full(
    open_bot: OpenBot, session_url: str
) -> None:
    pages = [open_bot(session_url).connect() for _ in range(SOCKETS_PER_SESSION)]
    bot = open_bot(session_url)
    told: list[object] = []
    bot.client.on("connect_error", told.append, namespace="/capture")
    with pytest.raises(socketio.exceptions.ConnectionError):
        bot.connect()
    assert told == [{"message": "too_many_pages", "data": {"code": "too_many_pages", "retryable": True}}]
    assert pages[0].hello()["ok"], "whoever was there first goes on"


def test_handshake_without_any_auth_is_closed(server: LiveServer) -> None:
    with raw_socket(server) as socket:
        socket.send("40/capture,")
        assert '"code":"unknown_session"' in str(socket.recv())
        wait_until_closed(socket)


def test_token_of_another_purpose_is_refused(server: LiveServer, session_url: str) -> None:
    """Signatures carry their purpose: changing one character is a forgery as well."""
    token = session_url.rsplit("/", 1)[1]
    place = len(token) - 5
    forged = f"{token[:place]}{'A' if token[place] != 'A' else 'B'}{token[place + 1 :]}"
    with raw_socket(server) as socket:
        assert '"code":"unknown_session"' in join(socket, forged)


def test_other_namespaces_do_not_exist(server: LiveServer) -> None:
    with raw_socket(server) as socket:
        socket.send("40/elsewhere,{}")
        assert str(socket.recv()).startswith("44/elsewhere")


@pytest.mark.parametrize("headers", [{"Origin": "https://elsewhere.example"}, {"Origin": "null"}, {}])
def test_foreign_or_missing_origin_is_refused_before_a_socket_exists(
    open_bot: OpenBot, session_url: str, headers: dict[str, str]
) -> None:
    with pytest.raises(socketio.exceptions.ConnectionError) as refused:
        open_bot(session_url).connect(headers=headers)
    handshake = refused.value.__context__
    while handshake is not None and not isinstance(handshake, websocket.WebSocketBadStatusException):
        handshake = handshake.__context__
    assert handshake is not None
    assert handshake.status_code == 403


def test_polling_is_refused(server: LiveServer) -> None:
    answer = httpx.get(
        f"{server.url}/socket.io/",
        params={"EIO": "4", "transport": "polling"},
        headers={"Origin": server.url},
    )
    assert (answer.status_code, answer.json()) == (400, {"error": "websocket_only"})


def test_socket_that_never_joins_is_closed(server: LiveServer) -> None:
    with raw_socket(server) as socket:
        wait_until_closed(socket)
