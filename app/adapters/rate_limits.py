"""Requests counted by `limits`: in this process, or in Redis where several processes share the count.

The strategy is its sliding window counter: two numbers for each caller, the count of this minute and the last
minute's weighted by how much of it is still within the sixty seconds. A log of every request (its moving window)
is exact, but holds 3,000 times for a busy key: 441 kB here and 60 kB in Redis, against under 1 kB and 88 bytes.
It also compares the clocks of all servers, where the counters run by Redis's own. A fixed window lets twice the
rate through around its edge.
"""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Callable
from typing import cast

from limits import RateLimitItemPerMinute
from limits.errors import StorageError
from limits.storage import MemoryStorage, storage_from_string
from limits.storage.base import SlidingWindowCounterSupport
from redis.backoff import NoBackoff
from redis.retry import Retry

from app.services.ports import Clock, Rate, RateLimiter, RateStanding

log = logging.getLogger(__name__)

WINDOW_SECONDS = 60
STORE_TIMEOUT_SECONDS = 0.25
"""For Redis to answer. It is asked twice a request and takes a fraction of a millisecond."""

STORE_AWAY_MS = 5_000
"""So long a Redis that failed is not asked again; then one request tries it, and the others do not wait."""

_ROUNDING = 0.001
"""Seconds; keeps an opening that lies on a whole second from being told a hair too early."""


class MemoryRateLimiter:
    """Counts in this process."""

    def __init__(self) -> None:
        self._counts = _Counts(MemoryStorage())
        self._lock = threading.Lock()

    def hit(self, rate: Rate, who: str) -> RateStanding:
        # The library reads and writes its counters one by one.
        with self._lock:
            return self._counts.hit(rate, who)

    def look(self, rate: Rate, who: str) -> RateStanding:
        with self._lock:
            return self._counts.look(rate, who)


class SharedRateLimiter:
    """Counts in Redis; in this process while Redis is away, so that an outage of it stops nobody.

    What was counted before is not known here, so a caller begins anew: at worst each process lets a whole rate
    through. One line of the log says when it went away, and one when it is back.
    """

    def __init__(self, url: str, clock: Clock) -> None:
        """ValueError for an address that is none. Connects lazily."""
        storage = storage_from_string(
            url,
            wrap_exceptions=True,
            key_prefix="bonafide",
            socket_timeout=STORE_TIMEOUT_SECONDS,
            socket_connect_timeout=STORE_TIMEOUT_SECONDS,
            # Once more at once: connections of the pool may be older than the Redis that answers now.
            retry=Retry(NoBackoff(), 1),  # type: ignore[arg-type]
        )
        self._shared = _Counts(cast("SlidingWindowCounterSupport", storage))
        self._own = MemoryRateLimiter()
        self._clock = clock
        self._lock = threading.Lock()
        self._ask_again_at_ms: int | None = None

    def hit(self, rate: Rate, who: str) -> RateStanding:
        return self._ask(lambda counts: counts.hit(rate, who))

    def look(self, rate: Rate, who: str) -> RateStanding:
        return self._ask(lambda counts: counts.look(rate, who))

    def _ask(self, ask: Callable[[RateLimiter], RateStanding]) -> RateStanding:
        if self._may_ask():
            try:
                standing = ask(self._shared)
            except StorageError as error:
                self._note_away(error)
            else:
                self._note_back()
                return standing
        return ask(self._own)

    def _may_ask(self) -> bool:
        """While Redis is away one request tries it, every few seconds."""
        with self._lock:
            now_ms = self._clock.monotonic_ms()
            if self._ask_again_at_ms is None:
                return True
            if now_ms < self._ask_again_at_ms:
                return False
            self._ask_again_at_ms = now_ms + STORE_AWAY_MS
            return True

    def _note_away(self, error: StorageError) -> None:
        """The address may hold a password, so the log names only what happened."""
        with self._lock:
            is_news = self._ask_again_at_ms is None
            self._ask_again_at_ms = self._clock.monotonic_ms() + STORE_AWAY_MS
        if is_news:
            reason = type(error.__cause__).__name__
            log.warning("the store of rate limits is away (%s): each process counts for itself", reason)

    def _note_back(self) -> None:
        with self._lock:
            was_away = self._ask_again_at_ms is not None
            self._ask_again_at_ms = None
        if was_away:
            log.warning("the store of rate limits is back")


class _Counts:
    """The sliding window counter over a storage of `limits`."""

    def __init__(self, storage: SlidingWindowCounterSupport) -> None:
        self._storage = storage

    def hit(self, rate: Rate, who: str) -> RateStanding:
        key = _key(rate, who)
        is_allowed = self._storage.acquire_sliding_window_entry(key, rate.per_minute, WINDOW_SECONDS)
        return self._standing(rate, key, is_allowed=is_allowed)

    def look(self, rate: Rate, who: str) -> RateStanding:
        return self._standing(rate, _key(rate, who), is_allowed=None)

    def _standing(self, rate: Rate, key: str, *, is_allowed: bool | None) -> RateStanding:
        """`is_allowed` None: what a request would find now."""
        window = self._storage.get_sliding_window(key, WINDOW_SECONDS)
        remaining = _remaining(rate, *window)
        opens_in = 0 if remaining else _opens_in_seconds(rate, *window)
        if is_allowed is False:
            # The window may have moved since; what was refused is not told to come back at once.
            remaining, opens_in = 0, max(1, opens_in)
        return RateStanding(rate, remaining > 0 if is_allowed is None else is_allowed, remaining, opens_in)


def _key(rate: Rate, who: str) -> str:
    """The rate's figure is part of it: after a change of the setting the count begins anew."""
    return RateLimitItemPerMinute(rate.per_minute, namespace=rate.name).key_for(who)


def _remaining(rate: Rate, last: int, last_counts_for: float, this: int, _this_is_kept_for: float) -> int:
    """By the library's own weighing: seconds that the last minute still counts for, out of sixty."""
    return max(0, rate.per_minute - this - math.floor(last * last_counts_for / WINDOW_SECONDS))


def _opens_in_seconds(rate: Rate, last: int, last_counts_for: float, this: int, this_is_kept_for: float) -> int:
    """Where nothing is left: when the weighted count falls below the rate.

    With room in this minute that is when the last one has faded far enough. A full minute has to end first, and
    fades from then on; a count is kept for one window after its own.
    """
    if this < rate.per_minute:
        wait = last_counts_for - (rate.per_minute - this) * WINDOW_SECONDS / last
    else:
        wait = this_is_kept_for - WINDOW_SECONDS
    return math.floor(max(0.0, wait) + _ROUNDING) + 1
