"""A bare websocket, for what no client library would send."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager

import websocket

from tests.live_server import LiveServer

CLOSED_WITHIN_SECONDS = 12
"""Longer than the server keeps a socket that never joins."""


@contextmanager
def raw_socket(server: LiveServer, *, origin: str | None = None) -> Iterator[websocket.WebSocket]:
    """Past the websocket and Engine.IO handshakes; no namespace is joined."""
    url = f"{server.url.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket"
    socket = websocket.create_connection(url, timeout=CLOSED_WITHIN_SECONDS, origin=origin or server.url)
    try:
        assert str(socket.recv()).startswith("0")
        yield socket
    finally:
        # Not `close`: that leaves the socket open where the server closed first.
        socket.shutdown()  # type: ignore[no-untyped-call]


def join(socket: websocket.WebSocket, token: str) -> str:
    """Join the namespace; the server's answer."""
    socket.send(f"40/capture,{json.dumps({'token': token})}")
    return str(socket.recv())


def wait_until_closed(socket: websocket.WebSocket) -> None:
    """Read until the server closes; an AssertionError where it does not."""
    deadline = time.monotonic() + CLOSED_WITHIN_SECONDS
    try:
        while socket.connected:
            assert time.monotonic() < deadline, "the socket is still open"
            code, data = socket.recv_data()
            if code == websocket.ABNF.OPCODE_CLOSE:
                return
            if data == b"2":
                # Engine.IO asks whether anybody is there: a silent socket may also say so.
                socket.send("3")
    except (websocket.WebSocketConnectionClosedException, ConnectionError):
        return
