"""How often the API may be called."""

from __future__ import annotations

from app.adapters.rate_limits import MemoryRateLimiter, SharedRateLimiter
from app.config import Settings
from app.services.limit_requests import LimitGuesses, LimitRequests
from app.services.ports import Clock, Rate, RateLimiter


def make_limits(settings: Settings, clock: Clock) -> tuple[LimitRequests, LimitGuesses]:
    """For the process that serves; the second is for requests without a good key."""
    limits, limiter = settings.limits, _make_limiter(settings, clock)
    requests = LimitRequests(
        limiter=limiter,
        creates=_rate("creates", limits.rate_creates_per_minute),
        reads=_rate("reads", limits.rate_reads_per_minute),
    )
    failures = _rate("failures", limits.rate_failures_per_minute)
    return requests, LimitGuesses(limiter=limiter, failures=failures)


def _make_limiter(settings: Settings, clock: Clock) -> RateLimiter:
    url = settings.rate_limit_store
    return MemoryRateLimiter() if url is None else SharedRateLimiter(url, clock)


def _rate(name: str, per_minute: int) -> Rate | None:
    """0 in the settings is off."""
    return Rate(name, per_minute) if per_minute else None
