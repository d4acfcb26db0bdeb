"""Deliveries of one organization over a real store, with a sender that answers as it is told."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

from app.adapters.db.unit_of_work import SqlStore
from app.domain.errors import StoreUnavailable
from app.domain.event import Event, EventName
from app.domain.organization import Organization
from app.domain.webhook import Delivery, DeliveryAttempt, WebhookEndpoint
from app.services.deliver_webhooks import DeliverWebhooks
from app.services.ports import WebhookOutcome, WebhookRequest
from tests.builders import Builder, add_organization
from tests.fakes import FakeClock, SeededRandomness

LEASE = timedelta(seconds=90)
OK = WebhookOutcome(12, status_code=200)
BUSY = WebhookOutcome(12, status_code=503)
GONE = WebhookOutcome(12, status_code=410)
TIMEOUT = WebhookOutcome(15_000, error="timeout")


@dataclass
class FakeSender:
    """Gives each URL its answers in turn, the last one again and again; without any: 200. Threads share it."""

    answers: dict[str, list[WebhookOutcome]] = field(default_factory=dict)
    requests: list[WebhookRequest] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def send(self, request: WebhookRequest) -> WebhookOutcome:
        with self._lock:
            self.requests.append(request)
            answers = self.answers.get(request.url, [OK])
            return answers.pop(0) if len(answers) > 1 else answers[0]

    @property
    def ids(self) -> list[str]:
        """The `webhook-id` of every request."""
        return [request.headers["webhook-id"] for request in self.requests]


@dataclass
class FakeBodies:
    """Names the event. `broken` are those that cannot be made."""

    broken: set[str] = field(default_factory=set)

    def body(self, event: Event) -> bytes:
        if event.event_id in self.broken:
            raise ZeroDivisionError("a bug")
        return f"{event.name} {event.sequence}".encode()


@dataclass
class FakeSignatures:
    """Tells who signed. The store that secrets come from can be away."""

    is_away: bool = False

    def headers(self, delivery: Delivery, endpoint: WebhookEndpoint | None, body: bytes) -> Mapping[str, str]:
        if self.is_away:
            raise StoreUnavailable("the store is away")
        signer = endpoint.endpoint_id if endpoint else delivery.organization_id
        return {"webhook-id": delivery.event_id, "webhook-signature": f"{signer} {len(body)}"}


class PostOffice:
    """One organization with its endpoints, events and deliveries."""

    def __init__(self, store: SqlStore) -> None:
        self.store = store
        self.clock = FakeClock()
        self.randomness = SeededRandomness()
        self.build = Builder(self.randomness)
        self.organization: Organization = add_organization(store, self.build.organization())
        self.sender, self.bodies, self.signatures = FakeSender(), FakeBodies(), FakeSignatures()
        self.failures: list[str] = []
        self.deliver = DeliverWebhooks(
            store=store,
            sender=self.sender,
            bodies=self.bodies,
            signatures=self.signatures,
            clock=self.clock,
            randomness=self.randomness,
            jitter=lambda: 0.0,
            lease=LEASE,
            note_failure=lambda what, _error: self.failures.append(what),
        )

    def worker(self) -> str:
        """Another one's name."""
        return self.randomness.object_id()

    def endpoint(self, url: str = "https://shop.example/hooks", **changes: object) -> WebhookEndpoint:
        now, organization_id = self.clock.now(), self.organization.organization_id
        endpoint = WebhookEndpoint(self.randomness.object_id(), organization_id, True, url, ("*",), now, now)
        endpoint = replace(endpoint, **changes)  # type: ignore[arg-type]
        with self.store.begin() as uow:
            uow.webhook_endpoints.add(endpoint)
            uow.commit()
        return endpoint

    def post(
        self, to: WebhookEndpoint | str = "https://shop.example/of-one-session", number: int = 1
    ) -> list[Delivery]:
        """Deliveries that are due now, each of an event of its own, to an endpoint or a session's own address.

        `{}` in that is the delivery's position.
        """
        now, entity = self.clock.now(), self.build.entity(self.organization)
        session, _ = self.build.session(entity)
        endpoint_id, url = (None, to) if isinstance(to, str) else (to.endpoint_id, to.url)
        posted = []
        with self.store.begin() as uow:
            for position in range(number):
                event = Event(
                    event_id=self.randomness.object_id(),
                    organization_id=self.organization.organization_id,
                    is_test=True,
                    name=EventName.SESSION_APPROVED,
                    object_id=session.session_id,
                    at=now,
                    entity=entity,
                    session=session,
                )
                delivery = Delivery(
                    self.randomness.object_id(),
                    event.event_id,
                    event.organization_id,
                    event.is_test,
                    endpoint_id,
                    url.replace("{}", str(position)),
                    now,
                    now,
                )
                uow.events.add(event, [delivery])
                posted.append(delivery)
            uow.commit()
        return posted

    def now(self, delivery: Delivery) -> Delivery:
        """As it stands in the store."""
        with self.store.read() as uow:
            found = uow.deliveries.get(delivery.organization_id, delivery.is_test, delivery.delivery_id)
        assert found is not None
        return found

    def attempts(self, delivery: Delivery) -> Sequence[DeliveryAttempt]:
        with self.store.read() as uow:
            return uow.deliveries.attempts_of(delivery.delivery_id)

    def endpoint_now(self, endpoint: WebhookEndpoint) -> WebhookEndpoint | None:
        with self.store.read() as uow:
            return uow.webhook_endpoints.get(endpoint.organization_id, endpoint.is_test, endpoint.endpoint_id)

    def audit(self) -> list[str]:
        """What the audit trail says happened, in order."""
        with self.store.read() as uow:
            return [entry.action for entry in uow.audit.of_organization(self.organization.organization_id)]
