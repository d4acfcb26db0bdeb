"""Delivers webhooks: one POST to an address that a stranger gave, which must lead out into the world.

The host is looked up once, every answer is judged, and the connection goes to a judged address itself while TLS
and the `Host` header keep the name. Written over sockets and h11: the pools of HTTP clients are keyed by what the
URL says, so that a connection to an address could serve another host there unchecked, or outlive what its name
resolves to; and their timeouts bound single reads, which whoever drips outlives.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from ipaddress import ip_address
from urllib.parse import quote, urlsplit

import h11

from app.adapters.host_lookup import HostLookup, LookupFailed, Resolve, system_resolve
from app.adapters.webhook_connections import (
    Connect,
    Connection,
    Connector,
    Deadline,
    IdleConnections,
    Route,
    SendFailed,
    Trouble,
    system_connect,
)
from app.domain.delivery_schedule import RETRY_AFTER_MAX
from app.domain.public_address import IpAddress, is_loopback, is_public
from app.domain.web_address import DEFAULT_PORTS, webhook_problem
from app.services.ports import Clock, WebhookOutcome, WebhookRequest

ADDRESSES_TRIED_MAX = 4
_AS_IT_IS = "".join(map(chr, range(0x21, 0x7F)))


@dataclass(frozen=True)
class _Target:
    """The parts of an address that was judged as it is written. `literal`: its host is an address."""

    host: str
    port: int
    is_tls: bool
    authority: str
    path: str
    literal: IpAddress | None

    def routes(self, addresses: Sequence[IpAddress]) -> list[Route]:
        return [Route(address, self.host, self.port, self.is_tls) for address in addresses]


class HttpWebhookSender:
    """Sends webhooks; threads share it. Plain http goes to loopback alone, and in development mode only."""

    def __init__(
        self,
        *,
        clock: Clock,
        timeout_seconds: float,
        answer_max_bytes: int,
        is_development: bool,
        resolve: Resolve = system_resolve,
        connect: Connect = system_connect,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._clock = clock
        self._timeout_seconds = timeout_seconds
        self._is_development = is_development
        self._lookup = HostLookup(resolve)
        self._idle = IdleConnections(clock.monotonic_ms)
        self._connector = Connector(
            connect=connect, tls=tls or ssl.create_default_context(), answer_max_bytes=answer_max_bytes
        )

    def close(self) -> None:
        """Give back idle connections; those in use end with their requests."""
        self._idle.close()

    def send(self, request: WebhookRequest) -> WebhookOutcome:
        """One request, redirects not followed. An answer counts when it was read to its end within the bounds."""
        started, deadline = time.monotonic(), Deadline(self._timeout_seconds)
        try:
            response = self._response(request, deadline)
        except SendFailed as error:
            return WebhookOutcome(_ms_since(started), error=error.trouble.value, is_refused=error.is_final)
        return WebhookOutcome(
            _ms_since(started),
            status_code=response.status_code,
            retry_after_seconds=_retry_after(response, self._clock.now()),
        )

    def _response(self, request: WebhookRequest, deadline: Deadline) -> h11.Response:
        target = _target(request.url, allows_http_to_loopback=self._is_development)
        routes = target.routes(self._judged(target, deadline))
        post, body = _post(target, request), request.body
        connection = self._idle.take(routes)
        if connection is not None:
            try:
                return self._use(connection, post, body, deadline)
            except SendFailed as error:
                # Receivers close idle connections, now and then just when something is sent.
                if error.trouble is not Trouble.CLOSED or not connection.is_untouched:
                    raise
        return self._use(self._open(routes, deadline), post, body, deadline)

    def _judged(self, target: _Target, deadline: Deadline) -> Sequence[IpAddress]:
        """All addresses of the host, once and for this request. One bad address among them spoils the rest."""
        found: Sequence[IpAddress]
        if target.literal is not None:
            found = [target.literal]
        else:
            try:
                found = self._lookup.addresses(target.host, target.port, deadline.remaining())
            except LookupFailed as error:
                raise SendFailed(Trouble.DNS) from error
        is_allowed = is_public if target.is_tls else is_loopback
        if not all(is_allowed(address) for address in found):
            # What a name leads to can be put right; an address stays what it is.
            raise SendFailed(Trouble.REFUSED_ADDRESS, is_final=target.literal is not None)
        return found

    def _open(self, routes: Sequence[Route], deadline: Deadline) -> Connection:
        """To the first that takes the connection; each has its share of the time that is left."""
        tried = routes[:ADDRESSES_TRIED_MAX]
        for position, route in enumerate(tried):
            try:
                return self._connector.open(route, deadline, deadline.remaining() / (len(tried) - position))
            except SendFailed as error:
                is_last = position == len(tried) - 1
                if is_last or error.trouble is Trouble.TLS:
                    raise
        raise SendFailed(Trouble.DNS)

    def _use(self, connection: Connection, post: h11.Request, body: bytes, deadline: Deadline) -> h11.Response:
        try:
            response = connection.post(post, body, deadline)
        except SendFailed:
            connection.close()
            raise
        self._idle.put(connection)
        return response


def _target(url: str, *, allows_http_to_loopback: bool) -> _Target:
    """`SendFailed` where the address may not be called as it is written."""
    if webhook_problem(url, allows_http_to_loopback=allows_http_to_loopback):
        raise SendFailed(Trouble.REFUSED_ADDRESS, is_final=True)
    parts = urlsplit(url)
    host, default_port = parts.hostname or "", DEFAULT_PORTS[parts.scheme]
    port = parts.port or default_port
    written = f"[{host}]" if ":" in host else host
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return _Target(
        host=host,
        port=port,
        is_tls=parts.scheme == "https",
        authority=written if port == default_port else f"{written}:{port}",
        path=quote(path, safe=_AS_IT_IS, errors="replace"),
        literal=_literal(host),
    )


def _literal(host: str) -> IpAddress | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


def _post(target: _Target, request: WebhookRequest) -> h11.Request:
    headers = {
        "Host": target.authority,
        "Accept": "*/*",
        "Accept-Encoding": "identity",
        **request.headers,
        "Content-Length": str(len(request.body)),
    }
    return h11.Request(method="POST", target=target.path, headers=list(headers.items()))


def _ms_since(started: float) -> int:
    return round((time.monotonic() - started) * 1000)


def _retry_after(response: h11.Response, now: datetime) -> int | None:
    """`Retry-After` in seconds from now, bounded; None where there is none that can be read."""
    longest = round(RETRY_AFTER_MAX.total_seconds())
    text = next((value for name, value in response.headers if name == b"retry-after"), b"").decode("latin-1")
    if text.isascii() and text.isdigit():
        return int(min(float(text), longest))
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    seconds = ((at if at.tzinfo else at.replace(tzinfo=UTC)) - now).total_seconds()
    return round(min(max(seconds, 0), longest))
