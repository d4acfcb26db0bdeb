"""What callers may send about webhook endpoints and deliveries."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field, StrictBool

from app.api.requests import PageQuery, Uuid
from app.api.settings_requests import WebhookSecretBody
from app.domain.event import EventName
from app.domain.web_address import MAX_CHARACTERS
from app.domain.webhook import PATTERNS_MAX, WILDCARD, DeliveryStatus, is_pattern
from app.services.manage_webhooks import EndpointChange
from app.web.requests import Body

_WILDCARDS = sorted({f"{name.partition('.')[0]}.{WILDCARD}" for name in EventName})
PATTERNS = (*(name.value for name in EventName), *_WILDCARDS, WILDCARD)
"""Every pattern that there is, for the document."""


def _pattern(text: str) -> str:
    if not is_pattern(text):
        raise ValueError(f"must be the name of an event, {', '.join(_WILDCARDS)} or {WILDCARD}")
    return text


Url = Annotated[str, Field(max_length=MAX_CHARACTERS, json_schema_extra={"format": "uri"})]
Pattern = Annotated[str, AfterValidator(_pattern), Field(json_schema_extra={"enum": list(PATTERNS)})]
Patterns = Annotated[list[Pattern], Field(min_length=1, max_length=PATTERNS_MAX)]


class WebhookBody(Body):
    """`POST /api/webhooks`."""

    url: Url
    """`https`, a public address."""
    events: Patterns
    """Names of events, `biometric.*`, `kyc.*` or `*`. One that is named twice counts once."""


class WebhookChangeBody(Body):
    """`PATCH /api/webhooks/{id}`. What is left out or null stays as it is."""

    url: Url | None = None
    events: Patterns | None = None
    """All of them, in the place of those before."""
    enabled: StrictBool | None = None
    """An endpoint that answers 410 is disabled; true lets it be told again."""

    def to_service(self) -> EndpointChange:
        return EndpointChange(self.url, self.events, self.enabled)


class RotateSecretBody(WebhookSecretBody):
    """`POST /api/webhooks/{id}/rotate-secret`; the body may be left out."""


class DeliveryQuery(PageQuery):
    """`GET /api/webhooks/deliveries`."""

    endpoint_id: Uuid | None = None
    event_id: Uuid | None = None
    status: Annotated[DeliveryStatus, Field(strict=False)] | None = None
