"""The secret that webhooks of single requests are signed with: made, replaced with an overlap, removed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from app.domain.organization import Caller
from app.domain.settings import (
    OrganizationSettings,
    SettingsVersion,
    with_webhook_secret,
    without_webhook_secret,
)
from app.services.change_settings import ChangeSettings
from app.services.ports import Clock, WebhookSecrets


@dataclass(frozen=True)
class NewSecret:
    """The secret, to be shown this once, and the settings that it came with."""

    secret: str
    version: SettingsVersion


@dataclass(frozen=True, kw_only=True)
class RenewWebhookSecret:
    """A change of the settings like any other: the version that it makes is what the secret is derived from."""

    change_settings: ChangeSettings
    secrets: WebhookSecrets
    clock: Clock

    def renew(self, caller: Caller, overlap: timedelta) -> NewSecret:
        """Make one; where one stands it signs on for the overlap."""
        secret_of = self.secrets.of(caller.organization.organization_id)

        def renewed(settings: OrganizationSettings) -> OrganizationSettings:
            return with_webhook_secret(settings, settings.policy_version, self.clock.now(), overlap)

        version = self.change_settings.apply(caller, renewed)
        return NewSecret(secret_of(version.policy_version), version)

    def remove(self, caller: Caller) -> SettingsVersion:
        """From now on nothing signs, and synchronous checks are refused. Removing what is gone changes nothing."""
        return self.change_settings.apply(caller, without_webhook_secret)
