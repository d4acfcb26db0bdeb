"""Somebody changes an organization's settings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from app.adapters.db.unit_of_work import SqlStore
from app.adapters.logo_pictures import PillowLogos
from app.domain.organization import AuditEntry, Caller
from app.domain.settings import OrganizationSettings, SettingsVersion
from app.services.change_settings import ChangeSettings, ReadSettings
from app.services.keep_logo import KeepLogo
from app.services.webhook_secret import RenewWebhookSecret
from tests.fakes import FakeClock, MemoryBlobStore, SeededRandomness


class FakeSecrets:
    """Secrets that say what they are of."""

    def of(self, organization_id: str) -> Callable[[int], str]:
        return lambda version: f"secret {version} of {organization_id}"

    def of_endpoint(self, organization_id: str, endpoint_id: str) -> Callable[[int], str]:
        return lambda version: f"secret {version} of {endpoint_id} of {organization_id}"


@dataclass
class Desk:
    """Somebody with a key changes an organization's settings."""

    store: SqlStore
    clock: FakeClock
    caller: Caller
    is_strict_available: bool = True
    randomness: SeededRandomness = field(default_factory=lambda: SeededRandomness(7))
    blobs: MemoryBlobStore = field(default_factory=MemoryBlobStore)

    @property
    def change(self) -> ChangeSettings:
        return ChangeSettings(
            store=self.store,
            clock=self.clock,
            randomness=self.randomness,
            is_strict_available=self.is_strict_available,
            keep_logo=KeepLogo(maker=PillowLogos(), blobs=self.blobs),
        )

    @property
    def secret(self) -> RenewWebhookSecret:
        return RenewWebhookSecret(change_settings=self.change, secrets=FakeSecrets(), clock=self.clock)

    def patch(self, **changes: Any) -> SettingsVersion:
        self.clock.advance(minutes=1)
        return self.change.patch(self.caller, changes)

    def now(self) -> OrganizationSettings:
        return ReadSettings(store=self.store)(self.caller).settings

    def entries(self) -> list[AuditEntry]:
        with self.store.read() as uow:
            trail = uow.audit.of_organization(self.caller.organization.organization_id)
        return [entry for entry in trail if entry.action == "settings.changed"]
