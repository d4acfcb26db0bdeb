"""Who is told of events, and how far the telling has come."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from app.domain.event import EventName
from app.domain.web_address import origin_of

PATTERNS_MAX = 50
WILDCARD = "*"

ENDPOINT_REMOVED = "endpoint_removed"
ENDPOINT_DISABLED = "endpoint_disabled"
"""Why a delivery failed that nobody tried: nobody is there to be told, or wants to be."""


@dataclass(frozen=True)
class WebhookEndpoint:
    """An address of an organization, of one mode. `patterns` are names of events, `biometric.*`, or `*`.

    Its secrets are derived from its id and a version; the previous one signs as well until `previous_until`.
    """

    endpoint_id: str
    organization_id: str
    is_test: bool
    url: str
    patterns: tuple[str, ...]
    created_at: datetime
    updated_at: datetime
    is_enabled: bool = True
    disabled_reason: str | None = None
    secret_version: int = 1
    previous_secret_version: int | None = None
    previous_until: datetime | None = None
    is_listener: bool = False
    """Made by `bonafide webhooks listen` while it runs; it removes those that one which was killed left behind."""

    def wants(self, name: EventName) -> bool:
        """Whether it is to be told of such an event."""
        return self.is_enabled and any(_covers(pattern, name) for pattern in self.patterns)


def is_pattern(text: str) -> bool:
    """Whether some event could be meant: its name, or the beginning of one up to a dot and `*`, or `*`."""
    return any(_covers(text, name) for name in EventName)


def _covers(pattern: str, name: EventName) -> bool:
    if pattern.endswith(f".{WILDCARD}"):
        return name.value.startswith(pattern[: -len(WILDCARD)])
    return pattern in (WILDCARD, name.value)


class DeliveryStatus(StrEnum):
    """How one telling stands."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"


@dataclass(frozen=True)
class Delivery:
    """One event for one address. `endpoint_id` is None for a session's own `webhookUrl`.

    `attempts` counts those made since it was last queued. While `lease_until` lies ahead the worker
    `lease_holder` is at it; afterwards anybody may take it, for that worker is dead or too slow.
    """

    delivery_id: str
    event_id: str
    organization_id: str
    is_test: bool
    endpoint_id: str | None
    url: str
    created_at: datetime
    next_attempt_at: datetime
    status: DeliveryStatus = DeliveryStatus.PENDING
    attempts: int = 0
    lease_holder: str | None = None
    lease_until: datetime | None = None
    finished_at: datetime | None = None
    last_status_code: int | None = None
    last_error: str | None = None

    @property
    def lane(self) -> str:
        """The receiver that it is for, with whom it waits its turn; in bytes at most the URL's limit and 64.

        An endpoint's address. Sessions of one organization at one server share a lane: each has its own URL.
        """
        return self.url if self.endpoint_id is not None else f"{self.organization_id} {origin_of(self.url)}"


@dataclass(frozen=True)
class DeliveryAttempt:
    """One try: when, what came back and after how long. `error` is a word of ours, never the receiver's text."""

    delivery_id: str
    number: int
    at: datetime
    latency_ms: int
    status_code: int | None = None
    error: str | None = None
