"""Websockets that a stranger cannot use to fill our memory or hold our threads.

Flask-SocketIO in threading mode buffers whatever it is sent, checks sizes afterwards, and keeps sockets
that never finish their handshake. Each class here closes one of these (measured in the design notes).
"""

from __future__ import annotations

import contextlib
import socket as sockets_api
import struct
import threading
from collections.abc import Callable, Iterable
from typing import Any

import simple_websocket
from engineio.async_drivers._websocket_wsgi import SimpleWebSocketWSGI
from socketio.packet import BINARY_EVENT, EVENT, Packet
from wsproto.events import CloseConnection
from wsproto.frame_protocol import CloseReason
from wsproto.utilities import ProtocolError

from app.hosted.allowance import Allowance

MAX_WAITING_MESSAGES = 8
"""A page has one or two frames on their way, of two messages each; more unread messages than this are a flood."""

SOCKET_KEY = "bonafide.socket"
"""Where the WSGI environment carries the socket, so that a refusal can close it."""

HANDSHAKE_SECONDS = 5.0
"""A socket that has not joined the namespace by then is closed: each holds four threads."""

SEND_SECONDS = 5
"""A peer that reads nothing for so long is gone; without a limit it would hold whoever writes to it."""

RECEIVE_BYTES = 32_768
"""Read at once: about a frame. By the library's default each would be read, and looked through, ten times."""

RESERVED_EVENTS = ("connect", "disconnect")
"""Names under which the library reports to us. A page that sends one would speak in the library's name."""


class SingleAttachmentPacket(Packet):  # type: ignore[misc]
    """A packet with at most one attachment, a header and its frame, and with an event that a page may send."""

    def decode(self, encoded_packet: str) -> int:
        """Refuse anything else; the error disconnects the sender."""
        count: int = super().decode(encoded_packet) or 0
        if count > 1:
            raise ValueError("more than one attachment")
        if self.packet_type in (EVENT, BINARY_EVENT) and not _names_an_event(self.data):
            raise ValueError("no event of a page")
        return count


def _names_an_event(data: object) -> bool:
    return isinstance(data, list) and bool(data) and isinstance(data[0], str) and data[0] not in RESERVED_EVENTS


class BoundedServer(simple_websocket.Server):  # type: ignore[misc]
    """A websocket that refuses long messages while they arrive and closes when too many wait."""

    has_joined = False
    """Whether the namespace has accepted it; until then it lives on borrowed time."""

    def __init__(self, environ: dict[str, Any], max_message_size: int, allowance: Allowance) -> None:
        self.allowance = allowance
        super().__init__(environ, receive_bytes=RECEIVE_BYTES, max_message_size=max_message_size)
        with contextlib.suppress(OSError):
            seconds = struct.pack("ll", SEND_SECONDS, 0)
            self.sock.setsockopt(sockets_api.SOL_SOCKET, sockets_api.SO_SNDTIMEO, seconds)

    def _thread(self) -> None:
        """However reading ends, whoever waits for a message is woken: the library forgets it now and then."""
        try:
            super()._thread()
        finally:
            self.connected = False
            self.event.set()

    def _handle_events(self) -> bool:
        keeps_going: bool = super()._handle_events()
        if len(self.input_buffer) <= MAX_WAITING_MESSAGES:
            return keeps_going
        self.input_buffer.clear()
        self.sock.send(self.ws.send(CloseConnection(CloseReason.POLICY_VIOLATION, "too many messages")))
        self.event.set()
        return False


class OpenSockets:
    """All open websockets of this process; caps their number and closes them in the end."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._lock = threading.Lock()
        self._places = 0
        self._open: set[BoundedServer] = set()

    def enter(self) -> bool:
        """Take a place before the handshake; False where none is left. Whoever enters leaves."""
        with self._lock:
            if self._places >= self.limit:
                return False
            self._places += 1
            return True

    def leave(self) -> None:
        """Give the place back."""
        with self._lock:
            self._places -= 1

    def count(self) -> int:
        """How many places are taken."""
        with self._lock:
            return self._places

    def add(self, socket: BoundedServer) -> None:
        """Register an open socket."""
        with self._lock:
            self._open.add(socket)

    def discard(self, socket: BoundedServer) -> None:
        """Forget a closed one."""
        with self._lock:
            self._open.discard(socket)

    def close_all(self) -> None:
        """Close every socket, so that their threads end."""
        with self._lock:
            sockets = list(self._open)
        for socket in sockets:
            close_quietly(socket)


def close_quietly(socket: BoundedServer) -> None:
    """Close a socket that may be closing already, and wake whoever reads it or waits on it.

    A peer that is gone never answers the farewell, so the connection itself is shut down as well.
    """
    with contextlib.suppress(simple_websocket.ConnectionClosed, ProtocolError, OSError, ValueError):
        socket.close(CloseReason.GOING_AWAY)
    socket.connected = False
    with contextlib.suppress(OSError):
        socket.sock.shutdown(sockets_api.SHUT_RDWR)
    socket.event.set()


def _bare_handshake(environ: dict[str, Any]) -> dict[str, Any]:
    """What a handshake needs and nothing else, as the gate has checked it.

    Compression would let a small message grow large after the size check, and a header that the library
    cannot read would make it fail.
    """
    needed = {name: value for name, value in environ.items() if not name.startswith("HTTP_")}
    return {
        **needed,
        "HTTP_HOST": "localhost",
        "HTTP_UPGRADE": "websocket",
        "HTTP_CONNECTION": "Upgrade",
        "HTTP_SEC_WEBSOCKET_VERSION": "13",
        "HTTP_SEC_WEBSOCKET_KEY": environ["HTTP_SEC_WEBSOCKET_KEY"],
    }


def bounded_wsgi(
    sockets: OpenSockets, max_message_bytes: int, new_allowance: Callable[[], Allowance]
) -> type[SimpleWebSocketWSGI]:
    """The class that engine.io shall use for its websockets."""

    class BoundedWSGI(SimpleWebSocketWSGI):  # type: ignore[misc]
        """Opens `BoundedServer` sockets without compression and reaps silent ones."""

        def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
            self.ws = BoundedServer(_bare_handshake(environ), max_message_bytes, new_allowance())
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
                close_quietly(self.ws)
            raise StopIteration

        def close(self) -> None:
            """engine.io is done with it: after a farewell, or because the peer answers no ping."""
            close_quietly(self.ws)

        def _reap(self) -> None:
            if not self.ws.has_joined:
                close_quietly(self.ws)

    return BoundedWSGI
