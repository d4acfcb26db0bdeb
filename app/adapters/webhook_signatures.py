"""What receivers verify webhooks by: the headers of Standard Webhooks 1.0 and `X-Webhook-Signature`."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache

from app.adapters.webhook_secrets import PREFIX
from app.domain.webhook import Delivery, WebhookEndpoint
from app.services.ports import Clock, WebhookSecrets
from app.services.store import Store

MESSAGE_ID, TIMESTAMP, SIGNATURE = "webhook-id", "webhook-timestamp", "webhook-signature"
TOLERANCE = timedelta(minutes=5)
"""So far may the clocks of both sides be apart, and so old may a delivery be that somebody repeats."""
TIMESTAMP_DIGITS_MAX = 12

USER_AGENT = "Bonafide-Webhooks/1"
SECRETS_KEPT = 4096
"""In memory, so that a delivery needs no key out of the store. A version's secret never changes."""


def body_signature(secret: str, body: bytes) -> str:
    """`X-Webhook-Signature`: HMAC-SHA256 of the body in hexadecimal, keyed with the secret as it is written."""
    return hmac.new(secret.encode("utf-8"), body, hashlib.sha256).hexdigest()


def standard_signature(secret: str, message_id: str, timestamp: str, body: bytes) -> str:
    """One entry of `webhook-signature`. ValueError for what is no secret of the form `whsec_` and base64."""
    key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    signed = b".".join((message_id.encode("utf-8"), timestamp.encode("utf-8"), body))
    return f"v1,{base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode('ascii')}"


def is_secret(text: str) -> bool:
    """Whether it has the form of a webhook secret."""
    try:
        return text.startswith(PREFIX) and bool(base64.b64decode(text.removeprefix(PREFIX), validate=True))
    except ValueError:
        return False


def verification_problem(
    secrets: Sequence[str], headers: Mapping[str, str], body: bytes, now: datetime
) -> str | None:
    """Why a receiver must not trust a delivery; None where it may. Names of headers are in lower case."""
    message_id, timestamp, signatures = (headers.get(name, "") for name in (MESSAGE_ID, TIMESTAMP, SIGNATURE))
    if not signatures:
        return "it is not signed"
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= TIMESTAMP_DIGITS_MAX):
        return "webhook-timestamp is no time"
    if abs(now.timestamp() - int(timestamp)) > TOLERANCE.total_seconds():
        return "webhook-timestamp is more than five minutes away from now"
    expected = [standard_signature(secret, message_id, timestamp, body).encode("utf-8") for secret in secrets]
    given = [signature.encode("utf-8", "replace") for signature in signatures.split(" ")]
    if any(hmac.compare_digest(one, other) for one in expected for other in given):
        return None
    return "no signature was made with this secret"


class DerivedWebhookSignatures:
    """Signs with derived secrets; threads share it. `store` is read where a session's own address is told."""

    def __init__(self, secrets: WebhookSecrets, store: Store, clock: Clock) -> None:
        self._secrets = secrets
        self._store = store
        self._clock = clock
        self._secret: Callable[[str, str | None, int], str] = lru_cache(SECRETS_KEPT)(self._derived)

    def headers(self, delivery: Delivery, endpoint: WebhookEndpoint | None, body: bytes) -> Mapping[str, str]:
        """All headers that a receiver is to see, as of now.

        `webhook-id` is the event's id: the same for every address, in every attempt and in the list of deliveries.
        """
        now = self._clock.now()
        timestamp = str(int(now.timestamp()))
        headers = {
            "Content-Type": "application/json",
            "User-Agent": USER_AGENT,
            MESSAGE_ID: delivery.event_id,
            TIMESTAMP: timestamp,
        }
        secrets = self._secrets_of(delivery, endpoint, now)
        if not secrets:
            return headers
        signatures = [standard_signature(secret, delivery.event_id, timestamp, body) for secret in secrets]
        return headers | {
            SIGNATURE: " ".join(signatures),
            # There is room for one: who knows only the old secret must get on until the overlap ends.
            "X-Webhook-Signature": body_signature(secrets[-1], body),
        }

    def _secrets_of(self, delivery: Delivery, endpoint: WebhookEndpoint | None, now: datetime) -> Sequence[str]:
        """Those that sign now, newest first."""
        if endpoint is None:
            endpoint_id, versions = None, self._kyc_versions(delivery.organization_id, now)
        else:
            endpoint_id = endpoint.endpoint_id
            versions = _signing(
                endpoint.secret_version, endpoint.previous_secret_version, endpoint.previous_until, now
            )
        return [self._secret(delivery.organization_id, endpoint_id, version) for version in versions]

    def _kyc_versions(self, organization_id: str, now: datetime) -> Sequence[int]:
        with self._store.read() as uow:
            settings = uow.settings.current(organization_id).settings
        return _signing(
            settings.kyc_webhook_secret_version,
            settings.kyc_webhook_previous_version,
            settings.kyc_webhook_previous_until,
            now,
        )

    def _derived(self, organization_id: str, endpoint_id: str | None, version: int) -> str:
        if endpoint_id is None:
            return self._secrets.of(organization_id)(version)
        return self._secrets.of_endpoint(organization_id, endpoint_id)(version)


def _signing(version: int | None, previous: int | None, until: datetime | None, now: datetime) -> Sequence[int]:
    """Versions whose secrets sign, newest first: the one before as well, until its time is over."""
    if version is None:
        return ()
    return (version, previous) if previous is not None and until is not None and now < until else (version,)
