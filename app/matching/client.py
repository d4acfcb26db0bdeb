"""Asks a remote matching core over HTTP: bounded in time, in tries and in what it takes for an answer."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

import httpx
from pydantic import BaseModel, ValidationError
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt
from tenacity.wait import wait_random_exponential

from app.domain.errors import MatchingFailed, MatchingUnavailable
from app.matching.breaker import Breaker
from app.matching.deadlines import DeadlineTransport, within
from app.web.openapi import ErrorBody

log = logging.getLogger(__name__)

MAX_ANSWER_BYTES = 1024 * 1024
"""A thousand scores take 60 kB."""
FIRST_WAIT_SECONDS, WAIT_SECONDS_MAX = 0.2, 5.0
"""Between tries, drawn at random up to a bound that doubles; who is told to wait longer gives up instead."""
CONNECTIONS_MAX = 128
KEEPALIVE_SECONDS = 4.0
"""Less than the five after which gunicorn closes an idle connection (app/cli/gunicorn_server.py)."""

BUSY = frozenset({429, 503})
COME_BACK = BUSY | {502, 504}
TOKEN_REFUSED = frozenset({401, 403})

M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True)
class RemoteSettings:
    """Where the core is, and how long it may take. `url` has no path; seconds of one try, `retries` beside it."""

    url: str
    token: str = field(repr=False)
    timeout_seconds: float
    connect_seconds: float
    retries: int
    breaker_failures: int
    breaker_seconds: float


@dataclass(frozen=True)
class Reply:
    """An answer, read to its end."""

    status: int
    body: bytes
    retry_after: float | None = None

    def read(self, model: type[M]) -> M:
        """The body; `MatchingFailed` where it is none of this contract."""
        try:
            return model.model_validate_json(self.body)
        except ValidationError as error:
            raise MatchingFailed("The remote matching core's answer is none of the contract.") from error


class Refused(Exception):
    """The core finds what it was sent wrong (400; field → what is wrong with it) or too long (413)."""

    def __init__(self, status: int, fields: Mapping[str, str]) -> None:
        super().__init__("the remote matching core refused the request")
        self.status = status
        self.fields = fields


class _ComeBack(Exception):
    """Not now; in `seconds`, where that was said. Callers get it as `MatchingUnavailable`.

    The core is there and says so itself: a burst of pictures must not make us turn away from it.
    """

    def __init__(self, reason: str, seconds: float | None = None) -> None:
        super().__init__(reason)
        self.seconds = seconds


class _OutOfReach(_ComeBack):
    """Nobody answers, or only somebody between us and the core."""


_COUNTED = (MatchingUnavailable, _OutOfReach)
"""What opens the breaker."""


class CoreClient:
    """Persistent connections to one core; threads share it. `sleep` and `monotonic` are those of `time`."""

    def __init__(
        self,
        settings: RemoteSettings,
        sleep: Callable[[float], None] = time.sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._sleep = sleep
        self._breaker = Breaker(settings.breaker_failures, settings.breaker_seconds, monotonic, _COUNTED)
        limits = httpx.Limits(
            max_connections=CONNECTIONS_MAX,
            max_keepalive_connections=CONNECTIONS_MAX,
            keepalive_expiry=KEEPALIVE_SECONDS,
        )
        self._http = httpx.Client(
            base_url=settings.url,
            headers={"Authorization": f"Bearer {settings.token}", "Accept-Encoding": "identity"},
            timeout=httpx.Timeout(settings.timeout_seconds, connect=settings.connect_seconds),
            transport=DeadlineTransport(limits),
            follow_redirects=False,
            trust_env=False,
        )

    def close(self) -> None:
        """Give back the connections."""
        self._http.close()

    def post_json(self, path: str, body: object, model: type[M]) -> M:
        """The answer. `Refused`, `MatchingUnavailable` or `MatchingFailed` otherwise."""
        try:
            request = self._http.build_request("POST", path, json=body)
        except ValueError as error:  # half a character in a key, say
            raise Refused(400, {}) from error
        return self._ask(request).read(model)

    def post_image(self, path: str, image: bytes, model: type[M]) -> M:
        """The same, for a picture."""
        files = {"image": ("image", image, "application/octet-stream")}
        return self._ask(self._http.build_request("POST", path, files=files)).read(model)

    def get_once(self, path: str, seconds: float) -> Reply:
        """Whatever is answered. Neither repeated nor counted; `MatchingUnavailable` where nothing is."""
        seconds = min(seconds, self._settings.timeout_seconds)
        try:
            return self._send(self._http.build_request("GET", path, timeout=seconds), seconds)
        except _ComeBack as error:
            raise MatchingUnavailable(str(error)) from error

    def _ask(self, request: httpx.Request) -> Reply:
        retrying = Retrying(
            stop=stop_after_attempt(1 + self._settings.retries),
            retry=retry_if_exception_type(_ComeBack),
            wait=_seconds_to_wait,
            sleep=self._sleep,
            reraise=True,
        )
        try:
            reply: Reply = retrying(self._breaker.call, lambda: self._try(request))
        except _ComeBack as error:
            raise MatchingUnavailable(str(error)) from error
        return reply

    def _try(self, request: httpx.Request) -> Reply:
        try:
            return _accepted(self._send(request, self._settings.timeout_seconds))
        except (MatchingUnavailable, _ComeBack) as error:
            log.warning("%s%s", error, f" ({type(error.__cause__).__name__})" if error.__cause__ else "")
            raise

    def _send(self, request: httpx.Request, seconds: float) -> Reply:
        if self._http.is_closed:
            raise MatchingUnavailable("The client of the remote matching core is closed.")
        try:
            with within(seconds):
                response = self._http.send(request, stream=True)
                try:
                    return Reply(response.status_code, _body(response), _retry_after(response))
                finally:
                    response.close()
        except httpx.TransportError as error:
            raise _OutOfReach("The remote matching core is out of reach.") from error


def _accepted(reply: Reply) -> Reply:
    """The reply where it is the answer that was asked for."""
    if reply.status == 200:
        return reply
    if reply.status in COME_BACK:
        wait = reply.retry_after
        if wait is not None and wait > WAIT_SECONDS_MAX:
            raise MatchingUnavailable("The remote matching core asks not to be asked for a while.")
        kind = _ComeBack if reply.status in BUSY else _OutOfReach
        raise kind(f"The remote matching core answers with {reply.status}.", wait)
    if reply.status in TOKEN_REFUSED:
        raise MatchingUnavailable("The remote matching core refuses our token: see BONAFIDE_MATCHING_TOKENS.")
    if reply.status in (400, 413):
        raise Refused(reply.status, reply.read(ErrorBody).fields or {})
    raise MatchingFailed(f"The remote matching core answers with {reply.status}.")


def _body(response: httpx.Response) -> bytes:
    """As it came over the line, but no more than an answer can be."""
    if response.headers.get("Content-Encoding", "identity") != "identity":
        raise MatchingFailed("The remote matching core's answer is none of the contract.")
    parts: list[bytes] = []
    size = 0
    for part in response.iter_raw():
        size += len(part)
        if size > MAX_ANSWER_BYTES:
            raise MatchingFailed("The remote matching core's answer is too long.")
        parts.append(part)
    return b"".join(parts)


def _retry_after(response: httpx.Response) -> float | None:
    """In seconds. The date that HTTP allows too is not read: the core does not send one."""
    text = response.headers.get("Retry-After", "")
    return float(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def _seconds_to_wait(state: RetryCallState) -> float:
    drawn = float(wait_random_exponential(multiplier=FIRST_WAIT_SECONDS, max=WAIT_SECONDS_MAX)(state))
    error = state.outcome.exception() if state.outcome else None
    told = error.seconds if isinstance(error, _ComeBack) else None
    return drawn if told is None else told + min(drawn, FIRST_WAIT_SECONDS)
