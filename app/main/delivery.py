"""The delivery of webhooks, wired: beside the requests, and alone as a worker."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import timedelta

from app.adapters.webhook_sender import HttpWebhookSender
from app.adapters.webhook_signatures import DerivedWebhookSignatures
from app.api.event_payloads import EventRendering
from app.config import Settings
from app.jobs.background import Background, log_failure
from app.jobs.delivery import Crew, Deliverer, Pace
from app.main.infrastructure import Infrastructure, make_links, make_webhook_secrets, open_infrastructure
from app.main.jobs import make_housekeeping
from app.services.deliver_webhooks import DeliverWebhooks


@dataclass(frozen=True)
class WebhookDelivery:
    """Webhooks on their way. Not started."""

    deliverer: Deliverer
    sender: HttpWebhookSender

    def start(self) -> None:
        """In the process that delivers: threads do not survive a fork."""
        self.deliverer.start()

    def ask_to_stop(self) -> None:
        """Begin nothing new. Returns at once."""
        self.deliverer.ask_to_stop()

    def stop(self) -> None:
        """Give back what was not sent, and connections."""
        self.deliverer.stop()
        self.sender.close()


@dataclass(frozen=True)
class Worker:
    """What needs no models, alone: several at once, beside servers or not, do no harm."""

    infrastructure: Infrastructure
    delivery: WebhookDelivery
    background: Background

    def start(self) -> None:
        """In the process that works: threads do not survive a fork."""
        self.delivery.start()
        self.background.start()

    def stop(self) -> None:
        """Begin nothing new, wait a moment for what runs, and give everything back."""
        self.background.ask_to_stop()
        self.delivery.stop()
        self.background.stop()
        self.infrastructure.store.close()


def make_delivery(settings: Settings, infrastructure: Infrastructure) -> WebhookDelivery:
    """Needs the secret keys (for links) and the master keys (for webhook secrets)."""
    limits, clock = settings.limits, infrastructure.clock
    sender = HttpWebhookSender(
        clock=clock,
        timeout_seconds=limits.webhook_timeout_seconds,
        answer_max_bytes=limits.webhook_answer_max_bytes,
        is_development=settings.is_dev,
    )
    deliver = DeliverWebhooks(
        store=infrastructure.store,
        sender=sender,
        bodies=EventRendering(make_links(settings, clock), settings.public_url),
        signatures=DerivedWebhookSignatures(
            make_webhook_secrets(settings, infrastructure), infrastructure.store, clock
        ),
        clock=clock,
        randomness=infrastructure.randomness,
        jitter=random.random,
        lease=timedelta(seconds=limits.webhook_lease_seconds),
        note_failure=log_failure,
    )
    pace = Pace(
        in_flight=limits.webhook_concurrency,
        per_lane=limits.webhook_concurrency_per_receiver,
        poll_ms=limits.webhook_poll_milliseconds,
        attempt_ms=limits.webhook_timeout_seconds * 1000,
    )
    holder = infrastructure.randomness.object_id()
    return WebhookDelivery(Deliverer(deliver, clock, holder, pace, Crew(pace.in_flight).begin), sender)


def build_worker(settings: Settings) -> Worker:
    """Everything that a worker does, wired."""
    infrastructure = open_infrastructure(settings)
    background = Background(make_housekeeping(settings, infrastructure), infrastructure.clock)
    return Worker(infrastructure, make_delivery(settings, infrastructure), background)
