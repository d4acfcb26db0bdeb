"""Websockets that a stranger cannot use to fill our memory or hold our threads.

Flask-SocketIO in threading mode buffers whatever it is sent, checks sizes afterwards, and keeps sockets
that never finish their handshake. Each class here closes one of these (measured in the design notes).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Any

import simple_websocket
from engineio.async_drivers._websocket_wsgi import SimpleWebSocketWSGI
from socketio.packet import Packet
from wsproto.events import CloseConnection
from wsproto.frame_protocol import CloseReason

MAX_WAITING_MESSAGES = 8
"""A page has one frame in flight; more than this many unread messages is a flood."""

SOCKET_KEY = "bonafide.socket"
"""Where the WSGI environment carries the socket, so that a refusal can close it."""

HANDSHAKE_SECONDS = 5.0
"""A socket that has not joined the namespace by then is closed: each holds four threads."""


class SingleAttachmentPacket(Packet):  # type: ignore[misc]
    """A packet with at most one attachment: a header and its frame."""

    def decode(self, encoded_packet: str) -> int:
        """Refuse what announces more; the error disconnects the sender."""
        count: int = super().decode(encoded_packet) or 0
        if count > 1:
            raise ValueError("more than one attachment")
        return count


class BoundedServer(simple_websocket.Server):  # type: ignore[misc]
    """A websocket that refuses long messages while they arrive and closes when too many wait."""

    has_joined = False
    """Whether the namespace has accepted it; until then it lives on borrowed time."""

    def _handle_events(self) -> bool:
        keeps_going: bool = super()._handle_events()
        if len(self.input_buffer) <= MAX_WAITING_MESSAGES:
            return keeps_going
        self.input_buffer.clear()
        self.sock.send(self.ws.send(CloseConnection(CloseReason.POLICY_VIOLATION, "too many messages")))
        self.event.set()
        return False


class OpenSockets:
    """All open websockets of this process; caps their number and reaps those that never join."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._lock = threading.Lock()
        self._open: set[BoundedServer] = set()

    def add(self, socket: BoundedServer) -> None:
        """Register an open socket."""
        with self._lock:
            self._open.add(socket)

    def discard(self, socket: BoundedServer) -> None:
        """Forget a closed one."""
        with self._lock:
            self._open.discard(socket)

    def is_full(self) -> bool:
        """Whether no further socket may be opened."""
        with self._lock:
            return len(self._open) >= self.limit

    def count(self) -> int:
        """How many are open."""
        with self._lock:
            return len(self._open)

    def close_all(self) -> None:
        """Close every socket, so that their threads end."""
        with self._lock:
            sockets = list(self._open)
        for socket in sockets:
            close_quietly(socket)


def close_quietly(socket: BoundedServer) -> None:
    """Close a socket that may be closing already, and wake whoever waits on it."""
    try:
        socket.close(CloseReason.GOING_AWAY)
    except (simple_websocket.ConnectionClosed, OSError, ValueError):
        socket.connected = False
    socket.event.set()


def bounded_wsgi(sockets: OpenSockets, max_message_bytes: int) -> type[SimpleWebSocketWSGI]:
    """The class that engine.io shall use for its websockets."""

    class BoundedWSGI(SimpleWebSocketWSGI):  # type: ignore[misc]
        """Opens `BoundedServer` sockets without compression and reaps silent ones."""

        def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
            # Compression would let a small message grow large after the size check.
            environ.pop("HTTP_SEC_WEBSOCKET_EXTENSIONS", None)
            self.ws = BoundedServer(environ, max_message_size=max_message_bytes)
            sockets.add(self.ws)
            environ[SOCKET_KEY] = self.ws
            reaper = threading.Timer(HANDSHAKE_SECONDS, self._reap)
            reaper.daemon = True
            reaper.start()
            try:
                self.app(self)
            finally:
                reaper.cancel()
                sockets.discard(self.ws)
            raise StopIteration

        def _reap(self) -> None:
            if not self.ws.has_joined:
                close_quietly(self.ws)

    return BoundedWSGI
