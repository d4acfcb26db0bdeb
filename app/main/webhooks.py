"""Webhook endpoints, for the API and the command line."""

from __future__ import annotations

from app.config import Settings
from app.main.infrastructure import Infrastructure, make_webhook_secrets
from app.services.manage_webhooks import ManageWebhooks


def make_manage_webhooks(
    settings: Settings, infrastructure: Infrastructure, *, is_development: bool
) -> ManageWebhooks:
    """Needs the master keys."""
    return ManageWebhooks(
        store=infrastructure.store,
        clock=infrastructure.clock,
        randomness=infrastructure.randomness,
        secrets=make_webhook_secrets(settings, infrastructure),
        endpoints_max=settings.limits.webhook_endpoints_max,
        is_development=is_development,
    )
