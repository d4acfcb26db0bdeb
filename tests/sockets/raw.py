"""A bare websocket, for what no client library would send."""

from __future__ import annotations

import json
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
        socket.close()


def join(socket: websocket.WebSocket, token: str) -> str:
    """Join the namespace; the server's answer."""
    socket.send(f"40/capture,{json.dumps({'token': token})}")
    return str(socket.recv())


def wait_until_closed(socket: websocket.WebSocket) -> None:
    """Read until the server closes; `WebSocketTimeoutException` where it does not."""
    try:
        while socket.connected:
            code, data = socket.recv_data()
            if code == websocket.ABNF.OPCODE_CLOSE:
                return
            if data == b"2":
                # Engine.IO asks whether anybody is there: a silent socket may also say so.
                socket.send("3")
    except (websocket.WebSocketConnectionClosedException, ConnectionError):
        return
