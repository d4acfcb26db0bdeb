"""Flask-SocketIO, made safe for frames from strangers, and its gate at the door."""

from __future__ import annotations

import json
import logging
import re
import time
from collections.abc import Callable, Iterable
from typing import Any

from flask import Flask
from flask_socketio import SocketIO

from app.hosted.allowance import PACKET_COST, Allowance
from app.hosted.bounded_websocket import (
    SOCKET_KEY,
    OpenSockets,
    SingleAttachmentPacket,
    bounded_wsgi,
    close_quietly,
)
from app.hosted.capture_socket import CaptureNamespace
from app.hosted.connections import Connections
from app.hosted.origins import origin_of
from app.hosted.services import HostedServices

log = logging.getLogger(__name__)

SOCKET_PATH = "/socket.io"
PING_SECONDS = 10
FAREWELL_SECONDS = 0.3
"""In which pages can read that the server goes down, before their sockets are closed."""

SOCKETS_BEYOND_PAGES = 16
"""Sockets may be open that have not joined yet (or not left yet) beside the largest number of pages."""

HANDSHAKE_KEY = re.compile(r"[A-Za-z0-9+/]{22}==")
HANDSHAKE_VERSION = "13"
"""RFC 6455 §4.2.1. The library would fail over a handshake without them."""

StartResponse = Callable[..., Any]
Wsgi = Callable[[dict[str, Any], StartResponse], Iterable[bytes]]


class SocketServer:
    """The Socket.IO part of the application."""

    def __init__(self, app: Flask, services: HostedServices) -> None:
        self.sockets = OpenSockets(services.max_sockets + SOCKETS_BEYOND_PAGES)
        self.connections = Connections()
        self.namespace = CaptureNamespace(services, self.connections)
        self.socketio = SocketIO(
            app,
            async_mode="threading",
            async_handlers=False,
            transports=["websocket"],
            allow_upgrades=False,
            serializer=SingleAttachmentPacket,
            max_http_buffer_size=services.frame_limits.max_bytes,
            ping_interval=PING_SECONDS,
            ping_timeout=PING_SECONDS,
            manage_session=False,
            # The gate below judges the origin, before a socket exists.
            cors_allowed_origins="*",
            cookie=None,
        )
        eio = self.socketio.server.eio
        # A copy: the mapping belongs to the module and is shared by every server of the process.
        websocket = bounded_wsgi(
            self.sockets, services.frame_limits.max_bytes, lambda: Allowance(services.clock.monotonic_ms)
        )
        # engine.io has no public way to choose the websocket class.
        eio._async = {**eio._async, "websocket": websocket}  # noqa: SLF001
        self._deliver: Callable[[str, object], None] = eio.handlers["message"]
        eio.on("message", self._receive)
        self.socketio.on_namespace(self.namespace)
        app.wsgi_app = gate(  # type: ignore[method-assign, assignment]
            app.wsgi_app, self.sockets, services.public_origin, is_development=services.is_development
        )

    def _receive(self, engine_sid: str, data: object) -> None:
        """Hand a packet on. What cannot be read, or comes too fast, costs its sender the socket.

        Handlers answer their own errors, so what arrives here is a packet that no page sends; engine.io
        would write a traceback for each into the log and let the sender go on.
        """
        socket = self.socketio.server.environ.get(engine_sid, {}).get(SOCKET_KEY)
        if socket is None:
            return
        if not socket.allowance.spend(PACKET_COST):
            log.warning("a socket sends too fast, closed")
            close_quietly(socket)
            return
        try:
            self._deliver(engine_sid, data)
        except Exception as error:  # noqa: BLE001 (the library raises whatever its parsing comes upon)
            log.warning("a socket sends what is no packet (%s), closed", type(error).__name__)
            close_quietly(socket)

    def drain(self) -> None:
        """Tell the pages, then close every socket, so that their threads end."""
        self.namespace.emit("draining", {"retry_in_ms": 1_500})
        # The sockets' own threads send it; closing at once would cut it off.
        time.sleep(FAREWELL_SECONDS)
        self.sockets.close_all()


def gate(inner: Wsgi, sockets: OpenSockets, public_origin: str, *, is_development: bool) -> Wsgi:
    """Let only websocket handshakes of our own pages through to Socket.IO.

    Polling is refused, and so is a handshake without `Origin` or with a foreign one: browsers always
    send it, and no other site's page may speak for ours.
    """

    def application(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        if not environ.get("PATH_INFO", "").startswith(SOCKET_PATH):
            return inner(environ, start_response)
        if not _is_handshake(environ):
            return _refuse(start_response, "400 Bad Request", "websocket_only")
        if not _is_own_origin(environ, public_origin, is_development=is_development):
            return _refuse(start_response, "403 Forbidden", "bad_origin")
        if not sockets.enter():
            return _refuse(start_response, "503 Service Unavailable", "busy")
        try:
            # Returns when the socket is closed.
            return inner(environ, start_response)
        finally:
            sockets.leave()

    return application


def _is_handshake(environ: dict[str, Any]) -> bool:
    connection = environ.get("HTTP_CONNECTION", "").lower().split(",")
    return (
        environ.get("REQUEST_METHOD") == "GET"
        and environ.get("HTTP_UPGRADE", "").lower() == "websocket"
        and "upgrade" in [token.strip() for token in connection]
        and environ.get("HTTP_SEC_WEBSOCKET_VERSION") == HANDSHAKE_VERSION
        and HANDSHAKE_KEY.fullmatch(environ.get("HTTP_SEC_WEBSOCKET_KEY", "")) is not None
    )


def _is_own_origin(environ: dict[str, Any], public_origin: str, *, is_development: bool) -> bool:
    origin = environ.get("HTTP_ORIGIN", "")
    if not origin or origin_of(origin) != origin:
        return False
    if origin == public_origin:
        return True
    # In development the server is called localhost, 127.0.0.1 or by its address in the LAN.
    return is_development and origin.partition("://")[2] == environ.get("HTTP_HOST")


def _refuse(start_response: StartResponse, status: str, code: str) -> list[bytes]:
    body = json.dumps({"error": code}).encode()
    start_response(status, [("Content-Type", "application/json"), ("Connection", "close")])
    return [body]
