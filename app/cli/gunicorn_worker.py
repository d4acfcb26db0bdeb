"""gunicorn's worker with threads, hardened against slow strangers.

Its own main loop waits for peers that do not hang up, and its threads for peers that do not finish a request:
five of the first, or some hundred of the second, and nobody else is served. Here the main loop never waits, and
a request gets a thread when its headers are there.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from functools import partial
from types import FrameType
from typing import Any, Protocol

from gunicorn import util
from gunicorn.http import wsgi
from gunicorn.http.errors import (
    ConfigurationProblem,
    InvalidResponseHeader,
    InvalidResponseHeaderName,
    ParseException,
)
from gunicorn.http.message import Request
from gunicorn.workers.gthread import STOP_KEEPALIVE_LINGER, ThreadWorker

from app.adapters.randomness import SystemRandomness
from app.cli.gunicorn_connection import Answer, Connection, is_head_whole
from app.web.errors import FIXED_MESSAGES, INTERNAL_ERROR

RECEIVE_BYTES = 64 * 1024

LINGER_IDLE_SECONDS = 2
"""A peer that was answered for good is given this long to hang up, anew with all that it still sends …"""

LINGER_SECONDS = 10
"""… but no longer than this …"""

LINGER_MAX_BYTES = 16 * 1024**2
"""… and not beyond this: closing on unread bytes would reset the connection before the answer is read."""

LINGERING_MAX = 64

CLIENT_ERROR = (400, "INVALID_REQUEST")


class Served(Protocol):
    """An application as this server needs it."""

    @property
    def wsgi(self) -> Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]: ...

    def start(self) -> None:
        """What runs beside the requests."""

    def drain(self) -> None:
        """Say goodbye to whoever holds a connection open."""

    def close(self) -> None:
        """Give everything back."""


class CaptureWorker(ThreadWorker):  # type: ignore[misc]
    """Waits for nobody in its main loop, and tells its pages goodbye, so that open sockets do not hold up its end.

    A connection is in a thread, among `keepalived_conns` (idle), `_waiting` (its request's head is not whole) or
    `_lingering` (answered for good, not hung up); `nr_conns` counts all of them. With TLS, which is for
    development only, heads are read in the threads.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._seconds: int = self.app.request_read_seconds
        self._waiting: dict[Connection, None] = {}
        self._lingering: dict[Connection, None] = {}

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """SIGTERM: stop accepting, tell the pages, close their sockets."""
        super().handle_exit(sig, frame)
        application: Served = self.wsgi.application
        # Not in the signal handler: closing takes locks that the interrupted thread may hold.
        threading.Thread(target=application.drain, name="drain", daemon=True).start()

    def accept(self, listener: socket.socket) -> None:
        """A new connection. Where there are too many, one that is least missed is closed."""
        try:
            sock, client = listener.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return
        self.nr_conns += 1
        conn = Connection(self.cfg, sock, (client, listener.getsockname()), self._seconds)
        if self.cfg.is_ssl:
            self.enqueue_req(conn)
        else:
            self._await_head(conn)
        while self.nr_conns >= self.worker_connections and self._close_least_missed():
            pass

    def on_client_socket_readable(self, conn: Connection, client: socket.socket) -> None:
        """An idle connection has something to say."""
        if conn not in self.keepalived_conns:
            return  # closed while this was on its way
        if self.cfg.is_ssl:
            super().on_client_socket_readable(conn, client)
            return
        self.poller.unregister(client)
        self.keepalived_conns.remove(conn)
        self._await_head(conn)

    def finish_request(self, conn: Connection, fs: Future[object]) -> None:
        """A thread is done with the connection, for now or for good."""
        result = not fs.cancelled() and fs.exception() is None and fs.result()
        if not result:
            self._linger_or_close(conn)
        elif result is True and not self.cfg.is_ssl and (rest := conn.parser.unreader.take_buffered()):
            self._await_head(conn, rest)
        else:
            super().finish_request(conn, fs)

    def murder_pending(self) -> None:
        """Close what has been waited for long enough."""
        super().murder_pending()
        now = time.monotonic()
        for kept in (self._waiting, self._lingering):
            for conn in [conn for conn in kept if conn.deadline <= now]:
                self._close(kept, conn)

    def _cap_keepalive(self, deadline: float) -> None:
        """At the end of this worker nobody is waited for beyond the deadline."""
        super()._cap_keepalive(deadline)
        for conn in (*self._waiting, *self._lingering):
            conn.deadline = min(conn.deadline, deadline)

    def _await_head(self, conn: Connection, received: bytes = b"") -> None:
        conn.head = received
        if is_head_whole(received):
            self._hand_over(conn)
            return
        conn.deadline = time.monotonic() + (self._seconds if self.alive else STOP_KEEPALIVE_LINGER)
        self._keep(self._waiting, conn, self._on_head)

    def _on_head(self, conn: Connection, _sock: socket.socket) -> None:
        if conn not in self._waiting:
            return  # closed while this was on its way
        received = _receive(conn)
        if received is None:
            return
        if not received:
            self._close(self._waiting, conn)
            return
        conn.head += received
        if is_head_whole(conn.head):
            self.poller.unregister(conn.sock)
            del self._waiting[conn]
            self._hand_over(conn)

    def _hand_over(self, conn: Connection) -> None:
        conn.data_ready = True
        self.enqueue_req(conn)

    def _linger_or_close(self, conn: Connection) -> None:
        """Say that no more will come, and let the peer read and hang up, unless it has."""
        try:
            conn.sock.shutdown(socket.SHUT_WR)
            # A websocket's own thread may still close its socket, and the poller goes by a number that is reused.
            own = socket.socket(fileno=os.dup(conn.sock.fileno()))
        except OSError:
            self.nr_conns -= 1
            conn.close()
            return
        conn.sock.close()
        conn.sock = own
        now = time.monotonic()
        conn.last_deadline = now + LINGER_SECONDS
        conn.deadline = now + LINGER_IDLE_SECONDS
        self._keep(self._lingering, conn, self._on_lingering)
        if len(self._lingering) > LINGERING_MAX:
            self._close(self._lingering, next(iter(self._lingering)))

    def _on_lingering(self, conn: Connection, _sock: socket.socket) -> None:
        if conn not in self._lingering:
            return  # closed while this was on its way
        received = _receive(conn)
        if received is None:
            return
        conn.drained += len(received)
        if not received or conn.drained > LINGER_MAX_BYTES:
            self._close(self._lingering, conn)
        elif self.alive:
            conn.deadline = min(time.monotonic() + LINGER_IDLE_SECONDS, conn.last_deadline)

    def _keep(
        self,
        kept: dict[Connection, None],
        conn: Connection,
        on_readable: Callable[[Connection, socket.socket], None],
    ) -> None:
        conn.sock.setblocking(False)
        kept[conn] = None
        self.poller.register(conn.sock, selectors.EVENT_READ, partial(on_readable, conn))

    def _close(self, kept: dict[Connection, None], conn: Connection) -> None:
        del kept[conn]
        self.poller.unregister(conn.sock)
        self.nr_conns -= 1
        conn.close()

    def _close_least_missed(self) -> bool:
        """The oldest that was answered, else that sends slowly, else that is idle; whether there is one."""
        for kept in (self._lingering, self._waiting):
            if kept:
                self._close(kept, next(iter(kept)))
                return True
        if self.keepalived_conns:
            conn = self.keepalived_conns.popleft()
            self.poller.unregister(conn.sock)
            self.nr_conns -= 1
            conn.close()
            return True
        return False

    def handle_request(self, req: Request, conn: Connection) -> bool:
        """Answer one request, in a thread; whether the connection can take another."""
        req.unreader.begin_body()
        answer, environ = wsgi.create(
            req,
            conn.sock,
            conn.client,
            conn.server,
            self.cfg,
            response_class=Answer,
            response_args=(self._seconds,),
        )
        environ["wsgi.multithread"] = True
        if not self.alive or len(self.keepalived_conns) >= self.max_keepalived:
            answer.force_close()
        try:
            self._write(answer, environ)
        except OSError:
            raise
        except Exception as error:
            if not answer.headers_sent:
                raise
            # An answer that has begun can only be broken off.
            self.log.exception("an answer broke off")
            raise StopIteration from error
        return not answer.should_close()

    def _write(self, answer: Answer, environ: dict[str, Any]) -> None:
        parts = self.wsgi(environ, answer.start_response)
        try:
            for part in parts:
                answer.write(part)
            answer.close()
        finally:
            if hasattr(parts, "close"):
                parts.close()

    def _keepalive_after(self, conn: Connection, keepalive: bool) -> bool:
        """As the answer announced: an unread body was seen to before."""
        return keepalive

    def handle_error(self, req: Request | None, client: socket.socket, addr: object, exc: Exception) -> None:
        """What never reached the application, or broke it, is answered as the contract has it."""
        request_id = f"req_{SystemRandomness().nonce()}"
        status, code = CLIENT_ERROR if _is_of_client(exc) else INTERNAL_ERROR
        if status == INTERNAL_ERROR[0]:
            self.log.error("%s failed", request_id, exc_info=exc)
        with contextlib.suppress(OSError):
            util.write_nonblock(client, _error_answer(status, code, request_id))


def _is_of_client(error: Exception) -> bool:
    ours = (ConfigurationProblem, InvalidResponseHeader, InvalidResponseHeaderName)
    return isinstance(error, ParseException | ssl.SSLError) and not isinstance(error, ours)


def _error_answer(status: int, code: str, request_id: str) -> bytes:
    """All of it; the connection closes after it."""
    body = json.dumps({"error": code, "message": FIXED_MESSAGES[code], "requestId": request_id}) + "\n"
    reason = {400: "Bad Request", 500: "Internal Server Error"}[status]
    head = (
        f"HTTP/1.1 {status} {reason}\r\nDate: {util.http_date()}\r\nConnection: close\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\nCache-Control: no-store\r\n"
        f"X-Request-Id: {request_id}\r\n\r\n"
    )
    return f"{head}{body}".encode("ascii")


def _receive(conn: Connection) -> bytes | None:
    """What has arrived; b"" where the connection is at its end, None where there is nothing yet."""
    try:
        received: bytes = conn.sock.recv(RECEIVE_BYTES)
    except BlockingIOError:
        return None
    except OSError:
        return b""
    return received
