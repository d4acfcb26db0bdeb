"""A connection of gunicorn's that no peer can hold for long by sending or reading slowly."""

from __future__ import annotations

import errno
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from gunicorn import sock as gunicorn_sock
from gunicorn.config import Config
from gunicorn.http.errors import LimitRequestHeaders, NoMoreData, ParseException
from gunicorn.http.message import Request
from gunicorn.http.parser import RequestParser
from gunicorn.http.unreader import SocketUnreader
from gunicorn.http.wsgi import Response
from gunicorn.workers.gthread import TConn

HEAD_MAX_BYTES = 64 * 1024
"""Request line and headers together. gunicorn by itself would take 800 KiB."""

LINE_MAX_BYTES = 4096
"""Beyond it, gunicorn refuses a request line whose end is still to come (its `limit_request_line` is 4094)."""

LEAST_BYTES_PER_SECOND = 16 * 1024
"""Whoever sends or reads a long body at this rate is waited for."""

REST_MAX_BYTES = 64 * 1024
"""As much of a body that nobody read is thrown away for the next request's sake."""

REST_STEP_BYTES = 4096


class Patience:
    """Seconds that one peer may keep us waiting, in all; what gets through earns more. Not for several threads."""

    def __init__(self, sock: socket.socket, seconds: float) -> None:
        self._sock = sock
        self._left = seconds

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Bound what the socket does meanwhile. Without patience left it does only what it can at once."""
        self._sock.settimeout(max(self._left, 0.0))
        began = time.monotonic()
        try:
            yield
        finally:
            self._left -= time.monotonic() - began
            self._sock.settimeout(None)

    def earn(self, transferred: int) -> None:
        """Be as patient as so many bytes deserve."""
        self._left += transferred / LEAST_BYTES_PER_SECOND


class PatientUnreader(SocketUnreader):  # type: ignore[misc]
    """Where gunicorn's parser gets a request from. What it reads is the request only: websocket frames are not."""

    def __init__(self, sock: socket.socket, seconds: float) -> None:
        super().__init__(sock)
        self._seconds = seconds
        self._patience = Patience(sock, seconds)
        self._head_left: float = HEAD_MAX_BYTES

    def begin_head(self, received: bytes) -> None:
        """The next request begins, with what has been received of it."""
        self._patience = Patience(self.sock, self._seconds)
        self._head_left = HEAD_MAX_BYTES - len(received)
        self.unread(received)

    def begin_body(self) -> None:
        """The head is read."""
        self._patience = Patience(self.sock, self._seconds)
        self._head_left = float("inf")

    def hurry(self) -> None:
        """From now on take only what has arrived."""
        self._patience = Patience(self.sock, float("-inf"))

    def chunk(self, size_hint: int | None = None) -> bytes:
        """The next bytes; `NoMoreData` where they do not come in time, as where the peer hung up."""
        if self._head_left <= 0:
            raise LimitRequestHeaders("request head")
        try:
            with self._patience.waiting():
                data: bytes = super().chunk(size_hint)
        except (TimeoutError, BlockingIOError, ssl.SSLWantReadError) as error:
            raise NoMoreData from error
        self._patience.earn(len(data))
        self._head_left -= len(data)
        return data


class PatientSender:
    """What an answer is written to: a peer that does not read it counts as gone."""

    def __init__(self, sock: socket.socket, seconds: float) -> None:
        self._sock = sock
        self._patience = Patience(sock, seconds)

    def sendall(self, data: bytes) -> None:
        """Send all of it, or `BrokenPipeError`."""
        self._patience.earn(len(data))
        try:
            with self._patience.waiting():
                self._sock.sendall(data)
        except (TimeoutError, BlockingIOError, ssl.SSLWantWriteError) as error:
            raise BrokenPipeError(errno.EPIPE, "the answer is not read") from error


class Answer(Response):  # type: ignore[misc]
    """Names no server, and tells beforehand where the connection cannot take another request."""

    def __init__(self, req: Request, sock: socket.socket, cfg: Config, seconds: float) -> None:
        super().__init__(req, PatientSender(sock, seconds), cfg)

    def default_headers(self) -> list[str]:
        """The status line and the headers that are the server's."""
        if not is_body_taken(self.req):
            self.force_close()
        return [line for line in super().default_headers() if not line.startswith("Server:")]


def is_body_taken(request: Request) -> bool:
    """Whether nothing of the body is still to come, after a small rest that has arrived was thrown away."""
    if request.body.failed:
        return False
    request.unreader.hurry()
    try:
        return any(not request.body.read(REST_STEP_BYTES) for _ in range(REST_MAX_BYTES // REST_STEP_BYTES))
    except (OSError, ParseException):
        return False


def is_head_whole(received: bytes) -> bool:
    """Whether gunicorn's parser can take it, or refuse it, without waiting for more."""
    line = 2 if received.startswith(b"\r\n") else 0  # one empty line may come first
    if received.find(b"\r\n\r\n", line) >= 0 or len(received) >= HEAD_MAX_BYTES:
        return True
    if received.count(b"\n") != received.count(b"\r\n"):
        return True
    return len(received) - line > LINE_MAX_BYTES and received.find(b"\r\n", line) < 0


class Connection(TConn):  # type: ignore[misc]
    """`head` is what the main loop has received of the next request, `deadline` until when it is kept there.

    `last_deadline` and `drained` (bytes) are about the time after the last answer.
    """

    sock: Any
    parser: Any

    def __init__(self, cfg: Config, sock: socket.socket, peers: tuple[Any, Any], seconds: float) -> None:
        client, server = peers
        super().__init__(cfg, sock, client, server)
        self.head = b""
        self.deadline = self.last_deadline = 0.0
        self.drained = 0
        self._seconds = seconds

    def init(self) -> None:
        """In a thread, before each request."""
        if self.parser is None:
            self.initialized = True
            if self.cfg.is_ssl:
                self._shake_hands()
            self.parser = RequestParser(self.cfg, self.sock, self.client)
            self.parser.unreader = PatientUnreader(self.sock, self._seconds)
        self.parser.unreader.begin_head(self.head)
        self.head = b""

    def _shake_hands(self) -> None:
        self.sock.settimeout(self._seconds)
        try:
            self.sock = gunicorn_sock.ssl_wrap_socket(self.sock, self.cfg)
            self.sock.do_handshake()
        except TimeoutError as error:
            raise NoMoreData from error
        self.sock.settimeout(None)
