"""The store's part of telling integrators what happened: events, who wants them, and their deliveries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from app.domain.event import Event, EventName
from app.domain.webhook import Delivery, DeliveryAttempt, DeliveryStatus, WebhookEndpoint


class Events(Protocol):
    def add(self, event: Event, deliveries: Sequence[Delivery]) -> None:
        """Numbered and written with the commit, last, so that the order of numbers is that of commits."""

    def after(self, organization_id: str, is_test: bool, sequence: int, limit: int) -> Sequence[Event]:
        """Those with a greater number, in order."""

    def names(self, event_ids: Sequence[str]) -> Mapping[str, EventName]:
        """By their ids; unknown ones are left out."""

    def prune(self, before: datetime, limit: int) -> int:
        """Remove events, with their deliveries, that were all over before then; how many were found."""


class WebhookEndpoints(Protocol):
    def add(self, endpoint: WebhookEndpoint) -> None: ...
    def get(self, organization_id: str, is_test: bool, endpoint_id: str) -> WebhookEndpoint | None:
        """In a transaction that writes nobody else changes it until the commit."""

    def by_ids(self, endpoint_ids: Sequence[str]) -> Sequence[WebhookEndpoint]: ...
    def page(
        self, organization_id: str, is_test: bool, limit: int, offset: int
    ) -> tuple[Sequence[WebhookEndpoint], int]:
        """Newest first, and how many there are in all."""

    def enabled(self, organization_id: str, is_test: bool) -> Sequence[WebhookEndpoint]: ...
    def save(self, endpoint: WebhookEndpoint) -> None:
        """Its pending deliveries go to its present address."""

    def remove(self, endpoint_id: str, at: datetime) -> None:
        """Its deliveries stay on record; those that are pending become failed, finished at that time."""


@dataclass(frozen=True)
class DeliveryFilter:
    """Which deliveries are listed; None: all."""

    organization_id: str
    is_test: bool
    endpoint_id: str | None = None
    status: DeliveryStatus | None = None
    event_id: str | None = None


@dataclass(frozen=True)
class DeliveryResult:
    """What became of a claimed delivery: how it stands now, and the attempt that was made.

    Without an attempt it is given back, or had to be failed untried.
    """

    delivery: Delivery
    attempt: DeliveryAttempt | None


@dataclass(frozen=True)
class Claim:
    """What a worker asks for: at most `limit` deliveries, and of each lane at most what there is room for.

    So a receiver with a long queue never fills a claim. `rooms` says how much that is for the lanes that the
    worker knows, with 0 for those that are left out; every other one has `first_room`. `holder` is a UUID.
    """

    holder: str
    now: datetime
    lease_until: datetime
    limit: int
    first_room: int
    rooms: Mapping[str, int] = field(default_factory=dict)

    def room(self, lane: str) -> int:
        """How many of the lane may be taken."""
        return self.rooms.get(lane, self.first_room)


class Deliveries(Protocol):
    def get(self, organization_id: str, is_test: bool, delivery_id: str) -> Delivery | None: ...
    def attempts_of(self, delivery_id: str) -> Sequence[DeliveryAttempt]:
        """In order."""

    def page(self, wanted: DeliveryFilter, limit: int, offset: int) -> tuple[Sequence[Delivery], int]:
        """Newest first, and how many there are in all."""

    def claim(self, claim: Claim) -> Sequence[tuple[Delivery, Event]]:
        """Take pending deliveries that are due and under nobody's lease, the longest due first.

        On PostgreSQL rows that another worker takes are skipped.
        """

    def record(self, holder: str, results: Sequence[DeliveryResult]) -> int:
        """Write results where the holder still has the lease, and end it; how many were written.

        The attempt gets the next number of its delivery here, whatever number it came with.
        """

    def release(self, holder: str) -> int:
        """Give back what this worker holds, untried; how many there were."""

    def requeue(self, delivery: Delivery) -> bool:
        """Write it as it is given, to be sent again, only where it is not pending: True for the one that wins."""

    def next_due(self) -> datetime | None:
        """When the next pending one is due or its lease ends."""
