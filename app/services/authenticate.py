"""Who calls, and what they may do: key, organization, scope, integrations."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from enum import StrEnum

from app.domain.errors import Forbidden, IntegrationDisabled, NotConfigured, Unauthorized
from app.domain.organization import Caller, Scope
from app.domain.settings import OrganizationSettings
from app.services.ports import Clock
from app.services.store import Store

KEY_FORMAT = re.compile(r"bf_(live|test)_[A-Za-z0-9_-]{43}")
_BEARER = re.compile(r"bearer +(\S+)", re.IGNORECASE)


class Integration(StrEnum):
    """What can be switched off for an organization."""

    KYC = "kyc"
    BIOMETRIC = "biometric"
    FACE_MATCH = "face_match"


def key_digest(key: str) -> str:
    """What is stored of a key. A plain hash is enough: the key has 256 random bits.

    Nor is a comparison in constant time called for: the store looks the hash up, and how long that takes says
    something of hashes, which lead back to no key.
    """
    return hashlib.sha256(key.encode("utf-8")).hexdigest()


@dataclass(frozen=True, kw_only=True)
class Authenticate:
    """Finds the caller behind the headers of a request."""

    store: Store
    clock: Clock

    def __call__(self, authorization: str | None) -> Caller:
        """`Unauthorized` without a usable key.

        One short transaction that reads. When a key was last used is not kept: every request would cost a commit.
        """
        bearer = _BEARER.fullmatch((authorization or "").strip())
        if bearer is None or not KEY_FORMAT.fullmatch(bearer[1]):
            raise Unauthorized("An API key is required: Authorization: Bearer bf_…")
        with self.store.read() as uow:
            key = uow.api_keys.by_sha256(key_digest(bearer[1]))
            if key is None or not key.is_usable(self.clock.now()):
                raise Unauthorized("The API key is unknown, expired or revoked.")
            organization = uow.organizations.get(key.organization_id)
        if organization is None:
            raise Unauthorized("The API key is unknown, expired or revoked.")
        return Caller(organization, key.is_test, f"api_key:{key.key_id}", key.scopes)


def require_organization(caller: Caller, organization_header: str | None) -> None:
    """`Forbidden` where the header names another organization than the key's."""
    own = caller.organization.organization_id
    if organization_header is not None and organization_header.strip().lower() != own:
        raise Forbidden("X-Organization-ID does not name the organization of this API key.")


def require_scope(caller: Caller, scope: Scope) -> None:
    """`Forbidden` where the caller lacks the scope."""
    if not caller.allows(scope):
        raise Forbidden(f"The API key lacks the scope {scope.value}.")


def require_integrations(settings: OrganizationSettings, integrations: tuple[Integration, ...]) -> None:
    """`IntegrationDisabled` where one of them is off."""
    is_on = {
        Integration.KYC: settings.kyc_enabled,
        Integration.BIOMETRIC: settings.biometric_enabled,
        Integration.FACE_MATCH: settings.face_match_enabled,
    }
    for integration in integrations:
        if not is_on[integration]:
            raise IntegrationDisabled(f"{integration.value} is not enabled for this organization.")


def require_webhook_secret(settings: OrganizationSettings) -> None:
    """`NotConfigured` where the organization's KYC webhook secret was removed: checks are refused without."""
    if settings.kyc_webhook_secret_version is None:
        raise NotConfigured("The organization has no KYC webhook secret.")
