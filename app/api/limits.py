"""Rates as HTTP has them: 429 with `Retry-After`, and the `RateLimit` headers on every answer.

The headers are those of draft-ietf-httpapi-ratelimit-headers-11: lists of structured fields (RFC 9651).
"""

from __future__ import annotations

from flask import Response, g, request

from app.api.services import api_services
from app.domain.errors import RateLimited, Unauthorized
from app.domain.organization import Caller
from app.services.ports import RateStanding

WINDOW_SECONDS = 60
READ_METHODS = frozenset({"GET", "HEAD"})


def admit() -> Caller:
    """Whose key this is. `Unauthorized`; `RateLimited` in its place where the address has failed too often."""
    services, address = api_services(), request.remote_addr
    authorization = request.headers.get("Authorization")
    refuse_throttled(note(services.limit_guesses.refusal(authorization, address)))
    try:
        caller = services.authenticate(authorization)
    except Unauthorized:
        refuse_throttled(note(services.limit_guesses.count_failure(authorization, address)))
        raise
    services.limit_guesses.remember(authorization)
    return caller


def count_request(caller: Caller) -> RateStanding | None:
    """Every request of a key counts, also one that is refused; the answer shows how it stands."""
    is_read = request.method in READ_METHODS
    return note(api_services().limit_requests.count(caller, is_read=is_read))


def note(standing: RateStanding | None) -> RateStanding | None:
    """Have the answer show this standing."""
    g.rate_standing = standing
    return standing


def refuse_throttled(standing: RateStanding | None) -> None:
    """`RateLimited` where the standing does not allow the request."""
    if standing is not None and not standing.is_allowed:
        raise RateLimited(standing.opens_in_seconds)


def show_standing(response: Response) -> Response:
    """Put the headers on an answer.

    While something is left the effective window is the whole one, so that nobody divides a large rest by a short
    time; else it ends when `Retry-After` does.
    """
    standing: RateStanding | None = g.get("rate_standing")
    if standing is not None:
        name = f'"{standing.rate.name}"'
        window = WINDOW_SECONDS if standing.remaining else standing.opens_in_seconds
        response.headers["RateLimit-Policy"] = f"{name};q={standing.rate.per_minute};w={WINDOW_SECONDS}"
        response.headers["RateLimit"] = f"{name};r={standing.remaining};t={window}"
    return response
