"""Telling integrators what happened: deliveries are claimed under a lease, sent, and what came of it is written.

Any number of processes may do this at once. A lease outlasts an attempt; that of a dead worker runs out, and
somebody else sends again, under the same `webhook-id`. Who lost a lease changes nothing any more.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from app.domain.delivery_schedule import Meaning, after_attempt, meaning_of
from app.domain.errors import StoreUnavailable
from app.domain.event import Event
from app.domain.webhook import (
    ENDPOINT_DISABLED,
    ENDPOINT_REMOVED,
    Delivery,
    DeliveryAttempt,
    DeliveryStatus,
    WebhookEndpoint,
)
from app.services.audit import record as record_audit
from app.services.outbox_store import Claim, DeliveryResult
from app.services.ports import (
    Clock,
    EventBodies,
    Randomness,
    WebhookOutcome,
    WebhookRequest,
    WebhookSender,
    WebhookSignatures,
)
from app.services.store import Store, UnitOfWork

GONE = "gone"
"""Why an endpoint is disabled: it answered 410."""

INTERNAL_ERROR = "internal_error"


@dataclass(frozen=True)
class Claimed:
    """This worker's until `delivery.lease_until`. `endpoint` is None for a session's own URL."""

    delivery: Delivery
    event: Event
    endpoint: WebhookEndpoint | None


@dataclass(frozen=True)
class Sent:
    """What became of a claimed delivery, to be written. Without an `outcome` nothing was sent."""

    claimed: Claimed
    result: DeliveryResult
    outcome: WebhookOutcome | None = None


@dataclass(frozen=True, kw_only=True)
class DeliverWebhooks:
    """What a worker does, step by step. `jitter` gives random numbers from 0 to 1.

    `note_failure` is told what failed in a way that should not happen.
    """

    store: Store
    sender: WebhookSender
    bodies: EventBodies
    signatures: WebhookSignatures
    clock: Clock
    randomness: Randomness
    jitter: Callable[[], float]
    lease: timedelta
    note_failure: Callable[[str, Exception], None]

    def next_due(self) -> datetime | None:
        """When there is something to claim: a look that waits for no writer."""
        with self.store.read() as uow:
            return uow.deliveries.next_due()

    def claim(self, holder: str, limit: int, first_room: int, rooms: Mapping[str, int]) -> Sequence[Claimed]:
        """Take what is due. Deliveries whose endpoint wants nothing any more fail here, untried."""
        now = self.clock.now()
        with self.store.begin() as uow:
            found = uow.deliveries.claim(Claim(holder, now, now + self.lease, limit, first_room, rooms))
            endpoints = _endpoints_of(uow, [delivery for delivery, _ in found])
            claimed, closed = [], []
            for delivery, event in found:
                endpoint = endpoints.get(delivery.endpoint_id or "")
                if delivery.endpoint_id is None:
                    claimed.append(Claimed(delivery, event, None))
                elif endpoint is not None and endpoint.is_enabled:
                    # Not where it was when the event was written: it may have moved at that very moment.
                    claimed.append(Claimed(replace(delivery, url=endpoint.url), event, endpoint))
                else:
                    closed.append(DeliveryResult(_untold(delivery, endpoint, now), None))
            uow.deliveries.record(holder, closed)
            uow.commit()
        return claimed

    def send(self, claimed: Claimed) -> Sent:
        """One attempt. Slow: it takes as long as the receiver, up to the sender's deadline. Never raises."""
        at = self.clock.now()
        try:
            outcome = self._post(claimed)
        except StoreUnavailable:
            return self.give_back(claimed)
        except Exception as error:  # noqa: BLE001 - one delivery's bug must not end the others
            self.note_failure(f"delivery {claimed.delivery.delivery_id}", error)
            outcome = WebhookOutcome(0, error=INTERNAL_ERROR)
        after = after_attempt(claimed.delivery, outcome, self.clock.now(), self.jitter())
        attempt = DeliveryAttempt(
            claimed.delivery.delivery_id,
            after.attempts,
            at,
            outcome.latency_ms,
            outcome.status_code,
            outcome.error,
        )
        return Sent(claimed, DeliveryResult(after, attempt), outcome)

    def _post(self, claimed: Claimed) -> WebhookOutcome:
        body = self.bodies.body(claimed.event)
        headers = self.signatures.headers(claimed.delivery, claimed.endpoint, body)
        return self.sender.send(WebhookRequest(claimed.delivery.url, headers, body))

    def give_back(self, claimed: Claimed, put_off: timedelta = timedelta()) -> Sent:
        """Untried, for anybody to take; with `put_off` not before so long from now."""
        due_at = max(claimed.delivery.next_attempt_at, self.clock.now() + put_off) if put_off else None
        delivery = replace(
            claimed.delivery,
            next_attempt_at=due_at or claimed.delivery.next_attempt_at,
            lease_holder=None,
            lease_until=None,
        )
        return Sent(claimed, DeliveryResult(delivery, None))

    def record(self, holder: str, sent: Sequence[Sent]) -> int:
        """Write what came of it where the lease is still the holder's; how many that were.

        An endpoint that answered 410 is told nothing from now on. Its other deliveries fail when they come due.
        """
        with self.store.begin() as uow:
            for one in _first_of_each_gone(sent):
                self._disable(uow, one)
            written = uow.deliveries.record(holder, [one.result for one in sent])
            uow.commit()
        return written

    def _disable(self, uow: UnitOfWork, endpoint: WebhookEndpoint) -> None:
        """Unless it was changed since, as when its owner enabled it again, or is disabled already."""
        now = self.clock.now()
        present = uow.webhook_endpoints.get(endpoint.organization_id, endpoint.is_test, endpoint.endpoint_id)
        if present is None or not present.is_enabled:
            return
        if (present.url, present.updated_at) != (endpoint.url, endpoint.updated_at):
            return
        uow.webhook_endpoints.save(replace(present, is_enabled=False, disabled_reason=GONE, updated_at=now))
        record_audit(
            uow,
            self.randomness,
            now,
            organization_id=endpoint.organization_id,
            actor="delivery",
            action="webhook.disabled",
            object_type="webhook",
            object_id=endpoint.endpoint_id,
            detail={"reason": GONE},
        )

    def release(self, holder: str) -> int:
        """Give back everything that the worker holds; how many that were."""
        with self.store.begin() as uow:
            released = uow.deliveries.release(holder)
            uow.commit()
        return released


def _endpoints_of(uow: UnitOfWork, deliveries: Sequence[Delivery]) -> Mapping[str, WebhookEndpoint]:
    wanted = sorted({one.endpoint_id for one in deliveries if one.endpoint_id is not None})
    return {endpoint.endpoint_id: endpoint for endpoint in uow.webhook_endpoints.by_ids(wanted)} if wanted else {}


def _untold(delivery: Delivery, endpoint: WebhookEndpoint | None, now: datetime) -> Delivery:
    return replace(
        delivery,
        status=DeliveryStatus.FAILED,
        finished_at=now,
        lease_holder=None,
        lease_until=None,
        last_error=ENDPOINT_REMOVED if endpoint is None else ENDPOINT_DISABLED,
    )


def _first_of_each_gone(sent: Sequence[Sent]) -> Sequence[WebhookEndpoint]:
    """Endpoints that answered 410, in the order in which everybody locks them."""
    gone = {
        one.claimed.endpoint.endpoint_id: one.claimed.endpoint
        for one in sent
        if one.claimed.endpoint and one.outcome and meaning_of(one.outcome) is Meaning.GONE
    }
    return [gone[endpoint_id] for endpoint_id in sorted(gone)]
