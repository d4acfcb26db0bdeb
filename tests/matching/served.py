"""The matching service on a real socket, and servers that misbehave."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace

from flask import Flask
from werkzeug.serving import WSGIRequestHandler, make_server

from app.matching.client import CoreClient, RemoteSettings
from app.matching.http_app import MatchingService, create_matching_app
from app.matching.remote import RemoteMatchingCore
from app.services.ports import MatchingCore
from tests.fakes import SeededRandomness

TOKEN = "a-token-of-the-matching-service-0001"
OLD_TOKEN = "a-token-of-the-matching-service-0000"
BODY_MAX_BYTES = 16 * 1024 * 1024
SETTINGS = RemoteSettings(
    url="http://127.0.0.1:1",
    token=TOKEN,
    timeout_seconds=20,
    connect_seconds=5,
    retries=0,
    breaker_failures=1000,
    breaker_seconds=10,
)

Talk = Callable[[socket.socket], None]
"""What a misbehaving server does with a connection, before it is closed."""


class _Handler(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log(self, type: str, message: str, *args: object) -> None:  # noqa: A002 (as the base class has it)
        """Tests are quiet."""


def make_app(core: MatchingCore) -> Flask:
    return create_matching_app(MatchingService(core, [TOKEN, OLD_TOKEN], SeededRandomness(), BODY_MAX_BYTES))


@contextmanager
def serving(core: MatchingCore) -> Iterator[str]:
    """The real application; its address."""
    server = make_server("127.0.0.1", 0, make_app(core), threaded=True, request_handler=_Handler)
    server.daemon_threads = True  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@dataclass
class Slept:
    """Stands in for sleeping and for the clock of the breaker."""

    seconds: list[float] = field(default_factory=list)
    now: float = 1000.0

    def sleep(self, seconds: float) -> None:
        self.seconds.append(seconds)

    def monotonic(self) -> float:
        return self.now


@contextmanager
def remote(url: str, slept: Slept | None = None, **changes: object) -> Iterator[RemoteMatchingCore]:
    """A client of the service; `changes` are settings that differ."""
    slept = slept or Slept()
    settings = replace(SETTINGS, url=url, **changes)  # type: ignore[arg-type]
    core = RemoteMatchingCore(CoreClient(settings, slept.sleep, slept.monotonic))
    try:
        yield core
    finally:
        core.close()


@dataclass
class Rogue:
    """A server that does what the test says, and counts how often it was asked."""

    url: str
    talk: Talk
    asked: int = 0
    is_closing: threading.Event = field(default_factory=threading.Event)


@contextmanager
def rogue(talk: Talk) -> Iterator[Rogue]:
    """Reads the head of each request first, then lets `talk` have the connection."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = Rogue(f"http://127.0.0.1:{listener.getsockname()[1]}", talk)

    def serve(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            received = b""
            while b"\r\n\r\n" not in received and (part := connection.recv(65_536)):
                received += part
            if received:
                server.asked += 1
                server.talk(connection)
                connection.shutdown(socket.SHUT_WR)

    def accept() -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.is_closing.set()
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


def answer(status: str, body: bytes = b"", *headers: str) -> Talk:
    """A whole HTTP answer."""
    head = "\r\n".join([f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers])
    return lambda connection: connection.sendall(head.encode("ascii") + b"\r\n\r\n" + body)


def raw(data: bytes) -> Talk:
    return lambda connection: connection.sendall(data)
