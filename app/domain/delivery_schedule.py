"""When an event is told again that could not be told, and when nobody tries any longer (api.md, Webhooks)."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from enum import Enum
from typing import Protocol

from app.domain.webhook import Delivery, DeliveryStatus

PAUSES = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
"""After each failed attempt but the last one, of which there are therefore ten."""

ATTEMPTS_MAX = len(PAUSES) + 1

JITTER = 0.1
"""A pause is longer by up to this part of it, so that what failed together does not come back together."""

RETRY_AFTER_MAX = timedelta(days=1)
"""A receiver may ask for patience, not for silence."""

TRANSIENT = frozenset({408, 409, 425, 429})
GONE = 410


class Outcome(Protocol):
    """What came back from an attempt; `app.services.ports.WebhookOutcome` says more of it."""

    @property
    def status_code(self) -> int | None: ...
    @property
    def error(self) -> str | None: ...
    @property
    def retry_after_seconds(self) -> int | None: ...
    @property
    def is_refused(self) -> bool: ...


class Meaning(Enum):
    """What an outcome says of the delivery."""

    DELIVERED = "delivered"
    TRY_AGAIN = "try_again"
    FAILED = "failed"
    """Trying again would change nothing. A redirect is among these: it is never followed."""

    GONE = "gone"
    """Failed, and the receiver wants nothing more at this address."""


def meaning_of(outcome: Outcome) -> Meaning:
    """No answer is worth another attempt, unless the address may not be called at all."""
    code = outcome.status_code
    if outcome.is_refused:
        return Meaning.FAILED
    if code is None or code in TRANSIENT or 500 <= code <= 599:
        return Meaning.TRY_AGAIN
    if 200 <= code <= 299:
        return Meaning.DELIVERED
    return Meaning.GONE if code == GONE else Meaning.FAILED


def after_attempt(delivery: Delivery, outcome: Outcome, now: datetime, jitter: float) -> Delivery:
    """How the delivery stands after one more attempt, under nobody's lease. `jitter` is random, from 0 to 1."""
    tried = replace(
        delivery,
        attempts=delivery.attempts + 1,
        lease_holder=None,
        lease_until=None,
        last_status_code=outcome.status_code,
        last_error=outcome.error,
    )
    meaning = meaning_of(outcome)
    if meaning is Meaning.DELIVERED:
        return replace(tried, status=DeliveryStatus.DELIVERED, finished_at=now, last_error=None)
    if meaning is Meaning.TRY_AGAIN and tried.attempts < ATTEMPTS_MAX:
        pause = pause_after(tried.attempts, outcome.retry_after_seconds, jitter)
        return replace(tried, next_attempt_at=now + pause)
    return replace(tried, status=DeliveryStatus.FAILED, finished_at=now)


def pause_after(attempts: int, retry_after_seconds: int | None, jitter: float) -> timedelta:
    """How long to wait after so many failed attempts, 1 to 9: never less than the receiver asked for."""
    if not 0 <= jitter <= 1:
        raise ValueError("jitter goes from 0 to 1")
    wished = timedelta(seconds=min(retry_after_seconds or 0, round(RETRY_AFTER_MAX.total_seconds())))
    return max(PAUSES[attempts - 1], wished) * (1 + JITTER * jitter)
