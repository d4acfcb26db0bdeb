"""Connections to receivers of webhooks: judged addresses only, one deadline over every step, bounded answers."""

from __future__ import annotations

import select
import socket
import ssl
import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from enum import StrEnum

import h11

from app.domain.public_address import IpAddress

Connect = Callable[[str, int, float], socket.socket]
"""Opens a TCP connection to an address (never a name) and a port, within so many seconds."""

IDLE_SECONDS = 4.0
"""Less than the five after which common servers close an idle connection."""
IDLE_MAX = 64

_PART_BYTES = 16_384


class Trouble(StrEnum):
    """Why there was no answer, as it is told and kept."""

    DNS = "dns"
    REFUSED_ADDRESS = "refused_address"
    CONNECT = "connect"
    TLS = "tls"
    TIMEOUT = "timeout"
    PROTOCOL = "protocol"
    TOO_LARGE = "too_large"
    CLOSED = "closed"


class SendFailed(Exception):
    """There was no answer. `is_final`: nor will there be one, whenever it is tried."""

    def __init__(self, trouble: Trouble, *, is_final: bool = False) -> None:
        super().__init__(trouble.value)
        self.trouble = trouble
        self.is_final = is_final


class Deadline:
    """The end of one request: looking up, connecting, TLS, sending and reading together."""

    def __init__(self, seconds: float) -> None:
        self._ends = time.monotonic() + seconds

    def remaining(self) -> float:
        """Seconds, more than none; `SendFailed` where none are left."""
        seconds = self._ends - time.monotonic()
        if seconds <= 0:
            raise SendFailed(Trouble.TIMEOUT)
        return seconds


@dataclass(frozen=True)
class Route:
    """Where a connection leads, and whose certificate is checked there: one for each host at an address."""

    address: IpAddress
    host: str
    port: int
    is_tls: bool


def system_connect(address: str, port: int, seconds: float) -> socket.socket:
    """No proxy, and no name is looked up."""
    connection = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
    try:
        connection.settimeout(seconds)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.connect((address, port))
    except OSError:
        connection.close()
        raise
    return connection


class Connection:
    """HTTP/1.1 over one socket, for one thread at a time."""

    def __init__(self, route: Route, connection: socket.socket, answer_max_bytes: int) -> None:
        self.route = route
        self.idle_since_ms = 0
        self._socket = connection
        self._answer_max_bytes = answer_max_bytes
        self._http = h11.Connection(h11.CLIENT, max_incomplete_event_size=answer_max_bytes)
        self._received_bytes = 0
        self._is_sent = False

    @property
    def is_untouched(self) -> bool:
        """Whether the receiver said nothing since the last request was sent."""
        return self._received_bytes == 0

    def post(self, request: h11.Request, body: bytes, deadline: Deadline) -> h11.Response:
        """Send, read the answer to its end and keep its head. `SendFailed` where there is none in full."""
        self._received_bytes, response = 0, None
        parts = (self._http.send(event) for event in (request, h11.Data(data=body), h11.EndOfMessage()))
        self._send(b"".join(part or b"" for part in parts), deadline)
        while not isinstance(event := self._next_event(deadline), h11.EndOfMessage):
            if isinstance(event, h11.Response):
                response = event
        assert response is not None, "h11 gives no end without a beginning"
        return response

    def renew(self) -> bool:
        """Make ready for another request: False where it is used up, or holds what nobody asked for."""
        is_done = self._http.our_state is h11.DONE and self._http.their_state is h11.DONE
        if not is_done or not self._is_sent or self._http.trailing_data != (b"", False):
            return False
        self._http.start_next_cycle()
        return True

    def is_silent(self) -> bool:
        """Whether an idle connection is as it was left: neither closed, nor is there anything to read."""
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        return not poll.poll(0)

    def close(self) -> None:
        """At once: nothing is waited for."""
        self._socket.close()

    def _send(self, data: bytes, deadline: Deadline) -> None:
        """Who closes before all of it is sent may have answered already: what it said is read anyway."""
        rest, self._is_sent = memoryview(data), False
        try:
            while rest:
                self._socket.settimeout(deadline.remaining())
                rest = rest[self._socket.send(rest[:_PART_BYTES]) :]
        except TimeoutError as error:
            raise SendFailed(Trouble.TIMEOUT) from error
        except OSError:
            return
        self._is_sent = True

    def _next_event(self, deadline: Deadline) -> h11.Event:
        is_closed = False
        try:
            while (event := self._http.next_event()) is h11.NEED_DATA:
                data = self._receive(deadline)
                is_closed = not data
                self._http.receive_data(data)
        except h11.RemoteProtocolError as error:
            raise SendFailed(Trouble.CLOSED if is_closed else Trouble.PROTOCOL) from error
        if isinstance(event, h11.Event) and not isinstance(event, h11.ConnectionClosed):
            return event
        raise SendFailed(Trouble.PROTOCOL)

    def _receive(self, deadline: Deadline) -> bytes:
        """Some bytes, none at the end. What was received is counted from the first byte of the head."""
        left = self._answer_max_bytes - self._received_bytes
        try:
            self._socket.settimeout(deadline.remaining())
            data = self._socket.recv(min(_PART_BYTES, left + 1))
        except TimeoutError as error:
            raise SendFailed(Trouble.TIMEOUT) from error
        except ssl.SSLError as error:
            raise SendFailed(Trouble.TLS) from error
        except OSError as error:
            raise SendFailed(Trouble.CLOSED) from error
        self._received_bytes += len(data)
        if len(data) > left:
            raise SendFailed(Trouble.TOO_LARGE)
        return data


@dataclass(frozen=True, kw_only=True)
class Connector:
    """Opens connections."""

    connect: Connect
    tls: ssl.SSLContext
    answer_max_bytes: int

    def open(self, route: Route, deadline: Deadline, seconds: float) -> Connection:
        """Connect within so many seconds, and agree on TLS before the deadline."""
        try:
            plain = self.connect(str(route.address), route.port, seconds)
        except TimeoutError as error:
            raise SendFailed(Trouble.TIMEOUT) from error
        except OSError as error:
            raise SendFailed(Trouble.CONNECT) from error
        secured = self._secured(plain, route, deadline) if route.is_tls else plain
        return Connection(route, secured, self.answer_max_bytes)

    def _secured(self, plain: socket.socket, route: Route, deadline: Deadline) -> ssl.SSLSocket:
        """The certificate must be that of the host, not of the address. No dot at its end (RFC 6066 §3)."""
        try:
            plain.settimeout(deadline.remaining())
            return self.tls.wrap_socket(plain, server_hostname=route.host.removesuffix("."))
        except SendFailed:
            plain.close()
            raise
        except TimeoutError as error:
            plain.close()
            raise SendFailed(Trouble.TIMEOUT) from error
        except (OSError, ValueError) as error:  # ValueError: a label too long for a certificate
            plain.close()
            raise SendFailed(Trouble.TLS) from error


class IdleConnections:
    """Connections that wait for another request, the longest waiting first. Threads share it."""

    def __init__(self, monotonic_ms: Callable[[], int]) -> None:
        self._monotonic_ms = monotonic_ms
        self._lock = threading.Lock()
        self._idle: list[Connection] = []
        self._is_closed = False

    def take(self, routes: Collection[Route]) -> Connection | None:
        """The latest used one over any of these routes."""
        while connection := self._pop(routes):
            if self._is_fresh(connection) and connection.is_silent():
                return connection
            connection.close()
        return None

    def put(self, connection: Connection) -> None:
        """Keep it where it can be used again, and let go of those that waited too long or are too many."""
        if not connection.renew():
            connection.close()
            return
        connection.idle_since_ms = self._monotonic_ms()
        dropped = []
        with self._lock:
            self._idle.append(connection)
            while self._idle and (
                self._is_closed or len(self._idle) > IDLE_MAX or not self._is_fresh(self._idle[0])
            ):
                dropped.append(self._idle.pop(0))
        for one in dropped:
            one.close()

    def close(self) -> None:
        """Close all; what is put back later is closed as well."""
        with self._lock:
            idle, self._idle, self._is_closed = self._idle, [], True
        for connection in idle:
            connection.close()

    def _pop(self, routes: Collection[Route]) -> Connection | None:
        with self._lock:
            for position in reversed(range(len(self._idle))):
                if self._idle[position].route in routes:
                    return self._idle.pop(position)
        return None

    def _is_fresh(self, connection: Connection) -> bool:
        return self._monotonic_ms() - connection.idle_since_ms < IDLE_SECONDS * 1000
