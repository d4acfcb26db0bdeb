"""Webhook secrets, derived when they are needed: nothing of them is stored, so nothing of them can be read."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable
from functools import partial

from app.adapters.encryption import DataKeys, associated_data

PREFIX = "whsec_"
"""How Standard Webhooks 1.0 marks a symmetric secret; base64 of 24 to 64 bytes follows."""

KYC = "kyc-webhook-secret"
ENDPOINT = "webhook-endpoint-secret"
"""What a secret is for: one kind is never the other, whatever ids and versions are."""


class DerivedWebhookSecrets:
    """Secrets of organizations under a data key of the organization's own, which the master key wraps.

    An organization can so be made where no secrets are (`bonafide org create`), rotating the
    master key changes no secret, and one that was removed never comes back: its version is not used again.
    """

    def __init__(self, keys: DataKeys) -> None:
        self._keys = keys

    def of(self, organization_id: str) -> Callable[[int], str]:
        """KYC webhook secrets by the policy version that made them.

        May write the organization's data key, in a transaction of its own.
        """
        return partial(_secret_of, self._key(organization_id), (KYC, organization_id))

    def of_endpoint(self, organization_id: str, endpoint_id: str) -> Callable[[int], str]:
        """An endpoint's secrets by their version. May write the organization's data key as well."""
        return partial(_secret_of, self._key(organization_id), (ENDPOINT, organization_id, endpoint_id))

    def _key(self, organization_id: str) -> bytes:
        return self._keys.to_write(organization_id, organization_id)


def _secret_of(key: bytes, purpose: tuple[str, ...], version: int) -> str:
    """HMAC-SHA256 of what it is for: 256 bits. The same for the same version."""
    bound_to = associated_data(*purpose, str(version))
    return PREFIX + base64.b64encode(hmac.new(key, bound_to, hashlib.sha256).digest()).decode("ascii")
