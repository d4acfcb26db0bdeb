"""Webhook endpoints and deliveries, as the API answers them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

from pydantic import Field

from app.api.answers import Answer, Pagination, Time, Uuid
from app.domain.event import EventName
from app.domain.webhook import DeliveryAttempt, DeliveryStatus, WebhookEndpoint
from app.services.manage_deliveries import SentEvent


class WebhookAnswer(Answer):
    """A webhook endpoint without its secret.

    `disabledReason` is `gone` where it answered 410, `switched_off` where you disabled it, null while it is
    enabled.
    `previousValidUntil`: until then the secret before the last rotation signs as well.
    """

    id: Uuid
    url: str
    events: tuple[str, ...]
    enabled: bool
    disabled_reason: str | None
    created_at: Time
    updated_at: Time
    previous_valid_until: Time | None


class WebhookWithSecretAnswer(WebhookAnswer):
    """A webhook endpoint with its new secret, which is shown this once: it is kept nowhere."""

    secret: Annotated[str, Field(pattern="^whsec_")]


class WebhooksAnswer(Answer):
    """Part of a list."""

    webhooks: tuple[WebhookAnswer, ...]
    pagination: Pagination


class DeliveryAnswer(Answer):
    """One event for one address.

    `eventId` is what the header `webhook-id` says, the same for every address and at every attempt. `endpointId`
    is null for a session's own `webhookUrl`. `attempts` are those since it was last queued, `nextAttemptAt` is
    null where none is to come, and `lastError` is a word for what came instead of an answer.
    """

    id: Uuid
    event_id: Uuid
    event: EventName
    endpoint_id: Uuid | None
    url: str
    status: DeliveryStatus
    attempts: int
    next_attempt_at: Time | None
    last_status_code: int | None
    last_error: str | None
    created_at: Time
    finished_at: Time | None


class AttemptAnswer(Answer):
    """One attempt, without what was sent and what came back."""

    number: int
    at: Time
    latency_ms: int
    status_code: int | None
    error: str | None


class DeliveryWithAttemptsAnswer(DeliveryAnswer):
    """A delivery with every attempt that was made, the first one first."""

    attempt_log: tuple[AttemptAnswer, ...]


class DeliveriesAnswer(Answer):
    """Part of a list."""

    deliveries: tuple[DeliveryAnswer, ...]
    pagination: Pagination


def webhook_answer(endpoint: WebhookEndpoint, previous_valid_until: datetime | None) -> WebhookAnswer:
    """The endpoint as it is read."""
    return WebhookAnswer(
        id=endpoint.endpoint_id,
        url=endpoint.url,
        events=endpoint.patterns,
        enabled=endpoint.is_enabled,
        disabled_reason=endpoint.disabled_reason,
        created_at=endpoint.created_at,
        updated_at=endpoint.updated_at,
        previous_valid_until=previous_valid_until,
    )


def delivery_answer(sent: SentEvent) -> DeliveryAnswer:
    """The delivery as it is listed."""
    delivery = sent.delivery
    return DeliveryAnswer(
        id=delivery.delivery_id,
        event_id=delivery.event_id,
        event=sent.name,
        endpoint_id=delivery.endpoint_id,
        url=delivery.url,
        status=delivery.status,
        attempts=delivery.attempts,
        next_attempt_at=delivery.next_attempt_at if delivery.status is DeliveryStatus.PENDING else None,
        last_status_code=delivery.last_status_code,
        last_error=delivery.last_error,
        created_at=delivery.created_at,
        finished_at=delivery.finished_at,
    )


def delivery_with_attempts(sent: SentEvent, attempts: Sequence[DeliveryAttempt]) -> DeliveryWithAttemptsAnswer:
    """The delivery as it is read."""
    log = tuple(
        AttemptAnswer(
            number=one.number,
            at=one.at,
            latency_ms=one.latency_ms,
            status_code=one.status_code,
            error=one.error,
        )
        for one in attempts
    )
    return DeliveryWithAttemptsAnswer(**dict(delivery_answer(sent)), attempt_log=log)
